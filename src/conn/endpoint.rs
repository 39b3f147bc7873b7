//! Where a Redis is and who logs in.

use std::fmt;
use std::path::PathBuf;

use super::{ConnError, Kind, Secret};

/// How the bytes get there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Transport {
    /// Plain TCP.
    Tcp {
        /// Host name or address.
        host: String,
        /// Port.
        port: u16,
    },
    /// TLS over TCP, certificates verified.
    Tls {
        /// Host name or address; the certificate must name it.
        host: String,
        /// Port.
        port: u16,
        /// A certificate authority in PEM instead of the system's.
        ca: Option<PathBuf>,
        /// Client certificate and key in PEM.
        client: Option<(PathBuf, PathBuf)>,
    },
    /// A unix socket.
    Unix {
        /// Path of the socket.
        path: PathBuf,
    },
}

/// A Redis server and an account on it. Its `Display` never shows the password.
#[derive(Clone, Debug)]
pub struct Endpoint {
    /// How to reach it.
    pub transport: Transport,
    /// Database number.
    pub db: i64,
    /// ACL user; `None` is the default user.
    pub user: Option<String>,
    /// Password.
    pub password: Option<Secret>,
}

impl Endpoint {
    /// A server on a unix socket, database 0, nobody logged in.
    pub fn unix(path: impl Into<PathBuf>) -> Self {
        Self { transport: Transport::Unix { path: path.into() }, db: 0, user: None, password: None }
    }

    /// A server on TCP, database 0, nobody logged in.
    pub fn tcp(host: impl Into<String>, port: u16) -> Self {
        Self { transport: Transport::Tcp { host: host.into(), port }, db: 0, user: None, password: None }
    }

    /// Reads a URL: `redis://[user[:password]@]host[:port][/db]`, `rediss://` for TLS, and
    /// `redis+unix://` or `unix://` with `[user[:password]@]/path[?db=N&user=U&pass=P]`. User,
    /// password and path are percent-decoded. Errors are of [`Kind::Usage`] or
    /// [`Kind::Unsupported`] and hold no part of the URL behind its scheme.
    pub fn parse(url: &str) -> Result<Self, ConnError> {
        super::url::parse(url)
    }

    /// The same server over TLS. `ca` replaces the system's authorities; `cert` and `key` are the
    /// client's own and go together. All are PEM files, read when connecting. An endpoint that is
    /// on TLS already keeps what is not given here.
    pub fn with_tls(
        mut self,
        ca: Option<PathBuf>,
        cert: Option<PathBuf>,
        key: Option<PathBuf>,
    ) -> Result<Self, ConnError> {
        let usage = |message: &str| Err(ConnError::new(Kind::Usage, message, ""));
        let given = match (cert, key) {
            (Some(cert), Some(key)) => Some((cert, key)),
            (None, None) => None,
            (Some(_), None) => return usage("a client certificate needs its key: --tls-key"),
            (None, Some(_)) => return usage("a client key needs its certificate: --tls-cert"),
        };
        self.transport = match self.transport {
            Transport::Tcp { host, port } => Transport::Tls { host, port, ca, client: given },
            Transport::Tls { host, port, ca: old, client } => {
                Transport::Tls { host, port, ca: ca.or(old), client: given.or(client) }
            }
            Transport::Unix { .. } => return usage("a unix socket has no TLS"),
        };
        Ok(self)
    }

    /// Whether the bytes leave this host unencrypted: the console says so.
    pub fn is_exposed(&self) -> bool {
        match &self.transport {
            Transport::Tcp { host, .. } => {
                let loopback = host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback());
                !(loopback || host.eq_ignore_ascii_case("localhost"))
            }
            Transport::Tls { .. } | Transport::Unix { .. } => false,
        }
    }

    /// A text of a library or a server without the password.
    pub(super) fn scrub(&self, text: &str) -> String {
        self.password.as_ref().map_or_else(|| text.to_owned(), |secret| secret.scrub(text))
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(user) = &self.user {
            write!(f, "{}@", crate::text::Clean::line(user))?;
        }
        match &self.transport {
            Transport::Tcp { host, port } | Transport::Tls { host, port, .. } => {
                let host = crate::text::Clean::line(host);
                if host.as_str().contains(':') {
                    write!(f, "[{host}]:{port}")
                } else {
                    write!(f, "{host}:{port}")
                }?;
            }
            Transport::Unix { path } => {
                write!(f, "{}", crate::text::Clean::line(path.as_os_str().as_encoded_bytes()))?;
            }
        }
        write!(f, "/{}", self.db)
    }
}
