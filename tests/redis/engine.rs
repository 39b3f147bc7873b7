//! The engine beside the real libraries.

mod eras;
mod op;
mod ours;
mod worker;
mod worker_fleet;
mod worker_keys;
