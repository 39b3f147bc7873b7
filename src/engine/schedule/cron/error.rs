//! What is wrong with a pattern, and where.

use std::fmt;

use crate::text::Clean;

/// The fields of a pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CronField {
    /// The first of six; 0 where there are five.
    Second,
    /// 0 to 59.
    Minute,
    /// 0 to 23.
    Hour,
    /// 1 to 31.
    DayOfMonth,
    /// 1 to 12.
    Month,
    /// 0 to 7.
    DayOfWeek,
}

impl CronField {
    pub(super) const ALL: [Self; 6] =
        [Self::Second, Self::Minute, Self::Hour, Self::DayOfMonth, Self::Month, Self::DayOfWeek];

    /// The smallest and the largest value.
    pub const fn range(self) -> (u8, u8) {
        match self {
            Self::Second | Self::Minute => (0, 59),
            Self::Hour => (0, 23),
            Self::DayOfMonth => (1, 31),
            Self::Month => (1, 12),
            Self::DayOfWeek => (0, 7),
        }
    }

    pub(super) const fn names(self) -> &'static [&'static str] {
        match self {
            Self::Month => {
                &["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
            }
            Self::DayOfWeek => &["sun", "mon", "tue", "wed", "thu", "fri", "sat"],
            _ => &[],
        }
    }
}

impl fmt::Display for CronField {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Second => "second",
            Self::Minute => "minute",
            Self::Hour => "hour",
            Self::DayOfMonth => "day of month",
            Self::Month => "month",
            Self::DayOfWeek => "day of week",
        })
    }
}

/// A pattern that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("cron pattern `{pattern}`: {fault}")]
pub struct CronError {
    /// The pattern, safe to show.
    pub pattern: Clean,
    /// What is wrong with it.
    pub fault: CronFault,
}

/// What is wrong with a pattern. Texts are safe to show.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CronFault {
    /// Nothing but blanks.
    #[error("it is empty")]
    Empty,
    /// More than six.
    #[error("{0} fields are more than six")]
    TooManyFields(usize),
    /// An `@` name that is not known.
    #[error("there is no `{0}`")]
    Macro(Clean),
    /// A part of a field is none of the forms.
    #[error("{field} `{part}` is not understood")]
    Syntax {
        /// Which field.
        field: CronField,
        /// The element of its list.
        part: Clean,
    },
    /// A number out of range.
    #[error("{field} `{part}` is not within {} to {}", .field.range().0, .field.range().1)]
    Range {
        /// Which field.
        field: CronField,
        /// The number.
        part: Clean,
    },
    /// A range whose end is before its start.
    #[error("{field} `{part}` ends before it starts{}", if *.field == CronField::DayOfWeek { " (Sunday as an end is 7)" } else { "" })]
    Backwards {
        /// Which field.
        field: CronField,
        /// The range.
        part: Clean,
    },
    /// A step of 0.
    #[error("{field} `{part}` has a step of 0")]
    Step {
        /// Which field.
        field: CronField,
        /// The element of its list.
        part: Clean,
    },
    /// `#` together with a list, a range or a step, or not with 1 to 5.
    #[error("day of week `{part}`: `#` takes one day and a number from 1 to 5")]
    Nth {
        /// The field.
        part: Clean,
    },
    /// A day that the only month named does not have.
    #[error("day of month `{part}` does not exist in that month")]
    NoSuchDay {
        /// The field.
        part: Clean,
    },
}
