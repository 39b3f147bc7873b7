//! `toril doctor`: what is damaged, and its repair.

use std::io::IsTerminal as _;

use serde_json::{Value, json};

use super::confirm::confirm;
use super::queues::summary;
use super::{Document, permit, tell, verdict};
use crate::cli::args::DoctorArgs;
use crate::cli::failure::{Failure, exit};
use crate::cli::figures::thousands;
use crate::cli::session::Session;
use crate::cli::{discover, output, resolve};
use crate::engine::op::{Code, Repair, Target};
use crate::engine::read::doctor::{Phase, Progress};
use crate::insight::doctor::{Finding, Severity};
use crate::operate::journal::Confirmed;
use crate::operate::{self, Action, Consent, End, command};
use crate::shell::survey::{Survey, survey};
use crate::text::Clean;
use crate::wire::{JobId, QueueId};

/// Looks, tells, and repairs what is asked for.
pub async fn run(session: &mut Session, args: &DoctorArgs) -> Result<u8, Failure> {
    let fixes = !args.fix.is_empty();
    if fixes {
        permit(session, args.act.dry_run)?;
    } else if args.act.dry_run {
        return Err(Failure::usage("nothing is to be repaired", "--fix ID, or --fix all"));
    }
    let (found, complete) = tokio::select! {
        found = look(session, args) => found?,
        // Acts listen themselves; until the first of them there is nothing to be told.
        _ = tokio::signal::ctrl_c(), if fixes => return Err(Failure::Code(exit::INTERRUPTED)),
    };
    let documents: Vec<Value> = found.findings.iter().map(document).collect();
    let looked = json!({
        "queues": found.progress.queues,
        "jobs": found.progress.jobs,
        "ofJobs": found.progress.of_jobs,
        "keys": found.progress.keys,
    });
    let mut whole =
        json!({ "complete": complete, "findings": documents, "more": found.more, "looked": looked });
    if !fixes {
        if session.json {
            session.out.json(&whole)?;
        } else {
            shown(session, &found, complete)?;
        }
        return Ok(if found.findings.is_empty() { exit::DONE } else { exit::NO });
    }
    let chosen = choose(&found, &args.fix)?;
    let (results, code) = repair(session, args, &chosen).await?;
    if session.json {
        whole["results"] = Value::Array(results);
        session.out.json(&whole)?;
    }
    session.out.flush()?;
    let left =
        args.fix.iter().any(|id| id == "all") && (chosen.len() < found.findings.len() || found.more > 0);
    Ok(match code {
        // What has no safe repair is still there, and so are those beyond what is told.
        exit::DONE if left && !chosen.is_empty() => exit::PARTLY,
        exit::DONE if left => exit::NO,
        code => code,
    })
}

async fn look(session: &Session, args: &DoctorArgs) -> Result<(Survey, bool), Failure> {
    let (queues, all_found) = if let Some(name) = &args.queue {
        (vec![resolve::queue(session, name).await?.id], true)
    } else {
        let found = discover::queues(session).await?;
        (found.queues, found.complete && found.missing.is_empty())
    };
    let shows = !session.json && std::io::stderr().is_terminal();
    let told = |progress: Progress| {
        if shows {
            output::over(&Clean::line(sentence(progress)).cut(79));
        }
    };
    let whole = args.queue.is_none();
    let (clock, mask) = (session.clock, &session.settings.mask);
    let found = survey(&session.conn, &queues, args.scope(), whole, clock, mask, told).await;
    if shows {
        output::over(&Clean::default());
    }
    let found = found?;
    let complete = found.complete && all_found;
    Ok((found, complete))
}

fn sentence(progress: Progress) -> String {
    let (jobs, of) = (thousands(progress.jobs), thousands(progress.of_jobs));
    let (queues, all) = (thousands(progress.queues), thousands(progress.of_queues));
    match progress.phase {
        Phase::Keys => format!("{} keys walked over", thousands(progress.keys)),
        Phase::First => format!("{queues} of {all} queues, {jobs} of {of} jobs looked at"),
        Phase::Waiting => {
            format!("{} suspicious: looking again in a few seconds", thousands(progress.suspects))
        }
        Phase::Second => "looking again".to_owned(),
        Phase::Done => String::new(),
    }
}

/// Of the findings those that are to be repaired.
fn choose<'a>(found: &'a Survey, wanted: &[String]) -> Result<Vec<(&'a Finding, &'a Repair)>, Failure> {
    let all = wanted.iter().any(|id| id == "all");
    let mut chosen = Vec::new();
    for id in wanted.iter().filter(|id| *id != "all") {
        let Some(finding) = found.findings.iter().find(|finding| finding.id == *id) else {
            let cause = format!("there is no finding {id} (any more)");
            return Err(Failure::not_found(cause, "toril doctor lists them; nothing was changed"));
        };
        match &finding.repair {
            Ok(repair) => chosen.push((finding, repair)),
            Err(why) => {
                let cause = format!("{id} has no safe repair: {why}");
                return Err(Failure::not_done("unsupported", cause, "nothing was changed"));
            }
        }
    }
    if all {
        let repairable = |finding: &'a Finding| Some((finding, finding.repair.as_ref().ok()?));
        let others = found.findings.iter().filter_map(repairable);
        let others: Vec<_> =
            others.filter(|(one, _)| !chosen.iter().any(|(other, _)| other.id == one.id)).collect();
        chosen.extend(others);
    }
    Ok(chosen)
}

async fn repair(
    session: &mut Session,
    args: &DoctorArgs,
    chosen: &[(&Finding, &Repair)],
) -> Result<(Vec<Value>, u8), Failure> {
    let mut targets: Vec<(Target, &Finding, &Repair)> = Vec::new();
    for (finding, repair) in chosen {
        let (Some(queue), Ok(era)) = (&finding.queue, finding.era.writable()) else { continue };
        targets.push((Target { queue: queue.clone(), era }, finding, repair));
    }
    if args.act.dry_run {
        return planned(session, &targets);
    }
    if targets.is_empty() {
        if !session.json {
            session.out.line("Nothing to repair.")?;
        }
        return Ok((Vec::new(), exit::DONE));
    }
    let count = targets.len() as u64;
    let severity = operate::severity(Action::Repair, count, session.settings.protected);
    let first = &targets[0].0.queue;
    // The name of the one queue; several have none that could be typed.
    let one = targets.iter().all(|(target, ..)| target.queue == *first).then_some(&first.name);
    let what = match targets.as_slice() {
        [(target, _, repair)] => format!("{}: {}", target.queue.clean(), repair.sentence()),
        all => format!("make {} repairs", all.len()),
    };
    let question = format!("On {}, {what}?", session.settings.endpoint);
    let confirmed = confirm(severity, &args.act.confirm, &question, one).await?;
    all(session, args, &targets, confirmed).await
}

async fn all(
    session: &mut Session,
    args: &DoctorArgs,
    targets: &[(Target, &Finding, &Repair)],
    confirmed: Confirmed,
) -> Result<(Vec<Value>, u8), Failure> {
    let operator = session.operator();
    let cancel = super::on_ctrl_c();
    let (mut documents, mut codes, mut failures) = (Vec::new(), Vec::new(), Vec::new());
    for (target, finding, repair) in targets {
        if cancel.is_cancelled() {
            break;
        }
        let line = command::of_repair(&target.queue, &finding.id);
        let consent = Consent::new(confirmed, line).matched(1).save(args.save.bytes());
        let report = operator.repair(target, repair, &consent).await;
        if !session.json {
            if report.progress.done == 1 {
                session.out.line(format_args!(
                    "{}: {}: done.",
                    finding.id,
                    Clean::line(repair.sentence())
                ))?;
            } else {
                session.out.line(format_args!("{}: not repaired.", finding.id))?;
            }
            tell(&mut session.out, &report)?;
        }
        let mut document = serde_json::to_value(Document::done(&report))?;
        document["finding"] = finding.id.clone().into();
        documents.push(document);
        let (code, failure) = verdict(&report);
        // What another repair has mended along is mended.
        let along = args.fix.iter().any(|id| id == "all")
            && report.failures.first().is_some_and(|failure| failure.code == Code::Sound.word());
        codes.push(if along { exit::DONE } else { code });
        failures.extend(failure);
        if matches!(report.end, End::Failed(_) | End::Unknown { .. }) {
            break;
        }
    }
    for failure in &failures {
        output::report(failure, session.json);
    }
    let code = summary(&codes, targets.len());
    Ok((documents, if cancel.is_cancelled() { exit::INTERRUPTED } else { code }))
}

fn planned(
    session: &mut Session,
    targets: &[(Target, &Finding, &Repair)],
) -> Result<(Vec<Value>, u8), Failure> {
    let mut documents = Vec::new();
    for (target, finding, repair) in targets {
        let what = Clean::line(repair.sentence());
        if !session.json {
            session.out.line(format_args!("{}: would {what}; nothing was written.", finding.id))?;
        }
        let sample: Vec<JobId> = repair.job().cloned().into_iter().collect();
        let planned = Document::planned(Action::Repair, &target.queue, 1, &sample, &[what]);
        let mut document = serde_json::to_value(planned)?;
        document["finding"] = finding.id.clone().into();
        documents.push(document);
    }
    if targets.is_empty() && !session.json {
        session.out.line("Nothing to repair.")?;
    }
    Ok((documents, exit::DONE))
}

/// A finding for programs.
fn document(finding: &Finding) -> Value {
    let mut evidence = serde_json::Map::new();
    for (name, fact) in &finding.evidence {
        let name = camel(name);
        match evidence.get_mut(&name) {
            // A job in two places has each of them.
            Some(Value::Array(all)) => all.push(fact.json()),
            Some(one) => *one = json!([one.take(), fact.json()]),
            None => {
                evidence.insert(name, fact.json());
            }
        }
    }
    let (repair, why) = match &finding.repair {
        Ok(repair) => (Some(repair.sentence()), None),
        Err(why) => (None, Some(*why)),
    };
    json!({
        "id": finding.id,
        "kind": finding.kind.word(),
        "severity": finding.kind.severity().word(),
        "queue": finding.queue.as_ref().map(|queue| queue.name.lossless()),
        "prefix": finding.queue.as_ref().map(|queue| queue.prefix.lossless()),
        "jobId": finding.job.as_ref().map(JobId::lossless),
        "title": finding.kind.title(),
        "evidence": evidence,
        "consequence": finding.kind.consequence(),
        "repair": repair,
        "whyNoRepair": why,
    })
}

/// `waits since` as `waitsSince`.
fn camel(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    let mut upper = false;
    for c in name.chars() {
        if c.is_ascii_alphanumeric() {
            out.push(if upper { c.to_ascii_uppercase() } else { c });
            upper = false;
        } else {
            upper = true;
        }
    }
    out
}

fn shown(session: &mut Session, found: &Survey, complete: bool) -> Result<(), Failure> {
    let mut last: Option<Option<&QueueId>> = None;
    for finding in &found.findings {
        let queue = finding.queue.as_ref();
        if last != Some(queue) {
            let name = queue.map_or_else(|| Clean::line("the server"), |queue| queue.name.clean());
            session.out.line(format_args!("{name}"))?;
            last = Some(queue);
        }
        let word = match finding.kind.severity() {
            Severity::Damage => "damage",
            Severity::Risk => "risk  ",
        };
        let job = finding.job.as_ref().map(|id| format!(": job {}", id.clean().cut(60))).unwrap_or_default();
        session.out.line(format_args!("  {word}  {}  {}{job}", finding.id, finding.kind.title()))?;
        session.out.line(format_args!("          {}", finding.evidence_line()))?;
        session.out.line(format_args!("          {}", finding.kind.consequence()))?;
        let lead = if finding.repair.is_ok() { "repair: " } else { "no safe repair: " };
        session.out.line(format_args!("          {lead}{}", finding.cure()))?;
    }
    if found.more > 0 {
        session.out.line(format_args!("and {} more of the same kinds", thousands(found.more)))?;
    }
    let counts = found.progress;
    let of = if complete { String::new() } else { format!(" of {}", thousands(counts.of_jobs)) };
    let noun = if counts.queues == 1 { "queue" } else { "queues" };
    let verdict = if found.findings.is_empty() { "Nothing is damaged. " } else { "" };
    session.out.line(format_args!(
        "{verdict}Looked at {} {noun}, {}{of} jobs and {} keys.",
        thousands(counts.queues),
        thousands(counts.jobs.min(counts.of_jobs.max(counts.jobs))),
        thousands(counts.keys)
    ))?;
    if found.findings.iter().any(|finding| finding.repair.is_ok()) {
        session
            .out
            .line("toril doctor --fix ID repairs one, --fix all repairs all that has a safe repair.")?;
    }
    Ok(())
}
