//! Whole states of a queue, chunk by chunk.

mod page;

use std::collections::VecDeque;
use std::time::Instant;

use super::super::script::{era_argument, queue_keys, script};
use super::many::{Chosen, JobsOp, MANY_MAX, Many, run_many};
use super::{Capability, Code, OpError, Target};
use crate::conn::{Conn, ConnError, Request, Verb, integer, items};
use crate::wire::{JobId, State};

/// Passes after the first; somebody else's changes must not keep a sweep alive for ever.
const PASSES: u8 = 2;
/// Times that an obliterated queue is looked through again because jobs came meanwhile.
const ROUNDS: u8 = 5;

/// An act on all jobs of one or several states, in chunks: drain, clean, retry all, promote all,
/// obliterate.
///
/// A sweep holds no job and no cursor that would be lost with it: the same sweep with the same
/// moment, made again after a crash, goes on with what is left. It acts on what was there by that
/// moment (Redis's time when the person said yes), from the old end on: next to run, soonest due,
/// longest finished.
///
/// [`Sweep::step`] chooses and acts. Whoever wants to save what goes away calls [`Sweep::choose`], reads
/// these jobs, and then [`Sweep::act`]. The size of the chunks and the pauses between them are the caller's:
/// 200 jobs are 1 to 4 ms of Redis.
///
/// ```no_run
/// # async fn example(conn: toril::conn::Conn, target: toril::engine::op::Target, now: i64)
/// # -> Result<(), toril::engine::op::OpError> {
/// use toril::engine::op::Sweep;
/// use toril::wire::State;
///
/// // What failed more than a week ago, at most 10,000 jobs.
/// let mut sweep = Sweep::clean(target, State::Failed, now - 7 * 86_400_000, Some(10_000));
/// while let Some(chunk) = sweep.step(&conn, 200).await? {
///     eprintln!("{} removed so far, {} refused in this chunk", sweep.done(), chunk.codes.len() as u64 - chunk.done());
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Sweep {
    target: Target,
    kind: Kind,
    stages: VecDeque<JobsOp>,
    until: Option<i64>,
    /// Only these are acted on.
    only: Option<VecDeque<JobId>>,
    left: Option<u64>,
    done: u64,
    /// Elements at the old end that this pass has stepped over.
    skipped: u64,
    /// Length of the page that the last ids were chosen from.
    page: u64,
    /// What was read beyond it, and when.
    ahead: VecDeque<JobId>,
    read_at: Instant,
    found: bool,
    passes: u8,
    rounds: u8,
    phase: Phase,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Kind {
    Plain(Capability),
    Clean,
    Obliterate { force: bool },
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Phase {
    New,
    Jobs,
    Over,
}

impl Sweep {
    fn new(target: Target, kind: Kind, stages: Vec<JobsOp>, until: Option<i64>) -> Self {
        Self {
            target,
            kind,
            stages: stages.into(),
            until,
            only: None,
            left: None,
            done: 0,
            skipped: 0,
            page: 0,
            ahead: VecDeque::new(),
            read_at: Instant::now(),
            found: false,
            passes: PASSES,
            rounds: ROUNDS,
            phase: Phase::New,
        }
    }

    /// Removes what waits, and what is delayed if asked. Paused or not, the queue stays as it is;
    /// active and finished jobs stay, and so do the next runs of schedulers.
    pub fn drain(target: Target, until: i64, delayed: bool) -> Self {
        let mut states = vec![State::Waiting, State::Paused, State::Prioritized];
        if delayed {
            states.push(State::Delayed);
        }
        let stages = states.into_iter().map(|from| JobsOp::Remove { from }).collect();
        Self::new(target, Kind::Plain(Capability::Drain), stages, Some(until))
    }

    /// Removes jobs of a state that are older than a moment, ms: finished ones by when they finished,
    /// others by when they were added and last ran. At most `limit` of them.
    pub fn clean(target: Target, from: State, until: i64, limit: Option<u64>) -> Self {
        let mut sweep = Self::new(target, Kind::Clean, vec![JobsOp::Remove { from }], Some(until));
        sweep.left = limit;
        sweep
    }

    /// Retries what failed (or completed) by a moment. What fails again meanwhile is not retried
    /// again.
    pub fn retry_all(target: Target, from: State, reset_attempts: bool, until: i64) -> Self {
        let stages = vec![JobsOp::Retry { from, reset_attempts }];
        Self::new(target, Kind::Plain(Capability::RetryAll), stages, Some(until))
    }

    /// Promotes the delayed jobs that were there by a moment.
    pub fn promote_all(target: Target, until: i64) -> Self {
        Self::new(target, Kind::Plain(Capability::PromoteAll), vec![JobsOp::Promote], Some(until))
    }

    /// Removes all jobs of a queue, its schedulers and its keys. The queue must be paused before
    /// ([`super::QueueOp::Pause`]), and stays so if this is refused or broken off; without `force`
    /// no job may be active.
    pub fn obliterate(target: Target, force: bool) -> Self {
        Self::new(target, Kind::Obliterate { force }, everything(), None)
    }

    /// The same, but only of these jobs, in their order; each is looked at once. Not for lists.
    #[must_use]
    pub fn only(mut self, ids: impl IntoIterator<Item = JobId>) -> Self {
        self.only = Some(ids.into_iter().collect());
        self
    }

    /// How many jobs were acted on.
    pub const fn done(&self) -> u64 {
        self.done
    }

    /// What is done to the jobs that are chosen next; `None` when it is over.
    pub fn op(&self) -> Option<JobsOp> {
        self.stages.front().copied()
    }

    /// The ids that the next act would take, at most `most`; none when it is over. Reads only.
    pub async fn choose(&mut self, conn: &Conn, most: usize) -> Result<Vec<JobId>, ConnError> {
        self.look(conn, most, true).await
    }

    /// As [`Sweep::choose`], for whoever saves nothing: nobody asks each job when it came. The act does, and
    /// answers [`Code::Newer`] for those that were not meant.
    pub async fn candidates(&mut self, conn: &Conn, most: usize) -> Result<Vec<JobId>, ConnError> {
        self.look(conn, most, false).await
    }

    async fn look(&mut self, conn: &Conn, most: usize, closely: bool) -> Result<Vec<JobId>, ConnError> {
        let most = most.clamp(1, MANY_MAX);
        loop {
            let Some(op) = self.stages.front().copied() else { return Ok(Vec::new()) };
            let most = self.left.map_or(most, |left| most.min(usize::try_from(left).unwrap_or(most)));
            if most == 0 {
                self.stages.clear();
                continue;
            }
            if let Some(only) = &mut self.only {
                let ids: Vec<JobId> = only.drain(..most.min(only.len())).collect();
                if ids.is_empty() {
                    self.stages.clear();
                }
                return Ok(ids);
            }
            let page = self.next_page(conn, op.from_state(), most).await?;
            self.page = page.len() as u64;
            if page.is_empty() {
                self.end_pass();
                continue;
            }
            let ids = if closely {
                self.eligible(conn, op.from_state(), page).await?
            } else {
                page.into_iter().filter(|id| !id.is_marker()).collect()
            };
            if !ids.is_empty() {
                return Ok(ids);
            }
            self.skipped += self.page;
        }
    }

    fn end_pass(&mut self) {
        let again = self.found && self.skipped > 0 && self.passes > 0;
        if again {
            self.passes -= 1;
        } else {
            self.stages.pop_front();
            self.passes = PASSES;
        }
        (self.skipped, self.found) = (0, false);
        self.ahead.clear();
    }

    /// Acts on ids that [`Sweep::choose`] has just returned, or on some of them.
    pub async fn act(&mut self, conn: &Conn, ids: &[JobId]) -> Result<Many, OpError> {
        let Some(op) = self.op() else { return Ok(Many::default()) };
        let chosen = Chosen { ids, until: self.until, skipped: self.skipped };
        let many = run_many(conn, &self.target, op, chosen).await?;
        let gone = many.codes.iter().filter(|code| matches!(code, Code::Done | Code::NotIn(_))).count();
        // Those that had no turn, and what stands before them, are looked at again.
        let looked_at = if many.codes.len() < ids.len() {
            self.ahead.clear();
            if let Some(only) = &mut self.only {
                ids[many.codes.len()..].iter().rev().for_each(|id| only.push_front(id.clone()));
            }
            many.codes.len() as u64
        } else {
            self.page
        };
        self.skipped += looked_at.saturating_sub(gone as u64);
        self.found |= gone > 0;
        self.done += many.done();
        self.left = self.left.map(|left| left.saturating_sub(many.done()));
        Ok(many)
    }

    /// Chooses at most `most` jobs and acts on them; `None` when it is over.
    pub async fn step(&mut self, conn: &Conn, most: usize) -> Result<Option<Many>, OpError> {
        if self.phase == Phase::Over {
            return Ok(None);
        }
        if self.phase == Phase::New {
            self.begin(conn).await?;
        }
        loop {
            let ids = self.choose(conn, most).await?;
            if !ids.is_empty() {
                return self.act(conn, &ids).await.map(Some);
            }
            if self.finish(conn).await? {
                return Ok(None);
            }
        }
    }

    /// Whether it may be done at all; [`Sweep::step`] asks by itself.
    pub async fn begin(&mut self, conn: &Conn) -> Result<(), OpError> {
        let capability = match self.kind {
            Kind::Plain(capability) => capability,
            Kind::Clean => Capability::Clean,
            Kind::Obliterate { .. } => Capability::Obliterate,
        };
        if capability.supports(self.target.era).is_err() {
            return Err(OpError::Refused(Code::Unsupported));
        }
        if let Kind::Obliterate { force } = self.kind {
            self.obliterate_step(conn, b"check", force).await?;
        }
        self.phase = Phase::Jobs;
        Ok(())
    }

    /// Does what comes after the last job; [`Sweep::step`] does it by itself. False where jobs came meanwhile
    /// and there is more to do.
    pub async fn finish(&mut self, conn: &Conn) -> Result<bool, OpError> {
        match self.kind {
            Kind::Plain(_) => {}
            Kind::Clean if self.target.era == crate::wire::WriteEra::Bull4 => {}
            Kind::Clean => {
                let script = script!("operation", "cleaned", ["decided", "event"]);
                let args = vec![
                    era_argument(self.target.era),
                    self.target.queue.base(),
                    self.done.to_string().into(),
                ];
                let reply = conn.eval(script, &queue_keys(&self.target.queue), &args).await?;
                match super::job::answer(script, None, &reply)? {
                    Code::Done => {}
                    code => return Err(OpError::Refused(code)),
                }
            }
            Kind::Obliterate { force } => {
                while self.obliterate_step(conn, b"finish", force).await? {
                    if self.rounds == 0 {
                        return Err(OpError::Refused(Code::StillActive));
                    }
                    self.rounds -= 1;
                    self.stages = everything().into();
                    if self.any_left(conn).await? {
                        return Ok(false);
                    }
                    // Only schedulers are left, which the script takes a number at a time.
                    self.rounds = ROUNDS;
                }
                self.stages.clear();
            }
        }
        self.phase = Phase::Over;
        Ok(true)
    }

    async fn obliterate_step(&self, conn: &Conn, what: &[u8], force: bool) -> Result<bool, OpError> {
        let script = script!("operation", "obliterate", ["decided"]);
        let args = vec![
            era_argument(self.target.era),
            self.target.queue.base(),
            what.to_vec(),
            super::job::flag(force),
        ];
        let reply = conn.eval(script, &queue_keys(&self.target.queue), &args).await?;
        let numbers: Vec<i64> = items(&reply).iter().filter_map(integer).collect();
        let [answer, more] = numbers[..] else {
            return Err(OpError::Shape { script: script.name });
        };
        match Code::from_script(answer, State::Active) {
            Some(Code::Done) => Ok(more == 1),
            Some(code) => Err(OpError::Refused(code)),
            None => Err(OpError::UnknownAnswer { script: script.name, answer }),
        }
    }

    async fn any_left(&self, conn: &Conn) -> Result<bool, ConnError> {
        let mut request = Request::new(Verb::Exists);
        for state in State::ALL {
            request = request.arg(self.target.queue.key(state.suffix()));
        }
        Ok(integer(&conn.call(request).await?).is_some_and(|left| left > 0))
    }
}

/// What obliterating goes through, parents last.
fn everything() -> Vec<JobsOp> {
    [
        State::Active,
        State::Delayed,
        State::Completed,
        State::Waiting,
        State::Paused,
        State::Prioritized,
        State::Failed,
        State::WaitingChildren,
    ]
    .map(|from| JobsOp::Destroy { from })
    .into()
}
