//! What can go wrong between here and Redis, classified once.

use crate::text::Clean;
use redis::Value;

/// The kind of an error; its [`Kind::name`] is part of the command line's contract.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub enum Kind {
    /// An address that cannot be understood.
    Usage,
    /// Understood, but not in this version.
    Unsupported,
    /// No connection: refused, reset, unreachable, not resolved.
    Connect,
    /// TLS failed, or one side speaks TLS and the other does not.
    Tls,
    /// The login was refused or is missing (`NOAUTH`, `WRONGPASS`).
    Auth,
    /// The account may not do this (`NOPERM`).
    Permission,
    /// A replica, or our own gate (`READONLY`).
    ReadOnly,
    /// The server loads its data, or its master is away (`LOADING`, `MASTERDOWN`).
    Loading,
    /// A script blocks the server (`BUSY`, `UNKILLABLE`).
    Busy,
    /// `OOM`: the memory limit is reached.
    Oom,
    /// The server cannot persist or replicate and refuses writes (`MISCONF`, `NOREPLICAS`).
    Misconf,
    /// `MOVED`, `CLUSTERDOWN` and the like.
    Cluster,
    /// No answer within the deadline; nothing was written.
    Timeout,
    /// A write was sent and no answer came: it may have happened.
    UnknownOutcome,
    /// The server has too many clients.
    MaxClients,
    /// The server answered something that was not expected.
    Unexpected,
    /// Any other error reply.
    Reply,
}

impl Kind {
    /// The word in machine output.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Usage => "usage",
            Self::Unsupported => "unsupported",
            Self::Connect | Self::MaxClients => "connect",
            Self::Tls => "tls",
            Self::Auth => "auth",
            Self::Permission => "permission",
            Self::ReadOnly => "readonly",
            Self::Loading => "loading",
            Self::Busy => "busy",
            Self::Oom => "oom",
            Self::Misconf => "misconf",
            Self::Cluster => "cluster",
            Self::Timeout => "timeout",
            Self::UnknownOutcome => "unknown-outcome",
            Self::Unexpected | Self::Reply => "internal",
        }
    }
}

/// An error of the connection or an error reply of the server.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ConnError {
    /// What kind.
    pub kind: Kind,
    /// What happened, to what: safe to show, without secrets.
    pub message: Clean,
    /// What to do about it.
    pub hint: &'static str,
}

/// Longest error text of a server that is shown.
const TEXT_SHOWN: usize = 512;

impl ConnError {
    pub(super) fn new(kind: Kind, message: impl AsRef<[u8]>, hint: &'static str) -> Self {
        let message = message.as_ref();
        let message = match message.get(..TEXT_SHOWN) {
            // A cut inside a character would show as a damaged one.
            Some(head) => match std::str::from_utf8(head) {
                Err(error) if error.error_len().is_none() => &head[..error.valid_up_to()],
                _ => head,
            },
            None => message,
        };
        Self { kind, message: Clean::line(message), hint }
    }

    pub(super) fn closed() -> Self {
        Self::new(Kind::Connect, "the connection was closed", "")
    }

    /// A write was sent and its answer will not come.
    pub(super) fn unknown_outcome(why: &Self) -> Self {
        Self::new(
            Kind::UnknownOutcome,
            format!("a write was sent and its answer was lost: {}", why.message),
            "it may have happened: look before you repeat it",
        )
    }

    /// Whether the link itself failed, as opposed to one command.
    pub fn is_link(&self) -> bool {
        matches!(
            self.kind,
            Kind::Connect | Kind::Tls | Kind::Timeout | Kind::MaxClients | Kind::UnknownOutcome
        )
    }

    /// Whether the whole server is in a state in which it refuses ordinary commands
    /// (`LOADING`, `MASTERDOWN`, `BUSY`, `MISCONF`), although the link is well.
    pub fn is_server_state(&self) -> bool {
        // NOREPLICAS concerns writes alone, and nothing but a write shows that it is over.
        matches!(self.kind, Kind::Loading | Kind::Busy | Kind::Misconf)
            && !self.message.as_str().starts_with("NOREPLICAS")
    }

    /// Takes a reply of a [`super::Batch`] apart into a value or its error.
    pub fn check(value: Value) -> Result<Value, Self> {
        match value {
            Value::ServerError(error) => Err(Self::from_server(&error)),
            other => Ok(other),
        }
    }

    pub(super) fn from_server(error: &redis::ServerError) -> Self {
        match error.details() {
            Some(details) => Self::from_reply(&format!("{} {details}", error.code())),
            None => Self::from_reply(error.code()),
        }
    }

    /// Classifies the text of an error reply, without the leading `-`.
    pub fn from_reply(text: &str) -> Self {
        let code = code_of(text);
        let (kind, hint) = match code {
            "NOAUTH" => (Kind::Auth, "give a password: --password-file or TORIL_PASSWORD"),
            "WRONGPASS" => (Kind::Auth, "check the user and the password"),
            "NOPERM" => (Kind::Permission, "ask for an account that may do this"),
            "READONLY" => (Kind::ReadOnly, "this is a replica: connect to its master to write"),
            "LOADING" => (Kind::Loading, "the server is loading its data; it will answer when it is done"),
            "MASTERDOWN" => (Kind::Loading, "the replica has lost its master and serves no stale data"),
            "BUSY" => (Kind::Busy, "a long script blocks the server; wait, or SCRIPT KILL"),
            "UNKILLABLE" => (Kind::Busy, "the script has written already and cannot be killed"),
            "OOM" => (Kind::Oom, "the memory limit is reached: free memory or raise maxmemory"),
            "MISCONF" => (Kind::Misconf, "the server cannot persist; see its log and disk"),
            "NOREPLICAS" => (Kind::Misconf, "too few replicas are in step for a write"),
            "MOVED" | "ASK" | "TRYAGAIN" | "CROSSSLOT" | "CLUSTERDOWN" => {
                (Kind::Cluster, "this server is part of a cluster, which this version does not follow")
            }
            _ if text.contains("max number of clients reached") => {
                (Kind::MaxClients, "close other clients or raise maxclients")
            }
            "DENIED" => (Kind::Permission, "its protected mode lets only its own host in without a password"),
            _ if text.contains("Client sent AUTH, but no password is set")
                || text.contains("without any password configured") =>
            {
                (Kind::Auth, "this server needs no password: remove it")
            }
            _ => (Kind::Reply, ""),
        };
        Self::new(kind, text, hint)
    }
}

/// The word that says what an error is. Before 7 an error within a script stands behind the
/// script's own: `ERR Error running script (..): @user_script:1: @user_script: 1: -OOM command ..`.
fn code_of(text: &str) -> &str {
    let inner = text
        .strip_prefix("ERR Error running script")
        .and_then(|text| text.split_once(": -"))
        .map(|(_, inner)| inner);
    inner.unwrap_or(text).split(' ').next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_state_has_its_kind() {
        for (text, kind) in [
            ("NOAUTH Authentication required.", Kind::Auth),
            ("WRONGPASS invalid username-password pair or user is disabled.", Kind::Auth),
            ("ERR AUTH <password> called without any password configured for the default user.", Kind::Auth),
            ("ERR Client sent AUTH, but no password is set", Kind::Auth),
            ("NOPERM this user has no permissions to run the 'get' command", Kind::Permission),
            ("DENIED Redis is running in protected mode", Kind::Permission),
            ("LOADING Redis is loading the dataset in memory", Kind::Loading),
            ("MASTERDOWN Link with MASTER is down", Kind::Loading),
            ("BUSY Redis is busy running a script.", Kind::Busy),
            ("UNKILLABLE Sorry the script already executed write commands", Kind::Busy),
            ("READONLY You can't write against a read only replica.", Kind::ReadOnly),
            ("OOM command not allowed when used memory > 'maxmemory'.", Kind::Oom),
            (
                "ERR Error running script (call to f_1): @user_script:1: @user_script: 1: -OOM command not allowed",
                Kind::Oom,
            ),
            ("MISCONF Redis is configured to save RDB snapshots", Kind::Misconf),
            ("NOREPLICAS Not enough good replicas to write.", Kind::Misconf),
            ("MOVED 1 127.0.0.1:7000", Kind::Cluster),
            ("ASK 1 127.0.0.1:7000", Kind::Cluster),
            ("TRYAGAIN Multiple keys request during rehashing of slot", Kind::Cluster),
            ("CROSSSLOT Keys in request don't hash to the same slot", Kind::Cluster),
            ("CLUSTERDOWN Hash slot not served", Kind::Cluster),
            ("ERR max number of clients reached", Kind::MaxClients),
            ("WRONGTYPE Operation against a key", Kind::Reply),
            ("EXECABORT Transaction discarded", Kind::Reply),
            ("NOSCRIPT No matching script.", Kind::Reply),
            ("", Kind::Reply),
        ] {
            assert_eq!(ConnError::from_reply(text).kind, kind, "{text}");
        }
    }

    #[test]
    fn a_hostile_text_is_cut_and_visible() {
        let text = format!("ERR \x1b]52;c;AAAA\x07{}", "é".repeat(1000));
        let error = ConnError::from_reply(&text);
        assert!(error.message.as_str().starts_with("ERR ^[]52;c;AAAA^G"));
        assert!(error.message.as_str().ends_with('é'));
        assert!(error.message.width() <= 512);
    }
}
