//! The command line that does the same as an act: for the journal, and for whoever wants to
//! repeat it in a script.

use super::bulk::{Bulk, BulkPlan};
use super::plan::Plan;
use super::{Edit, Selection};
use crate::engine::op::{Exit, JobEdit, JobOp, LimitOp, QueueOp, SchedulerOp, Target};
use crate::engine::schedule::Repeat;
use crate::text::shell_word;
use crate::wire::{Fleet, JobId, Prefix, QueueId, State};

/// Ids that a command line names; more are told as a number.
const NAMED: usize = 20;

/// `toril remove email 17 --yes` and the like. What no command line can carry stands as `?`.
pub fn of_plan(plan: &Plan) -> String {
    let mut words = head(plan.action().word(), &plan.target);
    match (&plan.selection, plan.op) {
        (Selection::Ids(ids), op) => {
            words.extend(named(ids));
            if let JobOp::Retry { from: State::Completed, .. } = op {
                words.push("--state completed".to_owned());
            }
        }
        (Selection::Group(only), _) => words.push(format!("--error {}", only.group)),
        (Selection::All { state, .. }, _) => words.push(format!("--all --state {}", state.name())),
    }
    match plan.op {
        JobOp::Retry { reset_attempts: true, .. } => words.push("--reset-attempts".to_owned()),
        JobOp::Remove { children: false } => words.push("--keep-children".to_owned()),
        _ => {}
    }
    words.join(" ")
}

/// The ids, as far as a line has room for them.
fn named(ids: &[JobId]) -> Vec<String> {
    let mut words: Vec<String> = ids.iter().take(NAMED).map(|id| word(id.as_bytes())).collect();
    if ids.len() > NAMED {
        words.push(format!("... ({} ids)", ids.len()));
    }
    words
}

/// `toril doctor email --fix ghost-3f9a1c02`.
pub fn of_repair(queue: &QueueId, finding: &str) -> String {
    let mut words = vec!["toril doctor".to_owned(), word(queue.name.as_bytes()), format!("--fix {finding}")];
    if queue.prefix != Prefix::default() {
        words.push(format!("--prefix {}", word(queue.prefix.as_bytes())));
    }
    words.join(" ")
}

/// `toril pause email --fleet 6` and the like.
pub fn of_queue(target: &Target, op: QueueOp) -> String {
    let action = super::Action::from(op);
    let mut words = head(action.word(), target);
    if let QueueOp::Pause { fleet } = op {
        match fleet {
            Fleet::V5 => words.push("--fleet 5".to_owned()),
            Fleet::V6 => words.push("--fleet 6".to_owned()),
            Fleet::Mixed => {}
        }
    }
    words.join(" ")
}

/// `toril clean email --state failed --limit 100` and the like. A moment in the past stands as its
/// time, which no flag takes: the age that was meant depends on when the line is run.
pub fn of_bulk(plan: &BulkPlan) -> String {
    let mut words = head(plan.bulk.action().word(), &plan.target);
    match plan.bulk {
        Bulk::Drain { delayed } => words.extend(delayed.then(|| "--delayed".to_owned())),
        Bulk::Clean { state, limit } => {
            words.push(format!("--state {}", state.name()));
            words.extend(limit.map(|limit| format!("--limit {limit}")));
        }
        Bulk::Obliterate { force } => words.extend(force.then(|| "--force".to_owned())),
        Bulk::Retry { from, reset_attempts } => {
            match &plan.only {
                Some(only) if only.is_group() => words.push(format!("--error {}", only.group)),
                // An expression may hold what a journal holds not: the jobs are named.
                Some(only) => words.extend(named(&only.ids)),
                None => words.push("--all".to_owned()),
            }
            if plan.only.as_ref().is_none_or(|only| !only.is_group() && from == State::Completed) {
                words.push(format!("--state {}", from.name()));
            }
            words.extend(reset_attempts.then(|| "--reset-attempts".to_owned()));
        }
        Bulk::Promote => match &plan.only {
            Some(only) => words.extend(named(&only.ids)),
            None => words.push("--all".to_owned()),
        },
    }
    let pace = plan.pace;
    words.extend(pace.rate.map(|rate| format!("--rate {rate}/s")));
    words.extend(pace.canary.then(|| "--canary".to_owned()));
    words.extend(pace.full_speed.then(|| "--full-speed".to_owned()));
    words.join(" ")
}

/// `toril set email 7 --priority 3` and the like; edits of one thing stand in one line. Payloads and log
/// lines stand as `-`: a journal holds none.
pub fn of_edits(target: &Target, edits: &[Edit]) -> String {
    let mut lines: Vec<(String, String)> = Vec::new();
    for (head, rest) in edits.iter().map(|edit| of_edit(target, edit)) {
        match lines.last_mut().filter(|(last, flags)| *last == head && !flags.is_empty()) {
            Some((_, flags)) => {
                flags.push(' ');
                flags.push_str(&rest);
            }
            None => lines.push((head, rest)),
        }
    }
    let lines: Vec<String> =
        lines.into_iter().map(|(head, rest)| format!("{head} {rest}").trim_end().to_owned()).collect();
    lines.join(" && ")
}

/// The command with what it is about, and its flags.
fn of_edit(target: &Target, edit: &Edit) -> (String, String) {
    let job = |action: &str, id: &JobId, rest: String| {
        let mut words = head(action, target);
        words.push(word(id.as_bytes()));
        (words.join(" "), rest)
    };
    let flag = |action: &str, rest: String| (head(action, target).join(" "), rest);
    match edit {
        Edit::Job { id, op: JobOp::SetPriority { priority, front } } => {
            let lifo = if *front { " --lifo" } else { "" };
            job("set", id, format!("--priority {priority}{lifo}"))
        }
        Edit::Job { id, op: JobOp::SetDelay { ms } } => job("set", id, format!("--delay {ms}ms")),
        Edit::Job { id, op: JobOp::ClearLogs { keep } } => job("set", id, format!("--clear-logs {keep}")),
        Edit::Job { id, op: JobOp::MoveOut { to } } => {
            let to = if *to == Exit::Wait { "waiting" } else { "failed" };
            job("move-out", id, format!("--to {to}"))
        }
        Edit::Job { id, op: JobOp::RemoveChildren } => job("remove", id, "--only-children".to_owned()),
        Edit::Job { id, op } => job(super::Action::from(*op).word(), id, String::new()),
        Edit::Bytes { id, edit: JobEdit::Data { .. } } => job("set", id, "--data -".to_owned()),
        Edit::Bytes { id, edit: JobEdit::Progress { .. } } => job("set", id, "--progress -".to_owned()),
        Edit::Bytes { id, edit: JobEdit::Log { .. } } => job("set", id, "--log -".to_owned()),
        Edit::Duplicate { id } => job("duplicate", id, String::new()),
        Edit::Release { id, .. } => flag("release", word(id.as_bytes())),
        Edit::Limit(LimitOp::SetConcurrency(most)) => flag("limit", format!("--concurrency {most}")),
        Edit::Limit(LimitOp::RemoveConcurrency) => flag("limit", "--concurrency none".to_owned()),
        Edit::Limit(LimitOp::SetRateLimit { max, duration_ms }) => {
            flag("limit", format!("--rate {max}/{duration_ms}ms"))
        }
        Edit::Limit(LimitOp::RemoveRateLimit) => flag("limit", "--rate none".to_owned()),
        Edit::Limit(LimitOp::ReleaseRateLimit) => flag("limit", "--release".to_owned()),
        Edit::Scheduler { key, op: SchedulerOp::RunNow } => {
            flag("scheduler", format!("{} run", word(key.as_bytes())))
        }
        Edit::Scheduler { key, op: SchedulerOp::Remove } => {
            flag("scheduler", format!("{} remove", word(key.as_bytes())))
        }
        Edit::Schedule { id, repeat } => {
            flag("scheduler", format!("{} set {}", word(id.as_bytes()), schedule(repeat)))
        }
        Edit::Recast { id, recast } => {
            let mut rest = vec![word(id.as_bytes()), "set".to_owned()];
            rest.extend(recast.repeat.as_ref().map(schedule));
            rest.extend(recast.name.as_ref().map(|name| format!("--name {}", word(name.as_bytes()))));
            rest.extend(recast.data.as_ref().map(|_| "--data -".to_owned()));
            rest.extend(recast.opts.as_ref().map(|_| "--opts -".to_owned()));
            flag("scheduler", rest.join(" "))
        }
        Edit::NewScheduler { id, repeat, name, data, opts } => {
            let mut rest = format!("{} add {}", word(id.as_bytes()), schedule(repeat));
            if let Some(name) = name {
                rest.push_str(" --name ");
                rest.push_str(&word(name.as_bytes()));
            }
            for (flag, json) in [(" --data -", data), (" --opts -", opts)] {
                if !matches!(json.as_bytes(), b"{}" | b"null" | b"") {
                    rest.push_str(flag);
                }
            }
            flag("scheduler", rest)
        }
    }
}

fn schedule(repeat: &Repeat) -> String {
    let mut words = match (repeat.every_ms(), repeat.pattern_text()) {
        (Some(ms), _) => vec![format!("--every {ms}ms")],
        (None, Some(pattern)) => vec![format!("--cron {}", word(pattern.as_bytes()))],
        (None, None) => Vec::new(),
    };
    words.extend(repeat.zone_text().map(|zone| format!("--tz {}", word(zone.as_bytes()))));
    words.extend(repeat.runs().map(|runs| format!("--limit {runs}")));
    words.extend(repeat.start_at().map(|at| format!("--from {at}")));
    words.extend(repeat.end_at().map(|at| format!("--until {at}")));
    words.join(" ")
}

pub(super) fn head(action: &str, target: &Target) -> Vec<String> {
    let mut words = vec!["toril".to_owned(), action.to_owned()];
    let prefix = &target.queue.prefix;
    if *prefix != Prefix::default() {
        words.push(format!("--prefix {}", word(prefix.as_bytes())));
    }
    words.push(word(target.queue.name.as_bytes()));
    words
}

fn word(raw: &[u8]) -> String {
    shell_word(raw).unwrap_or_else(|| "?".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::{JobId, QueueId, QueueName, WriteEra};

    fn target(prefix: &str) -> Target {
        Target { queue: QueueId::new(Prefix::new(prefix), QueueName::legacy("e mail")), era: WriteEra::V6 }
    }

    #[test]
    fn acts_are_told_as_commands() {
        let plan = Plan {
            target: target("bull"),
            op: JobOp::Remove { children: false },
            selection: Selection::Ids(vec![JobId::new("1"), JobId::new("a b")]),
        };
        assert_eq!(of_plan(&plan), "toril remove 'e mail' 1 'a b' --keep-children");
        let plan = Plan {
            target: target("app"),
            op: JobOp::Retry { from: State::Failed, reset_attempts: true },
            selection: Selection::All { state: State::Failed, until: 7 },
        };
        assert_eq!(of_plan(&plan), "toril retry --prefix app 'e mail' --all --state failed --reset-attempts");
        let pause = QueueOp::Pause { fleet: Fleet::V6 };
        assert_eq!(of_queue(&target("bull"), pause), "toril pause 'e mail' --fleet 6");
    }
}
