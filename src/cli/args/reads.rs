//! Arguments of the commands that read.

use clap::{Args, Subcommand, ValueEnum};

use crate::wire::State;

/// Reads a state's name.
pub(super) fn state(text: &str) -> Result<State, String> {
    State::parse(text).ok_or_else(|| {
        let names: Vec<_> = State::ALL.iter().map(|state| state.name()).collect();
        format!("states are {}", names.join(", "))
    })
}

/// Which end of a list comes first.
#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug)]
pub enum ListOrder {
    /// Newest first.
    Newest,
    /// Oldest first.
    Oldest,
}

/// Arguments of `toril jobs`.
#[derive(Args, Debug, Clone)]
pub struct JobsArgs {
    /// The queue: its name, or prefix:name
    pub queue: String,
    /// waiting prioritized active delayed completed failed waiting-children paused
    #[arg(long, value_parser = state, default_value = "waiting")]
    pub state: State,
    /// How many jobs at most
    #[arg(long, default_value_t = 50, value_name = "N")]
    pub limit: u64,
    /// How many jobs to leave out first
    #[arg(long, default_value_t = 0, value_name = "N")]
    pub offset: u64,
    /// Which come first; without it what is next to run, soonest due, or newest finished
    #[arg(long)]
    pub order: Option<ListOrder>,
    /// Only jobs for which this jq expression over the job (as `toril job --json` prints it) is true
    #[arg(long = "where", value_name = "EXPR")]
    pub filter: Option<String>,
    /// How many jobs --where reads at most
    #[arg(long, default_value_t = 10_000, value_name = "N", requires = "filter")]
    pub scan: u64,
    /// With data, returnvalue and stacktrace
    #[arg(long)]
    pub full: bool,
}

/// Arguments of `toril job`.
#[derive(Args, Debug, Clone)]
pub struct JobArgs {
    /// The queue: its name, or prefix:name
    pub queue: String,
    /// The job's id
    #[arg(allow_hyphen_values = true)]
    pub id: String,
}

/// Arguments of `toril flow`.
#[derive(Args, Debug, Clone)]
pub struct FlowArgs {
    /// The queue: its name, or prefix:name
    pub queue: String,
    /// The id of any job of the flow
    #[arg(allow_hyphen_values = true)]
    pub id: String,
    /// Only this job and what is below it, not the whole flow from its root
    #[arg(long)]
    pub below: bool,
    /// How many levels at most
    #[arg(long, default_value_t = 10, value_name = "N", value_parser = levels)]
    pub depth: usize,
    /// How many jobs at most
    #[arg(long, default_value_t = 1000, value_name = "N")]
    pub limit: usize,
}

fn levels(text: &str) -> Result<usize, String> {
    let levels = text.parse().ok().filter(|levels| (1..=64).contains(levels));
    levels.ok_or_else(|| "a number from 1 to 64".to_owned())
}

/// Arguments of `toril logs`.
#[derive(Args, Debug, Clone)]
pub struct LogsArgs {
    /// The queue: its name, or prefix:name
    pub queue: String,
    /// The job's id
    #[arg(allow_hyphen_values = true)]
    pub id: String,
    /// Go on with what is added, until interrupted
    #[arg(short, long)]
    pub follow: bool,
    /// How many lines at most, the last ones
    #[arg(long, default_value_t = 1000, value_name = "N")]
    pub limit: u64,
}

/// Arguments of `toril workers`.
#[derive(Args, Debug, Clone)]
pub struct WorkersArgs {
    /// The queue: its name, or prefix:name; all that are found when none is named
    pub queue: Option<String>,
    /// How many running jobs of a queue at most
    #[arg(long, default_value_t = 100, value_name = "N")]
    pub limit: u64,
}

/// Arguments of `toril events`.
#[derive(Args, Debug, Clone)]
pub struct EventsArgs {
    /// Queues; all that are found when none is named
    pub queues: Vec<String>,
}

/// What `toril config` does.
#[derive(Subcommand, Debug, Clone)]
pub enum ConfigCommand {
    /// Where the configuration file is looked for
    Path,
    /// What is in force
    Show {
        /// Also where each value comes from
        #[arg(long)]
        origin: bool,
    },
    /// Write a first configuration file, with every setting explained
    Init,
}

/// Arguments of `toril acl`.
#[derive(Args, Debug, Clone)]
pub struct AclArgs {
    /// What the account is for
    #[arg(long, value_enum)]
    pub role: RoleName,
    /// The account's name [default: toril-ROLE]
    #[arg(long, value_name = "NAME")]
    pub account: Option<String>,
}

/// The roles of `toril acl`.
#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug)]
pub enum RoleName {
    /// Reads, without scripts.
    Viewer,
    /// Every operation.
    Operator,
    /// Adds jobs and runs them.
    Worker,
}

impl RoleName {
    /// As it is written.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Operator => "operator",
            Self::Worker => "worker",
        }
    }
}
