//! The queue engine.

pub mod read;
