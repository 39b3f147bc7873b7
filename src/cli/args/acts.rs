//! Arguments of the commands that act.

use std::time::Duration;

use clap::{Args, ValueEnum};

use super::reads::state;
use crate::insight::errors::GroupId;
use crate::operate::Pace;
use crate::operate::journal::JournalId;
use crate::operate::typed::rate;
use crate::wire::{Fleet, State};

/// Flags of every command that acts.
#[derive(Args, Debug, Clone, Default)]
pub struct ActFlags {
    /// Count, sample and say what would be done; write nothing
    #[arg(long)]
    pub dry_run: bool,
    /// How the act is confirmed.
    #[command(flatten)]
    pub confirm: Confirm,
}

/// How an act is confirmed where nobody can be asked.
#[derive(Args, Debug, Clone, Default)]
pub struct Confirm {
    /// Do not ask
    #[arg(short, long)]
    pub yes: bool,
    /// Confirm an act on more than 100 jobs by the queue's name
    #[arg(long, value_name = "NAME")]
    pub confirm: Option<String>,
}

/// Arguments of `toril undo`.
#[derive(Args, Debug, Clone)]
pub struct UndoArgs {
    /// The act, as toril journal names it; without it the newest that can be undone
    #[arg(value_name = "JOURNAL-ID")]
    pub id: Option<JournalId>,
    /// Flags of every act.
    #[command(flatten)]
    pub act: ActFlags,
}

/// Arguments of `toril journal`.
#[derive(Args, Debug, Clone)]
pub struct JournalArgs {
    /// The newest so many
    #[arg(long, default_value_t = 50, value_name = "N")]
    pub limit: u64,
    /// Go on with an act that was broken off, cancelled or stopped: with the same jobs, none that came later
    #[arg(long, value_name = "JOURNAL-ID", conflicts_with = "limit")]
    pub resume: Option<JournalId>,
    /// What is saved first.
    #[command(flatten)]
    pub save: SaveFlags,
    /// Flags of every act.
    #[command(flatten)]
    pub act: ActFlags,
}

/// Which jobs of a queue.
#[derive(Args, Debug, Clone)]
pub struct JobAct {
    /// The queue: its name, or prefix:name
    pub queue: String,
    /// Ids of jobs
    #[arg(value_name = "ID", conflicts_with_all = ["all", "filter"], allow_hyphen_values = false)]
    pub ids: Vec<String>,
    /// Every job of the state
    #[arg(long)]
    pub all: bool,
    /// Of this state
    #[arg(long, value_parser = state)]
    pub state: Option<State>,
    /// Only jobs for which this jq expression is true
    #[arg(long = "where", value_name = "EXPR")]
    pub filter: Option<String>,
    /// Only failed jobs of this group, as toril errors lists it
    #[arg(long, value_name = "GROUP", conflicts_with_all = ["ids", "all", "filter"])]
    pub error: Option<GroupId>,
    /// How many jobs --where and --error read at most [default: 10000, with --error 200000]
    #[arg(long, value_name = "N")]
    pub scan: Option<u64>,
    /// How fast.
    #[command(flatten)]
    pub pace: PaceFlags,
    /// What is saved first.
    #[command(flatten)]
    pub save: SaveFlags,
    /// Flags of every act.
    #[command(flatten)]
    pub act: ActFlags,
}

/// How fast an act on many jobs goes.
#[derive(Args, Debug, Clone, Copy, Default)]
pub struct PaceFlags {
    /// At most so many jobs a second
    #[arg(long, value_name = "N/s", value_parser = rate)]
    pub rate: Option<u32>,
    /// With --all, --where and --error: 5 jobs first, then 50, then the rest; stops where they fail again for the
    /// same reason
    #[arg(long)]
    pub canary: bool,
    /// Leave Redis no pauses
    #[arg(long)]
    pub full_speed: bool,
}

impl From<PaceFlags> for Pace {
    fn from(flags: PaceFlags) -> Self {
        Self { rate: flags.rate, canary: flags.canary, full_speed: flags.full_speed }
    }
}

/// What is saved of jobs before they go.
#[derive(Args, Debug, Clone, Copy, Default)]
pub struct SaveFlags {
    /// Save nothing of what goes: it cannot be undone then
    #[arg(long)]
    pub no_save: bool,
    /// How much may be saved of what goes
    #[arg(long, value_name = "MB", conflicts_with = "no_save")]
    pub save_limit: Option<u64>,
}

impl SaveFlags {
    /// Bytes that may be saved; 0 saves nothing.
    pub const fn bytes(self) -> u64 {
        match self.save_limit {
            _ if self.no_save => 0,
            Some(megabytes) => megabytes.saturating_mul(1 << 20),
            None => crate::operate::trash::ONE,
        }
    }
}

/// Arguments of the commands that act on whole states.
#[derive(Args, Debug, Clone)]
pub struct BulkFlags {
    /// At most so many jobs a second
    #[arg(long, value_name = "N/s", value_parser = rate)]
    pub rate: Option<u32>,
    /// Leave Redis no pauses
    #[arg(long)]
    pub full_speed: bool,
    /// What is saved first.
    #[command(flatten)]
    pub save: SaveFlags,
    /// Flags of every act.
    #[command(flatten)]
    pub act: ActFlags,
}

/// Arguments of `toril drain`.
#[derive(Args, Debug, Clone)]
pub struct DrainArgs {
    /// The queue: its name, or prefix:name
    pub queue: String,
    /// Delayed jobs, too
    #[arg(long)]
    pub delayed: bool,
    /// How.
    #[command(flatten)]
    pub bulk: BulkFlags,
}

/// Arguments of `toril clean`.
#[derive(Args, Debug, Clone)]
pub struct CleanArgs {
    /// The queue: its name, or prefix:name
    pub queue: String,
    /// Of this state
    #[arg(long, value_parser = state)]
    pub state: State,
    /// Only jobs that are older: finished ones by when they finished, others by when they were added
    #[arg(long, value_name = "D", value_parser = crate::operate::typed::duration)]
    pub older_than: Option<Duration>,
    /// At most so many, the oldest
    #[arg(long, value_name = "N")]
    pub limit: Option<u64>,
    /// How.
    #[command(flatten)]
    pub bulk: BulkFlags,
}

/// Arguments of `toril obliterate`.
#[derive(Args, Debug, Clone)]
pub struct ObliterateArgs {
    /// The queue: its name, or prefix:name
    pub queue: String,
    /// Also with jobs that workers run right now
    #[arg(long)]
    pub force: bool,
    /// How.
    #[command(flatten)]
    pub bulk: BulkFlags,
}

/// Arguments of `toril retry`.
#[derive(Args, Debug, Clone)]
pub struct RetryArgs {
    /// Which jobs.
    #[command(flatten)]
    pub jobs: JobAct,
    /// Let the jobs start over with all their attempts
    #[arg(long)]
    pub reset_attempts: bool,
}

/// Arguments of `toril remove`.
#[derive(Args, Debug, Clone)]
pub struct RemoveArgs {
    /// Which jobs.
    #[command(flatten)]
    pub jobs: JobAct,
    /// Leave children that are not processed yet
    #[arg(long)]
    pub keep_children: bool,
    /// Leave the jobs; remove the children that they still wait for
    #[arg(long, conflicts_with_all = ["keep_children", "all", "filter", "state"])]
    pub only_children: bool,
}

/// Which queues.
#[derive(Args, Debug, Clone)]
pub struct QueueAct {
    /// Queues: their names, or prefix:name
    #[arg(value_name = "QUEUE", required_unless_present = "all", conflicts_with = "all")]
    pub queues: Vec<String>,
    /// All queues that are found
    #[arg(long)]
    pub all: bool,
    /// Flags of every act.
    #[command(flatten)]
    pub act: ActFlags,
}

/// Arguments of `toril pause`.
#[derive(Args, Debug, Clone)]
pub struct PauseArgs {
    /// Which queues.
    #[command(flatten)]
    pub queues: QueueAct,
    /// Which BullMQ works on the queues: decides how eras 5 and 6 are paused
    #[arg(long, value_enum)]
    pub fleet: Option<FleetName>,
}

/// [`Fleet`] as it is written.
#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug)]
pub enum FleetName {
    /// Only BullMQ 5.
    #[value(name = "5")]
    Five,
    /// Only BullMQ 6.
    #[value(name = "6")]
    Six,
    /// Both, or nobody knows.
    Mixed,
}

impl From<FleetName> for Fleet {
    fn from(name: FleetName) -> Self {
        match name {
            FleetName::Five => Self::V5,
            FleetName::Six => Self::V6,
            FleetName::Mixed => Self::Mixed,
        }
    }
}
