//! Two looks at each queue, and a judge.

use std::collections::HashSet;
use std::time::Instant;

use super::flows::{dedups, parents, schedulers};
use super::jobs::{Lists, PARSED, jobs};
use super::pace::Paced;
use super::queue::{Pages, facts, pages};
use super::sweep::{Found, Swept, sweep};
use super::{Focus, Look, Scope};
use crate::conn::{Conn, ConnError, Kind, Request, Verb, text};
use crate::engine::acl::Version;
use crate::engine::read::workers::{Listed, workers};
use crate::wire::{Era, JobId, QueueId, State};

/// Parents of a queue that are looked at.
const PARENTS: usize = 200;
/// Finished jobs that are looked at, as a share of the others.
const FINISHED: u64 = 4;

/// Decides what of a look is damage.
pub trait Judge {
    /// Something that looks like damage.
    type Finding: Send;

    /// What looks like damage.
    fn judge(&self, look: &Look) -> Vec<Self::Finding>;

    /// What it is, and all that must not have changed by the second look.
    fn mark(&self, finding: &Self::Finding) -> Vec<u8>;

    /// What must be looked at again for it.
    fn focus(&self, finding: &Self::Finding, focus: &mut Focus);
}

/// What is under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Phase {
    /// Walking over the keys.
    #[default]
    Keys,
    /// The first look.
    First,
    /// Waiting for the second one.
    Waiting,
    /// The second look at what is suspicious.
    Second,
    /// It is over.
    Done,
}

/// How far it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Progress {
    /// What is under way.
    pub phase: Phase,
    /// Queues that were looked at.
    pub queues: u64,
    /// Queues in all.
    pub of_queues: u64,
    /// Jobs that were looked at.
    pub jobs: u64,
    /// Jobs of the queues that were looked at.
    pub of_jobs: u64,
    /// Keys that were walked over.
    pub keys: u64,
    /// What looked like damage at the first look.
    pub suspects: u64,
}

/// What is left after both looks.
#[derive(Debug)]
pub struct Examined<F> {
    /// What looked like damage twice, unchanged.
    pub findings: Vec<F>,
    /// How much was looked at.
    pub progress: Progress,
    /// Everything was looked at: every job, every key.
    pub complete: bool,
}

/// Looks at queues twice. May be dropped at any moment: it only reads.
pub async fn examine<J: Judge + Sync>(
    conn: &Conn,
    queues: &[QueueId],
    scope: Scope,
    judge: &J,
    mut tell: impl FnMut(Progress) + Send,
) -> Result<Examined<J::Finding>, ConnError> {
    let paced = Paced::new(conn, scope.share);
    let searches = searches(conn).await?;
    let mut progress = Progress { of_queues: queues.len() as u64, ..Progress::default() };
    let mut swept = Swept { complete: scope.keys == 0, ..Swept::default() };
    if scope.keys > 0 {
        swept = sweep(&paced, queues, scope.keys, |keys| tell(Progress { keys, ..progress })).await?;
        progress.keys = swept.keys;
    }
    progress.phase = Phase::First;
    let roster = roster(conn, queues).await?;
    let mut complete = swept.complete;
    let mut suspects: Vec<(&QueueId, Instant, Vec<J::Finding>)> = Vec::new();
    for queue in queues {
        let keys = swept.found.remove(queue).unwrap_or_default();
        let eye = Eye { paced, queue, searches, roster: roster.as_deref() };
        let look = eye.first(scope, &keys).await?;
        complete &= look.complete;
        progress.queues += 1;
        progress.jobs += look.jobs.len() as u64;
        progress.of_jobs += State::ALL.iter().map(|state| look.facts.counts.of(*state)).sum::<u64>();
        let found = judge.judge(&look);
        progress.suspects += found.len() as u64;
        if !found.is_empty() {
            suspects.push((queue, Instant::now(), found));
        }
        tell(progress);
    }
    let mut findings = Vec::new();
    let mut newer: Option<Option<Vec<Listed>>> = None;
    for (queue, seen, found) in suspects {
        let left = scope.again.saturating_sub(seen.elapsed());
        if !left.is_zero() {
            progress.phase = Phase::Waiting;
            tell(progress);
            tokio::time::sleep(left).await;
            newer = None;
        }
        progress.phase = Phase::Second;
        let roster = match newer.take() {
            Some(roster) => roster,
            None => self::roster(conn, queues).await?,
        };
        let mut focus = Focus::default();
        for finding in &found {
            judge.focus(finding, &mut focus);
        }
        let eye = Eye { paced, queue, searches, roster: roster.as_deref() };
        let look = eye.again(scope, &focus).await?;
        newer = Some(roster);
        let before: HashSet<Vec<u8>> = found.iter().map(|finding| judge.mark(finding)).collect();
        findings
            .extend(judge.judge(&look).into_iter().filter(|finding| before.contains(&judge.mark(finding))));
        tell(progress);
    }
    progress.phase = Phase::Done;
    tell(progress);
    Ok(Examined { findings, progress, complete })
}

/// Whether the server can search lists.
async fn searches(conn: &Conn) -> Result<bool, ConnError> {
    let info = conn.call(Request::new(Verb::Info).arg("server")).await?;
    let version =
        text(&info).and_then(|text| text.lines().find_map(|line| line.strip_prefix("redis_version:")));
    Ok(version.is_some_and(|version| Version::parse(version) >= Version(6, 0, 6)))
}

/// The workers; `None` where the account may not list clients.
async fn roster(conn: &Conn, queues: &[QueueId]) -> Result<Option<Vec<Listed>>, ConnError> {
    match workers(conn, queues).await {
        Ok(list) => Ok(Some(list)),
        Err(error) if matches!(error.kind, Kind::Permission | Kind::Reply) => Ok(None),
        Err(error) => Err(error),
    }
}

/// What looks at one queue.
struct Eye<'a> {
    paced: Paced<'a>,
    queue: &'a QueueId,
    searches: bool,
    roster: Option<&'a [Listed]>,
}

impl Eye<'_> {
    /// Whatever comes first in each state, and what the walk over the keys met.
    async fn first(&self, scope: Scope, swept: &Found) -> Result<Look, ConnError> {
        let (at, era, facts) = facts(&self.paced, self.queue).await?;
        if facts.overview.is_absent() || era == Era::Pro {
            return Ok(self.nothing(at, era));
        }
        let pages = pages(&self.paced, self.queue, &facts, scope.jobs, FINISHED).await?;
        let lists = Lists::Pages(&pages);
        let mut found = jobs(&self.paced, self.queue, &pages.order, lists, PARSED).await?;
        let strays: Vec<JobId> =
            swept.jobs.iter().filter(|id| !pages.places.contains_key(id)).cloned().collect();
        let most = usize::try_from(scope.jobs).unwrap_or(usize::MAX);
        let whole = strays.len() <= most && swept.dedups.len() <= most;
        let strays = &strays[..strays.len().min(most)];
        let lists = if self.searches { Lists::Search } else { lists };
        found.extend(jobs(&self.paced, self.queue, strays, lists, PARSED).await?);
        let waiting: Vec<JobId> =
            found.iter().filter(|job| job.is_in(State::WaitingChildren)).map(|job| job.id.clone()).collect();
        let few = &waiting[..waiting.len().min(PARENTS)];
        let dedup_ids = &swept.dedups[..swept.dedups.len().min(most)];
        Ok(Look {
            parents: parents(&self.paced, self.queue, few).await?,
            schedulers: schedulers(&self.paced, era, self.queue, lists).await?,
            dedups: dedups(&self.paced, self.queue, dedup_ids).await?,
            complete: pages.complete && whole && waiting.len() <= PARENTS,
            jobs: found,
            facts,
            ..self.nothing(at, era)
        })
    }

    /// What is suspicious.
    async fn again(&self, scope: Scope, focus: &Focus) -> Result<Look, ConnError> {
        let (at, era, facts) = facts(&self.paced, self.queue).await?;
        if facts.overview.is_absent() || era == Era::Pro {
            return Ok(self.nothing(at, era));
        }
        let mut seen = Pages::default();
        if !self.searches {
            seen = pages(&self.paced, self.queue, &facts, scope.jobs, FINISHED).await?;
        }
        let lists = if self.searches { Lists::Search } else { Lists::Pages(&seen) };
        let mut ids = focus.jobs.clone();
        ids.sort_unstable();
        ids.dedup();
        let listed = if focus.schedulers {
            schedulers(&self.paced, era, self.queue, lists).await?
        } else {
            Vec::new()
        };
        Ok(Look {
            jobs: jobs(&self.paced, self.queue, &ids, lists, usize::MAX).await?,
            parents: parents(&self.paced, self.queue, &focus.parents).await?,
            schedulers: listed,
            dedups: dedups(&self.paced, self.queue, &focus.dedups).await?,
            facts,
            ..self.nothing(at, era)
        })
    }

    fn nothing(&self, at: i64, era: Era) -> Look {
        let own = |list: &[Listed]| list.iter().filter(|one| one.queue == *self.queue).cloned().collect();
        Look {
            queue: self.queue.clone(),
            era,
            at,
            facts: super::QueueFacts::default(),
            jobs: Vec::new(),
            parents: Vec::new(),
            schedulers: Vec::new(),
            dedups: Vec::new(),
            workers: self.roster.map(own),
            complete: true,
        }
    }
}
