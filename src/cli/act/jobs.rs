//! Retry, remove, promote.

use std::fmt::Write as _;
use std::time::Duration;

use tokio::sync::watch;

use super::bulk::How;
use super::confirm::confirm;
use super::select::{self, select};
use super::{Document, jobs_of, on_ctrl_c, permit, tell, verdict};
use crate::cli::args::{ActFlags, JobAct};
use crate::cli::failure::{Failure, exit};
use crate::cli::output;
use crate::cli::resolve;
use crate::cli::session::Session;
use crate::conn::{Request, Verb};
use crate::engine::op::JobOp;
use crate::engine::read::overview;
use crate::insight::errors::GroupId;
use crate::operate::journal::Confirmed;
use crate::operate::{
    self, Bulk, BulkPlan, Consent, Only, Plan, Preview, Progress, Report, Selection, command,
};
use crate::text::Clean;
use crate::wire::State;

/// Which of them, with what it needs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum JobAction {
    /// `toril retry`.
    Retry {
        /// Count attempts from zero.
        reset_attempts: bool,
    },
    /// `toril remove`.
    Remove {
        /// Leave children that are not processed.
        keep_children: bool,
    },
    /// `toril promote`.
    Promote,
}

impl JobAction {
    /// The operation, and the state that it starts from.
    fn op(self, state: Option<State>) -> Result<(JobOp, Option<State>), Failure> {
        match (self, state) {
            (Self::Retry { reset_attempts }, state) => {
                let from = state.unwrap_or(State::Failed);
                if !from.is_finished() {
                    return Err(Failure::usage(
                        format!("{} jobs cannot be retried", from.name()),
                        "retry takes --state failed or --state completed",
                    ));
                }
                Ok((JobOp::Retry { from, reset_attempts }, Some(from)))
            }
            (Self::Promote, None | Some(State::Delayed)) => Ok((JobOp::Promote, Some(State::Delayed))),
            (Self::Promote, Some(other)) => Err(Failure::usage(
                format!("{} jobs cannot be promoted", other.name()),
                "promote takes delayed jobs",
            )),
            (Self::Remove { keep_children }, state) => {
                Ok((JobOp::Remove { children: !keep_children }, state))
            }
        }
    }
}

/// Acts on the jobs of a queue.
pub async fn run(session: &mut Session, args: &JobAct, action: JobAction) -> Result<u8, Failure> {
    permit(session, args.act.dry_run)?;
    let (op, usual) = action.op(args.state)?;
    if args.all && args.filter.is_none() {
        let bulk = match op {
            JobOp::Retry { from, reset_attempts } => Some(Bulk::Retry { from, reset_attempts }),
            JobOp::Promote => Some(Bulk::Promote),
            _ => None,
        };
        if let Some(bulk) = bulk {
            let how = How { pace: args.pace.into(), save: 0, act: &args.act, older: None };
            return super::bulk::run(session, &args.queue, bulk, how).await;
        }
    }
    if let Some(group) = args.error {
        return group_of(session, args, op, group).await;
    }
    if args.filter.is_some() && !matches!(op, JobOp::Remove { .. }) {
        return filtered(session, args, op, usual).await;
    }
    if args.pace.canary && !args.all {
        return Err(Failure::usage("--canary is for --all, --where and --error", "take --rate N/s"));
    }
    let prepared = async {
        let queue = resolve::queue(session, &args.queue).await?;
        let target = queue.target()?;
        let until = server_time(session).await?;
        let selection = select(session, &queue, args, usual, until).await?;
        let plan = Plan { target, op, selection };
        let preview = operate::preview(&session.conn, &plan).await?;
        Ok::<_, Failure>((plan, preview))
    };
    let (plan, preview) = tokio::select! {
        prepared = prepared => prepared?,
        _ = tokio::signal::ctrl_c() => return Err(Failure::Code(exit::INTERRUPTED)),
    };
    carry_out(session, &plan, &preview, &args.act, args.save.bytes(), args.pace.rate).await
}

/// Retries or promotes what a filter finds, at a pace like all acts on many jobs.
async fn filtered(
    session: &mut Session,
    args: &JobAct,
    op: JobOp,
    usual: Option<State>,
) -> Result<u8, Failure> {
    let bulk = match op {
        JobOp::Retry { from, reset_attempts } => Bulk::Retry { from, reset_attempts },
        _ => Bulk::Promote,
    };
    let prepared = async {
        let queue = resolve::queue(session, &args.queue).await?;
        let target = queue.target()?;
        let until = server_time(session).await?;
        let found = select(session, &queue, args, usual, until).await?;
        let only = Only::found(found.ids().unwrap_or_default().to_vec());
        let plan = BulkPlan { target, bulk, until, pace: args.pace.into(), only: Some(only.into()) };
        let preview = operate::preview_bulk(&session.conn, &plan).await?;
        Ok::<_, Failure>((plan, preview))
    };
    let (plan, preview) = tokio::select! {
        prepared = prepared => prepared?,
        _ = tokio::signal::ctrl_c() => return Err(Failure::Code(exit::INTERRUPTED)),
    };
    super::bulk::carry_out(session, &plan, &preview, &args.act, 0, "").await
}

/// Acts on the failed jobs of one cause.
async fn group_of(session: &mut Session, args: &JobAct, op: JobOp, group: GroupId) -> Result<u8, Failure> {
    let retry = match op {
        JobOp::Retry { from: State::Failed, reset_attempts } => Some(reset_attempts),
        JobOp::Remove { .. } if args.state.is_none_or(|state| state == State::Failed) => None,
        _ => return Err(Failure::usage("--error is for failed jobs", "retry or remove them")),
    };
    let prepared = async {
        let queue = resolve::queue(session, &args.queue).await?;
        let target = queue.target()?;
        let until = server_time(session).await?;
        let (ids, message) = select::of_group(session, &queue, group, args.scan).await?;
        Ok::<_, Failure>((target, until, Only { group: group.to_string(), message, ids }))
    };
    let (target, until, only) = tokio::select! {
        prepared = prepared => prepared?,
        _ = tokio::signal::ctrl_c() => return Err(Failure::Code(exit::INTERRUPTED)),
    };
    if let Some(reset_attempts) = retry {
        let bulk = Bulk::Retry { from: State::Failed, reset_attempts };
        let plan = BulkPlan { target, bulk, until, pace: args.pace.into(), only: Some(only.into()) };
        let preview = operate::preview_bulk(&session.conn, &plan).await?;
        return super::bulk::carry_out(session, &plan, &preview, &args.act, 0, "").await;
    }
    let plan = Plan { target, op, selection: Selection::Group(only.into()) };
    let preview = operate::preview(&session.conn, &plan).await?;
    carry_out(session, &plan, &preview, &args.act, args.save.bytes(), None).await
}

/// Asks, does and tells.
pub(super) async fn carry_out(
    session: &mut Session,
    plan: &Plan,
    preview: &Preview,
    act: &ActFlags,
    save: u64,
    rate: Option<u32>,
) -> Result<u8, Failure> {
    if act.dry_run || preview.matched == 0 {
        return planned(session, plan, preview, act.dry_run);
    }
    let confirmed = ask(session, act, plan, preview).await?;
    let mut line = command::of_plan(plan);
    if save == 0 && plan.takes_away() {
        line.push_str(" --no-save");
    }
    if let Some(rate) = rate {
        let _ = write!(line, " --rate {rate}/s");
    }
    let consent = Consent::new(confirmed, line).matched(preview.matched).save(save).rate(rate);
    let report = drive(session, plan, &consent).await;
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
    Ok(code)
}

/// Now, by Redis's clock: what comes later does not belong to the selection.
pub async fn server_time(session: &Session) -> Result<i64, Failure> {
    let reply = session.conn.call(Request::new(Verb::Time)).await?;
    Ok(overview::server_time(&reply).unwrap_or_else(|| session.clock.now_ms()))
}

async fn ask(
    session: &Session,
    act: &ActFlags,
    plan: &Plan,
    preview: &Preview,
) -> Result<Confirmed, Failure> {
    let severity = operate::severity(plan.action(), preview.matched, session.settings.protected);
    let word = plan.action().word();
    let verb = format!("{}{}", word[..1].to_uppercase(), &word[1..]);
    let queue = plan.target.queue.clean();
    let mut question =
        format!("{verb} {} of {queue} on {}?", jobs_of(preview.matched), session.settings.endpoint);
    for effect in &preview.effects {
        let _ = write!(question, " {effect};");
    }
    confirm(severity, &act.confirm, question.trim_end_matches(';'), Some(&plan.target.queue.name)).await
}

fn planned(session: &mut Session, plan: &Plan, preview: &Preview, dry_run: bool) -> Result<u8, Failure> {
    let queue = &plan.target.queue;
    let mut document =
        Document::planned(plan.action(), queue, preview.matched, &preview.sample, &preview.effects);
    document.dry_run = dry_run;
    if session.json {
        session.out.json(&document)?;
    } else if preview.matched == 0 {
        session.out.line(format_args!("No job of {} matches.", queue.name.clean()))?;
    } else {
        let (word, jobs) = (plan.action().word(), jobs_of(preview.matched));
        session
            .out
            .line(format_args!("Would {word} {jobs} of {}; nothing was written.", queue.name.clean()))?;
        for effect in &preview.effects {
            session.out.line(format_args!("  {effect}"))?;
        }
        let sample: Vec<Clean> = preview.sample.iter().map(|id| id.clean().cut(40)).collect();
        let shown: Vec<&str> = sample.iter().map(Clean::as_str).collect();
        session.out.line(format_args!("  for example {}", shown.join(", ")))?;
    }
    Ok(if preview.matched == 0 { exit::NO } else { exit::DONE })
}

/// Runs the plan; Ctrl-C stops it between two chunks, and what was done until then is reported.
async fn drive(session: &Session, plan: &Plan, consent: &Consent) -> Report {
    let operator = session.operator();
    let cancel = on_ctrl_c();
    let (progress, seen) = watch::channel(Progress::default());
    let teller = (!session.json).then(|| tokio::spawn(show(seen)));
    let report = operator.run(plan, consent, &progress, &cancel).await;
    if let Some(teller) = teller {
        teller.abort();
    }
    report
}

/// Says how far a long run is, once a second.
pub(super) async fn show(mut seen: watch::Receiver<Progress>) {
    const EVERY: Duration = Duration::from_secs(1);
    tokio::time::sleep(EVERY).await;
    while seen.changed().await.is_ok() {
        let now = *seen.borrow_and_update();
        output::say(format_args!("toril: {} of {}", now.handled(), now.matched));
        tokio::time::sleep(EVERY).await;
    }
}
