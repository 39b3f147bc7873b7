//! Schedulers: cases 60 to 64.

mod cron;
