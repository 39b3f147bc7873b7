//! The only imperative layer of the console: the loop, the terminal, the executor.

mod clipboard;
pub mod editor;
mod exec;
mod input;
pub mod jq;
mod output;
mod run;
pub mod search;
pub mod survey;
mod suspend;
mod terminal;
mod wire_guard;

use std::path::PathBuf;

use crate::conn::{Access, ConnError, Endpoint};
use crate::operate::Policy;
use crate::operate::journal::Who;
use crate::text::Mask;
use crate::wire::{Fleet, Prefix, QueueId};

pub use run::run;

/// The environment that a profile names.
#[derive(Clone, Debug, Default)]
pub struct Profile {
    /// Its label on the top line.
    pub label: Option<String>,
    /// The label's colour: `red`, `green`, `yellow`, `blue`, `magenta`, `cyan`, `white`.
    pub colour: Option<String>,
    /// Dangerous acts ask for the queue's name.
    pub protected: bool,
}

/// How much colour was asked for.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum ColorChoice {
    /// What the terminal and the environment say.
    #[default]
    Auto,
    /// Colour, whatever they say.
    Always,
    /// None.
    Never,
}

/// What the console starts with.
#[derive(Clone, Debug)]
pub struct Start {
    /// The server and the account.
    pub endpoint: Endpoint,
    /// Whether it may write.
    pub access: Access,
    /// The environment.
    pub profile: Profile,
    /// Prefixes to look for queues with; empty means any.
    pub prefixes: Vec<Prefix>,
    /// Queues named exactly.
    pub queues: Vec<QueueId>,
    /// Patterns for the names of queues to be found.
    pub globs: Vec<String>,
    /// What is known of the clients of eras 5 and 6.
    pub fleet: Option<Fleet>,
    /// Who sits at the terminal, for the journal.
    pub who: Who,
    /// What the environment asks of acts.
    pub policy: Policy,
    /// Which values are masked.
    pub mask: Mask,
    /// Where the found queues are remembered; `None`: nowhere.
    pub state_dir: Option<PathBuf>,
    /// Colour.
    pub color: ColorChoice,
    /// Draw ASCII only.
    pub ascii: bool,
    /// Take the mouse from the terminal.
    pub mouse: bool,
    /// The server is the demo's private one.
    pub demo: bool,
    /// End by itself after so many seconds.
    pub seconds: Option<u64>,
}

/// Why the console ended with an error.
#[derive(Debug, thiserror::Error)]
pub enum ShellError {
    /// The terminal could not be set up or was lost.
    #[error("the terminal: {0}")]
    Terminal(#[from] std::io::Error),
    /// The login was refused before anything was shown.
    #[error(transparent)]
    Login(ConnError),
}

/// How the console ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Ended {
    /// The person quit, or its time was over.
    Quit,
    /// A signal asked for it (its number).
    Signal(i32),
}
