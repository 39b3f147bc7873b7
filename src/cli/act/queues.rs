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
use crate::operate::journal::Confirmed;
use crate::operate::{self, Action, Consent, command};
use crate::text::Clean;
use crate::wire::{Fleet, QueueId};

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
    let Chosen { targets, refused } = tokio::select! {
        chosen = choose(session, args) => chosen?,
        _ = tokio::signal::ctrl_c() => return Err(Failure::Code(exit::INTERRUPTED)),
    };
    let mut documents: Vec<Document> =
        refused.iter().map(|(queue, why)| Document::refused(word, queue, why, args.act.dry_run)).collect();
    let mut codes = vec![exit::NO; refused.len()];
    if !session.json {
        for (queue, why) in &refused {
            session.out.line(format_args!("{}: {}", queue.name.clean(), why.message()))?;
        }
    }
    if args.act.dry_run {
        for target in &targets {
            documents.push(dry_run(session, target, op).await?);
            codes.push(exit::DONE);
        }
        print(session, documents, args.all)?;
        return Ok(summary(&codes, targets.len() + refused.len()));
    }
    let mut confirmed = Confirmed::NotAsked;
    if !targets.is_empty() {
        let severity = operate::severity(word, targets.len() as u64, session.settings.protected);
        let (question, name) = match targets.as_slice() {
            [one] => (format!("{} {}?", title(word), one.queue.clean()), Some(&one.queue.name)),
            several => (format!("{} {} queues?", title(word), several.len()), None),
        };
        confirmed = confirm(severity, &args.act.confirm, &question, name).await?;
    }

    let operator = session.operator();
    let cancel = super::on_ctrl_c();
    let mut failures = Vec::new();
    for target in &targets {
        if cancel.is_cancelled() {
            break;
        }
        let consent = Consent::new(confirmed, command::of_queue(target, op)).matched(1);
        let report = operator.act(target, op, &consent).await;
        if !session.json {
            tell(&mut session.out, &report)?;
        }
        documents.push(Document::done(&report));
        let (code, failure) = verdict(&report);
        codes.push(code);
        failures.extend(failure);
        if matches!(report.end, operate::End::Failed(_) | operate::End::Unknown { .. }) {
            // The link or the account is the trouble: the next queue would fare no better.
            break;
        }
    }
    print(session, documents, args.all)?;
    session.out.flush()?;
    for failure in &failures {
        say_why(failure, session.json);
    }
    let code = summary(&codes, targets.len() + refused.len());
    Ok(if cancel.is_cancelled() { exit::INTERRUPTED } else { code })
}

/// One queue that was named has a document of its own; several have a list.
fn print(session: &mut Session, mut documents: Vec<Document>, all: bool) -> Result<(), Failure> {
    if !session.json {
        return Ok(());
    }
    match documents.pop() {
        Some(one) if documents.is_empty() && !all => session.out.json(&one),
        last => {
            documents.extend(last);
            session.out.json(&serde_json::json!({ "results": documents }))
        }
    }
}

/// One code for several queues.
pub(super) fn summary(codes: &[u8], wanted: usize) -> u8 {
    match codes {
        [] => exit::NO,
        [one] if wanted == 1 => *one,
        _ if codes.contains(&exit::UNKNOWN) => exit::UNKNOWN,
        _ if codes.len() == wanted && codes.iter().all(|code| *code == exit::DONE) => exit::DONE,
        _ if codes.contains(&exit::DONE) => exit::PARTLY,
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

/// The queues to act on, and with `--all` those that cannot be written.
struct Chosen {
    targets: Vec<Target>,
    refused: Vec<(QueueId, Failure)>,
}

async fn choose(session: &Session, args: &QueueAct) -> Result<Chosen, Failure> {
    let found = if args.all { everything(session).await? } else { named(session, &args.queues).await? };
    if found.is_empty() {
        return Err(Failure::not_found("there is no queue to act on", "toril queues lists what there is"));
    }
    let mut chosen = Chosen { targets: Vec::new(), refused: Vec::new() };
    for queue in &found {
        match queue.target() {
            Ok(target) => chosen.targets.push(target),
            Err(why) if args.all => chosen.refused.push((queue.id.clone(), why)),
            // Nothing is done unless everything that was named can be.
            Err(why) => return Err(why),
        }
    }
    Ok(chosen)
}

async fn everything(session: &Session) -> Result<Vec<Found>, Failure> {
    let all = discover::queues(session).await?;
    if !all.complete || !all.missing.is_empty() {
        let why = "not all queues could be found, nothing was done";
        return Err(Failure::not_done("not-found", why, "name the queues"));
    }
    resolve::existing(session, &all.queues).await
}

async fn named(session: &Session, names: &[String]) -> Result<Vec<Found>, Failure> {
    let mut found: Vec<Found> = Vec::new();
    for name in names {
        let queue = resolve::queue(session, name).await?;
        if found.iter().all(|other| other.id != queue.id) {
            found.push(queue);
        }
    }
    Ok(found)
}

async fn dry_run(session: &mut Session, target: &Target, op: QueueOp) -> Result<Document, Failure> {
    let effects = operate::preview_act(&session.conn, target, op).await?;
    if !session.json {
        let head = format!("{} {} (dry run, nothing is written):", title(op.into()), target.queue.clean());
        session.out.line(Clean::line(head))?;
        for effect in &effects {
            session.out.line(format_args!("  {effect}"))?;
        }
    }
    Ok(Document::planned(Action::from(op), &target.queue, 1, &[], &effects))
}
