//! Reading the fields of a pattern.

use super::Cron;
use super::error::{CronError, CronFault, CronField};
use crate::text::Clean;

/// Values from 0 to 63.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Set(u64);

impl Set {
    pub fn has(self, value: u32) -> bool {
        value < 64 && self.0 >> value & 1 == 1
    }

    /// The smallest value above this one.
    pub fn above(self, value: u32) -> Option<u32> {
        let rest = self.0.checked_shr(value + 1).unwrap_or(0);
        (rest != 0).then(|| value + 1 + rest.trailing_zeros())
    }

    pub fn count(self) -> u32 {
        self.0.count_ones()
    }

    fn insert(&mut self, value: u8) {
        self.0 |= 1 << value;
    }

    fn first(self) -> u32 {
        self.0.trailing_zeros()
    }
}

/// What one field says.
#[derive(Clone, Copy, Default)]
struct Field {
    values: Set,
    /// `*` or `?` and nothing else.
    open: bool,
    /// `L` as a day of month.
    last: bool,
    /// `5L` as days of week.
    last_of: Set,
    nth: Option<u8>,
}

/// Names of whole patterns.
const MACROS: [(&str, &str); 10] = [
    ("@yearly", "0 0 0 1 1 *"),
    ("@annually", "0 0 0 1 1 *"),
    ("@monthly", "0 0 0 1 * *"),
    ("@weekly", "0 0 0 * * 0"),
    ("@daily", "0 0 0 * * *"),
    ("@hourly", "0 0 * * * *"),
    ("@minutely", "0 * * * * *"),
    ("@secondly", "* * * * * *"),
    ("@weekdays", "0 0 0 * * 1-5"),
    ("@weekends", "0 0 0 * * 0,6"),
];

/// The six fields that a name such as `@daily` stands for.
pub(super) fn named(name: &str) -> Option<&'static str> {
    MACROS.iter().find(|(known, _)| *known == name).map(|(_, fields)| *fields)
}

pub(super) fn parse(pattern: &str) -> Result<Cron, CronError> {
    read(pattern).map_err(|fault| CronError { pattern: Clean::line(pattern.as_bytes()), fault })
}

fn shown(text: &str) -> Clean {
    Clean::line(text.as_bytes())
}

fn read(pattern: &str) -> Result<Cron, CronFault> {
    let mut text = pattern.trim();
    if text.starts_with('@') {
        text = named(text).ok_or_else(|| CronFault::Macro(shown(text)))?;
    }
    let parts: Vec<&str> = text.split_ascii_whitespace().collect();
    let missing = match parts.len() {
        0 => return Err(CronFault::Empty),
        given @ 1..=6 => 6 - given,
        given => return Err(CronFault::TooManyFields(given)),
    };
    let text_of = |place: usize| match place.checked_sub(missing) {
        Some(at) => parts[at],
        None if place == 0 => "0",
        None => "*",
    };
    let mut fields = [Field::default(); 6];
    for (place, field) in CronField::ALL.into_iter().enumerate() {
        fields[place] = list(field, text_of(place))?;
    }
    let [second, minute, hour, day, month, weekday] = fields;
    if month.values.count() == 1 && weekday.open && !day.last && day.values.first() > longest(month.values) {
        return Err(CronFault::NoSuchDay { part: shown(text_of(3)) });
    }
    Ok(Cron {
        second: second.values,
        minute: minute.values,
        hour: hour.values,
        month: month.values,
        day: day.values,
        last_day: day.last,
        any_day: day.open,
        weekday: weekday.values,
        last_weekday: weekday.last_of,
        nth: weekday.nth,
        any_weekday: weekday.open,
    })
}

/// How many days the month has, February in a leap year.
fn longest(months: Set) -> u32 {
    match months.first() {
        2 => 29,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

fn list(field: CronField, text: &str) -> Result<Field, CronFault> {
    let mut found = Field { open: matches!(text, "*" | "?"), ..Field::default() };
    let mut text = text;
    if field == CronField::DayOfWeek
        && let Some((day, nth)) = text.split_once('#')
    {
        let fault = || CronFault::Nth { part: shown(text) };
        let nth: u8 = nth.parse().map_err(|_| fault())?;
        if !(1..=5).contains(&nth) || day.contains([',', '-', '/', 'L']) {
            return Err(fault());
        }
        found.nth = Some(nth);
        text = day;
    }
    for part in text.split(',') {
        element(field, part, &mut found)?;
    }
    Ok(found)
}

fn element(field: CronField, part: &str, found: &mut Field) -> Result<(), CronFault> {
    let syntax = || CronFault::Syntax { field, part: shown(part) };
    if field == CronField::DayOfMonth && part == "L" {
        found.last = true;
        return Ok(());
    }
    if field == CronField::DayOfWeek
        && let Some(day) = part.strip_suffix('L')
    {
        found.last_of.insert(number(field, day, part)? % 7);
        return Ok(());
    }
    let (range, step) = match part.split_once('/') {
        Some((range, step)) => (range, Some(digits(step).ok_or_else(syntax)?)),
        None => (part, None),
    };
    if step == Some(0) {
        return Err(CronFault::Step { field, part: shown(part) });
    }
    let (lowest, highest) = field.range();
    let (from, to) = match range.split_once('-') {
        _ if matches!(range, "*" | "?") => (lowest, highest),
        Some((from, to)) => (number(field, from, part)?, number(field, to, part)?),
        None => {
            let value = number(field, range, part)?;
            (value, if step.is_some() { highest } else { value })
        }
    };
    if from > to {
        return Err(CronFault::Backwards { field, part: shown(part) });
    }
    for value in (from..=to).step_by(usize::from(step.unwrap_or(1))) {
        // Sunday is 0 and 7.
        let sunday = field == CronField::DayOfWeek && value == 7;
        found.values.insert(if sunday { 0 } else { value });
    }
    Ok(())
}

/// A number or a name of the field.
fn number(field: CronField, text: &str, part: &str) -> Result<u8, CronFault> {
    let (lowest, highest) = field.range();
    if let Some(at) = field.names().iter().position(|name| name.eq_ignore_ascii_case(text)) {
        return Ok(at as u8 + lowest);
    }
    let value = digits(text).ok_or_else(|| CronFault::Syntax { field, part: shown(part) })?;
    if (lowest..=highest).contains(&value) {
        Ok(value)
    } else {
        Err(CronFault::Range { field, part: shown(text) })
    }
}

/// Digits only; what does not fit is as far out of range as 255 is.
fn digits(text: &str) -> Option<u8> {
    let plain = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    plain.then(|| text.parse().unwrap_or(u8::MAX))
}
