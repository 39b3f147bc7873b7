//! A job by its id, in many queues at once.

use crate::conn::{Batch, Conn, ConnError, Verb, bytes};
use crate::wire::{Era, JobId, QueueId, State};

/// Queues that are asked in one round trip.
const ABREAST: usize = 200;

/// Where a job is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Place {
    /// In which queue.
    pub queue: QueueId,
    /// Who writes that queue.
    pub era: Era,
    /// In which state; `None` when it is in no structure of the queue.
    pub state: Option<State>,
}

/// The queues that have a job of this id: one `TYPE` for each queue, in round trips of 200.
pub async fn by_id(conn: &Conn, queues: &[QueueId], id: &JobId) -> Result<Vec<Place>, ConnError> {
    let mut places = Vec::new();
    if id.is_reserved() || id.as_bytes().is_empty() {
        return Ok(places);
    }
    for chunk in queues.chunks(ABREAST) {
        let mut batch = Batch::new();
        for queue in chunk {
            batch.pack(Verb::Type, &[&queue.job(id)]);
        }
        let replies = conn.batch(&batch).await?;
        for (queue, reply) in chunk.iter().zip(replies) {
            if bytes(&ConnError::check(reply)?) != Some(b"hash") {
                continue;
            }
            let known = super::counts(conn, std::slice::from_ref(queue)).await?;
            let era = known.first().map_or(Era::Unknown, |(_, era, _)| *era);
            let state = super::find_state(conn, era, queue, id, None).await?;
            places.push(Place { queue: queue.clone(), era, state });
        }
    }
    Ok(places)
}
