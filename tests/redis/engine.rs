//! The engine beside the real libraries.

mod add_one;
mod bulk;
mod dead_letter;
mod eras;
mod events;
mod op;
pub mod ours;
mod waits;
mod worker;
mod worker_fleet;
mod worker_hostile;
mod worker_keys;
mod worker_loop;
mod worker_steer;
mod worker_wake;
