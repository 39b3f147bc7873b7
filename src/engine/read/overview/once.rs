//! One look at some queues, for a command that prints or acts and ends.

use std::collections::HashMap;

use super::{Ask, Overview, overview};
use crate::conn::{Conn, ConnError, Kind};
use crate::engine::read::heads::heads;
use crate::engine::read::workers;
use crate::wire::era::{Evidence, decide};
use crate::wire::{Counts, Era, JobId, QueueId};

/// Counts, era and all that the overview tells of some queues, once: for a command that prints and
/// ends. Asks in round trips of a few queues, some of them abreast.
pub async fn counts(conn: &Conn, queues: &[QueueId]) -> Result<Vec<(Overview, Era, Counts)>, ConnError> {
    let asks: Vec<Ask<'_>> = queues.iter().map(Ask::first).collect();
    let mut all = Vec::with_capacity(queues.len());
    for screen in asks.chunks(60) {
        let rounds = screen.chunks(12).map(|chunk| overview(conn, chunk));
        for round in futures_util::future::try_join_all(rounds).await? {
            for found in round.1 {
                let era = found.evidence.as_ref().map_or(Era::Unknown, |evidence| decide(evidence).0);
                let counts = found.counts(era);
                all.push((found, era, counts));
            }
        }
    }
    settle(conn, queues, &mut all).await?;
    Ok(all)
}

/// Looks closer where nothing but its version speaks for BullMQ 5 or 6: that is the version of whoever
/// opened the queue last (trap T22); and where nothing speaks at all: a flow's producer and a worker leave no
/// version. The jobs and the workers tell more.
async fn settle(
    conn: &Conn,
    queues: &[QueueId],
    all: &mut [(Overview, Era, Counts)],
) -> Result<(), ConnError> {
    let mut doubtful: HashMap<&QueueId, (&mut Evidence, Vec<JobId>)> = HashMap::new();
    for (queue, (found, era, _)) in queues.iter().zip(all.iter_mut()) {
        let Some(evidence) = found.evidence.as_mut().filter(|evidence| !evidence.marker) else { continue };
        if matches!(era, Era::V5 | Era::V6 | Era::Unknown) {
            let jobs = [&found.next, &found.newest_finished, &found.oldest_active];
            doubtful.insert(queue, (evidence, jobs.into_iter().flatten().cloned().collect()));
        }
    }
    if doubtful.is_empty() {
        return Ok(());
    }
    let jobs: Vec<(QueueId, JobId)> = doubtful
        .iter()
        .flat_map(|(queue, (_, jobs))| jobs.iter().map(|job| ((*queue).clone(), job.clone())))
        .collect();
    for chunk in jobs.chunks(60) {
        for ((queue, _), head) in chunk.iter().zip(heads(conn, chunk).await?) {
            if let Some((evidence, _)) = doubtful.get_mut(queue) {
                evidence.jobs.atm |= head.fields.atm;
                evidence.jobs.attempts_made |= head.fields.attempts_made;
            }
        }
    }
    let named: Vec<QueueId> = doubtful.keys().map(|queue| (*queue).clone()).collect();
    match workers(conn, &named).await {
        Ok(list) => {
            for worker in list {
                if let Some((evidence, _)) = doubtful.get_mut(&worker.queue) {
                    evidence.waits = worker.waits.or(evidence.waits);
                }
            }
        }
        // An account that may not list clients: the rest has to tell.
        Err(error) if matches!(error.kind, Kind::Permission | Kind::Reply) => {}
        Err(error) => return Err(error),
    }
    for (found, era, counts) in all {
        if let Some(evidence) = &found.evidence {
            *era = decide(evidence).0;
            *counts = found.counts(*era);
        }
    }
    Ok(())
}
