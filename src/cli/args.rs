//! What may stand on the command line.

#![allow(
    clippy::doc_markdown,
    rustdoc::bare_urls,
    reason = "these comments are the help that people read in a terminal"
)]

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use super::version::LONG_VERSION;

mod acts;
mod doctor;
mod edits;
mod engine;
mod errors;
mod find;
mod reads;
mod why;

pub use acts::{
    ActFlags, BulkFlags, CleanArgs, Confirm, DrainArgs, JobAct, JournalArgs, ObliterateArgs, PauseArgs,
    QueueAct, RemoveArgs, RetryArgs, UndoArgs,
};
pub use doctor::DoctorArgs;
pub use edits::{
    LimitArgs, MoveOutArgs, NewScheduleArgs, OneJob, ReleaseArgs, ScheduleArgs, SchedulerArgs,
    SchedulerCommand, SchedulersArgs, SetArgs, SetScheduleArgs, Wanted,
};
pub use engine::{AddArgs, BenchArgs, WorkArgs};
pub use errors::ErrorsArgs;
pub use find::FindArgs;
pub use reads::{
    AclArgs, ConfigCommand, EventsArgs, FlowArgs, JobArgs, JobsArgs, ListOrder, LogsArgs, RoleName,
    WorkersArgs,
};
pub use why::WhyArgs;

const EXAMPLES: &str = "\
Examples:
  toril                                        open the console on redis://127.0.0.1:6379/0
  toril demo                                   the console over a throw-away Redis with live work
  toril -u redis://10.0.0.5/2 queues           queues with their counts
  toril jobs email --state failed --json       the newest failed jobs, for a script
  toril retry email --where '.data.tenant == \"acme\"' --dry-run
  toril -P production                          a profile of the configuration file (toril config path)

Exit codes:
  0 done · 1 the answer is no · 2 usage or configuration · 3 Redis not reached or not permitted
  4 partly done · 5 outcome unknown · 130 interrupted";

/// The console and engine for the queues that wait in Redis: BullMQ and Bull.
///
/// Without a command it opens the console.
#[derive(Parser, Debug)]
#[command(name = "toril", version = LONG_VERSION, after_help = EXAMPLES, disable_help_subcommand = true)]
pub struct Cli {
    /// Flags that every command takes.
    #[command(flatten)]
    pub globals: Globals,
    /// What to do.
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// Flags that every command takes, before or after its name.
#[derive(Args, Debug, Default, Clone)]
#[command(next_help_heading = "Connection and selection")]
pub struct Globals {
    /// Server: redis://, rediss:// or redis+unix:///path?db=1 [env: TORIL_URL, then REDIS_URL]
    /// [default: redis://127.0.0.1:6379/0]
    #[arg(short, long, global = true, value_name = "URL")]
    pub url: Option<String>,
    /// Prefix of the queues' keys; may be repeated [env: TORIL_PREFIX] [default: bull]
    #[arg(long, global = true, value_name = "P")]
    pub prefix: Vec<String>,
    /// Only these queues; may be repeated. An exact name needs no search
    #[arg(short, long, global = true, value_name = "GLOB")]
    pub queue: Vec<String>,
    /// A profile of the configuration file [env: TORIL_PROFILE]
    #[arg(short = 'P', long, global = true, value_name = "NAME")]
    pub profile: Option<String>,
    /// Configuration file [env: TORIL_CONFIG]
    #[arg(long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Forbid every write
    #[arg(long, global = true, conflicts_with = "write")]
    pub read_only: bool,
    /// Lift the profile's read_only for this run
    #[arg(long, global = true)]
    pub write: bool,
    /// Redis ACL user [env: TORIL_USER]
    #[arg(long, global = true, value_name = "NAME")]
    pub user: Option<String>,
    /// File that holds the password, or set TORIL_PASSWORD
    #[arg(long, global = true, value_name = "FILE")]
    pub password_file: Option<PathBuf>,
    /// Certificate authority in PEM instead of the system's
    #[arg(long, global = true, value_name = "FILE")]
    pub tls_ca: Option<PathBuf>,
    /// Client certificate in PEM
    #[arg(long, global = true, value_name = "FILE", requires = "tls_key")]
    pub tls_cert: Option<PathBuf>,
    /// Key of the client certificate in PEM
    #[arg(long, global = true, value_name = "FILE", requires = "tls_cert")]
    pub tls_key: Option<PathBuf>,
    /// Output for programs: one JSON document, or one object a line for streams
    #[arg(long, global = true, help_heading = "Output")]
    pub json: bool,
    /// Show values that are masked otherwise: whatever a key calls a password, a token ..
    #[arg(long, global = true, help_heading = "Output")]
    pub raw: bool,
    /// Say more on stderr
    #[arg(short, long, global = true, action = clap::ArgAction::Count, help_heading = "Output")]
    pub verbose: u8,
    /// Colours [env: NO_COLOR, CLICOLOR_FORCE] [default: auto]
    #[arg(long, global = true, value_name = "WHEN", help_heading = "Output")]
    pub color: Option<ColorWhen>,
    /// The same as --color never
    #[arg(long, global = true, conflicts_with = "color", help_heading = "Output")]
    pub no_color: bool,
    /// Draw with ASCII only
    #[arg(long, global = true, help_heading = "Output")]
    pub ascii: bool,
    /// Let the console take the mouse (the terminal's own selection then needs Shift)
    #[arg(long, global = true, help_heading = "Output")]
    pub mouse: bool,
}

/// When to use colours.
#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum ColorWhen {
    /// On a terminal that has them.
    #[default]
    Auto,
    /// Whatever stdout is.
    Always,
    /// Not at all.
    Never,
}

/// The commands.
#[derive(Subcommand, Debug)]
pub enum Command {
    /// The console over a private, throw-away Redis with live made-up work
    Demo(DemoArgs),
    /// Queues with their counts
    Queues,
    /// Jobs of one state
    Jobs(JobsArgs),
    /// Where a job is: by its id, or by a text or jq in what it holds
    Find(FindArgs),
    /// One job, whole
    Job(JobArgs),
    /// The log of a job
    Logs(LogsArgs),
    /// The flow of a job: its tree across queues, and what holds it up
    Flow(FlowArgs),
    /// The live event feed
    Events(EventsArgs),
    /// Failures by cause, newest first
    Errors(ErrorsArgs),
    /// Why a queue does not move: causes with their evidence, worst first
    Why(WhyArgs),
    /// Add a job
    Add(AddArgs),
    /// Run a queue's jobs with a command of yours
    Work(WorkArgs),
    /// What the engine does on this server, and what it costs there
    Bench(BenchArgs),
    /// Retry failed (or completed) jobs
    Retry(RetryArgs),
    /// Remove jobs
    Remove(RemoveArgs),
    /// Promote delayed jobs: run them now
    Promote(JobAct),
    /// Change one job: data, priority, delay, progress, log
    Set(SetArgs),
    /// Change a job's data in $VISUAL or $EDITOR
    Edit(OneJob),
    /// Add a copy of a job
    Duplicate(OneJob),
    /// Take an active job out that no worker holds any more
    #[command(visible_alias = "rescue")]
    MoveOut(MoveOutArgs),
    /// Free a deduplication id
    Release(ReleaseArgs),
    /// Limits that hold for all workers of a queue together
    Limit(LimitArgs),
    /// What is damaged, what that does, and its repair
    Doctor(DoctorArgs),
    /// Who is connected, and the jobs that each runs now
    Workers(WorkersArgs),
    /// Schedulers: what comes next, what was missed, which are dead
    Schedulers(SchedulersArgs),
    /// Show, run, change, add or remove a scheduler
    Scheduler(SchedulerArgs),
    /// Pause queues
    Pause(PauseArgs),
    /// Resume queues
    Resume(QueueAct),
    /// Bring `wait` and `paused` of a split queue together
    Merge(QueueAct),
    /// Remove what waits
    Drain(DrainArgs),
    /// Remove old jobs of a state
    Clean(CleanArgs),
    /// Remove a queue: all its jobs, schedulers and keys
    Obliterate(ObliterateArgs),
    /// Put back what an act took away
    Undo(UndoArgs),
    /// What was done, by whom and how it ended
    Journal(JournalArgs),
    /// Health of the server: memory, hit rate, clients, persistence, slow log
    Redis,
    /// The rule for an account of Redis that may do just what this program needs
    Acl(AclArgs),
    /// The configuration: where it is, what is in force, a first file
    Config {
        /// What to do.
        #[command(subcommand)]
        command: ConfigCommand,
    },
    /// Completions for a shell, on stdout
    Completions {
        /// bash, zsh, fish, powershell or elvish
        shell: clap_complete::Shell,
    },
    /// The manual page in roff, on stdout
    Man,
}

/// Flags of `toril demo`.
#[derive(Args, Debug, Clone, Default)]
pub struct DemoArgs {
    /// End after so many seconds
    #[arg(long, value_name = "N")]
    pub seconds: Option<u64>,
    /// Without the console: only the work
    #[arg(long)]
    pub headless: bool,
    /// How fast work comes in, 1 being the usual pace
    #[arg(long, value_name = "R")]
    pub rate: Option<f64>,
}
