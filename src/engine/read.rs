//! What can be read of a queue, with plain commands only: an account without scripting suffices.

pub mod job;
pub mod overview;
pub mod page;

pub use overview::{Ask, Overview, counts, overview};
