//! Where jobs stand among the others.

use std::collections::HashMap;

use super::read::{PATIENCE, SaveError};
use super::{Bytes, Saved, Spot};
use crate::conn::{Batch, Conn, Request, Value, Verb, bytes, integer};
use crate::wire::{JobId, QueueId, State, WriteEra};

/// Where each job is, and Bull's index of priorities.
pub(super) async fn places(
    conn: &Conn,
    era: WriteEra,
    jobs: &[(QueueId, JobId)],
    known: Option<State>,
) -> Result<Vec<(Option<Spot>, Option<Bytes>)>, SaveError> {
    let bull = era == WriteEra::Bull4;
    let states: Vec<State> = State::AS_JOBS_MOVE
        .into_iter()
        .filter(|state| known.is_none_or(|known| known == *state))
        .filter(|state| !(bull && *state == State::Prioritized))
        .collect();
    let mut batch = Batch::new();
    for (queue, id) in jobs {
        for state in &states {
            let key = queue.key(state.suffix());
            // From the tail: the next to run, and the first to go.
            batch.push(if state.is_list() {
                Request::new(Verb::LPos).arg(key).arg(id.as_bytes()).arg("RANK").arg(-1)
            } else {
                Request::new(Verb::ZScore).arg(key).arg(id.as_bytes())
            });
        }
        batch.push(Request::new(Verb::ZScore).arg(queue.key("priority")).arg(id.as_bytes()));
    }
    let replies = conn.batch_within(&batch, PATIENCE).await?;
    let mut out = Vec::new();
    let mut right = Batch::new();
    let mut asked = Vec::new();
    for (at, ((queue, _), replies)) in jobs.iter().zip(replies.chunks_exact(states.len() + 1)).enumerate() {
        let mut spot = None;
        for (state, reply) in states.iter().zip(replies) {
            let found = match reply {
                Value::Nil | Value::ServerError(_) => continue,
                found => found,
            };
            let mut place = Spot { state: state.name().to_owned(), score: None, next: None };
            if state.is_list() {
                let index = integer(found).unwrap_or(0) + 1;
                right.push(Request::new(Verb::LIndex).arg(queue.key(state.suffix())).arg(index));
                asked.push(at);
            } else {
                place.score = bytes(found).map(Bytes::from);
            }
            spot = Some(place);
            break;
        }
        let rank = replies.last().filter(|_| bull).and_then(bytes).map(Bytes::from);
        out.push((spot, rank));
    }
    if !right.is_empty() {
        for (at, reply) in asked.into_iter().zip(conn.batch_within(&right, PATIENCE).await?) {
            if let Some(spot) = &mut out[at].0 {
                spot.next = bytes(&reply).filter(|id| !JobId::new(*id).is_marker()).map(Bytes::from);
            }
        }
    }
    Ok(out)
}

/// Each list place names the nearest job on the side of the next that is still there when its own
/// job goes: those that go before it do not count.
pub(super) fn neighbours(saved: &mut [Saved]) {
    let mut gone: HashMap<Vec<u8>, Option<Bytes>> = HashMap::new();
    for job in saved {
        let queue = job.queue();
        let key = job.key();
        let Some(place) = &mut job.place else { continue };
        while let Some(next) = &place.next {
            match gone.get(&queue.job(&JobId::new(next.0.as_slice()))) {
                Some(after) => place.next.clone_from(after),
                None => break,
            }
        }
        gone.insert(key, place.next.clone());
    }
}
