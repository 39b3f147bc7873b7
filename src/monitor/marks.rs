//! What happened to a queue or its server beside the figures: marks on the time axis of the charts, so
//! that cause and effect stand on one line. Made of what is read anyway.

use std::sync::Arc;

use super::redis::RedisHealth;
use super::snapshot::RatePoint;

/// Marks that are kept of a queue, and of the server.
const KEPT: usize = 32;
/// The same within this is one mark, ms: one column of a chart.
const SAME_MS: i64 = 10_000;
/// Failures in one interval that are a burst, at least ..
const BURST: f32 = 3.0;
/// .. and so many times what was usual before.
const TIMES: f32 = 3.0;
/// Intervals that tell what is usual.
const USUAL: usize = 12;
/// The length of an interval, s.
const INTERVAL_S: f32 = 10.0;

/// What happened.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Happened {
    /// Jobs began to fail, or far more than before: so many in one interval.
    Failures(u64),
    /// So many workers connected.
    WorkersCame(u64),
    /// So many workers went.
    WorkersLeft(u64),
    /// The queue was paused.
    Paused,
    /// The queue was resumed.
    Resumed,
    /// The server evicted so many keys.
    Evicted(u64),
    /// The server was started anew.
    Restarted,
    /// Another server took its place.
    FailedOver,
}

impl Happened {
    /// The same kind with both numbers, where the kind has one and is the same.
    fn with(self, other: Self) -> Option<Self> {
        Some(match (self, other) {
            (Self::Failures(one), Self::Failures(two)) => Self::Failures(one + two),
            (Self::WorkersCame(one), Self::WorkersCame(two)) => Self::WorkersCame(one + two),
            (Self::WorkersLeft(one), Self::WorkersLeft(two)) => Self::WorkersLeft(one + two),
            (Self::Evicted(one), Self::Evicted(two)) => Self::Evicted(one + two),
            (one, two) if one == two => one,
            _ => return None,
        })
    }
}

/// Something that happened.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Mark {
    /// When it was first seen, ms since the epoch by this host.
    pub at: i64,
    /// What.
    pub what: Happened,
}

/// The newest marks, oldest first.
pub type Marks = Arc<[Mark]>;

/// Adds a mark; one of the same kind that has just been made takes it up.
pub(super) fn note(marks: &mut Marks, at: i64, what: Happened) {
    let mut all = marks.to_vec();
    let mut near = all.iter_mut().rev().take_while(|mark| at - mark.at < SAME_MS);
    let taken = near.find_map(|mark| Some((mark.what.with(what)?, mark)));
    if let Some((both, mark)) = taken {
        mark.what = both;
    } else {
        all.push(Mark { at, what });
        let over = all.len().saturating_sub(KEPT);
        all.drain(..over);
    }
    *marks = all.into();
}

/// Whether failures began in the last interval of a history: how many there were.
pub(super) fn burst(history: &[RatePoint]) -> Option<u64> {
    let (last, before) = history.split_last()?;
    let count = last.failed * INTERVAL_S;
    let before = &before[before.len().saturating_sub(USUAL)..];
    let usual = before.iter().map(|point| point.failed).sum::<f32>() / before.len().max(1) as f32;
    // A burst that goes on is marked where it began.
    let begins = before.last().is_none_or(|point| point.failed * TIMES <= last.failed);
    (!before.is_empty() && count >= BURST && last.failed >= usual * TIMES && begins)
        .then(|| count.round() as u64)
}

/// What two looks at a server tell.
pub(super) fn of_server(marks: &mut Marks, before: &RedisHealth, now: &RedisHealth) {
    let at = now.at;
    if before.run_id != now.run_id && !before.run_id.is_empty() {
        let since_s = u64::try_from(at.saturating_sub(before.at) / 1000).unwrap_or(0);
        // One that has run for longer than we know of it is another.
        let fresh = now.uptime_s <= since_s + 5;
        note(marks, at, if fresh { Happened::Restarted } else { Happened::FailedOver });
    } else if before.role != now.role && !before.role.is_empty() {
        note(marks, at, Happened::FailedOver);
    } else if now.evicted > before.evicted {
        note(marks, at, Happened::Evicted(now.evicted - before.evicted));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::Clean;

    fn points(failed: &[f32]) -> Vec<RatePoint> {
        failed.iter().map(|failed| RatePoint { failed: *failed, ..RatePoint::default() }).collect()
    }

    #[test]
    fn a_burst_is_marked_where_it_begins() {
        assert_eq!(burst(&points(&[0.0, 0.0, 2.0])), Some(20));
        assert_eq!(burst(&points(&[0.0, 2.0, 2.0])), None, "it goes on");
        assert_eq!(burst(&points(&[1.0, 1.0, 1.2])), None, "as usual");
        assert_eq!(burst(&points(&[0.1, 0.1, 4.0])), Some(40));
        assert_eq!(burst(&points(&[0.0, 0.1])), None, "one job");
        assert_eq!(burst(&points(&[9.0])), None, "nothing is known of before");
    }

    #[test]
    fn the_same_within_a_column_is_one_mark_and_they_are_bounded() {
        let mut marks = Marks::default();
        note(&mut marks, 0, Happened::WorkersLeft(1));
        note(&mut marks, 3_000, Happened::Paused);
        note(&mut marks, 4_000, Happened::WorkersLeft(2));
        assert_eq!(
            &*marks,
            [Mark { at: 0, what: Happened::WorkersLeft(3) }, Mark { at: 3_000, what: Happened::Paused }]
        );
        for n in 0..100 {
            note(&mut marks, 20_000 * n, Happened::Resumed);
        }
        assert_eq!((marks.len(), marks[0].at), (KEPT, 20_000 * 68));
    }

    #[test]
    fn a_server_that_is_another_one_is_told_from_one_that_started_anew() {
        let look = |at: i64, run_id: &str, uptime_s: u64, evicted: u64| RedisHealth {
            at,
            run_id: Clean::line(run_id),
            role: Clean::line("master"),
            uptime_s,
            evicted,
            ..RedisHealth::default()
        };
        let mut marks = Marks::default();
        of_server(&mut marks, &look(0, "a", 100, 5), &look(2_000, "a", 102, 5));
        assert!(marks.is_empty(), "nothing happened");
        of_server(&mut marks, &look(2_000, "a", 102, 5), &look(4_000, "a", 104, 9));
        of_server(&mut marks, &look(4_000, "a", 104, 9), &look(30_000, "b", 3, 0));
        of_server(&mut marks, &look(30_000, "b", 3, 0), &look(60_000, "c", 9_000, 0));
        let what: Vec<Happened> = marks.iter().map(|mark| mark.what).collect();
        assert_eq!(what, [Happened::Evicted(4), Happened::Restarted, Happened::FailedOver]);
    }
}
