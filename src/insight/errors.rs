//! Failures by cause: which of ten thousand failed jobs failed for the same reason?
//!
//! A [`Cause`] is the message of the error without its values (numbers, ids, times, paths, quoted text)
//! and the first frame of one's own code. It is worked out of one job alone, so the same failure has the
//! same cause, and the same [`GroupId`], in every run and on every host.
//!
//! [`Reader`] reads the failed jobs of queues newest first, [`Groups`] counts them by cause in bounded memory,
//! [`recent`] and [`present`] keep the counts current without reading all of it again.
//!
//! ```
//! use toril::insight::errors::{Field, cause};
//!
//! let of = |reason: &str| cause(Field::Value(reason.as_bytes()), Field::Absent);
//! assert_eq!(of("order 17 not found").message.as_str(), "order <n> not found");
//! assert_eq!(of("order 17 not found").id, of("order 99812 not found").id);
//! assert_ne!(of("got status 404 for order 17").id, of("got status 500 for order 17").id);
//! ```

mod address;
mod cause;
mod chunk;
mod frame;
mod groups;
mod history;
mod likely;
mod moment;
mod number;
mod pattern;
mod quoted;
mod read;
mod stack;

pub use cause::{Cause, Field, GroupId, NoGroupId, cause};
pub use groups::{Example, Failure, Group, Groups, MEMBERS};
pub use history::{History, Rate, Span};
pub use read::{Causes, Reader, present, recent};
