//! Time zones of patterns.

use chrono::{DateTime, FixedOffset, Local, Offset, TimeZone};
use chrono_tz::{TZ_VARIANTS, Tz};

use crate::text::Clean;

/// In which zone a pattern is read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Zone {
    /// That of this process, as in BullMQ where no `tz` is given: what runs when then depends on the
    /// machine of the worker.
    #[default]
    Local,
    /// A zone of the IANA database, as of the release of the crate `chrono-tz`.
    Named(Tz),
    /// So many seconds east of UTC (`UTC+5:30`).
    Fixed(FixedOffset),
}

/// A zone that is not known.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no time zone `{0}`")]
pub struct ZoneError(pub Clean);

impl Zone {
    /// Seconds east of UTC at a time (seconds since the epoch).
    pub(super) fn offset(self, at: i64) -> i64 {
        let Some(at) = DateTime::from_timestamp(at, 0) else { return 0 };
        let naive = at.naive_utc();
        let seconds = match self {
            Self::Local => Local.offset_from_utc_datetime(&naive).fix().local_minus_utc(),
            Self::Named(zone) => zone.offset_from_utc_datetime(&naive).fix().local_minus_utc(),
            Self::Fixed(offset) => offset.local_minus_utc(),
        };
        i64::from(seconds)
    }
}

/// IANA names in any case, `local`, and `UTC+3` or `UTC-5:30`.
impl std::str::FromStr for Zone {
    type Err = ZoneError;

    fn from_str(name: &str) -> Result<Self, ZoneError> {
        if name.eq_ignore_ascii_case("local") {
            return Ok(Self::Local);
        }
        if let Ok(zone) = name.parse() {
            return Ok(Self::Named(zone));
        }
        if let Some(zone) = TZ_VARIANTS.iter().find(|zone| zone.name().eq_ignore_ascii_case(name)) {
            return Ok(Self::Named(*zone));
        }
        fixed(name).map(Self::Fixed).ok_or_else(|| ZoneError(Clean::line(name.as_bytes())))
    }
}

fn fixed(name: &str) -> Option<FixedOffset> {
    let rest = name.get(..3).filter(|utc| utc.eq_ignore_ascii_case("utc")).and_then(|_| name.get(3..))?;
    let sign = match rest.get(..1)? {
        "+" => 1,
        "-" => -1,
        _ => return None,
    };
    let (hours, minutes) = rest[1..].split_once(':').unwrap_or((&rest[1..], "0"));
    let number = |text: &str| {
        let plain = (1..=2).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
        plain.then(|| text.parse::<i32>().ok()).flatten()
    };
    FixedOffset::east_opt(sign * (number(hours)? * 3600 + number(minutes)? * 60))
}
