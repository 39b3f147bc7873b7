//! Names as types. They hold bytes, because Redis does; they have no `Display`, because what is
//! shown goes through [`Clean`] and what a script reads goes through [`lossless`].

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use crate::text::{Clean, Mask, lossless};

macro_rules! bytes_type {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(Arc<[u8]>);

        impl $name {
            /// The bytes as they stand in Redis.
            pub fn as_bytes(&self) -> &[u8] {
                &self.0
            }

            /// The form that may be shown.
            pub fn clean(&self) -> Clean {
                Clean::line(&self.0)
            }

            /// The form for machine output: nothing dropped, invalid UTF-8 escaped.
            pub fn lossless(&self) -> Cow<'_, str> {
                lossless(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({})", stringify!($name), self.clean())
            }
        }
    };
}

bytes_type! {
    /// The part of a key before the queue: `bull`, `{tag}`, `app:prod:bull`.
    Prefix
}
bytes_type! {
    /// The name of a queue.
    QueueName
}
bytes_type! {
    /// The id of a job, as it stands in the queue's lists and at the end of its hash's key.
    JobId
}
bytes_type! {
    /// A lock token: who runs a job.
    Token
}
bytes_type! {
    /// A value out of Redis, kept byte for byte: payloads, errors, log lines.
    Raw
}

macro_rules! from_bytes {
    ($($name:ident)*) => {$(
        impl $name {
            /// Takes the bytes as they are.
            pub fn new(bytes: impl AsRef<[u8]>) -> Self {
                Self(Arc::from(bytes.as_ref()))
            }
        }
    )*};
}
from_bytes!(Prefix JobId Token Raw);

impl Raw {
    /// The value with its secrets masked; `name` is the field that holds it.
    #[must_use]
    pub fn masked(&self, mask: &Mask, name: &[u8]) -> Self {
        match mask.field(name, &self.0) {
            Cow::Borrowed(_) => self.clone(),
            Cow::Owned(masked) => Self::new(masked),
        }
    }
}

impl Default for Prefix {
    fn default() -> Self {
        Self::new("bull")
    }
}

/// Why a name cannot be used for a new queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// The name is empty.
    #[error("a queue name must not be empty")]
    Empty,
    /// `:` separates the parts of a key; BullMQ refuses it since 5.12.12.
    #[error("a queue name must not contain ':'")]
    Colon,
}

impl QueueName {
    /// A name for a queue that may be created.
    pub fn new(name: impl AsRef<[u8]>) -> Result<Self, NameError> {
        let name = name.as_ref();
        if name.is_empty() {
            return Err(NameError::Empty);
        }
        if name.contains(&b':') {
            return Err(NameError::Colon);
        }
        Ok(Self(Arc::from(name)))
    }

    /// The name of a queue that exists, whatever it is: Bull and BullMQ before 5.12.12 wrote
    /// names with colons.
    pub fn legacy(name: impl AsRef<[u8]>) -> Self {
        Self(Arc::from(name.as_ref()))
    }
}

/// Which queue: its prefix and its name. The identity of a row on screen and of an act.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct QueueId {
    /// The prefix of its keys.
    pub prefix: Prefix,
    /// Its name.
    pub name: QueueName,
}

impl QueueId {
    /// Joins the two.
    pub fn new(prefix: Prefix, name: QueueName) -> Self {
        Self { prefix, name }
    }

    /// `<prefix>:<queue>`, the *qualified name* that `parent.queueKey` holds.
    pub fn qualified(&self) -> Vec<u8> {
        [self.prefix.as_bytes(), b":", self.name.as_bytes()].concat()
    }

    /// The qualified name in the form that may be shown.
    pub fn clean(&self) -> Clean {
        Clean::line(self.qualified())
    }
}
