//! Which finished jobs stay.

use std::time::Duration;

use serde_json::{Map, Value, json};

/// Which finished jobs stay (spec 6.5). Jobs leave when another one of the queue finishes, never by
/// time alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keep {
    /// All.
    All,
    /// None: the job goes when it finishes.
    Nothing,
    /// The newest so many.
    Count(u32),
    /// Those younger than this (whole seconds) and, of them, the newest `count`.
    Age {
        /// Older ones go.
        age: Duration,
        /// And beyond this many.
        count: Option<u32>,
        /// At most so many of the old ones go when a job finishes; `None` is BullMQ's 1,000.
        limit: Option<u32>,
    },
}

impl Keep {
    /// Those younger than this, however many.
    pub const fn younger_than(age: Duration) -> Self {
        Self::Age { age, count: None, limit: None }
    }

    pub(super) fn to_json(self) -> Value {
        match self {
            Self::All => json!(false),
            Self::Nothing => json!(true),
            Self::Count(count) => json!(count),
            Self::Age { age, count, limit } => {
                let mut stored = Map::new();
                stored.insert("age".to_owned(), json!(age.as_secs()));
                for (name, bound) in [("count", count), ("limit", limit)] {
                    if let Some(bound) = bound {
                        stored.insert(name.to_owned(), json!(bound));
                    }
                }
                Value::Object(stored)
            }
        }
    }

    /// `None` for what this type does not say exactly.
    pub(super) fn parse(value: &Value) -> Option<Self> {
        let whole = |value: &Value| value.as_u64().and_then(|n| u32::try_from(n).ok());
        match value {
            Value::Bool(true) => Some(Self::Nothing),
            Value::Bool(false) => Some(Self::All),
            Value::Number(_) => whole(value).map(Self::Count),
            Value::Object(fields) => {
                let age = Duration::from_secs(u64::from(whole(fields.get("age")?)?));
                let mut keep = (None, None);
                for (name, bound) in fields {
                    match name.as_str() {
                        "age" => {}
                        "count" => keep.0 = Some(whole(bound)?),
                        "limit" => keep.1 = Some(whole(bound)?),
                        _ => return None,
                    }
                }
                Some(Self::Age { age, count: keep.0, limit: keep.1 })
            }
            _ => None,
        }
    }
}
