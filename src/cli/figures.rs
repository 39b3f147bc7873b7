//! Numbers and times for people.

use chrono::{Local, TimeZone as _};

/// `1,234,567`.
pub fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// How long something took or takes, in one or two units: `850ms`, `12s`, `3m 4s`, `2h 5m`, `6d 3h`.
pub fn span(ms: i64) -> String {
    let ms = ms.max(0);
    let (s, m, h, d) = (ms / 1000, ms / 60_000, ms / 3_600_000, ms / 86_400_000);
    match () {
        () if s == 0 => format!("{ms}ms"),
        () if m == 0 => format!("{s}s"),
        () if h == 0 => two(m, 'm', s % 60, 's'),
        () if d == 0 => two(h, 'h', m % 60, 'm'),
        () => two(d, 'd', h % 24, 'h'),
    }
}

fn two(big: i64, unit: char, small: i64, smaller: char) -> String {
    if small == 0 { format!("{big}{unit}") } else { format!("{big}{unit} {small}{smaller}") }
}

/// `512 B`, `1.5 KB`, `23 MB`; powers of 1,024, as Redis counts.
pub fn bytes(number: u64) -> String {
    const UNITS: [&str; 5] = ["B", "KB", "MB", "GB", "TB"];
    let (mut value, mut unit) = (number as f64, 0);
    while value >= 1024.0 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    if unit == 0 || value >= 10.0 {
        format!("{value:.0} {}", UNITS[unit])
    } else {
        format!("{value:.1} {}", UNITS[unit])
    }
}

/// `2026-11-21 12:30:05.123`, by this host's clock and zone; the bare number where that is no date.
pub fn moment(ms: i64) -> String {
    match Local.timestamp_millis_opt(ms).single() {
        Some(time) => time.format("%Y-%m-%d %H:%M:%S%.3f").to_string(),
        None => ms.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_read_well() {
        assert_eq!([0, 999, 1000, 1_234_567].map(thousands), ["0", "999", "1,000", "1,234,567"]);
        assert_eq!(
            [12, 1000, 61_000, 3_600_000, 90_000_000].map(span),
            ["12ms", "1s", "1m 1s", "1h", "1d 1h"]
        );
        assert_eq!([0, 1023, 1536, 24_117_248].map(bytes), ["0 B", "1023 B", "1.5 KB", "23 MB"]);
        assert_eq!(moment(i64::MAX), i64::MAX.to_string());
    }
}
