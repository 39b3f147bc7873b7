//! Small things that several screens draw.

pub mod bar;
pub mod frame;
pub mod spark;
pub mod table;
