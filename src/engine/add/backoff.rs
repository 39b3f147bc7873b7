//! How long to wait between attempts.

use std::time::Duration;

use serde_json::{Value, json};

use super::stored::{duration, ms_json};

/// The wait before the next attempt (spec 6.3). `jitter` takes up to that share (0 to 1) off at
/// random, so that jobs that failed together do not come back together.
#[derive(Clone, Debug, PartialEq)]
pub enum Backoff {
    /// Always the same.
    Fixed {
        /// Between two attempts.
        delay: Duration,
        /// Share that is random.
        jitter: f64,
    },
    /// Doubled each time.
    Exponential {
        /// After the first attempt.
        delay: Duration,
        /// Share that is random.
        jitter: f64,
    },
    /// A strategy of the worker's own, by its name: whoever works the queue must know it.
    Custom {
        /// Its name (BullMQ's `type`).
        name: String,
        /// A delay that the strategy may look at.
        delay: Option<Duration>,
        /// Share that is random, if the strategy looks at it.
        jitter: f64,
    },
}

impl Backoff {
    /// The same wait each time, no jitter.
    pub const fn fixed(delay: Duration) -> Self {
        Self::Fixed { delay, jitter: 0.0 }
    }

    /// A wait that doubles, no jitter.
    pub const fn exponential(delay: Duration) -> Self {
        Self::Exponential { delay, jitter: 0.0 }
    }

    /// A strategy of the worker's own.
    pub fn custom(name: impl Into<String>) -> Self {
        Self::Custom { name: name.into(), delay: None, jitter: 0.0 }
    }

    /// The same wait with this share of it random.
    #[must_use]
    pub fn with_jitter(mut self, share: f64) -> Self {
        match &mut self {
            Self::Fixed { jitter, .. } | Self::Exponential { jitter, .. } | Self::Custom { jitter, .. } => {
                *jitter = share;
            }
        }
        self
    }

    pub(super) const fn jitter(&self) -> f64 {
        match self {
            Self::Fixed { jitter, .. } | Self::Exponential { jitter, .. } | Self::Custom { jitter, .. } => {
                *jitter
            }
        }
    }

    pub(super) fn to_json(&self) -> Value {
        let (kind, delay) = match self {
            Self::Fixed { delay, .. } => ("fixed", Some(*delay)),
            Self::Exponential { delay, .. } => ("exponential", Some(*delay)),
            Self::Custom { name, delay, .. } => (name.as_str(), *delay),
        };
        let mut stored = json!({ "type": kind });
        if let Some(delay) = delay {
            stored["delay"] = ms_json(delay);
        }
        if self.jitter() != 0.0 {
            stored["jitter"] = json!(self.jitter());
        }
        stored
    }

    /// `None` for what this type does not say exactly. A number is a fixed wait, as BullMQ takes it.
    pub(super) fn parse(value: &Value) -> Option<Self> {
        if value.is_number() {
            return Some(Self::fixed(duration(value)?));
        }
        let fields = value.as_object()?;
        if fields.keys().any(|name| !matches!(name.as_str(), "type" | "delay" | "jitter")) {
            return None;
        }
        let delay = match fields.get("delay") {
            Some(delay) => Some(duration(delay)?),
            None => None,
        };
        let jitter = match fields.get("jitter") {
            Some(jitter) => jitter.as_f64()?,
            None => 0.0,
        };
        match (fields.get("type")?.as_str()?, delay) {
            ("fixed", Some(delay)) => Some(Self::Fixed { delay, jitter }),
            ("exponential", Some(delay)) => Some(Self::Exponential { delay, jitter }),
            ("fixed" | "exponential", None) => None,
            (name, delay) => Some(Self::Custom { name: name.to_owned(), delay, jitter }),
        }
    }
}
