//! The demo: a private, throw-away Redis with made-up work that a person can play with.
//!
//! The server runs below a child of ours ([`serve`]) that holds a pipe to us and cleans up at its
//! end, so nothing stays behind however we end. The work is made by our own engine.

mod cache;
mod catalog;
mod failures;
mod guard;
mod headless;
mod history;
mod live;
mod payload;
mod program;
mod rng;
mod server;
pub mod workload;

pub use guard::serve;
pub use headless::headless;
pub use server::{DemoError, DemoServer};
