//! What figures mean: pure analysis of the read model.

pub mod doctor;
pub mod document;
pub mod errors;
pub mod fault;
pub mod find;
pub mod flow;
pub mod scheduler;
pub mod server;
pub mod why;
pub mod workers;

pub use fault::{Fault, faults};
