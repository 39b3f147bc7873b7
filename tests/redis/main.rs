//! Tests against a real server: each starts its own.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test, and what it calls, stops where something is wrong"
)]

#[path = "../support/mod.rs"]
mod support;

mod bulk;
mod cli;
mod conn;
mod demo;
mod differential;
mod doctor;
mod documents;
mod engine;
mod errors;
mod examples;
mod faults;
mod fleet;
mod flows;
mod harness;
mod monitor;
mod operate;
mod parity;
mod read;
mod soak;
mod undo;
mod vocabulary;
mod wake;
mod walk;
mod why;
