//! Arguments of the commands that add jobs and run them.

use std::time::Duration;

use clap::Args;

use crate::engine::{Backoff, Limiter};
pub(super) use crate::operate::typed::duration;
use crate::operate::typed::{backoff, limit};

/// Arguments of `toril add`.
#[derive(Args, Debug, Clone)]
pub struct AddArgs {
    /// The queue: its name, or prefix:name. One that does not exist begins with this job
    pub queue: String,
    /// The job's name
    #[arg(allow_hyphen_values = true)]
    pub name: String,
    /// The job's data: JSON, @FILE, or - for stdin [default: {}]
    #[arg(short, long, value_name = "JSON|@FILE|-", allow_hyphen_values = true)]
    pub data: Option<String>,
    /// An id of your own; a job of this id that exists is not added twice
    #[arg(long, value_name = "ID", allow_hyphen_values = true)]
    pub id: Option<String>,
    /// Not before so long from now: 250ms 5s 10m 2h 7d
    #[arg(long, value_name = "D", value_parser = duration)]
    pub delay: Option<Duration>,
    /// 1 runs first, 2097151 last; jobs without one run before them
    #[arg(long, value_name = "P", value_parser = clap::value_parser!(u32).range(0..=2_097_151))]
    pub priority: Option<u32>,
    /// How many attempts in all
    #[arg(long, value_name = "N")]
    pub attempts: Option<u32>,
    /// The wait between attempts: fixed:1s or exponential:1s
    #[arg(long, value_name = "KIND:D", value_parser = backoff)]
    pub backoff: Option<Backoff>,
    /// In front of the jobs that wait
    #[arg(long, conflicts_with = "priority")]
    pub lifo: bool,
    /// Add nothing while a job of this deduplication id is not finished
    #[arg(long, value_name = "ID", allow_hyphen_values = true, help_heading = "Deduplication")]
    pub dedup: Option<String>,
    /// The id stays taken for so long from the first add, whatever becomes of its job
    #[arg(long, value_name = "D", value_parser = duration, requires = "dedup", help_heading = "Deduplication")]
    pub dedup_ttl: Option<Duration>,
    /// Every add that is dropped starts the time anew
    #[arg(long, requires = "dedup_ttl", help_heading = "Deduplication")]
    pub dedup_extend: bool,
    /// A job that is still delayed is replaced by this one
    #[arg(long, requires = "dedup", help_heading = "Deduplication")]
    pub dedup_replace: bool,
    /// A job that is still delayed stays, with the delay of this one
    #[arg(long, requires = "dedup", conflicts_with = "dedup_replace", help_heading = "Deduplication")]
    pub dedup_reschedule: bool,
    /// While the job runs, the newest add is kept aside and queued when it ends
    #[arg(long, requires = "dedup", conflicts_with = "dedup_ttl", help_heading = "Deduplication")]
    pub dedup_keep_last: bool,
    /// Check everything and say what would be added; write nothing
    #[arg(long)]
    pub dry_run: bool,
}

/// Arguments of `toril work`.
#[derive(Args, Debug, Clone)]
pub struct WorkArgs {
    /// The queue: its name, or prefix:name
    pub queue: String,
    /// The command that runs a job, for `sh -c`: the job's JSON on stdin, its return value on stdout
    #[arg(short, long, value_name = "CMD")]
    pub exec: String,
    /// How many jobs at a time
    #[arg(short, long, value_name = "N", default_value_t = 1, value_parser = at_least_one)]
    pub concurrency: usize,
    /// At most so many starts in a time, over all workers of the queue with a limit: 10/1s, 100/1m
    #[arg(long, value_name = "N/D", value_parser = limit)]
    pub limit: Option<Limiter>,
    /// The worker's name, as dashboards show it
    #[arg(long, value_name = "NAME", default_value = "")]
    pub name: String,
}

/// Arguments of `toril bench`.
#[derive(Args, Debug, Clone)]
pub struct BenchArgs {
    /// How many jobs each measure takes
    #[arg(long, value_name = "N", default_value_t = 20_000, value_parser = clap::value_parser!(u64).range(1..=10_000_000))]
    pub jobs: u64,
    /// The worker's concurrency
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = at_least_one)]
    pub concurrency: usize,
    /// Jobs in one bulk
    #[arg(long, value_name = "N", default_value_t = 1_000, value_parser = at_least_one)]
    pub bulk: usize,
}

fn at_least_one(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(0) => Err("at least 1".to_owned()),
        Ok(number) if number <= 100_000 => Ok(number),
        Ok(_) => Err("at most 100000".to_owned()),
        Err(_) => Err("a whole number".to_owned()),
    }
}
