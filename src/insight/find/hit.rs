//! What a search found, and how far it is.

use crate::engine::read::walk::{Cost, Coverage};
use crate::text::Clean;
use crate::wire::{Era, JobId, QueueId, State};

/// A job that was found.
#[derive(Clone, PartialEq, Debug)]
pub struct Hit {
    /// In which queue.
    pub queue: QueueId,
    /// Who writes that queue.
    pub era: Era,
    /// In which state it was seen.
    pub state: State,
    /// Which job.
    pub id: JobId,
    /// Its name.
    pub name: Clean,
    /// When it finished, or was created, ms since the epoch.
    pub at: Option<i64>,
    /// When it is due, ms since the epoch.
    pub due_at: Option<i64>,
    /// Score in the sorted set of its state.
    pub score: Option<f64>,
    /// In which field the text stands; `id`: in the id, or it is the id.
    pub place: Option<&'static str>,
    /// What stands there, masked.
    pub excerpt: Clean,
}

/// What is looked for, as it is typed: `text`, `!text` for jobs without it, or `= jq`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Wanted {
    /// A text, in any letter case.
    Text {
        /// The text.
        text: String,
        /// Jobs are looked for that do not hold it.
        not: bool,
    },
    /// A jq expression.
    Jq(String),
}

impl Wanted {
    /// Reads what was typed.
    pub fn parse(typed: &str) -> Self {
        match (typed.strip_prefix('='), typed.strip_prefix('!')) {
            (Some(expression), _) => Self::Jq(expression.trim().to_owned()),
            (None, Some(text)) => Self::Text { text: text.to_owned(), not: true },
            (None, None) => Self::Text { text: typed.to_owned(), not: false },
        }
    }
}

/// Where a search is.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub enum Phase {
    /// It goes on.
    #[default]
    Reading,
    /// It goes on as soon as Redis answers; why it does not.
    Waiting(Clean),
    /// It read what it was to read.
    Over,
    /// It found as much as is kept.
    Enough,
}

/// What a search found since it told of it last.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Found {
    /// The jobs.
    pub hits: Vec<Hit>,
    /// How far it is.
    pub coverage: Coverage,
    /// What it took.
    pub cost: Cost,
    /// Where it is.
    pub phase: Phase,
    /// What a person should know of the jobs that did not match.
    pub note: Option<Clean>,
}
