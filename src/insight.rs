//! What figures mean: pure analysis of the read model.

pub mod fault;

pub use fault::{Fault, faults};
