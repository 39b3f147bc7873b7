//! Arguments of `toril doctor`.

use std::time::Duration;

use clap::Args;

use super::acts::{ActFlags, SaveFlags};
use super::engine::duration;
use crate::engine::read::doctor::Scope;

/// Arguments of `toril doctor`.
#[derive(Args, Debug, Clone)]
pub struct DoctorArgs {
    /// The queue: its name, or prefix:name; without it all queues and the server
    pub queue: Option<String>,
    /// Repair this finding, by its id, or `all` that have a safe repair; may be repeated
    #[arg(long, value_name = "ID")]
    pub fix: Vec<String>,
    /// How many jobs of each state of a queue are looked at, at most
    #[arg(long, default_value_t = 1_000, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=50_000))]
    pub scan: u64,
    /// How many keys of the server are walked over for jobs in no state, at most; 0 leaves that out
    #[arg(long, default_value_t = 100_000, value_name = "N")]
    pub keys: u64,
    /// How long after the first look the second comes: what has changed by then was no damage
    #[arg(long, default_value = "6s", value_name = "D", value_parser = duration)]
    pub again: Duration,
    /// Read as fast as Redis answers, instead of taking 1 % of it
    #[arg(long)]
    pub full_speed: bool,
    /// What is saved first.
    #[command(flatten)]
    pub save: SaveFlags,
    /// Flags of every act.
    #[command(flatten)]
    pub act: ActFlags,
}

impl DoctorArgs {
    /// How much is read, and how fast.
    pub fn scope(&self) -> Scope {
        let share = if self.full_speed { 1.0 } else { Scope::default().share };
        Scope { jobs: self.scan, keys: self.keys, again: self.again, share }
    }
}
