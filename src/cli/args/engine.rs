//! Arguments of the commands that add jobs and run them.

use std::time::Duration;

use clap::Args;

use crate::engine::{Backoff, Limiter};

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

/// Longest duration, in ms: a due time far above this is no number that a score holds to the ms.
const LONGEST: u64 = 100 * 366 * 86_400_000;

/// Reads `250ms`, `5s`, `10m`, `2h`, `7d`: a whole number and its unit.
pub(super) fn duration(text: &str) -> Result<Duration, String> {
    let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let (number, unit) = text.split_at(digits);
    let ms = match unit {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return Err("a duration is written 250ms, 5s, 10m, 2h or 7d".to_owned()),
    };
    let wanted = number.parse::<u64>().ok().and_then(|number| number.checked_mul(ms));
    match wanted {
        Some(ms) if ms <= LONGEST => Ok(Duration::from_millis(ms)),
        _ => Err("at most a hundred years".to_owned()),
    }
}

/// Reads `fixed:1s`, `exponential:1s`.
fn backoff(text: &str) -> Result<Backoff, String> {
    let (kind, delay) = text.split_once(':').ok_or("a back-off is written fixed:1s or exponential:1s")?;
    let delay = duration(delay)?;
    match kind {
        "fixed" => Ok(Backoff::fixed(delay)),
        "exponential" => Ok(Backoff::exponential(delay)),
        _ => Err("back-offs are fixed and exponential".to_owned()),
    }
}

/// Reads `10/1s`, and `10/s` for the same.
pub(super) fn limit(text: &str) -> Result<Limiter, String> {
    let wrong = || "a limit is written 10/1s or 100/5m".to_owned();
    let (max, time) = text.split_once('/').ok_or_else(wrong)?;
    let max = max.parse().ok().filter(|max| *max > 0).ok_or_else(wrong)?;
    let one = time.starts_with(|c: char| c.is_ascii_alphabetic());
    let duration = if one { duration(&format!("1{time}"))? } else { duration(time)? };
    if duration.is_zero() { Err(wrong()) } else { Ok(Limiter { max, duration }) }
}

fn at_least_one(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(0) => Err("at least 1".to_owned()),
        Ok(number) if number <= 100_000 => Ok(number),
        Ok(_) => Err("at most 100000".to_owned()),
        Err(_) => Err("a whole number".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_a_unit_and_a_bound() {
        let ms = |text| duration(text).map(|duration| duration.as_millis());
        assert_eq!(ms("0ms"), Ok(0));
        assert_eq!(ms("250ms"), Ok(250));
        assert_eq!(ms("5s"), Ok(5_000));
        assert_eq!(ms("10m"), Ok(600_000));
        assert_eq!(ms("2h"), Ok(7_200_000));
        assert_eq!(ms("7d"), Ok(604_800_000));
        for wrong in
            ["", "5", "s", "-1s", "+1s", "1.5s", "5 s", "5S", "1w", "99999999999999999999d", "40000d"]
        {
            assert!(duration(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn limits_are_a_number_and_a_time() {
        let read = |text| limit(text).ok().map(|limit| (limit.max, limit.duration.as_millis()));
        assert_eq!(read("10/1s"), Some((10, 1_000)));
        assert_eq!(read("100/5m"), Some((100, 300_000)));
        assert_eq!(read("3/s"), Some((3, 1_000)));
        for wrong in ["", "10", "0/1s", "-1/1s", "10/", "10/0s", "10/5", "/1s", "1.5/1s", "10/1s/2"] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn back_offs_have_a_kind_and_a_wait() {
        assert_eq!(backoff("fixed:1s"), Ok(Backoff::fixed(Duration::from_secs(1))));
        assert_eq!(backoff("exponential:250ms"), Ok(Backoff::exponential(Duration::from_millis(250))));
        for wrong in ["fixed", "fixed:", "fixed:1", ":1s", "linear:1s", "Fixed:1s"] {
            assert!(backoff(wrong).is_err(), "{wrong}");
        }
    }
}
