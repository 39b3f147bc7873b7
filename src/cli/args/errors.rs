//! Arguments of `toril errors`.

use clap::Args;

use crate::insight::errors::{Moment, TYPED};

/// Arguments of `toril errors`.
#[derive(Args, Debug, Clone)]
pub struct ErrorsArgs {
    /// Queues: a name, or prefix:name; all that are found when none is named
    pub queues: Vec<String>,
    /// Groups that were not seen before this moment come first, and are called new. A deployment, for example:
    /// 20m (ago), 14:02 (the last one), 2027-01-31T14:02:00Z
    #[arg(long, value_name = "D|TIME", value_parser = moment)]
    pub since: Option<Moment>,
    /// How many failed jobs are read at most, newest first
    #[arg(long, default_value_t = 200_000, value_name = "N")]
    pub scan: u64,
}

fn moment(text: &str) -> Result<Moment, String> {
    Moment::parse(text).ok_or_else(|| TYPED.to_owned())
}
