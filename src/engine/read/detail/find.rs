//! In which state a job is (spec 3.3; decisions, section 4).

use crate::conn::{Batch, Conn, ConnError, Kind, Request, Value, Verb};
use crate::wire::{Era, JobId, QueueId, State};

/// Elements of a list that are searched from either end at once: a whole list of a million takes
/// 19 ms of everybody's time.
const NEAR: u64 = 2_000;

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
        let mut asked = Vec::new();
        for state in State::AS_JOBS_MOVE {
            let key = queue.key(state.suffix());
            if state.is_list() {
                // From the tail first: waiting jobs run from there.
                for rank in [-1, 1] {
                    asked.push(Some(state));
                    let near = Request::new(Verb::LPos).arg(&key).arg(id.as_bytes());
                    batch.push(near.arg("RANK").arg(rank).arg("MAXLEN").arg(NEAR));
                }
                asked.push(None);
                batch.push(Request::new(Verb::LLen).arg(&key));
            } else if state != State::Prioritized || !matches!(era, Era::Bull3 | Era::Bull4) {
                asked.push(Some(state));
                batch.push(Request::new(Verb::ZScore).arg(&key).arg(id.as_bytes()));
            }
        }
        let replies = conn.batch(&batch).await?;
        let mut long = Vec::new();
        let mut list = State::Waiting;
        let mut found = None;
        for (state, reply) in asked.into_iter().zip(replies) {
            match (state, reply) {
                (Some(state), Value::Nil | Value::ServerError(_)) => list = state,
                (Some(state), _) => {
                    list = state;
                    found = found.or(Some(state));
                }
                // The length comes after the list it belongs to.
                (None, Value::Int(length)) if length.unsigned_abs() > 2 * NEAR => long.push(list),
                (None, _) => {}
            }
        }
        if found.is_some() {
            return Ok(found);
        }
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
