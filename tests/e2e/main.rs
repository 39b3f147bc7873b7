//! The built program in a real pseudo-terminal, as a person would use it.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test, and what it calls, stops where something is wrong"
)]

#[path = "../support/mod.rs"]
mod support;

mod act;
mod exits;
mod find;
mod hostile;
mod monkey;
mod secrets;
mod silence;
mod terminal;
mod whole;
