//! The jobs at the head of queues: how old is what waits, and which generation wrote it.

use crate::conn::{Batch, Conn, ConnError, Request, Verb, bytes, integer, items};
use crate::wire::era::JobFields;
use crate::wire::{JobId, QueueId, number};

/// Options up to this size are read for the delay in them.
const OPTIONS: i64 = 4096;

/// What is read of a job at a head.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Head {
    /// When it was created, ms.
    pub timestamp: Option<i64>,
    /// When it last started, ms.
    pub processed_on: Option<i64>,
    /// The delay that it was added with, ms: promoting resets the field `delay`, not the option.
    pub delay: i64,
    /// Which generation its fields are of.
    pub fields: JobFields,
}

impl Head {
    /// Since when it could have run: after its delay, or since it last ran (decisions, section 5).
    /// It was seen waiting at `seen_at`: a start later than that is the end of its waiting.
    pub fn ready_at(&self, seen_at: i64) -> Option<i64> {
        let added = self.timestamp.map(|at| at.saturating_add(self.delay));
        added.max(self.processed_on.filter(|at| *at < seen_at))
    }
}

/// Reads some jobs in two round trips; a job whose hash is gone has no times.
pub async fn heads(conn: &Conn, jobs: &[(QueueId, JobId)]) -> Result<Vec<Head>, ConnError> {
    let mut batch = Batch::new();
    for (queue, id) in jobs {
        let key = queue.job(id);
        let fields = ["timestamp", "processedOn", "atm", "ats", "attemptsMade"];
        batch.push(Request::new(Verb::HMGet).arg(&key).arg(&fields[..]));
        batch.push(Request::new(Verb::HStrLen).arg(&key).arg("opts"));
    }
    let replies = conn.batch(&batch).await?;
    let mut heads = Vec::with_capacity(jobs.len());
    let mut delayed = Vec::new();
    for (index, pair) in replies.chunks_exact(2).enumerate() {
        let values = items(&pair[0]);
        let number = |at: usize| values.get(at).and_then(bytes).and_then(number::whole);
        let has = |at: usize| values.get(at).and_then(bytes).is_some();
        let atm = has(2) || has(3);
        heads.push(Head {
            timestamp: number(0),
            processed_on: number(1),
            delay: 0,
            fields: JobFields { atm, attempts_made: has(4) && !atm },
        });
        // `{}` says nothing.
        if integer(&pair[1]).is_some_and(|size| (3..=OPTIONS).contains(&size)) {
            delayed.push(index);
        }
    }
    if delayed.is_empty() {
        return Ok(heads);
    }
    let mut batch = Batch::new();
    for index in &delayed {
        let (queue, id) = &jobs[*index];
        batch.push(Request::new(Verb::HGet).arg(queue.job(id)).arg("opts"));
    }
    for (index, reply) in delayed.into_iter().zip(conn.batch(&batch).await?) {
        heads[index].delay = bytes(&reply).and_then(delay).unwrap_or(0);
    }
    Ok(heads)
}

fn delay(opts: &[u8]) -> Option<i64> {
    let opts: serde_json::Value = serde_json::from_slice(opts).ok()?;
    let delay = opts.get("delay")?;
    delay.as_f64().map(number::real).filter(|ms| *ms > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn age_counts_from_when_it_could_have_run() {
        let head = Head { timestamp: Some(100), delay: 50, ..Head::default() };
        assert_eq!(head.ready_at(1_000), Some(150));
        assert_eq!(Head { processed_on: Some(900), ..head }.ready_at(1_000), Some(900));
        assert_eq!(Head { processed_on: Some(1_001), ..head }.ready_at(1_000), Some(150));
        assert_eq!(Head::default().ready_at(1_000), None);
    }

    #[test]
    fn the_delay_is_read_out_of_the_options() {
        assert_eq!(delay(br#"{"attempts":3,"delay":5000}"#), Some(5000));
        assert_eq!(delay(br#"{"delay":0}"#), None);
        assert_eq!(delay(b"nonsense"), None);
    }
}
