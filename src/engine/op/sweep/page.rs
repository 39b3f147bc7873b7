//! Which ids a chunk is made of.

use std::time::{Duration, Instant};

use super::Sweep;
use crate::conn::{Batch, Conn, ConnError, Request, Value, Verb, bytes, integer, items};
use crate::wire::{JobId, State};

/// Pages that are read in one go: a round trip costs Redis as much as ten jobs.
const PAGES: usize = 8;
/// Ids of one reading: a quarter of a millisecond.
const IDS: usize = 2000;
/// Ids that were read longer ago are read again: workers may have taken them.
const FRESH: Duration = Duration::from_millis(50);

impl Sweep {
    /// At most `most` ids behind those that were stepped over.
    pub(super) async fn next_page(
        &mut self,
        conn: &Conn,
        state: State,
        most: usize,
    ) -> Result<Vec<JobId>, ConnError> {
        if self.ahead.is_empty() || self.read_at.elapsed() > FRESH {
            let wanted = most * (IDS / most).clamp(1, PAGES);
            self.ahead = self.read(conn, state, wanted).await?.into();
            self.read_at = Instant::now();
        }
        let some = self.ahead.len().min(most);
        Ok(self.ahead.drain(..some).collect())
    }

    /// Ids from the old end, behind those that were stepped over.
    async fn read(&self, conn: &Conn, state: State, most: usize) -> Result<Vec<JobId>, ConnError> {
        let key = self.target.queue.key(state.suffix());
        let (skipped, most) = (self.skipped, most as u64);
        if state.is_list() {
            let (from, to) = (skipped + most, skipped + 1);
            let range = Request::new(Verb::LRange).arg(key).arg(format!("-{from}")).arg(format!("-{to}"));
            let reply = conn.call(range).await?;
            return Ok(items(&reply).iter().rev().filter_map(bytes).map(JobId::new).collect());
        }
        let range = Request::new(Verb::ZRange).arg(&key).arg(skipped).arg(skipped + most - 1);
        let Some(until) = self.until.filter(|_| timed(state)) else {
            let reply = conn.call(range).await?;
            return Ok(items(&reply).iter().filter_map(bytes).map(JobId::new).collect());
        };
        // By rank, as many as are in time: a range by score would walk over what was stepped over.
        let in_time = Request::new(Verb::ZCount).arg(key).arg("-inf").arg(until);
        let mut batch = Batch::from(range);
        batch.push(in_time);
        let mut replies = conn.batch(&batch).await?.into_iter();
        let page = ConnError::check(replies.next().unwrap_or(Value::Nil))?;
        let in_time = ConnError::check(replies.next().unwrap_or(Value::Nil))?;
        let in_time = integer(&in_time).and_then(|count| u64::try_from(count).ok()).unwrap_or(0);
        let most = usize::try_from(in_time.saturating_sub(skipped)).unwrap_or(usize::MAX);
        Ok(items(&page).iter().take(most).filter_map(bytes).map(JobId::new).collect())
    }

    /// Leaves out wake-up markers and jobs that were added, or ran, after the moment.
    pub(super) async fn eligible(
        &self,
        conn: &Conn,
        state: State,
        page: Vec<JobId>,
    ) -> Result<Vec<JobId>, ConnError> {
        let Some(until) = self.until.filter(|_| !timed(state)) else {
            return Ok(page.into_iter().filter(|id| !id.is_marker()).collect());
        };
        let mut batch = Batch::new();
        for id in &page {
            let job = self.target.queue.job(id);
            batch.push(Request::new(Verb::HMGet).arg(job).arg("timestamp").arg("processedOn"));
        }
        let replies = conn.batch(&batch).await?;
        let before = |value: Option<&Value>| value.and_then(integer).is_none_or(|at| at <= until);
        let old = |reply: &Value| before(items(reply).first()) && before(items(reply).get(1));
        let both = page.into_iter().zip(&replies);
        Ok(both.filter(|(id, reply)| !id.is_marker() && old(reply)).map(|(id, _)| id).collect())
    }
}

/// Whether the score is the moment at which the job entered the state (spec 1.3).
const fn timed(state: State) -> bool {
    matches!(state, State::Completed | State::Failed | State::WaitingChildren)
}
