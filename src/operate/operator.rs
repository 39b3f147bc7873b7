//! Who acts: the one way from a decision to a write. Every act is written down before its first
//! write and after its last, and what it takes away is saved first.

mod back;

use std::time::{SystemTime, UNIX_EPOCH};

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

pub use back::{UndoError, Undoable};

use super::journal::{Confirmed, Entry, Intent, Journal, JournalError, Outcome, Part, Place, Who};
use super::trash::{ONE, Trash};
use super::{Action, Bulk, BulkPlan, End, Plan, Progress, Report, Selection, bulk, queue, resume, run};
use crate::conn::{Batch, Conn, Request, Verb, items, text};
use crate::engine::op::{Code, OpError, QueueOp, Target};
use crate::text::Clean;
use crate::wire::{Fleet, QueueId, State};

/// Ids that an outcome names.
const IDS: usize = 100;

/// What an environment allows, from its profile.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Policy {
    /// Nothing is done that cannot be written down first.
    pub require_audit: bool,
    /// The most jobs that one act may cover.
    pub max_bulk: Option<u64>,
}

/// What a person agreed to.
#[derive(Clone, Debug)]
pub struct Consent {
    /// How.
    pub confirmed: Confirmed,
    /// How many jobs the preview counted.
    pub matched: Option<u64>,
    /// The command line that does the same.
    pub command: String,
    /// What may be saved of the jobs that go, bytes; 0 saves nothing.
    pub save: u64,
    /// Jobs a second at most, where a plan names jobs one by one.
    pub rate: Option<u32>,
}

impl Consent {
    /// Agreed to in this way, with the usual bound on what is saved.
    pub fn new(confirmed: Confirmed, command: impl Into<String>) -> Self {
        Self { confirmed, matched: None, command: command.into(), save: ONE, rate: None }
    }

    /// With what the preview counted.
    #[must_use]
    pub fn matched(mut self, matched: u64) -> Self {
        self.matched = Some(matched);
        self
    }

    /// At most so many jobs a second.
    #[must_use]
    pub fn rate(mut self, rate: Option<u32>) -> Self {
        self.rate = rate;
        self
    }

    /// With another bound on what is saved, bytes; 0 saves nothing.
    #[must_use]
    pub fn save(mut self, bytes: u64) -> Self {
        self.save = bytes;
        self
    }
}

/// A connection that acts in somebody's name. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Operator {
    conn: Conn,
    who: Who,
    label: Option<String>,
    policy: Policy,
    journal: Option<Journal>,
    trash: Option<Trash>,
}

impl Operator {
    /// Acts over `conn`. Without a folder nothing can be written down, and nothing can be undone.
    pub fn new(
        conn: Conn,
        who: Who,
        label: Option<String>,
        policy: Policy,
        folder: Option<&std::path::Path>,
    ) -> Self {
        let journal = folder.map(Journal::in_folder);
        let trash = folder.map(Trash::in_folder);
        Self { conn, who, label, policy, journal, trash }
    }

    /// Who acts.
    pub fn who(&self) -> &Who {
        &self.who
    }

    /// The connection.
    pub fn conn(&self) -> &Conn {
        &self.conn
    }

    /// The journal, where there is a folder for it.
    pub fn journal(&self) -> Option<&Journal> {
        self.journal.as_ref()
    }

    /// The trash, where there is a folder for it.
    pub fn trash(&self) -> Option<&Trash> {
        self.trash.as_ref()
    }

    /// Does what a plan says, as [`run`] does.
    pub async fn run(
        &self,
        plan: &Plan,
        consent: &Consent,
        progress: &watch::Sender<Progress>,
        cancel: &CancellationToken,
    ) -> Report {
        let queue = &plan.target.queue;
        if let Err(why) = self.permits(consent) {
            return Report::forbidden(plan.action(), queue.clone(), &why);
        }
        let selector = selector(&plan.selection);
        let entry =
            match self.begin(plan.action(), &plan.target, selector, resume::of_plan(plan), consent).await {
                Ok(entry) => entry,
                Err(why) => return Report::forbidden(plan.action(), queue.clone(), &why),
            };
        let mut saver = None;
        if plan.takes_away()
            && consent.save > 0
            && let (Some(trash), Ok(entry)) = (&self.trash, &entry)
        {
            match trash.open(entry.id()).await {
                Ok(bag) => saver = Some(run::Saver { bag, limit: consent.save }),
                Err(error) => {
                    let report = Report::forbidden(plan.action(), queue.clone(), &error.to_string());
                    return self.finish(report, Ok(entry.clone())).await;
                }
            }
        }
        let mut report =
            run::run_saving(&self.conn, plan, saver.as_mut(), consent.rate, progress, cancel).await;
        report.undoable = saver.is_some_and(|saver| saver.bag.size() > 0) && may_be_done(&report);
        self.finish(report, entry).await
    }

    /// Does what a bulk plan says. An obliterated queue is paused first, and stays so if this is broken off.
    pub async fn bulk(
        &self,
        plan: &BulkPlan,
        consent: &Consent,
        progress: &watch::Sender<Progress>,
        cancel: &CancellationToken,
    ) -> Report {
        let (queue, action) = (&plan.target.queue, plan.bulk.action());
        if let Err(why) = self.permits(consent) {
            return Report::forbidden(action, queue.clone(), &why);
        }
        let selector = match (plan.bulk, &plan.only) {
            (_, Some(only)) if only.is_group() => selector(&Selection::Group(only.clone())),
            (_, Some(only)) => selector(&Selection::Ids(only.ids.clone())),
            (Bulk::Obliterate { .. }, None) => "the queue".to_owned(),
            (bulk, None) => {
                let states: Vec<_> = bulk.states().into_iter().map(State::name).collect();
                format!("all {} until {}", states.join(" "), plan.until)
            }
        };
        let entry = match self.begin(action, &plan.target, selector, resume::of_bulk(plan), consent).await {
            Ok(entry) => entry,
            Err(why) => return Report::forbidden(action, queue.clone(), &why),
        };
        let mut saver = None;
        if plan.bulk.takes_away()
            && consent.save > 0
            && let (Some(trash), Ok(entry)) = (&self.trash, &entry)
        {
            match trash.open(entry.id()).await {
                Ok(bag) => saver = Some(run::Saver { bag, limit: consent.save }),
                Err(error) => {
                    let report = Report::forbidden(action, queue.clone(), &error.to_string());
                    return self.finish(report, Ok(entry.clone())).await;
                }
            }
        }
        progress.send_modify(|progress| progress.matched = consent.matched.unwrap_or(0));
        if let Bulk::Obliterate { .. } = plan.bulk
            && let Some(report) = self.before_obliterating(plan, saver.as_mut()).await
        {
            return self.finish(report, entry).await;
        }
        let known = entry.as_ref().ok();
        let limited = matches!(plan.bulk, Bulk::Clean { limit: Some(_), .. });
        let mut counted = None;
        if let (true, None, Some(trash), Some(entry)) = (limited, &saver, &self.trash, known) {
            match trash.open(entry.id()).await {
                Ok(bag) => counted = Some((trash, bag)),
                Err(error) => {
                    let report = Report::forbidden(action, queue.clone(), &error.to_string());
                    return self.finish(report, Ok(entry.clone())).await;
                }
            }
        }
        let told = counted.as_mut().map(|(_, bag)| bag);
        let mut report = bulk::drive(&self.conn, plan, saver.as_mut(), told, known, progress, cancel).await;
        if let (Some((trash, _)), Some(entry), false) =
            (&counted, known, matches!(report.end, End::Unknown { .. }))
        {
            let _ = trash.discard(entry.id()).await;
        }
        let obliterates = matches!(plan.bulk, Bulk::Obliterate { .. });
        let emptied = obliterates && report.end == End::Finished;
        if obliterates && !emptied {
            report.note = Some("The queue was paused first, and still is: toril resume lets it go on.");
        }
        let went = may_be_done(&report) || emptied;
        report.undoable = saver.is_some_and(|saver| saver.bag.size() > 0) && went;
        self.finish(report, entry).await
    }

    /// Saves the keys of a queue that goes, and pauses it. A report: it may not go.
    async fn before_obliterating(&self, plan: &BulkPlan, saver: Option<&mut run::Saver>) -> Option<Report> {
        let mut report = Report::new(Action::Obliterate, plan.target.queue.clone());
        if plan.bulk == (Bulk::Obliterate { force: false }) {
            // What will be refused is not paused first.
            let active = Request::new(Verb::LLen).arg(plan.target.queue.key("active"));
            report.end = match self.conn.call(active).await {
                Ok(active) if crate::conn::integer(&active).unwrap_or(0) > 0 => {
                    End::Failed(OpError::Refused(Code::StillActive))
                }
                Ok(_) => End::Finished,
                Err(error) => End::Failed(error.into()),
            };
            if report.end != End::Finished {
                return Some(report);
            }
        }
        if let Some(saver) = saver
            && let Err(why) = saver.keep_keys(&self.conn, &plan.target.queue).await
        {
            report.end = End::NotSaved(why);
            return Some(report);
        }
        let paused = queue::act(&self.conn, &plan.target, QueueOp::Pause { fleet: Fleet::Mixed }).await;
        if paused.progress.done == 1 {
            return None;
        }
        report.failures = paused.failures;
        report.end = paused.end;
        Some(report)
    }

    /// Whether the environment allows an act of this size.
    pub(super) fn permits(&self, consent: &Consent) -> Result<(), String> {
        match (self.policy.max_bulk, consent.matched) {
            (Some(most), Some(matched)) if matched > most => {
                Err(format!("{matched} jobs are more than the {most} that max_bulk allows at once"))
            }
            _ => Ok(()),
        }
    }

    /// Acts on a queue, as [`queue::act`] does.
    pub async fn act(&self, target: &Target, op: QueueOp, consent: &Consent) -> Report {
        let action = Action::from(op);
        match self.begin(action, target, "the queue".to_owned(), serde_json::Value::Null, consent).await {
            Ok(entry) => {
                let report = queue::act(&self.conn, target, op).await;
                self.finish(report, entry).await
            }
            Err(why) => Report::forbidden(action, target.queue.clone(), &why),
        }
    }

    /// Writes the act down. `Err`: it may not be done. `Ok(Err)`: it may, without a record.
    pub(super) async fn begin(
        &self,
        action: Action,
        target: &Target,
        selector: String,
        plan: serde_json::Value,
        consent: &Consent,
    ) -> Result<Result<Entry, Clean>, String> {
        self.begin_as(action, &target.queue, target.era.word(), selector, plan, consent).await
    }

    /// The same for what is no write.
    pub(super) async fn begin_as(
        &self,
        action: Action,
        queue: &QueueId,
        era: &str,
        selector: String,
        plan: serde_json::Value,
        consent: &Consent,
    ) -> Result<Result<Entry, Clean>, String> {
        let begun = match &self.journal {
            Some(journal) => {
                let intent = Intent {
                    who: self.who.clone(),
                    place: self.place().await,
                    action: action.word().to_owned(),
                    queue: queue.name.lossless().into_owned(),
                    prefix: queue.prefix.lossless().into_owned(),
                    era: era.to_owned(),
                    selector,
                    matched: consent.matched,
                    confirmed: consent.confirmed,
                    command: consent.command.clone(),
                    plan,
                    version: env!("CARGO_PKG_VERSION").to_owned(),
                };
                journal.begin(intent, now()).await
            }
            None => {
                Err(JournalError { path: "-".to_owned(), message: "there is no folder for it".to_owned() })
            }
        };
        match begun {
            Ok(entry) => Ok(Ok(entry)),
            Err(error) if self.policy.require_audit => {
                Err(format!("nothing was done, because this environment requires a record: {error}"))
            }
            Err(error) => Ok(Err(Clean::line(error.to_string()))),
        }
    }

    pub(super) async fn finish(&self, mut report: Report, entry: Result<Entry, Clean>) -> Report {
        let entry = match entry {
            Ok(entry) => entry,
            Err(why) => {
                report.unrecorded = Some(why);
                return report;
            }
        };
        report.journal = Some(entry.id());
        let counts = report.progress;
        let outcome = Outcome {
            ended: report.end.word().to_owned(),
            counts: Part { done: counts.done, changed: counts.changed, failed: counts.failed },
            reason: report.end.reason().map(|why| why.to_string()),
            ids: report.ids.iter().take(IDS).map(|id| id.lossless().into_owned()).collect(),
            undoable: report.undoable,
        };
        if let Err(error) = entry.end(outcome, now()).await {
            report.unrecorded = Some(Clean::line(error.to_string()));
        }
        report
    }

    /// The server as it tells of itself; what it does not tell is left out.
    async fn place(&self) -> Place {
        let mut place = Place {
            endpoint: self.conn.endpoint().to_string(),
            label: self.label.clone(),
            ..Place::default()
        };
        let mut batch = Batch::new();
        batch.push(Request::new(Verb::AclWhoAmI));
        batch.push(Request::new(Verb::Info).arg("server"));
        batch.push(Request::new(Verb::Time));
        if let Ok(replies) = self.conn.batch(&batch).await
            && let [user, info, time] = replies.as_slice()
        {
            place.redis_user = text(user).map(str::to_owned);
            place.run_id = text(info).and_then(run_id).map(str::to_owned);
            let part =
                |at: usize| items(time).get(at).and_then(text).and_then(|text| text.parse::<i64>().ok());
            place.redis_at = part(0).zip(part(1)).map(|(seconds, micros)| seconds * 1000 + micros / 1000);
        }
        place
    }
}

fn run_id(info: &str) -> Option<&str> {
    info.lines().find_map(|line| line.strip_prefix("run_id:")).map(str::trim)
}

/// Whether something of it was done, or may have been.
const fn may_be_done(report: &Report) -> bool {
    report.progress.done > 0 || matches!(report.end, End::Unknown { .. })
}

fn selector(selection: &Selection) -> String {
    match selection {
        Selection::Ids(ids) if ids.len() <= IDS => {
            let ids: Vec<_> = ids.iter().map(|id| id.lossless()).collect();
            ids.join(" ")
        }
        Selection::Ids(ids) => format!("{} jobs by id", ids.len()),
        Selection::Group(only) => format!("{} jobs of error group {}", only.ids.len(), only.group),
        Selection::All { state, until } => format!("all {} until {until}", state.name()),
    }
}

/// The host's clock, ms since the epoch.
pub(super) fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}
