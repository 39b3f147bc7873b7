//! Pause, resume and merge.

use super::super::script::{era_argument, queue_keys, script};
use super::{Code, OpError, Target};
use crate::conn::{Conn, Script, Value, integer, items};
use crate::wire::{Fleet, State, WriteEra};

/// An operation on a whole queue.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum QueueOp {
    /// Stops workers from starting jobs.
    Pause {
        /// Whose clients use the queue: it decides whether ids are moved (`docs/pausing.md`).
        /// Without effect on Bull and BullMQ 4, whose workers stop only where ids are moved.
        fleet: Fleet,
    },
    /// Lets workers start jobs again, after the ids of both lists came together.
    Resume,
    /// Brings the lists of a split queue together and changes nothing else.
    Merge,
}

/// What an operation on a queue did.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct QueueOutcome {
    /// Ids that changed from one list to the other.
    pub moved: u64,
}

/// Acts on a queue. Lists of any length are moved in bounded steps, each a script of 2 to 4 ms;
/// between two steps every id is in one of the two lists.
///
/// After an error in the middle the queue is paused with ids in both lists: nothing is lost, and
/// the same call goes on where it stopped.
pub async fn run_queue(conn: &Conn, target: &Target, op: QueueOp) -> Result<QueueOutcome, OpError> {
    let keys = queue_keys(&target.queue);
    let mut args = vec![era_argument(target.era), target.queue.base()];
    let script = match op {
        QueueOp::Pause { fleet } => {
            args.push(pause_mode(target.era, fleet).to_vec());
            script!("operation", "pause", ["decided", "event", "push", "gather"])
        }
        QueueOp::Resume => script!("operation", "resume", ["decided", "event", "push", "gather"]),
        QueueOp::Merge => script!("operation", "merge", ["decided", "event", "push", "gather"]),
    };
    let mut outcome = QueueOutcome::default();
    loop {
        let (moved, more) = step(script, &conn.eval(script, &keys, &args).await?)?;
        outcome.moved += moved;
        if !more {
            return Ok(outcome);
        }
    }
}

/// BullMQ 6 leaves the ids where they are; only a fleet that is known to be pure 6 allows it.
const fn pause_mode(era: WriteEra, fleet: Fleet) -> &'static [u8] {
    match (era, fleet) {
        (WriteEra::V5 | WriteEra::V6, Fleet::V6) => b"flag",
        _ => b"rename",
    }
}

fn step(script: &'static Script, reply: &Value) -> Result<(u64, bool), OpError> {
    let numbers: Vec<i64> = items(reply).iter().filter_map(integer).collect();
    let [answer, moved, more] = numbers[..] else {
        return Err(OpError::Shape { script: script.name });
    };
    // No operation on a queue starts from a state of a job.
    match Code::from_script(answer, State::Waiting) {
        Some(Code::Done) => Ok((u64::try_from(moved).unwrap_or(0), more == 1)),
        Some(code) => Err(OpError::Refused(code)),
        None => Err(OpError::UnknownAnswer { script: script.name, answer }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_pure_fleet_of_six_is_paused_by_the_flag_alone() {
        for era in [WriteEra::Bull4, WriteEra::V4, WriteEra::V5, WriteEra::V6] {
            for fleet in [Fleet::V5, Fleet::V6, Fleet::Mixed] {
                let flag = matches!(era, WriteEra::V5 | WriteEra::V6) && fleet == Fleet::V6;
                assert_eq!(pause_mode(era, fleet) == b"flag", flag, "{era:?} {fleet:?}");
            }
        }
    }

    #[test]
    fn an_answer_that_is_not_in_the_table_names_itself() {
        let script = script!("operation", "merge", ["decided", "event", "push", "gather"]);
        let reply = Value::Array(vec![Value::Int(-99), Value::Int(0), Value::Int(0)]);
        let error = step(script, &reply).unwrap_err();
        assert_eq!(error.to_string(), "the script merge answered -99, which is not known");
    }
}
