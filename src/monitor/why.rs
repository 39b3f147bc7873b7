//! One close look at one queue: all that tells why it does not move. Two of them about a second apart
//! tell what is a passing state and what is not; [`crate::insight::why`] judges them.
//!
//! A look is four round trips of plain bounded reads: counts, lists and ids, the hashes of a sample of
//! jobs, and their children. With 50 active jobs it is about 250 commands, half a millisecond of Redis.

mod clients;
mod jobs;
mod keys;
mod server;

use crate::conn::{Conn, ConnError, Kind};
use crate::engine::read::overview::overview;
use crate::engine::read::{Ask, Overview, standings};
use crate::text::{Clean, Mask};
use crate::wire::era::decide;
use crate::wire::{Counts, Era, QueueId};

pub use crate::engine::read::child::ChildState;
pub use clients::Clients;
pub use jobs::{Child, Parent, Running, Sampled, Samples};
pub use keys::{Keys, Mistyped};
pub use server::Server;

/// Schedulers that are looked at, those that run next.
const SCHEDULERS: u64 = 50;

/// What a look found.
#[derive(Clone, PartialEq, Debug)]
pub enum Sight {
    /// The queue.
    Queue(Box<Look>),
    /// The server answers nobody: it loads, a script blocks it, its master is away.
    Server(ConnError),
}

/// A queue, looked at closely.
#[derive(Clone, PartialEq, Debug)]
pub struct Look {
    /// Which queue.
    pub queue: QueueId,
    /// When, ms since the epoch by Redis's clock.
    pub at: i64,
    /// Its counts and settings.
    pub overview: Overview,
    /// Who writes it.
    pub era: Era,
    /// The evidence for that, in words.
    pub era_note: Vec<Clean>,
    /// Jobs by state.
    pub counts: Counts,
    /// Its keys: their types, its markers, its limiter.
    pub keys: Keys,
    /// Jobs of each state, a few, and schedulers.
    pub samples: Samples,
    /// Who is connected to work on it.
    pub clients: Clients,
    /// The server.
    pub server: Server,
    /// What could not be read, and why: it is said as not known.
    pub not_known: Vec<Clean>,
}

impl Sight {
    /// The same with secrets in the texts of jobs and commands masked.
    #[must_use]
    pub fn masked(mut self, mask: &Mask) -> Self {
        if let Self::Queue(look) = &mut self {
            for child in look.samples.parents.iter_mut().flat_map(|parent| &mut parent.children) {
                child.reason = mask.clean(&child.reason);
            }
            for name in look.samples.running.iter_mut().filter_map(|job| job.name.as_mut()) {
                *name = mask.clean(name);
            }
            let slow = look.server.health.iter_mut().filter_map(|health| health.slow_log.as_mut()).flatten();
            for entry in slow {
                entry.command = mask.clean(&entry.command);
            }
        }
        self
    }
}

impl Look {
    /// Jobs that would run now if nothing held the queue back.
    pub fn ready(&self) -> u64 {
        self.counts.ready(self.era)
    }

    /// Those, and the jobs that run.
    pub fn work(&self) -> u64 {
        self.ready().saturating_add(self.counts.active)
    }
}

/// Looks at a queue. The look before lets a long list of clients be taken over for some seconds
/// instead of being asked for again.
///
/// What the account may not read is left out and told in [`Look::not_known`]. A server that refuses
/// all commands is an answer ([`Sight::Server`]); one that gives none is an error.
pub async fn look(conn: &Conn, queue: &QueueId, before: Option<&Look>) -> Result<Sight, ConnError> {
    match look_at(conn, queue, before).await {
        Ok(look) => Ok(Sight::Queue(Box::new(look))),
        // A lost link or a silent server says nothing of the queue.
        Err(error) if matches!(error.kind, Kind::Busy | Kind::Loading) => Ok(Sight::Server(error)),
        Err(error) => Err(error),
    }
}

async fn look_at(conn: &Conn, queue: &QueueId, before: Option<&Look>) -> Result<Look, ConnError> {
    let mut not_known = Vec::new();
    let asks = [Ask::first(queue)];
    let (server, clients, first) = tokio::join!(
        server::read(conn),
        clients::read(conn, queue, before.map(|look| &look.clients)),
        overview(conn, &asks),
    );
    let (time, mut found) = first?;
    let mut overview = found.pop().unwrap_or_default();
    let at = time.unwrap_or_default();
    if let Some(error) = &overview.error {
        not_known.push(Clean::line(format!("a part of its keys: {error}")));
    }
    let clients = permitted(clients, Clients::NotPermitted, "workers: CLIENT LIST", &mut not_known)?;
    let (server, missing) = permitted(server, Default::default(), "the server: INFO", &mut not_known)?;
    not_known.extend(missing);
    let keys = keys::read(conn, queue, at).await?;
    let mut samples = jobs::read(conn, queue, &keys, at).await?;
    // As a command that looks once does: only where nothing but its version speaks for it, or nothing at all.
    let mut era = (Era::Unknown, Vec::new());
    if let Some(evidence) = &mut overview.evidence {
        evidence.groups &= !keys.job_named_groups;
        era = decide(evidence);
        if !evidence.marker && matches!(era.0, Era::V5 | Era::V6 | Era::Unknown) {
            evidence.jobs = samples.fields;
            evidence.waits = clients.waits();
            era = decide(evidence);
        }
    }
    if overview.repeat > 0 {
        let listed = standings(conn, era.0, queue, 0, SCHEDULERS).await;
        let listed = permitted(listed, Default::default(), "its schedulers", &mut not_known)?;
        samples.schedulers = listed.1;
    }
    let counts = overview.counts(era.0);
    let (era, era_note) = era;
    Ok(Look {
        queue: queue.clone(),
        at,
        overview,
        era,
        era_note,
        counts,
        keys,
        samples,
        clients,
        server,
        not_known,
    })
}

/// What an account may not ask is not known; any other error is one.
fn permitted<T>(
    answer: Result<T, ConnError>,
    otherwise: T,
    what: &str,
    not_known: &mut Vec<Clean>,
) -> Result<T, ConnError> {
    match answer {
        Ok(answer) => Ok(answer),
        Err(error) if matches!(error.kind, Kind::Permission | Kind::Reply) => {
            not_known.push(Clean::line(format!("{what} is not permitted")));
            Ok(otherwise)
        }
        Err(error) => Err(error),
    }
}
