//! What the engine reads of queues that real libraries wrote.

mod depth;
mod details;
mod lists;
pub mod seed;
pub mod viewer;
