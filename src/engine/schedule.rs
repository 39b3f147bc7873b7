//! Jobs that come again: schedulers.

mod cron;
mod zone;

pub use cron::{Cron, CronError, CronField};
pub use zone::{Zone, ZoneError};
