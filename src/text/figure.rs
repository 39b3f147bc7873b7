//! Figures for people: counts, ages, sizes, rates. Each is ASCII and as short as it can be read.

use super::Clean;

/// A count with thousands separators: `1,204`.
pub fn count(n: u64) -> Clean {
    let digits = n.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    Clean::line(out)
}

/// A count in at most `cells` cells: with separators while they fit, then `1.2M`.
pub fn count_in(n: u64, cells: usize) -> Clean {
    let full = count(n);
    if full.width() <= cells {
        return full;
    }
    let (value, unit) = match n {
        0..=999_999 => (n as f64 / 1e3, 'k'),
        1_000_000..=999_999_999 => (n as f64 / 1e6, 'M'),
        _ => (n as f64 / 1e9, 'G'),
    };
    Clean::line(if value < 100.0 { format!("{value:.1}{unit}") } else { format!("{value:.0}{unit}") })
}

/// A stretch of time: `0.4s`, `31s`, `4m`, `2h`, `3d`. Negative ones count as none.
pub fn age(ms: i64) -> Clean {
    let s = ms.max(0) / 1000;
    Clean::line(match s {
        0..=59 => format!("{s}s"),
        60..=3599 => format!("{}m", s / 60),
        3600..=86_399 => format!("{}h", s / 3600),
        _ => format!("{}d", s / 86_400),
    })
}

/// A stretch of time with its second unit: `1m 31s`, `2h 4m`; below a minute with tenths.
pub fn duration(ms: i64) -> Clean {
    let ms = ms.max(0);
    let s = ms / 1000;
    Clean::line(match s {
        _ if ms < 1000 => format!("{ms}ms"),
        0..=59 => format!("{}.{}s", s, ms % 1000 / 100),
        60..=3599 => format!("{}m {}s", s / 60, s % 60),
        3600..=86_399 => format!("{}h {}m", s / 3600, s % 3600 / 60),
        _ => format!("{}d {}h", s / 86_400, s % 86_400 / 3600),
    })
}

/// How far a moment is from now: `14m` ago, `in 3s`.
pub fn since(then: i64, now: i64) -> Clean {
    let ms = then.saturating_sub(now);
    if ms > 0 { Clean::line(format!("in {}", age(ms))) } else { age(ms.saturating_neg()) }
}

/// A size: `512B`, `1.4K`, `12M`, `1.2G`.
pub fn bytes(n: u64) -> Clean {
    const UNITS: [&str; 5] = ["B", "K", "M", "G", "T"];
    let mut value = n as f64;
    let mut unit = 0;
    while value >= 1000.0 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    Clean::line(if unit == 0 || value >= 9.95 {
        format!("{value:.0}{}", UNITS[unit])
    } else {
        format!("{value:.1}{}", UNITS[unit])
    })
}

/// A rate per second: `0.0`, `18.2`, `1,204`.
pub fn rate(per_s: f64) -> Clean {
    // Adding zero turns the negative zero of an empty sum into a plain one.
    let per_s = per_s.max(0.0) + 0.0;
    if per_s < 999.95 { Clean::line(format!("{per_s:.1}")) } else { count(per_s.round() as u64) }
}

/// A share (0 to 1) as percent: `0.0`, `31.4`, `100`.
pub fn percent(share: f64) -> Clean {
    let percent = (share * 100.0).clamp(0.0, 100.0);
    Clean::line(if percent >= 99.95 { "100".to_owned() } else { format!("{percent:.1}") })
}

/// A moment as local time of day: `02:18:11`.
pub fn time_of_day(at_ms: i64) -> Clean {
    Clean::line(local(at_ms).map_or_else(|| "?".to_owned(), |t| t.format("%H:%M:%S").to_string()))
}

/// A moment as local date and time: `2026-11-21 02:18:11`.
pub fn date_time(at_ms: i64) -> Clean {
    Clean::line(local(at_ms).map_or_else(|| "?".to_owned(), |t| t.format("%Y-%m-%d %H:%M:%S").to_string()))
}

fn local(at_ms: i64) -> Option<chrono::DateTime<chrono::Local>> {
    chrono::DateTime::from_timestamp_millis(at_ms).map(|utc| utc.with_timezone(&chrono::Local))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_short_and_exact() {
        assert_eq!(count(1_000_000).as_str(), "1,000,000");
        assert_eq!(count(12).as_str(), "12");
        assert_eq!(count_in(1_539_903, 7).as_str(), "1.5M");
        assert_eq!(count_in(402_118, 7).as_str(), "402,118");
        assert_eq!(age(59_999).as_str(), "59s");
        assert_eq!(age(60_000).as_str(), "1m");
        assert_eq!(age(-5).as_str(), "0s");
        assert_eq!(duration(91_000).as_str(), "1m 31s");
        assert_eq!(duration(30_040).as_str(), "30.0s");
        assert_eq!(since(13_000, 10_000).as_str(), "in 3s");
        assert_eq!(bytes(1434).as_str(), "1.4K");
        assert_eq!(bytes(999).as_str(), "999B");
        assert_eq!(rate(18.24).as_str(), "18.2");
        assert_eq!(percent(0.314).as_str(), "31.4");
        assert_eq!(percent(1.0).as_str(), "100");
    }
}
