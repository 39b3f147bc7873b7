//! Ours beside the real libraries: the same key space is given to both, both act, and whole key
//! spaces are compared; then a real worker of that era runs the job.
//!
//! What differs on purpose is a row of `docs/differences.md` and has a test of its own name here.

#![allow(
    clippy::needless_pass_by_value,
    reason = "`json!({})` as an argument reads better without a reference"
)]

mod bulk;
mod differences;
mod edits;
mod flows;
mod harm;
mod matrix;
pub mod pair;
mod promote;
mod queue;
mod remove;
mod repeatables;
mod retry;
mod schedulers;

use pair::Pair;
