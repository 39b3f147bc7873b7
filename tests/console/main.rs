//! The console without a terminal and without a server: states, keys, drawn cells.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::cast_possible_wrap,
    reason = "a test, and what it calls, stops where something is wrong"
)]

mod support;

mod doctor;
mod edit;
mod errors;
mod events;
mod find;
mod flow;
mod house;
mod job;
mod log;
mod marks;
mod mask;
mod modal;
mod redis;
mod schedulers;
mod silence;
mod sizes;
mod tabs;
mod why;
mod workers;
