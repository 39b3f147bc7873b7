//! Our producers and workers beside those of BullMQ 5.81 and 6.7: after the same steps both have
//! the same keys and the same events in the same order.
//!
//! A test that begins with `case_NN_` shows case NN of the list of cases; each case has one
//! (`documents.rs` looks).

mod add;
mod admin;
mod dedup;
mod events;
mod fetch;
mod finish;
mod fleet;
mod flow;
mod keep;
mod limits;
mod metrics;
mod operation;
mod options;
mod outcome;
pub mod pair;
mod roster;
mod schedule;
mod stalled;
