//! Arguments of `toril errors`.

use std::time::Duration;

use clap::Args;

use super::engine::duration;

/// Arguments of `toril errors`.
#[derive(Args, Debug, Clone)]
pub struct ErrorsArgs {
    /// Queues: a name, or prefix:name; all that are found when none is named
    pub queues: Vec<String>,
    /// Groups that were not seen before this long ago come first, and are called new: the time since a
    /// deployment, for example 20m
    #[arg(long, value_name = "D", value_parser = duration)]
    pub since: Option<Duration>,
    /// How many failed jobs are read at most, newest first
    #[arg(long, default_value_t = 200_000, value_name = "N")]
    pub scan: u64,
}
