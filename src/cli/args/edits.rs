//! Arguments of the commands that edit one thing.

use std::time::Duration;

use clap::{Args, Subcommand, ValueEnum};

use super::acts::{ActFlags, SaveFlags};
use crate::engine::Limiter;
use crate::engine::op::{Exit, PRIORITY_MAX};
use crate::operate::typed::{duration, limit};

/// Arguments of `toril set`.
#[derive(Args, Debug, Clone)]
#[group(skip)]
pub struct SetArgs {
    /// The queue: its name, or prefix:name
    pub queue: String,
    /// The job's id
    #[arg(allow_hyphen_values = false)]
    pub id: String,
    /// Replace its data: JSON, @FILE, or - for stdin
    #[arg(short, long, value_name = "JSON|@FILE|-", allow_hyphen_values = true)]
    pub data: Option<String>,
    /// 1 runs first, 2097151 last; 0 before all that have one
    #[arg(long, value_name = "P", value_parser = clap::value_parser!(u32).range(0..=i64::from(PRIORITY_MAX)))]
    pub priority: Option<u32>,
    /// With --priority: in front of the jobs of that priority
    #[arg(long, requires = "priority")]
    pub lifo: bool,
    /// Put a delayed job off until so long from now: 250ms 5s 10m 2h 7d
    #[arg(long, value_name = "D", value_parser = duration)]
    pub delay: Option<Duration>,
    /// Set its progress, any JSON
    #[arg(long, value_name = "JSON", allow_hyphen_values = true)]
    pub progress: Option<String>,
    /// Append a line to its log
    #[arg(long, value_name = "LINE", allow_hyphen_values = true)]
    pub log: Option<String>,
    /// Remove its log but for the newest so many lines
    #[arg(long, value_name = "KEEP", num_args = 0..=1, default_missing_value = "0")]
    pub clear_logs: Option<u64>,
    /// What is saved first.
    #[command(flatten)]
    pub save: SaveFlags,
    /// Flags of every act.
    #[command(flatten)]
    pub act: ActFlags,
}

/// A job, for the commands that act on one.
#[derive(Args, Debug, Clone)]
pub struct OneJob {
    /// The queue: its name, or prefix:name
    pub queue: String,
    /// The job's id
    #[arg(allow_hyphen_values = false)]
    pub id: String,
    /// What is saved first.
    #[command(flatten)]
    pub save: SaveFlags,
    /// Flags of every act.
    #[command(flatten)]
    pub act: ActFlags,
}

/// Arguments of `toril release`.
#[derive(Args, Debug, Clone)]
pub struct ReleaseArgs {
    /// The queue: its name, or prefix:name
    pub queue: String,
    /// The deduplication id
    #[arg(value_name = "DEDUP-ID", allow_hyphen_values = false)]
    pub id: String,
    /// What is saved first.
    #[command(flatten)]
    pub save: SaveFlags,
    /// Flags of every act.
    #[command(flatten)]
    pub act: ActFlags,
}

/// Arguments of `toril move-out`.
#[derive(Args, Debug, Clone)]
pub struct MoveOutArgs {
    /// The job.
    #[command(flatten)]
    pub job: OneJob,
    /// To the front of the line, or to the failed ones
    #[arg(long, value_enum, default_value = "waiting")]
    pub to: ExitName,
}

/// [`Exit`] as it is written.
#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug)]
pub enum ExitName {
    /// In line again.
    Waiting,
    /// For good.
    Failed,
}

impl From<ExitName> for Exit {
    fn from(name: ExitName) -> Self {
        match name {
            ExitName::Waiting => Self::Wait,
            ExitName::Failed => Self::Failed,
        }
    }
}

/// Arguments of `toril limit`.
#[derive(Args, Debug, Clone)]
pub struct LimitArgs {
    /// The queue: its name, or prefix:name
    pub queue: String,
    /// At most so many jobs at once over all workers; none lifts it
    #[arg(long, value_name = "N|none", value_parser = concurrency)]
    pub concurrency: Option<Wanted<u32>>,
    /// At most so many starts in a time over all workers: 10/1s, 100/1m; none lifts it
    #[arg(long, value_name = "N/D|none", value_parser = rate)]
    pub rate: Option<Wanted<Limiter>>,
    /// End the wait of a rate limit that was reached
    #[arg(long)]
    pub release: bool,
    /// What is saved first.
    #[command(flatten)]
    pub save: SaveFlags,
    /// Flags of every act.
    #[command(flatten)]
    pub act: ActFlags,
}

/// A limit that is wanted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Wanted<T> {
    /// None.
    None,
    /// This one.
    Some(T),
}

fn concurrency(text: &str) -> Result<Wanted<u32>, String> {
    match text {
        "none" => Ok(Wanted::None),
        number => match number.parse() {
            Ok(most) if most > 0 => Ok(Wanted::Some(most)),
            _ => Err("a whole number from 1 on, or none".to_owned()),
        },
    }
}

fn rate(text: &str) -> Result<Wanted<Limiter>, String> {
    if text == "none" { Ok(Wanted::None) } else { limit(text).map(Wanted::Some) }
}

fn date(text: &str) -> Result<i64, String> {
    let date = || chrono::DateTime::parse_from_rfc3339(text).map(|date| date.timestamp_millis());
    text.parse()
        .or_else(|_| date())
        .map_err(|_| "a date as 2027-01-31T09:00:00Z, or ms since the epoch".to_owned())
}

/// Arguments of `toril schedulers`.
#[derive(Args, Debug, Clone)]
pub struct SchedulersArgs {
    /// Queues: their names, or prefix:name; all that are found when none is named
    pub queues: Vec<String>,
    /// Only what needs somebody: dead ones, and those whose run is overdue
    #[arg(long)]
    pub faults: bool,
    /// How many of a queue at most
    #[arg(long, default_value_t = 100, value_name = "N")]
    pub limit: u64,
    /// How many of a queue to leave out first
    #[arg(long, default_value_t = 0, value_name = "N")]
    pub offset: u64,
}

/// Arguments of `toril scheduler`.
#[derive(Args, Debug, Clone)]
pub struct SchedulerArgs {
    /// The queue: its name, or prefix:name
    pub queue: String,
    /// The scheduler, as toril schedulers lists it
    #[arg(allow_hyphen_values = false)]
    pub id: String,
    /// What is done.
    #[command(subcommand)]
    pub command: SchedulerCommand,
}

/// What is done with a scheduler.
#[derive(Subcommand, Debug, Clone)]
pub enum SchedulerCommand {
    /// Its rule and when it runs next
    Show,
    /// Add a job like its own now; the schedule stays as it is
    Run(SchedulerAct),
    /// Remove it with its next run
    Remove(SchedulerAct),
    /// Give it another schedule, or its jobs another name, data or options
    Set(SetScheduleArgs),
    /// Add a scheduler of this id (BullMQ 5 and 6)
    Add(NewScheduleArgs),
}

/// Arguments of `toril scheduler QUEUE ID add`.
#[derive(Args, Debug, Clone)]
pub struct NewScheduleArgs {
    /// The name of its jobs; without it its id
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,
    /// The data of its jobs: JSON, @FILE, or - for stdin
    #[arg(short, long, value_name = "JSON|@FILE|-", allow_hyphen_values = true)]
    pub data: Option<String>,
    /// Options of its jobs as BullMQ writes them: '{"attempts":3}', @FILE, or - for stdin
    #[arg(long, value_name = "JSON|@FILE|-")]
    pub opts: Option<String>,
    /// When it runs.
    #[command(flatten)]
    pub schedule: ScheduleArgs,
}

/// Flags of an act on a scheduler.
#[derive(Args, Debug, Clone)]
pub struct SchedulerAct {
    /// What is saved first.
    #[command(flatten)]
    pub save: SaveFlags,
    /// Flags of every act.
    #[command(flatten)]
    pub act: ActFlags,
}

/// Arguments of `toril scheduler QUEUE ID set`.
#[derive(Args, Debug, Clone)]
pub struct SetScheduleArgs {
    /// Another name of its jobs
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,
    /// Other data of its jobs: JSON, @FILE, or - for stdin
    #[arg(short, long, value_name = "JSON|@FILE|-", allow_hyphen_values = true)]
    pub data: Option<String>,
    /// Their data in $VISUAL, $EDITOR or vi
    #[arg(long, conflicts_with = "data")]
    pub edit: bool,
    /// Other options of its jobs as BullMQ writes them: '{"attempts":3}', @FILE, or - for stdin
    #[arg(long, value_name = "JSON|@FILE|-")]
    pub opts: Option<String>,
    /// When it runs.
    #[command(flatten)]
    pub schedule: ScheduleArgs,
}

/// When a scheduler runs.
#[derive(Args, Debug, Clone)]
pub struct ScheduleArgs {
    /// At an interval: 5s 10m 2h 7d
    #[arg(long, value_name = "D", value_parser = duration, conflicts_with = "cron")]
    pub every: Option<Duration>,
    /// By a cron pattern
    #[arg(long, value_name = "P")]
    pub cron: Option<String>,
    /// The time zone of the pattern, as Europe/Berlin
    #[arg(long, value_name = "Z", requires = "cron")]
    pub tz: Option<String>,
    /// So many runs
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub limit: Option<u64>,
    /// No run before: 2027-01-31T09:00:00Z, or ms since the epoch
    #[arg(long, value_name = "DATE", value_parser = date)]
    pub from: Option<i64>,
    /// No run after
    #[arg(long, value_name = "DATE", value_parser = date)]
    pub until: Option<i64>,
    /// What is saved first.
    #[command(flatten)]
    pub save: SaveFlags,
    /// Flags of every act.
    #[command(flatten)]
    pub act: ActFlags,
}
