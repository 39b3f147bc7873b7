//! What can go wrong between here and Redis, classified once.

use crate::text::Clean;
use redis::Value;

/// The kind of an error; its [`Kind::name`] is part of the command line's contract.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub enum Kind {
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
        Self { kind, message: Clean::line(&message[..message.len().min(TEXT_SHOWN)]), hint }
    }

    pub(super) fn closed() -> Self {
        Self::new(Kind::Connect, "the connection was closed", "")
    }

    /// Whether the link itself failed, as opposed to one command.
    pub fn is_link(&self) -> bool {
        matches!(
            self.kind,
            Kind::Connect | Kind::Tls | Kind::Timeout | Kind::MaxClients | Kind::UnknownOutcome
        )
    }

    /// Takes a reply of a [`super::Batch`] apart into a value or its error.
    pub fn check(value: Value) -> Result<Value, Self> {
        match value {
            Value::ServerError(error) => {
                let text = match error.details() {
                    Some(details) => format!("{} {details}", error.code()),
                    None => error.code().to_owned(),
                };
                Err(Self::from_reply(&text))
            }
            other => Ok(other),
        }
    }

    /// Classifies the text of an error reply, without the leading `-`.
    pub fn from_reply(text: &str) -> Self {
        let code = text.split(' ').next().unwrap_or_default();
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
                (Kind::MaxClients, "the server has no room for another client")
            }
            _ if text.contains("Client sent AUTH, but no password is set") => {
                (Kind::Auth, "this server needs no password: remove it")
            }
            _ => (Kind::Reply, ""),
        };
        Self::new(kind, text, hint)
    }
}
