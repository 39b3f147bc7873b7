//! Why a queue does not move, or not as fast as it should: causes with their evidence, worst first.
//!
//! Two looks ([`crate::monitor::why`]) some time apart go in, a [`Diagnosis`] comes out. A cause that
//! may be a passing state is told only if both looks show it and nothing moved between them. One file
//! holds one cause or a few of a kind; each is a function from a [`Case`] to a [`Cause`].
//!
//! ```no_run
//! use toril::insight::why::diagnose;
//! use toril::monitor::why::look;
//! # async fn example(conn: toril::conn::Conn, queue: toril::wire::QueueId)
//! # -> Result<(), toril::conn::ConnError> {
//! let first = look(&conn, &queue, None).await?;
//! tokio::time::sleep(std::time::Duration::from_millis(1500)).await;
//! let second = look(&conn, &queue, None).await?;
//! for cause in diagnose(&queue, Some(&first), &second).causes {
//!     println!("{}: {}", cause.title, cause.advice);
//! }
//! # Ok(())
//! # }
//! ```

mod active;
mod case;
mod cause;
mod clock;
mod delayed;
mod era;
mod flows;
mod ghosts;
mod limits;
mod marker;
mod pace;
mod paused;
mod reserved;
mod schedulers;
mod server;
mod starved;
mod stuck;
mod workers;

use crate::monitor::Drain;
use crate::monitor::why::Sight;
use crate::text::{Clean, figure};
use crate::wire::QueueId;

pub use case::Case;
pub use cause::{Cause, Deed, Fact, Held, Value, Weight};
pub use pace::Pace;

/// Two looks are so far apart, ms: longer than a worker between two blocking calls needs.
pub const APART_MS: u64 = 1_500;
/// A look older than this is no first look any more, ms.
pub const OLD_MS: i64 = 10_000;

/// The causes, in the order in which those of one weight are told: what explains others first.
const CAUSES: [fn(&Case<'_>) -> Option<Cause>; 26] = [
    server::full,
    server::replica,
    server::unwritable,
    reserved::key,
    paused::paused,
    paused::split,
    workers::none,
    era::pro,
    workers::blind,
    limits::concurrency,
    limits::rate,
    workers::busy,
    workers::deaf,
    clock::behind,
    marker::missing,
    marker::stale,
    delayed::overdue,
    clock::ahead,
    delayed::all,
    starved::prioritized,
    active::orphans,
    ghosts::ghosts,
    flows::parents,
    schedulers::dead,
    server::evictions,
    server::slow,
];

/// What the queue does.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Motion {
    /// Jobs start or run.
    Moves,
    /// There is nothing to do now.
    Idle,
    /// There is something to do, and it is not done.
    Stands,
}

impl Motion {
    /// Its word in JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Moves => "moves",
            Self::Idle => "idle",
            Self::Stands => "stands",
        }
    }
}

/// The answer.
#[derive(Clone, PartialEq, Debug)]
pub struct Diagnosis {
    /// When it was made, ms since the epoch by Redis's clock; `None`: the server answered nobody.
    pub at: Option<i64>,
    /// What the queue does.
    pub motion: Motion,
    /// Jobs added per second between the looks.
    pub in_per_s: Option<f64>,
    /// Jobs finished per second between the looks.
    pub out_per_s: Option<f64>,
    /// Where its backlog goes at these rates.
    pub pace: Pace,
    /// Jobs that are not finished.
    pub backlog: u64,
    /// Those of them that wait for nothing but a worker, or run.
    pub work: u64,
    /// The causes, worst first.
    pub causes: Vec<Cause>,
    /// What could not be read, and why.
    pub not_known: Vec<Clean>,
}

/// Judges two looks at a queue; without a first one, only what needs no second look is told.
pub fn diagnose(queue: &QueueId, before: Option<&Sight>, now: &Sight) -> Diagnosis {
    let now = match now {
        Sight::Queue(look) => look,
        Sight::Server(error) => {
            return Diagnosis {
                at: None,
                motion: Motion::Stands,
                in_per_s: None,
                out_per_s: None,
                pace: Pace::Unknown,
                backlog: 0,
                work: 0,
                causes: vec![server::silent(error)],
                not_known: vec![Clean::line("the queue: the server answers nobody")],
            };
        }
    };
    let before = match before {
        Some(Sight::Queue(look)) if look.queue == *queue && (1..=OLD_MS).contains(&(now.at - look.at)) => {
            Some(&**look)
        }
        _ => None,
    };
    let case = Case::new(before, now);
    let mut causes: Vec<Cause> = CAUSES.iter().filter_map(|cause| cause(&case)).collect();
    // What nothing explains is told last, and only then.
    if !causes.iter().any(|cause| cause.weight == Weight::Stops) {
        causes.extend(era::unknown(&case).or_else(|| stuck::stuck(&case)));
    }
    causes.sort_by_key(|cause| cause.weight);
    let motion = motion(&case, &causes);
    let backlog = now.overview.backlog();
    let (in_per_s, out_per_s) = case.rates().unzip();
    let (pace, work) = (Pace::of(&case), now.work());
    let not_known = now.not_known.clone();
    Diagnosis { at: Some(now.at), motion, in_per_s, out_per_s, pace, backlog, work, causes, not_known }
}

fn motion(case: &Case<'_>, causes: &[Cause]) -> Motion {
    let stopped = causes.iter().any(|cause| cause.weight == Weight::Stops);
    match () {
        () if case.started() => Motion::Moves,
        () if stopped => Motion::Stands,
        () if case.runs() => Motion::Moves,
        // Jobs that leave nothing behind show only in the counts. Where others wait that is no proof: an add
        // of an id that exists counts as well.
        () if case.now.ready() == 0 && case.rates().is_some_and(|(_, out)| out > 0.0) => Motion::Moves,
        () if case.now.ready() == 0 && case.now.keys.overdue == 0 => Motion::Idle,
        () => Motion::Stands,
    }
}

impl Diagnosis {
    /// Takes over rates that were watched for longer than two looks, which tell them better.
    pub fn watched(&mut self, in_per_s: Option<f64>, out_per_s: Option<f64>, drain: Drain) {
        (self.in_per_s, self.out_per_s) = (in_per_s, out_per_s);
        if let Some((into, out)) = in_per_s.zip(out_per_s) {
            self.pace = Pace::watched(self.backlog, self.work, into, out, drain);
        }
    }

    /// The answer in one sentence, without its full stop: for a healthy queue the whole answer.
    pub fn sentence(&self) -> Clean {
        let rate = |per_s: Option<f64>| per_s.map_or("?".to_owned(), |per_s| figure::rate(per_s).to_string());
        let rates = format!("in {}/s, out {}/s", rate(self.in_per_s), rate(self.out_per_s));
        let pace = self.pace.words(self.work);
        Clean::line(match (self.motion, self.causes.is_empty()) {
            (_, _) if self.at.is_none() => "Redis answers nobody".to_owned(),
            (Motion::Moves, _) => format!("it moves: {rates}{pace}"),
            (Motion::Idle, true) if self.backlog == 0 => "nothing waits: it is empty and healthy".to_owned(),
            (Motion::Idle, true) if self.backlog == 1 => "nothing is due: 1 job is for later".to_owned(),
            (Motion::Idle, true) => {
                format!("nothing is due: {} jobs are for later", figure::count(self.backlog))
            }
            (Motion::Idle, false) => "nothing is due now".to_owned(),
            (Motion::Stands, true) => "jobs wait; nothing is wrong that two looks can tell".to_owned(),
            (Motion::Stands, false) => "it does not move".to_owned(),
        })
    }
}

#[cfg(test)]
mod tests;
