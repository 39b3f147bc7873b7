//! Pause, resume, merge.

use super::confirm::confirm;
use super::{Document, permit, tell, verdict};
use crate::cli::args::QueueAct;
use crate::cli::discover;
use crate::cli::failure::{Failure, exit};
use crate::cli::output::report as say_why;
use crate::cli::resolve::{self, Found};
use crate::cli::session::Session;
use crate::engine::op::{QueueOp, Target};
use crate::operate::{self, Action};
use crate::wire::Fleet;

/// Which of them, with what it needs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum QueueAction {
    /// `toril pause`.
    Pause(Fleet),
    /// `toril resume`.
    Resume,
    /// `toril merge`.
    Merge,
}

impl From<QueueAction> for QueueOp {
    fn from(action: QueueAction) -> Self {
        match action {
            QueueAction::Pause(fleet) => Self::Pause { fleet },
            QueueAction::Resume => Self::Resume,
            QueueAction::Merge => Self::Merge,
        }
    }
}

/// Acts on the queues, one after the other.
pub async fn run(session: &mut Session, args: &QueueAct, action: QueueAction) -> Result<u8, Failure> {
    permit(session, args.act.dry_run)?;
    let op = QueueOp::from(action);
    let word = Action::from(op);
    let targets = targets(session, args).await?;
    if args.act.dry_run {
        return dry_run(session, &targets, op, args.all).await;
    }
    let severity = operate::severity(word, targets.len() as u64, session.settings.protected);
    let (question, name) = match targets.as_slice() {
        [one] => (format!("{} {}?", title(word), one.queue.clean()), Some(&one.queue.name)),
        several => (format!("{} {} queues?", title(word), several.len()), None),
    };
    confirm(severity, &args.act.confirm, &question, name).await?;

    let cancel = super::on_ctrl_c();
    let mut reports = Vec::with_capacity(targets.len());
    for target in &targets {
        if cancel.is_cancelled() {
            break;
        }
        let report = operate::act(&session.conn, target, op).await;
        let stop = matches!(report.end, operate::End::Failed(_) | operate::End::Unknown { .. });
        reports.push(report);
        if stop {
            // The link or the account is the trouble: the next queue would fare no better.
            break;
        }
    }
    if session.json {
        let mut documents: Vec<_> = reports.iter().map(Document::done).collect();
        match documents.pop() {
            Some(one) if targets.len() == 1 && !args.all => session.out.json(&one)?,
            last => {
                documents.extend(last);
                session.out.json(&serde_json::json!({ "results": documents }))?;
            }
        }
    } else {
        for report in &reports {
            tell(&mut session.out, report)?;
        }
    }
    let verdicts: Vec<_> = reports.iter().map(verdict).collect();
    let code = summary(&verdicts.iter().map(|(code, _)| *code).collect::<Vec<_>>(), targets.len());
    session.out.flush()?;
    for failure in verdicts.iter().filter_map(|(_, failure)| failure.as_ref()) {
        say_why(failure, session.json);
    }
    Ok(if cancel.is_cancelled() { exit::INTERRUPTED } else { code })
}

/// One code for several queues.
fn summary(codes: &[u8], wanted: usize) -> u8 {
    let done = codes.iter().filter(|code| **code == exit::DONE).count();
    match codes {
        [] => exit::NO,
        [one] if wanted == 1 => *one,
        _ if codes.contains(&exit::UNKNOWN) => exit::UNKNOWN,
        _ if done == wanted => exit::DONE,
        _ if done > 0 => exit::PARTLY,
        _ => codes[0],
    }
}

fn title(action: Action) -> &'static str {
    match action {
        Action::Pause => "Pause",
        Action::Resume => "Resume",
        _ => "Merge the lists of",
    }
}

async fn targets(session: &Session, args: &QueueAct) -> Result<Vec<Target>, Failure> {
    let found: Vec<Found> = if args.all {
        let all = discover::queues(session).await?;
        if !all.complete {
            return Err(Failure::not_done(
                "permission",
                "not all queues could be found, nothing was done",
                "name the queues",
            )
            .with_code(exit::REDIS));
        }
        resolve::existing(session, &all.queues).await?
    } else {
        let mut found: Vec<Found> = Vec::new();
        for name in &args.queues {
            let queue = resolve::queue(session, name).await?;
            if found.iter().all(|other| other.id != queue.id) {
                found.push(queue);
            }
        }
        found
    };
    if found.is_empty() {
        return Err(Failure::not_found("there is no queue to act on", "toril queues lists what there is"));
    }
    // Nothing is done unless everything that was named can be.
    found.iter().map(Found::target).collect()
}

async fn dry_run(session: &mut Session, targets: &[Target], op: QueueOp, all: bool) -> Result<u8, Failure> {
    let mut documents = Vec::with_capacity(targets.len());
    for target in targets {
        let effects = operate::preview_act(&session.conn, target, op).await?;
        let document = Document::planned(Action::from(op), &target.queue, 1, &[], &effects);
        if !session.json {
            session.out.line(format_args!(
                "{} {} (dry run, nothing is written):",
                title(op.into()),
                target.queue.clean()
            ))?;
            for effect in &effects {
                session.out.line(format_args!("  {effect}"))?;
            }
        }
        documents.push(document);
    }
    if session.json {
        match documents.pop() {
            Some(one) if targets.len() == 1 && !all => session.out.json(&one)?,
            last => {
                documents.extend(last);
                session.out.json(&serde_json::json!({ "results": documents }))?;
            }
        }
    }
    Ok(exit::DONE)
}
