//! Drain, clean, obliterate, and retry and promote of whole states.

use std::fmt::Write as _;
use std::time::Duration;

use tokio::sync::watch;

use super::confirm::confirm;
use super::jobs::{server_time, show};
use super::{Document, jobs_of, on_ctrl_c, permit, tell, verdict};
use crate::cli::args::{ActFlags, BulkFlags, CleanArgs, DrainArgs, ObliterateArgs};
use crate::cli::failure::{Failure, exit};
use crate::cli::output;
use crate::cli::resolve;
use crate::cli::session::Session;
use crate::operate::journal::Confirmed;
use crate::operate::{self, Bulk, BulkPlan, Consent, Pace, Preview, Progress, command, preview_bulk};
use crate::text::Clean;

/// How an act is done.
pub struct How<'a> {
    /// How fast.
    pub pace: Pace,
    /// Bytes that may be saved of what goes.
    pub save: u64,
    /// Flags of every act.
    pub act: &'a ActFlags,
    /// Only jobs that are older.
    pub older: Option<Duration>,
}

impl<'a> From<&'a BulkFlags> for How<'a> {
    fn from(flags: &'a BulkFlags) -> Self {
        let pace = Pace { rate: flags.rate, canary: false, full_speed: flags.full_speed };
        Self { pace, save: flags.save.bytes(), act: &flags.act, older: None }
    }
}

/// `toril drain`.
pub async fn drain(session: &mut Session, args: &DrainArgs) -> Result<u8, Failure> {
    run(session, &args.queue, Bulk::Drain { delayed: args.delayed }, How::from(&args.bulk)).await
}

/// `toril clean`.
pub async fn clean(session: &mut Session, args: &CleanArgs) -> Result<u8, Failure> {
    let how = How { older: args.older_than, ..How::from(&args.bulk) };
    run(session, &args.queue, Bulk::Clean { state: args.state, limit: args.limit }, how).await
}

/// `toril obliterate`.
pub async fn obliterate(session: &mut Session, args: &ObliterateArgs) -> Result<u8, Failure> {
    run(session, &args.queue, Bulk::Obliterate { force: args.force }, How::from(&args.bulk)).await
}

/// Previews, asks, does and tells.
pub async fn run(session: &mut Session, queue: &str, bulk: Bulk, how: How<'_>) -> Result<u8, Failure> {
    permit(session, how.act.dry_run)?;
    let prepared = async {
        let found = resolve::queue(session, queue).await?;
        let target = found.target()?;
        let older = how.older.map_or(0, |older| i64::try_from(older.as_millis()).unwrap_or(i64::MAX));
        let until = server_time(session).await?.saturating_sub(older);
        let plan = BulkPlan { target, bulk, until, pace: how.pace, only: None };
        let preview = preview_bulk(&session.conn, &plan).await?;
        Ok::<_, Failure>((plan, preview))
    };
    let (plan, preview) = tokio::select! {
        prepared = prepared => prepared?,
        _ = tokio::signal::ctrl_c() => return Err(Failure::Code(exit::INTERRUPTED)),
    };
    let older = how.older.map(|older| format!(" --older-than {}ms", older.as_millis()));
    carry_out(session, &plan, &preview, how.act, how.save, &older.unwrap_or_default()).await
}

/// Asks, does and tells.
pub(super) async fn carry_out(
    session: &mut Session,
    plan: &BulkPlan,
    preview: &Preview,
    act: &ActFlags,
    save: u64,
    flags: &str,
) -> Result<u8, Failure> {
    let bulk = plan.bulk;
    // A queue without jobs can be obliterated all the same: its keys go.
    let nothing = preview.matched == 0 && !matches!(bulk, Bulk::Obliterate { .. });
    if act.dry_run || nothing {
        return planned(session, plan, preview, act.dry_run, nothing);
    }
    let confirmed = ask(session, act, plan, preview).await?;
    let unsaved = if save == 0 && bulk.takes_away() { " --no-save" } else { "" };
    let line = format!("{}{flags}{unsaved}", command::of_bulk(plan));
    let consent = Consent::new(confirmed, line).matched(preview.matched).save(save);
    let cancel = on_ctrl_c();
    let (progress, seen) = watch::channel(Progress::default());
    let teller = (!session.json).then(|| tokio::spawn(show(seen)));
    let report = session.operator().bulk(plan, &consent, &progress, &cancel).await;
    if let Some(teller) = teller {
        teller.abort();
    }
    if session.json {
        session.out.json(&Document::done(&report))?;
    } else {
        tell(&mut session.out, &report)?;
    }
    session.out.flush()?;
    let (code, failure) = verdict(&report);
    if let Some(failure) = failure {
        output::report(&failure, session.json);
    }
    let emptied = matches!(bulk, Bulk::Obliterate { .. }) && report.end == operate::End::Finished;
    Ok(if emptied && code == exit::NO { exit::DONE } else { code })
}

async fn ask(
    session: &Session,
    act: &ActFlags,
    plan: &BulkPlan,
    preview: &Preview,
) -> Result<Confirmed, Failure> {
    let severity = plan.severity(preview.matched, session.settings.protected);
    let queue = plan.target.queue.clean();
    let what = match plan.bulk {
        Bulk::Obliterate { .. } => format!("Obliterate {queue} with {}", jobs_of(preview.matched)),
        Bulk::Retry { .. } => {
            let why = plan
                .only
                .as_ref()
                .filter(|only| only.is_group())
                .map(|only| format!(" that failed with \"{}\"", only.message.cut(200)));
            format!("Retry {} of {queue}{}", jobs_of(preview.matched), why.unwrap_or_default())
        }
        Bulk::Promote => format!("Promote {} of {queue}", jobs_of(preview.matched)),
        Bulk::Drain { .. } | Bulk::Clean { .. } => format!("Remove {} of {queue}", jobs_of(preview.matched)),
    };
    let mut question = format!("{what} on {}?", session.settings.endpoint);
    for effect in &preview.effects {
        let _ = write!(question, " {effect};");
    }
    confirm(severity, &act.confirm, question.trim_end_matches(';'), Some(&plan.target.queue.name)).await
}

fn planned(
    session: &mut Session,
    plan: &BulkPlan,
    preview: &Preview,
    dry_run: bool,
    nothing: bool,
) -> Result<u8, Failure> {
    let queue = &plan.target.queue;
    let action = plan.bulk.action();
    let mut document = Document::planned(action, queue, preview.matched, &preview.sample, &preview.effects);
    document.dry_run = dry_run;
    if session.json {
        session.out.json(&document)?;
    } else if nothing {
        session.out.line(format_args!("No job of {} matches.", queue.name.clean()))?;
    } else {
        let (word, jobs) = (action.word(), jobs_of(preview.matched));
        session
            .out
            .line(format_args!("Would {word} {}: {jobs}; nothing was written.", queue.name.clean()))?;
        for effect in &preview.effects {
            session.out.line(format_args!("  {effect}"))?;
        }
        let sample: Vec<Clean> = preview.sample.iter().map(|id| id.clean().cut(40)).collect();
        let shown: Vec<&str> = sample.iter().map(Clean::as_str).collect();
        if !shown.is_empty() {
            session.out.line(format_args!("  for example {}", shown.join(", ")))?;
        }
    }
    Ok(if nothing { exit::NO } else { exit::DONE })
}
