//! Putting back what an act took away.

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::trash::{Bag, Contents, Item};
use super::{End, Failure, Progress};
use crate::conn::Conn;
use crate::engine::op::{Code, OpError};
use crate::engine::saved::{
    Left, PutBack, Restored, Saved, SavedSchedule, restore, restore_keys, restore_schedule, revert, unmend,
};
use crate::text::{Clean, lossless};
use crate::wire::{JobId, WriteEra};

/// Jobs in one round trip, each its own script.
const CHUNK: usize = 50;
/// Reasons that are kept.
const FAILURES: usize = 1000;

/// What was put back.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Undone {
    /// The counts: `done` are back, `changed` had been taken again, `failed` were refused.
    pub progress: Progress,
    /// Keys of the queue itself that got something back.
    pub keys: u64,
    /// What could not be put back, the first 1,000.
    pub failures: Vec<Failure>,
    /// What is back, but not wholly: how many jobs, by what is missing.
    pub left: Vec<(Left, u64)>,
    /// Why it ended before the end; `None`: every job had its turn.
    pub broken: Option<OpError>,
    /// It was cancelled between two chunks.
    pub cancelled: bool,
}

impl Undone {
    /// Whether something is left that a later undo may put back: it was stopped, or a job was refused for another
    /// reason than that something newer stands there.
    pub const fn is_partial(&self) -> bool {
        self.cancelled || self.broken.is_some() || self.progress.failed > 0
    }

    /// How it ended.
    pub fn end(&self) -> End {
        match &self.broken {
            Some(error) if error.is_unknown_outcome() => {
                End::Unknown { ids: Vec::new(), error: error.clone() }
            }
            Some(error) => End::Failed(error.clone()),
            None if self.cancelled => End::Cancelled,
            None => End::Finished,
        }
    }
}

/// Puts saved jobs back, the last one that went first, so that each finds its neighbours. What is
/// there by now is never overwritten; a job whose ancestor could not be put back is left out. What is back is
/// noted in `bag`, so that an undo that goes on later does not put it back twice.
pub(super) async fn undo(
    conn: &Conn,
    era: WriteEra,
    kept: &Contents,
    mut bag: Option<Bag>,
    progress: &watch::Sender<Progress>,
    cancel: &CancellationToken,
) -> Undone {
    let mut out = Undone::default();
    let jobs = kept.jobs.as_slice();
    out.progress.matched = jobs.len() as u64;
    progress.send_replace(out.progress);
    // The settings first: they say whose queue it is.
    match restore_keys(conn, era, &kept.keys).await {
        Ok(keys) => out.keys = keys,
        Err(error) => {
            out.broken = Some(error);
            return out;
        }
    }
    out.progress.matched += (kept.edits.len() + kept.schedules.len()) as u64 + u64::from(kept.mend.is_some());
    if let Some(mend) = &kept.mend {
        let code = unmend(conn, era, mend).await;
        taken_back(mend.job(), code, &mut out);
        progress.send_replace(out.progress);
    }
    // The last one first: each stood on what the one before it left.
    let edits = kept.edits.iter().rev().filter(|_| out.broken.is_none());
    for edit in edits.collect::<Vec<_>>() {
        let code = revert(conn, era, edit).await;
        taken_back(edit.job(), code, &mut out);
        progress.send_replace(out.progress);
        if out.broken.is_some() {
            break;
        }
    }
    let schedules = kept.schedules.iter().rev().filter(|_| out.broken.is_none());
    for schedule in schedules.collect::<Vec<_>>() {
        let done = out.progress.done;
        reschedule(conn, era, schedule, &mut out).await;
        progress.send_replace(out.progress);
        // An older one is not put back beside the one that took its place.
        if out.broken.is_some() || out.progress.done == done {
            break;
        }
    }
    let families = families(jobs);
    let mut rest = if out.broken.is_some() { &[][..] } else { families.as_slice() };
    while !rest.is_empty() {
        if cancel.is_cancelled() {
            out.cancelled = true;
            break;
        }
        // The heads first: without its ancestor a child would run for nobody.
        let (chunk, later) = rest.split_at(rest.len().min(CHUNK));
        rest = later;
        let heads: Vec<Saved> = chunk.iter().map(|family| family[0].clone()).collect();
        let back = match put(conn, era, &heads, &mut out).await {
            Ok(back) => back,
            Err(error) => {
                out.broken = Some(error);
                break;
            }
        };
        note(&mut bag, heads.iter().zip(&back)).await;
        let mut others = Vec::new();
        for (family, back) in chunk.iter().zip(back) {
            if back {
                others.extend(family[1..].iter().cloned());
            } else {
                out.progress.changed += family.len() as u64 - 1;
            }
        }
        for some in others.chunks(CHUNK) {
            match put(conn, era, some, &mut out).await {
                Ok(back) => note(&mut bag, some.iter().zip(&back)).await,
                Err(error) => {
                    out.broken = Some(error);
                    break;
                }
            }
        }
        progress.send_replace(out.progress);
        if out.broken.is_some() {
            break;
        }
    }
    progress.send_replace(out.progress);
    out
}

/// Puts one scheduler back.
async fn reschedule(conn: &Conn, era: WriteEra, saved: &SavedSchedule, out: &mut Undone) {
    let code = match restore_schedule(conn, era, saved).await {
        Ok(PutBack::Whole) => Ok(Code::Done),
        Ok(PutBack::Anew) => {
            out.left.push((Left::Anew, 1));
            Ok(Code::Done)
        }
        Ok(PutBack::NoRun) => {
            out.left.push((Left::NoRun, 1));
            Ok(Code::Done)
        }
        Ok(PutBack::Refused(code)) => Ok(code),
        Err(error) => Err(error),
    };
    taken_back(None, code, out);
}

/// What came of taking back an edit or a repair, where what it wrote still stands.
fn taken_back(id: Option<JobId>, code: Result<Code, OpError>, out: &mut Undone) {
    match code {
        Ok(Code::Done) => out.progress.done += 1,
        Ok(code) => {
            let counts = &mut out.progress;
            if matches!(code, Code::Changed | Code::Gone | Code::Over) {
                counts.changed += 1;
            } else {
                counts.failed += 1;
            }
            out.failures.push(Failure::refused(id, code));
        }
        Err(error) => {
            out.progress.failed += 1;
            out.failures.push(Failure::error(id, &error));
            out.broken = Some(error);
        }
    }
}

/// Each job with its descendants, the last family first.
fn families(jobs: &[Saved]) -> Vec<&[Saved]> {
    let mut families: Vec<&[Saved]> = jobs.chunk_by(|_, next| next.is_descendant()).collect();
    families.reverse();
    families
}

/// Notes which jobs are back. If that fails, a later undo meets those that are still there and leaves them.
async fn note(bag: &mut Option<Bag>, jobs: impl Iterator<Item = (&Saved, &bool)>) {
    let Some(bag) = bag else { return };
    let back = jobs.filter(|(_, back)| **back).map(|(job, _)| Item::Back(lossless(&job.key()).into_owned()));
    if let Err(error) = bag.put(&back.collect::<Vec<_>>()).await {
        tracing::warn!(%error, "the trash does not know which jobs are back");
    }
}

/// Whether each is back.
async fn put(conn: &Conn, era: WriteEra, jobs: &[Saved], out: &mut Undone) -> Result<Vec<bool>, OpError> {
    let answers = restore(conn, era, jobs).await?;
    Ok(jobs.iter().zip(answers).map(|(saved, answer)| tell(out, saved, answer)).collect())
}

fn tell(out: &mut Undone, saved: &Saved, answer: Result<Restored, OpError>) -> bool {
    let id = Some(JobId::new(saved.id()));
    let failure = match answer {
        Ok(Restored::Back(left)) => {
            out.progress.done += 1;
            for left in left {
                match out.left.iter_mut().find(|(known, _)| *known == left) {
                    Some((_, count)) => *count += 1,
                    None => out.left.push((left, 1)),
                }
            }
            return true;
        }
        Ok(Restored::Refused(code)) => {
            if code == Code::Taken {
                out.progress.changed += 1;
            } else {
                out.progress.failed += 1;
            }
            Failure { id, code: code.word(), message: Clean::line(code.sentence()) }
        }
        Err(error) => {
            out.progress.failed += 1;
            Failure::error(id, &error)
        }
    };
    if out.failures.len() < FAILURES {
        out.failures.push(failure);
    }
    false
}
