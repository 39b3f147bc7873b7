//! `toril`: the console and engine for the queues that wait in Redis.
//!
//! The crate is a library first. Its layers import one way:
//!
//! ```text
//! text <- wire <- conn <- engine <- monitor, operate, insight <- app <- view <- shell <- cli
//! ```
//!
//! Everything up to `insight` builds without the default feature `console` and knows no screen.

#[cfg(feature = "console")]
pub mod app;
#[cfg(feature = "console")]
pub mod cli;
pub mod conn;
pub mod engine;
pub mod insight;
pub mod monitor;
pub mod operate;
#[cfg(feature = "console")]
pub mod shell;
pub mod text;
#[cfg(feature = "console")]
pub mod view;
pub mod wire;

/// Keeps the example of the README true.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
