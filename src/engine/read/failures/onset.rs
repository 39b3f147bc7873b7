//! Looks at a queue's failures for when an error began: a few jobs, however many fail.

use super::{Failed, read};
use crate::conn::{Batch, Conn, ConnError, Request, Value, Verb, bytes, float, integer, items};
use crate::engine::read::walk::ABREAST;
use crate::wire::{JobId, QueueId};

/// Jobs of one part of a look.
pub const MOST: usize = 100;

/// What is looked at.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Span {
    /// The first look: what began at this moment or later, ms, and what had failed before it.
    Since(i64),
    /// Another one: what failed after the newest that was seen, ms.
    After(i64),
}

/// Where a failure stands in a look.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Part {
    /// Before the moment: the last ones.
    Before,
    /// From the moment on: the first ones.
    First,
    /// The newest; between the first and these some may not have been looked at.
    Last,
}

/// Reads at most [`MOST`] jobs of each part, oldest first, before what came later.
pub async fn onset(
    conn: &Conn,
    queue: &QueueId,
    span: Span,
    mut each: impl FnMut(Part, Failed<'_>),
) -> Result<(), ConnError> {
    let key = queue.key("failed");
    let last = MOST as u64 - 1;
    let newest = Request::new(Verb::ZRevRange).arg(&key).arg(0).arg(last).arg("WITHSCORES");
    let mut batch = Batch::new();
    batch.push(newest);
    if let Span::Since(from) = span {
        let first = Request::new(Verb::ZRangeByScore).arg(&key).arg(from).arg("+inf").arg("WITHSCORES");
        batch.push(first.arg("LIMIT").arg(0).arg(MOST));
        batch.push(Request::new(Verb::ZCount).arg(&key).arg("-inf").arg(format!("({from}")));
    }
    let replies = conn.batch(&batch).await?;
    let mut of = replies.iter().map(pairs);
    let mut last = of.next().unwrap_or_default();
    last.reverse();
    let first = of.next().unwrap_or_default();
    let (mut before, mut seen) = (Vec::new(), i64::MIN);
    match span {
        Span::After(at) => seen = at,
        Span::Since(from) => {
            let count = replies.get(2).and_then(integer).and_then(|n| u64::try_from(n).ok()).unwrap_or(0);
            if count > 0 {
                let begin = count.saturating_sub(MOST as u64);
                let range = Request::new(Verb::ZRange).arg(&key).arg(begin).arg(count - 1).arg("WITHSCORES");
                before = pairs(&conn.call(range).await?);
            }
            before.retain(|(_, at)| *at < from);
            seen = first.last().map_or(seen, |(_, at)| *at).max(from.saturating_sub(1));
        }
    }
    last.retain(|(_, at)| *at > seen);
    for (part, found) in [(Part::Before, before), (Part::First, first), (Part::Last, last)] {
        let jobs: Vec<(&QueueId, JobId, i64)> = found.into_iter().map(|(id, at)| (queue, id, at)).collect();
        for some in jobs.chunks(ABREAST) {
            read(conn, some, &mut |failed| each(part, failed)).await?;
        }
    }
    Ok(())
}

fn pairs(reply: &Value) -> Vec<(JobId, i64)> {
    let pair = |pair: &[Value]| Some((JobId::new(bytes(&pair[0])?), float(&pair[1])? as i64));
    items(reply).chunks_exact(2).filter_map(pair).collect()
}
