//! What holds a flow up: the first job of it that will not move by itself, and the way down to it.

use std::borrow::Cow;

use crate::engine::read::ChildKind;
use crate::engine::read::flow::{Member, Survey};
use crate::text::{Clean, figure};
use crate::wire::{JobId, QueueId, State};

/// What is known of a queue that a flow waits for.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct QueueState {
    /// It is paused.
    pub paused: bool,
    /// How many workers it has, where that is known.
    pub workers: Option<u32>,
}

/// Why the top of a flow waits.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Cause {
    /// A child is awaited whose hash is gone.
    Gone,
    /// A child failed, and fails what is above it.
    Fails,
    /// A child failed and is awaited all the same.
    Failed,
    /// A child completed, and its parent was not told.
    Untold,
    /// Jobs wait for each other.
    Circle,
    /// This account may not read the children that are awaited.
    Refused,
    /// Children wait in a queue without a worker.
    NoWorker,
    /// Children wait in a paused queue.
    Paused,
    /// Children are yet to run, or run: it goes on by itself.
    Runs,
}

impl Cause {
    /// Its word in JSON.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Gone => "child-gone",
            Self::Fails => "child-fails-parent",
            Self::Failed => "child-failed",
            Self::Untold => "child-untold",
            Self::Circle => "circle",
            Self::Refused => "not-permitted",
            Self::NoWorker => "no-worker",
            Self::Paused => "paused-queue",
            Self::Runs => "runs",
        }
    }

    /// Whether somebody must do something.
    pub const fn blocks(self) -> bool {
        !matches!(self, Self::Runs | Self::Refused)
    }
}

/// What a flow waits for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Blocked {
    /// Why.
    pub cause: Cause,
    /// The jobs from the root down to the one that is meant; of a circle, the last one is above it again.
    pub path: Vec<(QueueId, JobId)>,
    /// How many jobs are meant, those in the same queue.
    pub count: u64,
    /// When the job that is meant is due, where it is delayed, ms since the epoch.
    pub due_at: Option<i64>,
}

impl Blocked {
    /// The job that is meant.
    pub fn job(&self) -> Option<&(QueueId, JobId)> {
        self.path.last()
    }

    /// One sentence; `now` is Redis's time, ms since the epoch.
    pub fn sentence(&self, now: i64) -> Clean {
        let (Some((queue, id)), Some((home, _))) = (self.job(), self.path.first()) else {
            return Clean::default();
        };
        let (queue, id) = (label(queue, home, 40), id.clean().cut(40));
        let one = self.count == 1;
        let top = self.path.len() == 1;
        let wait = match (top, one) {
            (true, _) => "it waits".to_owned(),
            (false, true) => "1 job waits".to_owned(),
            (false, false) => format!("{} jobs wait", figure::count(self.count)),
        };
        let due = self.due_at.filter(|at| *at > now).map(|at| figure::duration(at - now));
        Clean::line(match (self.cause, due) {
            (Cause::Gone, _) => format!("{queue} › {id} is awaited and gone: the flow waits for ever"),
            (Cause::Fails, _) if top => format!("{queue} › {id} failed by itself"),
            (Cause::Fails, _) => format!("{queue} › {id} failed, and with it what is above it"),
            (Cause::Failed, _) => format!("{queue} › {id} failed and is still awaited: retry or remove it"),
            (Cause::Untold, _) => {
                format!("{queue} › {id} completed and is still awaited: the doctor tells its parent")
            }
            (Cause::Circle, _) => format!("{queue} › {id} waits for itself, in a circle: it never runs"),
            (Cause::Refused, _) => format!("it waits for {queue} › {id}, which this account may not read"),
            (Cause::NoWorker, _) => format!("{wait} in {queue}, which has no worker"),
            (Cause::Paused, _) => format!("{wait} in {queue}, which is paused"),
            (Cause::Runs, Some(due)) if top => format!("it is delayed, and due in {due}"),
            (Cause::Runs, Some(due)) if one => format!("it waits for {queue} › {id}, which is due in {due}"),
            (Cause::Runs, Some(due)) => format!(
                "it waits for {} jobs of {queue}, of which {id} is due in {due}",
                figure::count(self.count)
            ),
            (Cause::Runs, None) if top => "nothing is awaited: it is to run, or runs".to_owned(),
            (Cause::Runs, None) if one => format!("it waits for {queue} › {id} to run"),
            (Cause::Runs, None) => {
                format!("it waits for {} jobs of {queue} to run", figure::count(self.count))
            }
        })
    }
}

/// A queue's name, so many cells; with its prefix, where that is not the one of `home`.
pub fn label(queue: &QueueId, home: &QueueId, cells: usize) -> Clean {
    let name = queue.name.clean().cut(cells);
    if queue.prefix == home.prefix {
        return name;
    }
    Clean::line(format!("{}:{name}", queue.prefix.clean().cut(cells / 2)))
}

/// How a job of a flow stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Standing {
    /// It is in this state.
    In(State),
    /// It was found nowhere, and this list is too long to be searched.
    Supposed(State),
    /// It ended well, and was removed.
    Done,
    /// It failed, and was removed.
    Failed,
    /// It is awaited, and its hash is gone.
    Gone,
    /// Its hash is there, and no list or set holds it.
    Nowhere,
    /// This account may not read it.
    Refused,
}

impl Standing {
    /// How a job stands whose parent keeps it as such a child.
    pub const fn of(member: &Member, kind: Option<ChildKind>) -> Self {
        match (member.exists, kind, member.state) {
            _ if member.refused => Self::Refused,
            (false, Some(ChildKind::Processed), _) => Self::Done,
            (false, Some(ChildKind::Ignored | ChildKind::Failed), _) => Self::Failed,
            (false, ..) => Self::Gone,
            (true, _, Some(state)) if member.supposed => Self::Supposed(state),
            (true, _, Some(state)) => Self::In(state),
            (true, _, None) => Self::Nowhere,
        }
    }

    /// Its words.
    pub fn word(self) -> Cow<'static, str> {
        Cow::Borrowed(match self {
            Self::In(state) => state.name(),
            Self::Supposed(state) => return Cow::Owned(format!("{}?", state.name())),
            Self::Done => "done, removed",
            Self::Failed => "failed, removed",
            Self::Gone => "gone",
            Self::Nowhere => "in no list",
            Self::Refused => "not permitted",
        })
    }
}

/// How many children are done, in words: `3 of 5 done, 1 failed`.
pub fn tally(member: &Member) -> Option<String> {
    let children = &member.children;
    let done = children.processed + children.ignored;
    let all = done + children.pending + children.failed;
    let mut text = (all > 0).then(|| format!("{} of {} done", figure::count(done), figure::count(all)))?;
    for (count, word) in [(children.failed, "failed"), (children.ignored, "failed and ignored")] {
        if count > 0 {
            text = format!("{text}, {} {word}", figure::count(count));
        }
    }
    Some(text)
}

/// What holds the flow up, worst first; `None`: nothing is awaited.
pub fn blocked(survey: &Survey, state: impl Fn(&QueueId) -> QueueState) -> Option<Blocked> {
    let one =
        |cause, path: &Vec<(QueueId, JobId)>| Blocked { cause, path: path.clone(), count: 1, due_at: None };
    let certain = [
        (Cause::Gone, &survey.gone),
        (Cause::Fails, &survey.fails),
        (Cause::Failed, &survey.failed),
        (Cause::Untold, &survey.untold),
        (Cause::Circle, &survey.circle),
    ];
    if let Some((cause, path)) = certain.into_iter().find_map(|(cause, path)| Some((cause, path.as_ref()?))) {
        return Some(one(cause, path));
    }
    let causes = survey.leaves.iter().map(|leaf| {
        let state = state(&leaf.queue);
        let cause = match state {
            _ if leaf.refused => Cause::Refused,
            QueueState { paused: true, .. } => Cause::Paused,
            QueueState { workers: Some(0), .. } => Cause::NoWorker,
            QueueState { .. } => Cause::Runs,
        };
        Blocked { cause, path: leaf.path.clone(), count: leaf.count, due_at: leaf.due_at }
    });
    causes.min_by_key(|blocked| match blocked.cause {
        Cause::NoWorker => 0,
        Cause::Paused => 1,
        Cause::Runs => 2,
        _ => 3,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::read::flow::Leaf;
    use crate::wire::{Prefix, QueueName};

    fn job(queue: &str, id: &str) -> (QueueId, JobId) {
        (QueueId::new(Prefix::default(), QueueName::legacy(queue)), JobId::new(id))
    }

    fn leaf(queue: &str, count: u64) -> Leaf {
        Leaf {
            queue: job(queue, "").0,
            count,
            path: vec![job("top", "r"), job(queue, "1")],
            refused: false,
            state: None,
            due_at: None,
        }
    }

    #[test]
    fn the_worst_comes_first() {
        let mut survey =
            Survey { leaves: vec![leaf("a", 2), leaf("b", 3), leaf("c", 1)], ..Survey::default() };
        let state = |queue: &QueueId| match queue.name.as_bytes() {
            b"a" => QueueState { paused: true, workers: Some(1) },
            b"b" => QueueState { paused: false, workers: Some(0) },
            _ => QueueState { paused: false, workers: None },
        };
        let found = |survey: &Survey| blocked(survey, state).map(|found| (found.cause, found.count));
        assert_eq!(found(&survey), Some((Cause::NoWorker, 3)));
        survey.leaves.remove(1);
        assert_eq!(found(&survey), Some((Cause::Paused, 2)));
        survey.leaves.remove(0);
        assert_eq!(found(&survey), Some((Cause::Runs, 1)));
        survey.failed = Some(vec![job("top", "r"), job("x", "9")]);
        assert_eq!(found(&survey), Some((Cause::Failed, 1)));
        survey.gone = Some(vec![job("top", "r"), job("x", "8")]);
        let gone = blocked(&survey, state).unwrap();
        assert_eq!(gone.sentence(0).as_str(), "x › 8 is awaited and gone: the flow waits for ever");
        assert_eq!(blocked(&Survey::default(), state), None);
    }
}
