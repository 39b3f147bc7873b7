//! What people type, on the command line and in the console: times, limits, back-offs.

use std::time::Duration;

use crate::engine::{Backoff, Limiter};

/// Longest duration, in ms: a due time far above this is no number that a score holds to the ms.
const LONGEST: u64 = 100 * 366 * 86_400_000;

/// Reads `250ms`, `5s`, `10m`, `2h`, `7d`: a whole number and its unit.
pub fn duration(text: &str) -> Result<Duration, String> {
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
pub fn backoff(text: &str) -> Result<Backoff, String> {
    let (kind, delay) = text.split_once(':').ok_or("a back-off is written fixed:1s or exponential:1s")?;
    let delay = duration(delay)?;
    match kind {
        "fixed" => Ok(Backoff::fixed(delay)),
        "exponential" => Ok(Backoff::exponential(delay)),
        _ => Err("back-offs are fixed and exponential".to_owned()),
    }
}

/// Reads `10/1s`, and `10/s` for the same.
pub fn limit(text: &str) -> Result<Limiter, String> {
    let wrong = || "a limit is written 10/1s or 100/5m".to_owned();
    let (max, time) = text.split_once('/').ok_or_else(wrong)?;
    let max = max.parse().ok().filter(|max| *max > 0).ok_or_else(wrong)?;
    let one = time.starts_with(|c: char| c.is_ascii_alphabetic());
    let duration = if one { duration(&format!("1{time}"))? } else { duration(time)? };
    if duration.is_zero() { Err(wrong()) } else { Ok(Limiter { max, duration }) }
}

/// Reads `20/s`, or `20`: jobs a second.
pub fn rate(text: &str) -> Result<u32, String> {
    let number = text.strip_suffix("/s").unwrap_or(text);
    let plain = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
    let wanted = if plain { number.parse().ok() } else { None };
    wanted.filter(|rate| *rate > 0).ok_or_else(|| "a rate is written 20/s".to_owned())
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
    fn rates_are_a_number() {
        assert_eq!((rate("20/s"), rate("7")), (Ok(20), Ok(7)));
        for wrong in ["", "0", "-1", "+1", "1.5", "20/m", "/s", "99999999999"] {
            assert!(rate(wrong).is_err(), "{wrong}");
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
