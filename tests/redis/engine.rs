//! The engine beside the real libraries.

mod eras;
mod op;
pub mod ours;
mod worker;
mod worker_fleet;
mod worker_keys;
