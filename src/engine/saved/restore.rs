//! Putting a saved job back.

use super::{Bytes, Saved};
use crate::conn::{Conn, ConnError, Run, Value, integer, items, text};
use crate::engine::op::{Code, OpError};
use crate::engine::script::{era_argument, queue_keys, script};
use crate::wire::WriteEra;

/// Something of a job that could not be put back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Left {
    /// Its deduplication id is owned by a newer job.
    DeduplicationTaken,
    /// Its deduplication id would be free by now.
    DeduplicationOver,
    /// Its parent is gone.
    ParentGone,
    /// Its parent runs or has run without it.
    ParentRuns,
    /// All its children ended meanwhile: it is ready instead of waiting for them.
    Released,
    /// A scheduler that ran meanwhile.
    Anew,
    /// A scheduler whose next run is over.
    NoRun,
}

impl Left {
    fn parse(word: &str) -> Option<Self> {
        Some(match word {
            "deduplication-taken" => Self::DeduplicationTaken,
            "deduplication-over" => Self::DeduplicationOver,
            "parent-gone" => Self::ParentGone,
            "parent-runs" => Self::ParentRuns,
            "released" => Self::Released,
            _ => return None,
        })
    }

    /// A sentence for people, without the id.
    pub const fn sentence(self) -> &'static str {
        match self {
            Self::DeduplicationTaken => "Its deduplication id is owned by a newer job by now.",
            Self::DeduplicationOver => "Its deduplication id has run out meanwhile.",
            Self::ParentGone => "Its parent is gone; it runs by itself.",
            Self::ParentRuns => "Its parent was released without it and does not wait for it any more.",
            Self::Anew => "The scheduler ran meanwhile: its old schedule begins anew.",
            Self::NoRun => {
                "Its next run was done meanwhile, and no other is planned: add the schedule again with its library."
            }
            Self::Released => "All its children ended meanwhile; it is ready to run.",
        }
    }
}

/// What became of one saved job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Restored {
    /// It is back, but for these.
    Back(Vec<Left>),
    /// It is not: [`Code::Taken`], [`Code::WrongEra`] or [`Code::Damaged`].
    Refused(Code),
}

/// Puts jobs back, each in one script, in order and in one round trip. An `Err` of the whole means
/// that the link failed, and then it is unknown how many are back; a second call refuses those.
pub async fn restore(
    conn: &Conn,
    era: WriteEra,
    jobs: &[Saved],
) -> Result<Vec<Result<Restored, OpError>>, OpError> {
    if jobs.is_empty() {
        return Ok(Vec::new());
    }
    let script = script!("operation", "restore", ["decided", "event", "push", "insert", "job", "flow"]);
    let runs: Vec<Run> = jobs.iter().map(|saved| run(era, saved)).collect();
    let replies = conn.eval_many(script, &runs).await?;
    Ok(replies
        .into_iter()
        .map(|reply| {
            let reply = ConnError::check(reply)?;
            answer(&reply).ok_or(OpError::Shape { script: script.name })
        })
        .collect())
}

fn answer(reply: &Value) -> Option<Restored> {
    let reply = items(reply);
    let code = integer(reply.first()?)?;
    if code != 1 {
        return Code::from_restore(code).map(Restored::Refused);
    }
    Some(Restored::Back(reply[1..].iter().filter_map(text).filter_map(Left::parse).collect()))
}

fn run(era: WriteEra, saved: &Saved) -> Run {
    let queue = saved.queue();
    let raw = |bytes: Option<&Bytes>| bytes.map(|bytes| bytes.0.clone()).unwrap_or_default();
    let place = saved.place.as_ref();
    let parent = saved.parent.as_ref();
    let dedup = saved.dedup.as_ref();
    let mut args = vec![
        era_argument(era),
        queue.base(),
        saved.id.0.clone(),
        saved.state().map(|state| state.suffix().into()).unwrap_or_default(),
        raw(place.and_then(|place| place.score.as_ref())),
        raw(place.and_then(|place| place.next.as_ref())),
        raw(saved.rank.as_ref()),
        raw(dedup.map(|dedup| &dedup.id)),
        dedup.and_then(|dedup| dedup.until).map(|until| until.to_string().into_bytes()).unwrap_or_default(),
        raw(parent.map(|parent| &parent.key)),
        raw(parent.map(|parent| &parent.base)),
        raw(parent.map(|parent| &parent.id)),
        raw(parent.and_then(|parent| parent.waiting.as_ref())),
    ];
    let mut block = |values: Vec<&Bytes>| {
        args.push(values.len().to_string().into_bytes());
        args.extend(values.into_iter().map(|bytes| bytes.0.clone()));
    };
    let pairs = |pairs: &'_ [(Bytes, Bytes)]| -> Vec<Bytes> {
        pairs.iter().flat_map(|(name, value)| [name.clone(), value.clone()]).collect()
    };
    block(pairs(&saved.fields).iter().collect());
    block(saved.logs.iter().collect());
    block(saved.dependencies.iter().collect());
    block(pairs(&saved.processed).iter().collect());
    block(pairs(&saved.ignored).iter().collect());
    block(pairs(&saved.unsuccessful).iter().collect());
    (queue_keys(&queue), args)
}
