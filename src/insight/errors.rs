//! Failures by cause: which of ten thousand failed jobs failed for the same reason?
//!
//! A [`Cause`] is the message of the error without its values (numbers, ids, times, paths, quoted text)
//! and the first frame of one's own code. It is worked out of one job alone, so the same failure has the
//! same cause, and the same [`GroupId`], in every run and on every host.
//!
//! [`Failures`] reads the failed jobs of queues newest first, [`Causes`] works out why, [`Groups`] counts them
//! by cause in bounded memory; [`recent`] and [`present`] keep the counts current without reading all of it again.
//!
//! [`Failures`]: crate::engine::read::failures::Failures
//! [`recent`]: crate::engine::read::failures::recent
//! [`present`]: crate::engine::read::failures::present
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
mod causes;
mod chunk;
mod frame;
mod groups;
mod history;
mod likely;
mod moment;
mod number;
mod onset;
mod pattern;
mod quoted;
mod since;
mod stack;

pub use crate::engine::read::failures::Field;
pub use cause::{Cause, GroupId, NoGroupId, cause};
pub use causes::Causes;
pub use groups::{Example, Failure, Group, Groups, MEMBERS};
pub use history::{History, Rate, Span};
pub use onset::{Onset, Onsets};
pub use since::{Moment, TYPED};
