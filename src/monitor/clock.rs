//! The clock that the layers above `engine` share.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Milliseconds since the epoch that never jump: the wall clock at the start plus what a
/// monotonic clock has counted since.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    started: Instant,
    epoch_ms: i64,
}

impl Clock {
    /// Starts at the wall clock's time.
    pub fn start() -> Self {
        let epoch_ms = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(0, |since| i64::try_from(since.as_millis()).unwrap_or(i64::MAX));
        Self { started: Instant::now(), epoch_ms }
    }

    /// Starts at a time that is given, ms since the epoch: for a host whose clock is known to be wrong.
    pub fn starting_at(epoch_ms: i64) -> Self {
        Self { started: Instant::now(), epoch_ms }
    }

    /// Now, ms since the epoch by this host.
    pub fn now_ms(&self) -> i64 {
        self.at(Instant::now())
    }

    /// A moment of the monotonic clock as ms since the epoch by this host.
    pub fn at(&self, moment: Instant) -> i64 {
        let since = moment.saturating_duration_since(self.started);
        self.epoch_ms + i64::try_from(since.as_millis()).unwrap_or(0)
    }

    /// How long until `at_ms`; zero when it is past.
    pub fn until(&self, at_ms: i64) -> Duration {
        Duration::from_millis(u64::try_from(at_ms - self.now_ms()).unwrap_or(0))
    }
}
