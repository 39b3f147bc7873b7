//! Set, limit, release, move-out, duplicate, and what is done with schedulers: one thing each.

use serde_json::json;

use super::confirm::confirm;
use super::queues::summary;
use super::{Document, permit, tell, verdict};
use crate::cli::add::data;
use crate::cli::args::{ActFlags, LimitArgs, MoveOutArgs, OneJob, ReleaseArgs, SetArgs, Wanted};
use crate::cli::failure::{Failure, exit};
use crate::cli::output;
use crate::cli::resolve;
use crate::cli::session::Session;
use crate::conn::{Request, Verb, bytes};
use crate::engine::Queue;
use crate::engine::op::{JobEdit, JobOp, LimitOp, Target};
use crate::operate::{self, Consent, Edit, command};
use crate::text::Clean;
use crate::wire::{JobId, Raw};

/// `toril set`: each of its flags is an edit of its own, in this order.
pub async fn set(session: &mut Session, args: &SetArgs) -> Result<u8, Failure> {
    permit(session, args.act.dry_run)?;
    let id = || JobId::new(&args.id);
    let mut edits = Vec::new();
    if let Some(given) = &args.data {
        let json = data(Some(given))
            .map_err(|why| why.with_hint("a string needs its quotes; nothing was changed"))?;
        edits.push(Edit::Bytes { id: id(), edit: JobEdit::Data { json: Raw::new(json.get()), was: None } });
    }
    if let Some(priority) = args.priority {
        edits.push(Edit::Job { id: id(), op: JobOp::SetPriority { priority, front: args.lifo } });
    }
    if let Some(delay) = args.delay {
        let ms = u64::try_from(delay.as_millis()).unwrap_or(u64::MAX);
        edits.push(Edit::Job { id: id(), op: JobOp::SetDelay { ms } });
    }
    if let Some(progress) = &args.progress {
        if let Err(error) = serde_json::from_str::<serde::de::IgnoredAny>(progress) {
            let cause = format!("the progress is not JSON: {error}");
            return Err(Failure::usage(cause, "a string needs its quotes; nothing was changed"));
        }
        edits.push(Edit::Bytes { id: id(), edit: JobEdit::Progress { json: Raw::new(progress) } });
    }
    if let Some(keep) = args.clear_logs {
        edits.push(Edit::Job { id: id(), op: JobOp::ClearLogs { keep } });
    }
    if let Some(line) = &args.log {
        edits.push(Edit::Bytes { id: id(), edit: JobEdit::Log { line: Raw::new(line) } });
    }
    if edits.is_empty() {
        let hint = "--data, --priority, --delay, --progress, --log or --clear-logs";
        return Err(Failure::usage("nothing to set", hint));
    }
    let target = target(session, &args.queue).await?;
    run(session, &target, edits, &args.act, args.save.bytes()).await
}

/// `toril duplicate`.
pub async fn duplicate(session: &mut Session, args: &OneJob) -> Result<u8, Failure> {
    permit(session, args.act.dry_run)?;
    let target = target(session, &args.queue).await?;
    let edit = Edit::Duplicate { id: JobId::new(&args.id) };
    run(session, &target, vec![edit], &args.act, args.save.bytes()).await
}

/// `toril move-out`.
pub async fn move_out(session: &mut Session, args: &MoveOutArgs) -> Result<u8, Failure> {
    permit(session, args.job.act.dry_run)?;
    let target = target(session, &args.job.queue).await?;
    let op = JobOp::MoveOut { to: args.to.into() };
    let edit = Edit::Job { id: JobId::new(&args.job.id), op };
    run(session, &target, vec![edit], &args.job.act, args.job.save.bytes()).await
}

/// `toril remove --only-children`.
pub async fn remove_children(
    session: &mut Session,
    queue: &str,
    ids: &[String],
    act: &ActFlags,
    save: u64,
) -> Result<u8, Failure> {
    permit(session, act.dry_run)?;
    if ids.is_empty() {
        return Err(Failure::usage("no job is named", "toril remove QUEUE ID.. --only-children"));
    }
    let target = target(session, queue).await?;
    let edits = ids.iter().map(|id| Edit::Job { id: JobId::new(id), op: JobOp::RemoveChildren }).collect();
    run(session, &target, edits, act, save).await
}

/// `toril release`.
pub async fn release(session: &mut Session, args: &ReleaseArgs) -> Result<u8, Failure> {
    permit(session, args.act.dry_run)?;
    let target = target(session, &args.queue).await?;
    let key = target.queue.key([b"de:", args.id.as_bytes()].concat());
    let owner = session.conn.call(Request::new(Verb::Get).arg(key)).await?;
    let Some(owner) = bytes(&owner).map(JobId::new) else {
        let cause = format!("{} has no deduplication id \"{}\"", target.queue.clean(), args.id);
        return Err(Failure::not_found(cause, "it is free; nothing was changed"));
    };
    let edit = Edit::Release { id: Raw::new(&args.id), owner };
    run(session, &target, vec![edit], &args.act, args.save.bytes()).await
}

/// `toril limit`; without a flag it tells the limits.
pub async fn limit(session: &mut Session, args: &LimitArgs) -> Result<u8, Failure> {
    let mut edits = Vec::new();
    edits.extend(args.concurrency.map(|wanted| match wanted {
        Wanted::None => LimitOp::RemoveConcurrency,
        Wanted::Some(most) => LimitOp::SetConcurrency(most),
    }));
    edits.extend(args.rate.map(|wanted| match wanted {
        Wanted::None => LimitOp::RemoveRateLimit,
        Wanted::Some(limit) => LimitOp::SetRateLimit {
            max: limit.max,
            duration_ms: u64::try_from(limit.duration.as_millis()).unwrap_or(u64::MAX),
        },
    }));
    edits.extend(args.release.then_some(LimitOp::ReleaseRateLimit));
    if edits.is_empty() {
        return limits(session, &args.queue).await;
    }
    permit(session, args.act.dry_run)?;
    let target = target(session, &args.queue).await?;
    let edits = edits.into_iter().map(Edit::Limit).collect();
    run(session, &target, edits, &args.act, args.save.bytes()).await
}

async fn limits(session: &mut Session, queue: &str) -> Result<u8, Failure> {
    let found = resolve::queue(session, queue).await?;
    let queue = Queue::new(session.conn.clone(), found.id.clone());
    let concurrency = queue.global_concurrency().await?;
    let rate = queue.global_rate_limit().await?;
    let wait = queue.rate_limit_ttl(None).await?;
    if session.json {
        let rate = rate.map(|(max, ms)| json!({ "max": max, "durationMs": ms }));
        session.out.json(&json!({
            "queue": found.id.name.lossless(),
            "prefix": found.id.prefix.lossless(),
            "limits": { "concurrency": concurrency, "rate": rate },
            "waitMs": wait.max(0),
        }))?;
        return Ok(exit::DONE);
    }
    let name = found.id.name.clean();
    let most = concurrency.map_or_else(|| "any number of jobs".to_owned(), super::jobs_of);
    session.out.line(format_args!("{name}: {most} at once"))?;
    match rate {
        Some((max, ms)) => {
            let span = crate::cli::figures::span(i64::try_from(ms).unwrap_or(i64::MAX));
            session.out.line(format_args!("{name}: {max} starts in {span}"))?;
        }
        None => session.out.line(format_args!("{name}: no limit of starts but the workers' own"))?,
    }
    if wait > 0 {
        let span = crate::cli::figures::span(wait);
        session.out.line(format_args!("{name}: a rate limit was reached; it starts jobs again in {span}"))?;
    }
    Ok(exit::DONE)
}

/// The queue as something that may be written.
pub async fn target(session: &Session, queue: &str) -> Result<Target, Failure> {
    tokio::select! {
        found = resolve::queue(session, queue) => found?.target(),
        _ = tokio::signal::ctrl_c() => Err(Failure::Code(exit::INTERRUPTED)),
    }
}

/// Previews, asks once, does one after the other, and tells.
pub async fn run(
    session: &mut Session,
    target: &Target,
    edits: Vec<Edit>,
    act: &ActFlags,
    save: u64,
) -> Result<u8, Failure> {
    // Nothing is done unless the era has all of it.
    for edit in &edits {
        if let Err(why) = edit.supports(target.era) {
            let word = edit.action().word();
            let cause = format!("{word} cannot be done to {}: {why}", target.queue.clean());
            return Err(Failure::not_done("unsupported", cause, "nothing was changed"));
        }
    }
    let operator = session.operator();
    if act.dry_run {
        return planned(session, target, &edits).await;
    }
    // Edits of one thing are one; those of many things are a bulk.
    let things: std::collections::HashSet<Option<&JobId>> = edits.iter().map(Edit::job).collect();
    let severity = edits
        .iter()
        .map(|edit| operate::severity(edit.action(), things.len() as u64, session.settings.protected))
        .max();
    let mut confirmed = operate::journal::Confirmed::NotAsked;
    if let Some(severity) = severity {
        let what: Vec<String> = edits.iter().map(Edit::sentence).collect();
        let question =
            format!("On {}, {}: {}?", session.settings.endpoint, target.queue.clean(), what.join(", "));
        confirmed = confirm(severity, &act.confirm, &question, Some(&target.queue.name)).await?;
    }
    let cancel = super::on_ctrl_c();
    let (mut documents, mut codes, mut failures) = (Vec::new(), Vec::new(), Vec::new());
    let consent =
        Consent::new(confirmed, command::of_edits(target, &edits)).matched(things.len() as u64).save(save);
    let reports = operator.edits(target, &edits, &consent, &cancel).await;
    for (edit, report) in edits.iter().zip(reports) {
        if !session.json {
            if report.progress.done == 1 {
                session.out.line(format_args!("{}: done.", Clean::line(edit.sentence())))?;
            }
            tell(&mut session.out, &report)?;
        }
        documents.push(Document { what: Some(edit.what()), ..Document::done(&report) });
        let (code, failure) = verdict(&report);
        codes.push(code);
        failures.extend(failure);
    }
    print(session, documents)?;
    session.out.flush()?;
    for failure in &failures {
        output::report(failure, session.json);
    }
    let code = summary(&codes, edits.len());
    Ok(if cancel.is_cancelled() { exit::INTERRUPTED } else { code })
}

async fn planned(session: &mut Session, target: &Target, edits: &[Edit]) -> Result<u8, Failure> {
    let operator = session.operator();
    let (mut documents, mut codes) = (Vec::new(), Vec::new());
    for edit in edits {
        let mut before = operator.before(target, edit).await.map_err(|error| super::failure_of(&error))?;
        if session.json && before.exists && before.effects.is_empty() {
            before.effects.push(Clean::line(edit.sentence()));
        }
        let sample: Vec<JobId> = edit.job().cloned().into_iter().collect();
        let matched = u64::from(before.exists);
        let effects: Vec<Clean> =
            before.effects.iter().map(|effect| session.settings.mask.clean(effect)).collect();
        let planned = Document::planned(edit.action(), &target.queue, matched, &sample, &effects);
        documents.push(Document { what: Some(edit.what()), ..planned });
        codes.push(if before.exists { exit::DONE } else { exit::NO });
        if session.json {
            continue;
        }
        let what = Clean::line(edit.sentence());
        if before.exists {
            session.out.line(format_args!("Would: {what}; nothing was written."))?;
        } else {
            session.out.line(format_args!("{what}: {} has none such.", target.queue.clean()))?;
        }
        for effect in &effects {
            session.out.line(format_args!("  {effect}"))?;
        }
    }
    print(session, documents)?;
    Ok(summary(&codes, edits.len()))
}

/// One edit has a document of its own; several have a list.
fn print(session: &mut Session, mut documents: Vec<Document>) -> Result<(), Failure> {
    match documents.pop() {
        _ if !session.json => Ok(()),
        Some(one) if documents.is_empty() => session.out.json(&one),
        last => {
            documents.extend(last);
            session.out.json(&json!({ "results": documents }))
        }
    }
}
