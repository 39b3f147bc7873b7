//! The monitor against real servers and real libraries.

mod cost;
mod figures;
mod finding;
mod first;
mod fresh;
mod watching;
