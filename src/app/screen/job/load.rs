//! Values that are too large to be read unasked.

use crate::app::effect::FetchId;
use crate::engine::read::FieldValue;
use crate::engine::read::job::JobDetail;
use crate::text::{Clean, Places, figure};
use crate::wire::Raw;

/// A field's value, as far as it is here.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Part {
    /// There is no such field.
    Absent,
    /// It is this large and was not asked for.
    Unread(u64),
    /// It is this large and being read, for so many seconds.
    Reading(u64, i64),
    /// It is this large, and that is too much.
    TooLarge(u64),
    /// It is this large, and could not be read.
    Failed(u64, Clean),
    /// It is here.
    Value(Raw),
}

impl Part {
    /// What to say in place of the value; `true`: Enter reads it.
    pub fn sentence(&self) -> Option<(String, bool)> {
        Some(match self {
            Self::Absent | Self::Value(_) => return None,
            Self::Unread(size) => (format!("{} not loaded: ↵ loads it", figure::bytes(*size)), true),
            Self::Reading(size, 0) => (format!("loading {} ...", figure::bytes(*size)), false),
            Self::Reading(size, s) => (format!("loading {} ... {s}s", figure::bytes(*size)), false),
            Self::TooLarge(size) => (format!("{} is more than is loaded here", figure::bytes(*size)), false),
            Self::Failed(size, why) => {
                (format!("{} not loaded: {why}; ↵ tries again", figure::bytes(*size)), true)
            }
        })
    }

    /// Its size in bytes, if there is such a field.
    pub fn size(&self) -> Option<u64> {
        match self {
            Self::Absent => None,
            Self::Unread(size) | Self::Reading(size, _) | Self::TooLarge(size) | Self::Failed(size, _) => {
                Some(*size)
            }
            Self::Value(value) => Some(value.as_bytes().len() as u64),
        }
    }
}

#[derive(Debug)]
enum Outcome {
    Reading(FetchId, i64),
    Value(Raw, Option<Places>),
    TooLarge,
    Failed(Clean),
}

#[derive(Debug)]
struct Load {
    field: Raw,
    size: u64,
    outcome: Outcome,
}

/// What was asked for.
#[derive(Debug, Default)]
pub struct Loads(Vec<Load>);

impl Loads {
    /// Asks for a field. One is read at a time: the shell drops what it reads for a newer wish.
    pub(super) fn ask(&mut self, id: FetchId, field: Raw, size: u64, now: i64) {
        self.0.retain(|load| load.field != field && !matches!(load.outcome, Outcome::Reading(..)));
        self.0.push(Load { field, size, outcome: Outcome::Reading(id, now) });
    }

    /// Whether an answer is awaited under this number.
    pub(super) fn waits_for(&self, id: FetchId) -> bool {
        self.0.iter().any(|load| matches!(load.outcome, Outcome::Reading(wanted, _) if wanted == id))
    }

    /// Whether anything is being read.
    pub(super) fn busy(&self) -> bool {
        self.0.iter().any(|load| matches!(load.outcome, Outcome::Reading(..)))
    }

    /// Takes an answer in.
    pub(super) fn answer(&mut self, id: FetchId, answer: Result<(FieldValue, Option<Places>), Clean>) {
        let Some(at) = self
            .0
            .iter()
            .position(|load| matches!(load.outcome, Outcome::Reading(wanted, _) if wanted == id))
        else {
            return;
        };
        let load = &mut self.0[at];
        load.outcome = match answer {
            Ok((FieldValue::Value(value), places)) => {
                load.size = value.as_bytes().len() as u64;
                Outcome::Value(value, places)
            }
            Ok((FieldValue::TooLarge(size), _)) => {
                load.size = size;
                Outcome::TooLarge
            }
            Ok((FieldValue::Absent, _)) => Outcome::Failed(Clean::line("it is not there any more")),
            Err(why) => Outcome::Failed(why),
        };
    }

    /// Where secrets stand in a value that was asked for.
    pub(super) fn places(&self, name: &[u8], value: &Raw) -> Option<&Places> {
        self.0.iter().find_map(|load| match &load.outcome {
            Outcome::Value(known, places) if load.field.as_bytes() == name && known == value => {
                places.as_ref()
            }
            _ => None,
        })
    }

    /// A field of a job, as far as it is here. What was loaded counts while the size is the same.
    pub fn part(&self, detail: &JobDetail, name: &[u8], now: i64) -> Part {
        let Some(field) = detail.fields.iter().find(|field| field.name.as_bytes() == name) else {
            return Part::Absent;
        };
        if let Some(value) = &field.value {
            return Part::Value(value.clone());
        }
        let Some(load) = self.0.iter().find(|load| load.field == field.name && load.size == field.size)
        else {
            return Part::Unread(field.size);
        };
        match &load.outcome {
            Outcome::Reading(_, since) => Part::Reading(field.size, (now - since).max(0) / 1000),
            Outcome::Value(value, _) => Part::Value(value.clone()),
            Outcome::TooLarge => Part::TooLarge(field.size),
            Outcome::Failed(why) => Part::Failed(field.size, why.clone()),
        }
    }
}
