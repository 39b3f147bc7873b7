//! Schedulers: cases 60 to 64.

mod cron;
mod every;
mod next;
mod pair;
