//! What figures mean: pure analysis of the read model.

pub mod fault;
pub mod server;

pub use fault::{Fault, faults};
