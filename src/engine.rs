//! The queue engine.

pub mod op;
pub mod read;
