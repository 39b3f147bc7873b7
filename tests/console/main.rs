//! The console without a terminal and without a server: states, keys, drawn cells.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test, and what it calls, stops where something is wrong"
)]

mod house;
mod job;
