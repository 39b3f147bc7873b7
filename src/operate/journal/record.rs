//! What a line of the journal holds.

use serde::{Deserialize, Serialize};

/// One line, but for the hash of the line before it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "line", rename_all = "lowercase")]
pub(super) enum Line {
    /// Before the first write.
    Intent {
        /// Counted in the file.
        id: u64,
        /// The host's clock, ms since the epoch.
        at: i64,
        /// What, where, who.
        #[serde(flatten)]
        intent: Box<Intent>,
    },
    /// Between two chunks.
    Part {
        /// Whose part.
        id: u64,
        /// The host's clock, ms since the epoch.
        at: i64,
        /// How far.
        #[serde(flatten)]
        part: Part,
    },
    /// After the last write.
    Outcome {
        /// Whose end.
        id: u64,
        /// The host's clock, ms since the epoch.
        at: i64,
        /// How it ended.
        #[serde(flatten)]
        outcome: Outcome,
    },
}

impl Line {
    pub(super) fn id(&self) -> u64 {
        match self {
            Self::Intent { id, .. } | Self::Part { id, .. } | Self::Outcome { id, .. } => *id,
        }
    }
}

/// Who acts: as far as the system tells. Nothing of it is proof; all of it helps to ask somebody.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Who {
    /// The account on this host, by name where there is one.
    pub user: Option<String>,
    /// The account behind `sudo`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sudo_user: Option<String>,
    /// Where the SSH session comes from (`SSH_CONNECTION`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ssh: Option<String>,
    /// The terminal (`SSH_TTY` or the device of standard input).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tty: Option<String>,
    /// This machine.
    pub host: Option<String>,
    /// The process.
    pub pid: u32,
}

/// Where the act happens. No secret: the endpoint is host, port and database.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Place {
    /// The server.
    pub endpoint: String,
    /// The name of the environment.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// The account on the server (`ACL WHOAMI`), where it tells.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub redis_user: Option<String>,
    /// The server's `run_id`: another one is another process, perhaps with other data.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub run_id: Option<String>,
    /// The server's clock at the time, ms since the epoch.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub redis_at: Option<i64>,
}

/// How a person agreed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Confirmed {
    /// Nothing had to be asked.
    NotAsked,
    /// By yes at a question.
    Asked,
    /// By typing the queue's name.
    Typed,
    /// By `--yes`.
    Yes,
    /// By `--confirm NAME`.
    Named,
}

/// What is about to be done.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Intent {
    /// Who.
    pub who: Who,
    /// Where.
    pub place: Place,
    /// The act's word.
    pub action: String,
    /// The queue's name, escaped where it is not UTF-8.
    pub queue: String,
    /// Its prefix.
    pub prefix: String,
    /// The generation of writers whose layout is written.
    pub era: String,
    /// Which jobs, in words.
    pub selector: String,
    /// How many the preview counted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub matched: Option<u64>,
    /// How a person agreed.
    pub confirmed: Confirmed,
    /// The command line that does the same.
    pub command: String,
    /// What a resume needs; `null` where the act is one write.
    #[serde(default, skip_serializing_if = "serde_json::Value::is_null")]
    pub plan: serde_json::Value,
    /// The program's version.
    pub version: String,
}

/// How far an act is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    /// Jobs that were acted on.
    pub done: u64,
    /// Jobs that had changed meanwhile.
    pub changed: u64,
    /// Jobs that were refused.
    pub failed: u64,
}

/// How an act ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Outcome {
    /// `finished`, `cancelled`, `failed`, `unknown`, `refused`.
    pub ended: String,
    /// The counts at the end.
    #[serde(flatten)]
    pub counts: Part,
    /// Why it did not finish.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Ids of jobs that were acted on, the first of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ids: Vec<String>,
    /// Whether what it took away was saved, so that `toril undo` can put it back.
    #[serde(default)]
    pub undoable: bool,
}
