//! The monitor against real servers and real libraries.

mod first;
mod watching;
