//! Where a Redis is and who logs in.

use std::fmt;
use std::path::PathBuf;

use super::Secret;

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
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(user) = &self.user {
            write!(f, "{}@", crate::text::Clean::line(user))?;
        }
        match &self.transport {
            Transport::Tcp { host, port } | Transport::Tls { host, port, .. } => {
                write!(f, "{}:{port}", crate::text::Clean::line(host))?;
            }
            Transport::Unix { path } => {
                write!(f, "{}", crate::text::Clean::line(path.as_os_str().as_encoded_bytes()))?
            }
        }
        write!(f, "/{}", self.db)
    }
}
