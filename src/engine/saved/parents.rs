//! Parents that a bulk removal takes along, because nothing is left that they wait for (spec 3.15, *hard*).

use std::collections::{HashMap, HashSet};

use super::{SaveError, Saved, Saving, save};
use crate::conn::{Batch, Conn, Request, Verb, integer};
use crate::engine::op::Target;
use crate::wire::{JobId, State};

/// A parent that waits for so many more than are about to go is saved as well: they may end before the act.
const MARGIN: u64 = 100;
/// Generations that are followed.
const DEEP: usize = 1_000;

/// As [`save`] without children, with the parents in the same queue that may go along when these jobs go, behind
/// them: put back last first, each child finds its parent. The second value names the parents that were not
/// among `ids`; those that stay were saved for nothing.
pub async fn save_with_parents(
    conn: &Conn,
    target: &Target,
    ids: &[JobId],
    saving: Saving,
) -> Result<(Vec<Saved>, Vec<JobId>), SaveError> {
    let (mut jobs, mut used) = save(conn, target, ids, saving).await?;
    let mut known: HashSet<Vec<u8>> = jobs.iter().map(Saved::key).collect();
    let mut parents = Vec::new();
    let mut level = endangered(conn, target, &jobs, &known).await?;
    for _ in 0..DEEP {
        if level.is_empty() {
            break;
        }
        let saving = Saving {
            state: Some(State::WaitingChildren),
            children: false,
            limit: saving.limit.saturating_sub(used),
        };
        let (found, bytes) = save(conn, target, &level, saving).await?;
        used += bytes;
        known.extend(found.iter().map(Saved::key));
        parents.append(&mut level);
        level = endangered(conn, target, &found, &known).await?;
        jobs.extend(found);
    }
    parents_last(&mut jobs);
    Ok((jobs, parents))
}

/// Parents of these jobs, in the same queue, of which few wait for others than these.
async fn endangered(
    conn: &Conn,
    target: &Target,
    jobs: &[Saved],
    known: &HashSet<Vec<u8>>,
) -> Result<Vec<JobId>, SaveError> {
    let base = target.queue.base();
    let mut waiting: Vec<(&[u8], u64)> = Vec::new();
    let mut at: HashMap<&[u8], usize> = HashMap::new();
    for tie in jobs.iter().filter_map(|job| job.parent.as_ref()) {
        if tie.base.0 != base || tie.waiting.is_none() || known.contains(&tie.key.0) {
            continue;
        }
        let at = *at.entry(&tie.id.0).or_insert(waiting.len());
        match waiting.get_mut(at) {
            Some((_, children)) => *children += 1,
            None => waiting.push((&tie.id.0, 1)),
        }
    }
    if waiting.is_empty() {
        return Ok(Vec::new());
    }
    let mut batch = Batch::new();
    for (id, _) in &waiting {
        batch.push(Request::new(Verb::SCard).arg(target.queue.satellite(&JobId::new(*id), "dependencies")));
    }
    let replies = conn.batch(&batch).await?;
    let few = waiting.iter().zip(&replies).filter(|((_, children), reply)| {
        let all = integer(reply).and_then(|all| u64::try_from(all).ok()).unwrap_or(0);
        all <= children + MARGIN
    });
    Ok(few.map(|((id, _), _)| JobId::new(*id)).collect())
}

/// Puts parents behind all that is below them.
fn parents_last(jobs: &mut [Saved]) {
    let at: HashMap<Vec<u8>, usize> = jobs.iter().enumerate().map(|(at, job)| (job.key(), at)).collect();
    let above: Vec<Option<usize>> =
        jobs.iter().map(|job| job.parent.as_ref().and_then(|tie| at.get(&tie.key.0).copied())).collect();
    let mut heights: HashMap<Vec<u8>, usize> = HashMap::new();
    for start in &above {
        let mut next = *start;
        for height in 1..=DEEP {
            let Some(parent) = next else { break };
            let known = heights.entry(jobs[parent].key()).or_default();
            if *known >= height {
                break;
            }
            *known = height;
            next = above[parent];
        }
    }
    if !heights.is_empty() {
        jobs.sort_by_cached_key(|job| heights.get(&job.key()).copied().unwrap_or(0));
    }
}
