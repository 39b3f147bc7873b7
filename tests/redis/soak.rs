//! A fleet of BullMQ 5, BullMQ 6 and ours, producers and workers on one queue, while workers are
//! killed: at the end every job is where it belongs, once.
//!
//! A minute, or five with `TORIL_TEST_WHOLE=1`. The seed is printed; `TORIL_SOAK_SEED` takes it
//! again, `TORIL_SOAK_SECONDS` sets another length.

#![allow(clippy::print_stdout, reason = "the seed and the figures are what a failure is told by")]

pub mod audit;
pub mod fleet;
mod producer;
