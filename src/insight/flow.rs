//! What holds a flow up: the first job of it that will not move by itself, and the way down to it.

use crate::engine::read::flow::Survey;
use crate::text::{Clean, figure};
use crate::wire::{JobId, QueueId};

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
            Self::NoWorker => "no-worker",
            Self::Paused => "paused-queue",
            Self::Runs => "runs",
        }
    }

    /// Whether somebody must do something.
    pub const fn blocks(self) -> bool {
        !matches!(self, Self::Runs)
    }
}

/// What a flow waits for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Blocked {
    /// Why.
    pub cause: Cause,
    /// The jobs from the root down to the one that is meant.
    pub path: Vec<(QueueId, JobId)>,
    /// How many jobs are meant, those in the same queue and state.
    pub count: u64,
}

impl Blocked {
    /// The job that is meant.
    pub fn job(&self) -> Option<&(QueueId, JobId)> {
        self.path.last()
    }

    /// One sentence.
    pub fn sentence(&self) -> Clean {
        let Some((queue, id)) = self.job() else { return Clean::default() };
        let (queue, id) = (queue.name.clean().cut(40), id.clean().cut(40));
        let jobs =
            if self.count == 1 { "1 job".to_owned() } else { format!("{} jobs", figure::count(self.count)) };
        Clean::line(match self.cause {
            Cause::Gone => format!("{queue} › {id} is awaited and gone: the flow waits for ever"),
            Cause::Fails => format!("{queue} › {id} failed, and with it what is above it"),
            Cause::Failed => format!("{queue} › {id} failed and is still awaited: retry or remove it"),
            Cause::NoWorker => format!("{jobs} wait in {queue}, which has no worker"),
            Cause::Paused => format!("{jobs} wait in {queue}, which is paused"),
            Cause::Runs => format!("it waits for {jobs} of {queue} to run"),
        })
    }
}

/// What holds the flow up, worst first; `None`: nothing is awaited.
pub fn blocked(survey: &Survey, state: impl Fn(&QueueId) -> QueueState) -> Option<Blocked> {
    let one = |cause, path: &Vec<(QueueId, JobId)>| Blocked { cause, path: path.clone(), count: 1 };
    let certain =
        [(Cause::Gone, &survey.gone), (Cause::Fails, &survey.fails), (Cause::Failed, &survey.failed)];
    if let Some((cause, path)) = certain.into_iter().find_map(|(cause, path)| Some((cause, path.as_ref()?))) {
        return Some(one(cause, path));
    }
    let causes = survey.leaves.iter().map(|leaf| {
        let state = state(&leaf.queue);
        let cause = match state {
            QueueState { paused: true, .. } => Cause::Paused,
            QueueState { workers: Some(0), .. } => Cause::NoWorker,
            QueueState { .. } => Cause::Runs,
        };
        Blocked { cause, path: leaf.path.clone(), count: leaf.count }
    });
    causes.min_by_key(|blocked| match blocked.cause {
        Cause::NoWorker => 0,
        Cause::Paused => 1,
        _ => 2,
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
        Leaf { queue: job(queue, "").0, count, path: vec![job("top", "r"), job(queue, "1")] }
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
        assert_eq!(gone.sentence().as_str(), "x › 8 is awaited and gone: the flow waits for ever");
        assert_eq!(blocked(&Survey::default(), state), None);
    }
}
