//! Patterns and intervals in words.

use crate::engine::schedule::Cron;

const DAYS: [&str; 7] = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];
const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
/// More times of day, or days, than these are no words any more.
const MOST: usize = 6;

/// An interval in words: `every 10 minutes`, `every 1h 30m`.
pub fn every(ms: u64) -> String {
    const UNITS: [(u64, &str); 5] =
        [(86_400_000, "day"), (3_600_000, "hour"), (60_000, "minute"), (1000, "second"), (1, "ms")];
    for (unit, name) in UNITS {
        if ms >= unit && ms.is_multiple_of(unit) {
            return match (ms / unit, name) {
                (n, "ms") => format!("every {n} ms"),
                (1, name) => format!("every {name}"),
                (n, name) => format!("every {n} {name}s"),
            };
        }
    }
    format!("every {ms} ms")
}

/// A cron pattern of the libraries' dialect in words: `every weekday at 09:00`. `None` where it says more than a
/// sentence can: then the pattern itself is clearer.
pub fn pattern(pattern: &str) -> Option<String> {
    let pattern = pattern.trim();
    let pattern = Cron::named(pattern).unwrap_or(pattern);
    let mut fields: Vec<&str> = pattern.split_whitespace().collect();
    if fields.is_empty() || fields.len() > 6 {
        return None;
    }
    // Missing fields are those on the left.
    while fields.len() < 5 {
        fields.insert(0, "*");
    }
    if fields.len() == 5 {
        fields.insert(0, "0");
    }
    let [second, minute, hour] = [(0, 0, 59), (1, 0, 59), (2, 0, 23)]
        .map(|(at, low, high): (usize, u32, u32)| Field::parse(fields[at], low, high, &[]));
    let time = time(&second?, &minute?, &hour?)?;
    let day = Field::parse(fields[3], 1, 31, &[]);
    let month = Field::parse(fields[4], 1, 12, &MONTHS)?;
    let days = days(fields[3], day, &month, fields[5])?;
    Some(match (time, days) {
        (Time::At(times), None) => format!("every day at {times}"),
        (Time::At(times), Some(days)) => format!("{days} at {times}"),
        (Time::Every(often), None) => often,
        (Time::Every(often), Some(days)) => format!("{often}, {days}"),
    })
}

/// A field of which more than its values is known.
#[derive(Debug, PartialEq)]
enum Field {
    Any,
    /// From its lowest value on, every so many.
    Step(u32),
    /// From one to another.
    Range(u32, u32),
    List(Vec<u32>),
}

impl Field {
    fn parse(text: &str, low: u32, high: u32, names: &[&str]) -> Option<Self> {
        if matches!(text, "*" | "?") {
            return Some(Self::Any);
        }
        if let Some(step) = text.strip_prefix("*/").or_else(|| text.strip_prefix("0/").filter(|_| low == 0)) {
            return match step.parse().ok()? {
                0 => None,
                1 => Some(Self::Any),
                step => Some(Self::Step(step)),
            };
        }
        let number = |text: &str| -> Option<u32> {
            let named = names.iter().position(|name| text.len() >= 3 && starts(name, text));
            let number = match named {
                Some(at) => u32::try_from(at).ok()? + low,
                None => text.parse().ok()?,
            };
            (low..=high).contains(&number).then_some(number)
        };
        let mut values = Vec::new();
        for part in text.split(',') {
            let (range, step) = match part.split_once('/') {
                Some((range, step)) => (range, step.parse::<usize>().ok().filter(|step| *step > 0)?),
                None => (part, 1),
            };
            match range.split_once('-') {
                Some((from, to)) => {
                    let (from, to) = (number(from)?, number(to)?);
                    if from > to {
                        return None;
                    }
                    if step == 1 && part == text && to > from {
                        return Some(Self::Range(from, to));
                    }
                    values.extend((from..=to).step_by(step));
                }
                None if step == 1 => values.push(number(range)?),
                None => values.extend((number(range)?..=high).step_by(step)),
            }
        }
        values.sort_unstable();
        values.dedup();
        Some(Self::List(values))
    }

    fn one(&self) -> Option<u32> {
        match self {
            Self::List(values) => match values.as_slice() {
                [one] => Some(*one),
                _ => None,
            },
            _ => None,
        }
    }

    fn values(&self) -> Option<Vec<u32>> {
        match self {
            Self::List(values) => Some(values.clone()),
            Self::Range(from, to) => Some((*from..=*to).collect()),
            Self::Any | Self::Step(_) => None,
        }
    }
}

/// `MON` of `Monday`, in any case; no other than the first three letters count.
fn starts(name: &str, text: &str) -> bool {
    text.len() == 3 && name.get(..3).is_some_and(|head| head.eq_ignore_ascii_case(text))
}

enum Time {
    /// Once or a few times a day.
    At(String),
    /// Again and again.
    Every(String),
}

fn time(second: &Field, minute: &Field, hour: &Field) -> Option<Time> {
    use Field::{Any, List, Range, Step};
    let every = |text: String| Some(Time::Every(text));
    if second.one() != Some(0) {
        return match (second, minute, hour) {
            (Any, Any, Any) => every("every second".to_owned()),
            (Step(n), Any, Any) if 60 % n == 0 => every(format!("every {n} seconds")),
            (Step(n), Any, Any) => every(format!("every {n} seconds of each minute")),
            (List(_), Any, Any) => every(format!("every minute at second {}", second.one()?)),
            (List(_), ..) => times(second.one()?, minute, hour),
            _ => None,
        };
    }
    let minutes = || -> Option<String> {
        Some(match minute {
            Any => "every minute".to_owned(),
            Step(n) if 60 % n == 0 => format!("every {n} minutes"),
            Step(n) => format!("every {n} minutes of each hour"),
            _ => return None,
        })
    };
    match (minute, hour) {
        (Any | Step(_), Any) => every(minutes()?),
        (Any | Step(_), Range(from, to)) => every(format!("{} from {from:02}:00 to {to:02}:59", minutes()?)),
        (Any | Step(_), List(_)) => {
            let hour = hour.one()?;
            every(format!("{} from {hour:02}:00 to {hour:02}:59", minutes()?))
        }
        (List(values), Any) if values.len() <= MOST => {
            let at: Vec<String> = values.iter().map(|minute| format!(":{minute:02}")).collect();
            every(format!("every hour at {}", and(&at)))
        }
        (List(_), Step(n)) => {
            let of = if 24 % n == 0 { "" } else { " of each day" };
            every(match minute.one()? {
                0 => format!("every {n} hours{of}"),
                minute => format!("every {n} hours{of} at :{minute:02}"),
            })
        }
        (List(_), Range(from, to)) => {
            let minute = minute.one()?;
            every(format!("every hour from {from:02}:{minute:02} to {to:02}:{minute:02}"))
        }
        _ => times(0, minute, hour),
    }
}

fn times(second: u32, minute: &Field, hour: &Field) -> Option<Time> {
    let (minutes, hours) = (minute.values()?, hour.values()?);
    if minutes.len() * hours.len() > MOST {
        return None;
    }
    let at: Vec<String> = hours
        .iter()
        .flat_map(|hour| {
            minutes.iter().map(move |minute| match second {
                0 => format!("{hour:02}:{minute:02}"),
                second => format!("{hour:02}:{minute:02}:{second:02}"),
            })
        })
        .collect();
    Some(Time::At(and(&at)))
}

/// Which days; `Some(None)`: all of them.
#[expect(clippy::option_option, reason = "no words for it, or none needed")]
fn days(day_text: &str, day: Option<Field>, month: &Field, weekday: &str) -> Option<Option<String>> {
    let months = match month {
        Field::Any => None,
        Field::Step(_) => return None,
        month => {
            let names: Vec<String> =
                month.values()?.iter().map(|month| MONTHS[*month as usize - 1].to_owned()).collect();
            (names.len() <= MOST).then_some(())?;
            Some(and(&names))
        }
    };
    let of = |what: &str| match &months {
        None => format!("on the {what} of every month"),
        Some(months) => format!("on the {what} of {months}"),
    };
    let by_day = match (day_text, day) {
        ("L", _) => Some(of("last day")),
        (_, Some(Field::Any)) => None,
        (_, Some(day)) => {
            let days = day.values()?;
            (days.len() <= MOST).then_some(())?;
            match (day.one(), month.one()) {
                (Some(day), Some(month)) => {
                    Some(format!("every year on {day} {}", MONTHS[month as usize - 1]))
                }
                _ => Some(of(&and(&days.iter().map(|day| ordinal(*day)).collect::<Vec<_>>()))),
            }
        }
        _ => return None,
    };
    let by_weekday = match weekdays(weekday)? {
        Weekdays::Any => None,
        Weekdays::Every(days) => Some(match &months {
            None => days,
            Some(months) => format!("{days} in {months}"),
        }),
        Weekdays::Of(what) => Some(of(&what)),
    };
    Some(match (by_day, by_weekday) {
        (None, None) => months.map(|months| format!("every day in {months}")),
        // Either of the two is enough.
        (Some(day), Some(weekday)) => Some(format!("{day} and {weekday}")),
        (one, other) => one.or(other),
    })
}

enum Weekdays {
    Any,
    /// `every Monday`.
    Every(String),
    /// `second Monday`.
    Of(String),
}

fn weekdays(text: &str) -> Option<Weekdays> {
    if let Some((day, nth)) = text.split_once('#') {
        let nth = ["first", "second", "third", "fourth", "fifth"]
            .get(nth.parse::<usize>().ok()?.checked_sub(1)?)?;
        return Some(Weekdays::Of(format!("{nth} {}", weekday(day)?)));
    }
    if let Some(day) = text.strip_suffix('L').filter(|day| day.len() == 1) {
        return Some(Weekdays::Of(format!("last {}", weekday(day)?)));
    }
    let values = match Field::parse(text, 0, 7, &DAYS)? {
        Field::Any => return Some(Weekdays::Any),
        Field::Step(_) => return None,
        field => field.values()?,
    };
    let mut days: Vec<u32> = values.into_iter().map(|day| day % 7).collect();
    // The week begins on Monday.
    days.sort_unstable_by_key(|day| (day + 6) % 7);
    days.dedup();
    Some(match days.as_slice() {
        [1, 2, 3, 4, 5] => Weekdays::Every("every weekday".to_owned()),
        [_, _, _, _, _, _, _] => Weekdays::Any,
        days => {
            let names: Vec<String> = days.iter().map(|day| DAYS[*day as usize].to_owned()).collect();
            Weekdays::Every(format!("every {}", and(&names)))
        }
    })
}

fn weekday(text: &str) -> Option<&'static str> {
    let day = Field::parse(text, 0, 7, &DAYS)?.one()?;
    Some(DAYS[day as usize % 7])
}

fn ordinal(day: u32) -> String {
    let ending = match (day % 10, day) {
        (_, 11..=13) => "th",
        (1, _) => "st",
        (2, _) => "nd",
        (3, _) => "rd",
        _ => "th",
    };
    format!("{day}{ending}")
}

/// `a`, `a and b`, `a, b and c`.
fn and(words: &[String]) -> String {
    match words {
        [] => String::new(),
        [one] => one.clone(),
        [some @ .., last] => format!("{} and {last}", some.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn common_patterns_are_told_in_words() {
        for (written, told) in [
            ("* * * * *", "every minute"),
            ("*/5 * * * *", "every 5 minutes"),
            ("*/7 * * * *", "every 7 minutes of each hour"),
            ("0 * * * *", "every hour at :00"),
            ("15,45 * * * *", "every hour at :15 and :45"),
            ("0 */2 * * *", "every 2 hours"),
            ("30 */6 * * *", "every 6 hours at :30"),
            ("0 9 * * *", "every day at 09:00"),
            ("0 9,17 * * *", "every day at 09:00 and 17:00"),
            ("0 9 * * MON-FRI", "every weekday at 09:00"),
            ("0 9 * * 1-5", "every weekday at 09:00"),
            ("0 9 * * 0-6", "every day at 09:00"),
            ("0 9 * * sun,WED", "every Wednesday and Sunday at 09:00"),
            ("30 2 * * 7", "every Sunday at 02:30"),
            ("0 0 3 * * *", "every day at 03:00"),
            ("5 0 3 * * *", "every day at 03:00:05"),
            ("*/10 * * * * *", "every 10 seconds"),
            ("* * * * * *", "every second"),
            ("30 * * * * *", "every minute at second 30"),
            ("0 0 1 * *", "on the 1st of every month at 00:00"),
            ("0 0 1,15 * *", "on the 1st and 15th of every month at 00:00"),
            ("0 6 L * *", "on the last day of every month at 06:00"),
            ("0 0 1 1 *", "every year on 1 January at 00:00"),
            ("0 0 2-3 JAN,jul *", "on the 2nd and 3rd of January and July at 00:00"),
            ("0 0 * 7 *", "every day in July at 00:00"),
            ("0 0 * 7 1", "every Monday in July at 00:00"),
            ("0 12 * * 1#2", "on the second Monday of every month at 12:00"),
            ("0 12 * * 5L", "on the last Friday of every month at 12:00"),
            ("0 0 1 * 1", "on the 1st of every month and every Monday at 00:00"),
            ("*/5 9-17 * * 1-5", "every 5 minutes from 09:00 to 17:59, every weekday"),
            ("0 9-17 * * *", "every hour from 09:00 to 17:00"),
            ("@daily", "every day at 00:00"),
            ("@weekends", "every Saturday and Sunday at 00:00"),
            ("* *", "every minute"),
        ] {
            assert_eq!(pattern(written).as_deref(), Some(told), "{written}");
        }
    }

    #[test]
    fn what_is_no_sentence_stays_a_pattern() {
        for written in [
            "",
            "61 * * * *",
            "a b c d e",
            "*/5 */2 * * *",
            "0,10,20,30,40,50 1,2 * * *",
            "0 0 */2 * *",
            "1 2 3 4 5 6 7",
            "*/0 * * * *",
            "0 0 * * 8",
            "0 0 * * 1#9",
            "0 0 * * 1#0",
            "5-1 * * * *",
            "0 0 * * \u{202e}",
            "0 0 W * *",
            "* * 0 * * *",
            "0 0 * * ##",
        ] {
            assert_eq!(pattern(written), None, "{written}");
        }
    }

    #[test]
    fn intervals_are_told_in_their_largest_unit() {
        let told = [1, 500, 1000, 90_000, 60_000, 600_000, 7_200_000, 86_400_000, 172_800_000].map(every);
        let expected = [
            "every 1 ms",
            "every 500 ms",
            "every second",
            "every 90 seconds",
            "every minute",
            "every 10 minutes",
            "every 2 hours",
            "every day",
            "every 2 days",
        ];
        assert_eq!(told, expected);
    }
}
