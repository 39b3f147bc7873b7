//! In which state a job is (spec 3.3; decisions, section 4).

use crate::conn::{Batch, Conn, ConnError, Kind, Request, Value, Verb, integer};
use crate::wire::{Era, JobId, QueueId, State};

/// Elements of a list that are searched from either end at once: a whole list of a million takes
/// 19 ms of everybody's time.
const NEAR: u64 = 2_000;

/// The states that an era has; Bull's queues have no `prioritized`.
fn states(era: Era) -> impl Iterator<Item = State> {
    let bull = matches!(era, Era::Bull3 | Era::Bull4);
    State::AS_JOBS_MOVE.into_iter().filter(move |state| !bull || *state != State::Prioritized)
}

/// Asks where a job is: sets by its score, lists from both ends.
pub(in crate::engine::read) fn ask_state(batch: &mut Batch, era: Era, queue: &QueueId, id: &JobId) {
    for state in states(era) {
        let key = queue.key(state.suffix());
        if state.is_list() {
            // From the tail first: waiting jobs run from there.
            for rank in [-1, 1] {
                let near = Request::new(Verb::LPos).arg(&key).arg(id.as_bytes());
                batch.push(near.arg("RANK").arg(rank).arg("MAXLEN").arg(NEAR));
            }
        } else {
            batch.push(Request::new(Verb::ZScore).arg(&key).arg(id.as_bytes()));
        }
    }
}

/// What the replies to [`ask_state`] tell, all of which it takes. `None`: nowhere, or deep in a list
/// ([`ask_long`]).
pub(in crate::engine::read) fn tell_state<'a>(
    era: Era,
    replies: &mut impl Iterator<Item = &'a Value>,
) -> Option<State> {
    let mut found = None;
    for state in states(era) {
        for _ in 0..if state.is_list() { 2 } else { 1 } {
            // A key of another type, or one that may not be read, holds nothing.
            let hit = !matches!(replies.next(), None | Some(Value::Nil | Value::ServerError(_)));
            found = found.or(hit.then_some(state));
        }
    }
    found
}

/// Asks which lists of a queue are longer than what [`ask_state`] searches of them.
pub(in crate::engine::read) fn ask_long(batch: &mut Batch, queue: &QueueId) {
    for state in State::AS_JOBS_MOVE.into_iter().filter(|state| state.is_list()) {
        batch.push(Request::new(Verb::LLen).arg(queue.key(state.suffix())));
    }
}

/// Those lists; takes all replies to [`ask_long`].
pub(in crate::engine::read) fn tell_long<'a>(replies: &mut impl Iterator<Item = &'a Value>) -> Vec<State> {
    let lists = State::AS_JOBS_MOVE.into_iter().filter(|state| state.is_list());
    // All replies are taken, whatever they say.
    let lengths: Vec<_> = lists.map(|state| (state, replies.next().and_then(integer))).collect();
    let long = |length: &Option<i64>| length.is_some_and(|length| length.unsigned_abs() > 2 * NEAR);
    lengths.into_iter().filter(|(_, length)| long(length)).map(|(state, _)| state).collect()
}

/// Looks for a job; `None` when it is in no structure of the queue. `known` is where it was last
/// seen: deep in a long list it is believed rather than searched for.
pub async fn find_state(
    conn: &Conn,
    era: Era,
    queue: &QueueId,
    id: &JobId,
    known: Option<State>,
) -> Result<Option<State>, ConnError> {
    for _ in 0..2 {
        let mut batch = Batch::new();
        ask_state(&mut batch, era, queue, id);
        ask_long(&mut batch, queue);
        let replies = conn.batch(&batch).await?;
        let mut replies = replies.iter();
        if let Some(found) = tell_state(era, &mut replies) {
            return Ok(Some(found));
        }
        let long = tell_long(&mut replies);
        if let Some(state) = known.filter(|state| long.contains(state)) {
            return Ok(Some(state));
        }
        for state in long {
            let whole = Request::new(Verb::LPos).arg(queue.key(state.suffix())).arg(id.as_bytes());
            match conn.call(whole).await {
                Ok(Value::Nil) => {}
                Ok(_) => return Ok(Some(state)),
                // An old server without LPOS, or a foreign key: not found there.
                Err(error) if matches!(error.kind, Kind::Reply) => {}
                Err(error) => return Err(error),
            }
        }
    }
    Ok(None)
}
