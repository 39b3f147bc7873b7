//! What `update` asks the shell to do.

use std::sync::Arc;

use super::screen::errors;
use crate::conn::Sent;
use crate::engine::op::{JobOp, QueueOp};
use crate::engine::read::FieldValue;
use crate::engine::read::failures::{Part as Stretch, Span};
use crate::engine::read::flow;
use crate::engine::read::job::{JobDetail, LogPage};
use crate::engine::read::page::{Page, PageQuery};
use crate::insight::errors::Failure;
use crate::insight::find::{Found, Wanted};
use crate::monitor::Interest;
use crate::monitor::why::{Look, Sight};
use crate::operate::journal::{self, Confirmed, JournalId, Part};
use crate::operate::trash;
use crate::operate::{Action, Bulk, Edit, NewJob, Only, Pace, Selection, Severity, severity, severity_of};
use crate::text::Clean;
use crate::wire::{Era, JobId, QueueId, Raw, State};

/// The number of a fetch: an answer is taken only by who still waits for this one.
pub type FetchId = u64;
/// The number of a run.
pub type RunId = u64;

/// A place for fetches of one kind: one runs, one is next, and newer ones take its place.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Slot {
    /// A page of a job list.
    List,
    /// A job.
    Job,
    /// A large field of a job.
    Field,
    /// A stretch of a log.
    Logs,
    /// A search over a list.
    Scan,
    /// A search over queues.
    Find,
    /// Writing what was found to a file.
    Export,
    /// Counting and sampling before an act.
    Preview,
    /// What an undo would put back.
    Undo,
    /// Failures by cause.
    Errors,
    /// Jobs of a flow.
    Flow,
    /// A masked value that is to be shown.
    Reveal,
    /// What was done and sent.
    Log,
    /// A close look at a queue.
    Why,
    /// A round of the doctor.
    Doctor,
    /// A job's data, for an editor.
    Draft,
    /// Schedulers of all queues.
    Schedulers,
    /// Jobs that run.
    Workers,
    /// When errors began.
    Onsets,
}

/// What is to be read.
#[derive(Clone, PartialEq, Debug)]
pub enum Query {
    /// A page of a job list.
    Page(Era, PageQuery),
    /// A job, with where it was last seen.
    Job(Era, QueueId, JobId, Option<State>),
    /// A field of a job, whatever its size.
    Field(QueueId, JobId, Raw),
    /// Lines of a job's log: from this one (`None`: the last ones), so many.
    Logs(QueueId, JobId, Option<u64>, u64),
    /// Rows of a list that contain a text: bounded, with progress.
    Scan {
        /// Who writes the queue.
        era: Era,
        /// Where it begins, and in which order.
        query: PageQuery,
        /// What jobs must hold (or must not).
        wanted: Wanted,
        /// How many jobs are looked at, at most.
        bound: u64,
    },
    /// A search over queues: bounded, with progress.
    Find(Box<Hunt>),
    /// Whole jobs, to a file of this name.
    Export(Box<Export>),
    /// What an act would do.
    Preview(Act),
    /// What an undo of this act (`None`: of the newest that can be) would put back.
    Undoable(Option<JournalId>),
    /// Jobs of a flow.
    Flow(FlowQuery),
    /// Write down that a masked value of a job is shown, and which.
    Reveal(QueueId, Era, JobId, String),
    /// What is left of an act, on a queue of this era.
    Resumable(JournalId, Era),
    /// A round of the doctor; its progress comes before its answer.
    Doctor(Round),
    /// The journal, unless its file still has this size.
    Journal(u64),
    /// Failures by cause.
    Errors(errors::Wanted),
    /// A few failures of a queue that tell when an error began.
    Onsets(QueueId, Span),
    /// What was sent after the entry of this number.
    Sent(u64),
    /// Jobs that run, and how long they usually take: with progress.
    Workers(super::screen::workers::Wanted),
    /// The schedulers of these queues: with progress.
    Schedulers(Vec<(Era, QueueId)>),
    /// A close look at a queue, with the look before.
    Why(QueueId, Option<Box<Look>>),
    /// A job's data for an editor, where it has at most so many bytes.
    Draft(QueueId, JobId, u64),
    /// Which job owns a deduplication id.
    Owner(QueueId, Raw),
}

/// A round of the doctor.
#[derive(Clone, PartialEq, Debug)]
pub struct Round {
    /// Which queues.
    pub queues: Vec<QueueId>,
    /// How much is read, and how fast.
    pub scope: crate::engine::read::doctor::Scope,
    /// The server is looked at, too.
    pub whole: bool,
}

/// What a filter looks for.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Needle {
    /// The text, in lower case.
    pub text: String,
    /// Rows must *not* contain it.
    pub not: bool,
}

impl Needle {
    /// Reads what was typed: `text` or `!text`, in any case.
    pub fn parse(typed: &str) -> Self {
        let (text, not) = typed.strip_prefix('!').map_or((typed, false), |rest| (rest, true));
        Self { text: text.to_lowercase(), not }
    }

    /// Whether a row with these texts passes.
    pub fn passes<'a>(&self, mut texts: impl Iterator<Item = &'a str>) -> bool {
        texts.any(|text| text.to_lowercase().contains(&self.text)) != self.not
    }
}

/// What of a flow is to be read.
#[derive(Clone, PartialEq, Debug)]
pub enum FlowQuery {
    /// The line from the root down to a job.
    Line(QueueId, JobId),
    /// A page of the children of a job, which the asker has under this number.
    Children(usize, QueueId, JobId, Option<flow::Cursor>),
    /// What is known of jobs.
    Members(Vec<(QueueId, JobId)>),
    /// What a root waits for, looking at so many jobs at most.
    Survey(QueueId, JobId, u64),
}

/// What was read of a flow.
#[derive(Clone, PartialEq, Debug)]
pub enum FlowPart {
    /// The line from the root down to the job.
    Line(Vec<flow::Member>),
    /// Children of a job.
    Children(usize, flow::Offspring),
    /// What is known of jobs.
    Members(Vec<flow::Member>),
    /// What the root waits for.
    Survey(flow::Survey),
}

/// What was read.
#[derive(Debug)]
pub enum Answer {
    /// A page.
    Page(Page),
    /// A job; `None`: there is none.
    Job(Option<Box<JobDetail>>),
    /// A field.
    Field(FieldValue),
    /// A field, and where secrets stand in it.
    Masked(FieldValue, crate::text::Places),
    /// Jobs of a flow.
    Flow(Box<FlowPart>),
    /// A masked value may be shown; why that was not written down, if so.
    Revealed(Option<Clean>),
    /// Lines of a log.
    Logs(LogPage),
    /// Rows found so far.
    Scan(ScanResult),
    /// What was found since the last answer.
    Find(Box<Found>),
    /// So many jobs were written.
    Exported(u64),
    /// What an act would do.
    Preview(crate::operate::Preview),
    /// What an undo would put back.
    Undoable(Box<Taken>),
    /// What is left of an act, and about how many jobs.
    Resumable(Box<Act>, u64),
    /// The journal; `None`: as it was.
    Journal(Option<JournalRead>),
    /// Failures with their causes.
    Errors(Box<errors::News>),
    /// A few failures, oldest first.
    Onsets(Vec<(Stretch, Failure)>),
    /// What was sent, oldest first.
    Sent(Vec<Sent>),
    /// Jobs that run, as far as they were read.
    Workers(super::screen::workers::Read),
    /// Schedulers, as far as they were read.
    Schedulers(super::screen::schedulers::Read),
    /// What a close look at a queue saw.
    Why(Box<Sight>),
    /// Who owns a deduplication id; `None`: nobody.
    Owner(Option<JobId>),
    /// How far a round of the doctor is.
    Looking(crate::engine::read::doctor::Progress),
    /// What a round of the doctor found.
    Survey(Box<crate::insight::doctor::Survey>),
}

/// The journal as it was read.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct JournalRead {
    /// Bytes of the file.
    pub size: u64,
    /// Its acts, newest first.
    pub acts: Vec<Logged>,
    /// Lines that cannot be read, or do not follow the line before them: numbers from 1.
    pub broken: Vec<usize>,
}

/// An act of the journal, with what is known of it here.
#[derive(Clone, Debug, PartialEq)]
pub struct Logged {
    /// What the journal holds.
    pub act: journal::Kept,
    /// Bytes that are kept to undo it; `None`: nothing.
    pub bytes: Option<u64>,
    /// It has no end yet because this program does it right now.
    pub runs: bool,
}

impl Logged {
    /// Its name.
    pub fn id(&self) -> JournalId {
        self.act.id
    }

    /// The counts at its end, or as far as it was known to be.
    pub fn counts(&self) -> Part {
        let ended = self.act.end.as_ref().map(|(_, outcome)| outcome.counts);
        ended.or(self.act.part).unwrap_or_default()
    }

    /// Whether a filter lets it through.
    pub fn passes(&self, needle: &Needle) -> bool {
        let intent = &self.act.intent;
        let id = self.act.id.to_string();
        let who = intent.who.user.as_deref().unwrap_or_default();
        let texts =
            [&id, &intent.action, &intent.queue, &intent.selector, &intent.command, &intent.place.endpoint];
        needle.passes(texts.into_iter().map(String::as_str).chain(Some(who)))
    }
}

/// What a search found so far.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ScanResult {
    /// Rows that pass, in the list's order.
    pub rows: Vec<crate::engine::read::page::JobRow>,
    /// Jobs looked at.
    pub scanned: u64,
    /// Jobs in the list.
    pub total: u64,
    /// The search is over.
    pub complete: bool,
    /// Jobs read a second.
    pub per_second: f64,
    /// The part of Redis's time that it took, 0 to 1.
    pub share: f64,
    /// What a person should know of the jobs that did not match, or why it waits.
    pub note: Option<Clean>,
}

/// A search over queues.
#[derive(Clone, Debug, PartialEq)]
pub struct Hunt {
    /// What is looked for.
    pub wanted: Wanted,
    /// In which queues, and who writes them.
    pub queues: Vec<(QueueId, Era)>,
    /// In which states.
    pub states: Vec<State>,
    /// How many jobs are looked at, at most.
    pub bound: u64,
    /// How many are found, at most.
    pub most: usize,
}

/// Jobs that are to be written to a file, one a line.
#[derive(Clone, Debug, PartialEq)]
pub struct Export {
    /// Its name; a file of this name must not be there.
    pub file: String,
    /// Which jobs, and where they were seen.
    pub jobs: Vec<(QueueId, JobId, State)>,
}

/// An act, prepared: what a dialog holds and the executor runs.
#[derive(Clone, PartialEq, Debug)]
pub enum Act {
    /// On jobs of one queue.
    Jobs {
        /// Which queue.
        queue: QueueId,
        /// Its era, as it was shown.
        era: Era,
        /// What to do with each.
        op: JobOp,
        /// To which.
        selection: Selection,
    },
    /// On a queue as a whole.
    Queue {
        /// Which queue.
        queue: QueueId,
        /// Its era, as it was shown.
        era: Era,
        /// What to do.
        op: QueueOp,
    },
    /// On whole states of a queue.
    Bulk {
        /// Which queue.
        queue: QueueId,
        /// Its era, as it was shown.
        era: Era,
        /// What to do.
        bulk: Bulk,
        /// Only jobs that were there by this moment, ms by Redis's clock.
        until: i64,
        /// How fast.
        pace: Pace,
        /// Only these jobs: those of a group of errors, or what a filter found.
        only: Option<Arc<Only>>,
    },
    /// Edits of one thing: a job, a queue's limits, a scheduler.
    Edit {
        /// Which queue.
        queue: QueueId,
        /// Its era, as it was shown.
        era: Era,
        /// What is edited, one after the other.
        edits: Vec<Edit>,
    },
    /// A new job.
    Add {
        /// Which queue.
        queue: QueueId,
        /// Its era, as it was shown.
        era: Era,
        /// The job.
        job: Box<NewJob>,
    },
    /// Repairs of damage.
    Repair {
        /// Which queue.
        queue: QueueId,
        /// Its era, as it was found.
        era: Era,
        /// What is repaired, each with the id of its finding.
        repairs: Vec<(String, crate::engine::op::Repair)>,
    },
    /// Putting back what an act took away.
    Undo(Taken),
}

/// What an act took away and can be put back.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Taken {
    /// The act.
    pub id: JournalId,
    /// Its word.
    pub word: Clean,
    /// When it began, ms since the epoch by the host's clock.
    pub at: i64,
    /// Which queue.
    pub queue: QueueId,
    /// Jobs that are kept, in their order the first few.
    pub jobs: u64,
    /// The first of them.
    pub sample: Vec<JobId>,
    /// Keys of the queue that are kept.
    pub keys: u64,
    /// Bytes that are kept.
    pub bytes: u64,
    /// What edits replaced: `data of job 7`.
    pub edits: Vec<Clean>,
}

/// What a person agreed to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Agreed {
    /// How.
    pub confirmed: Confirmed,
    /// How many jobs were counted before.
    pub matched: Option<u64>,
    /// What may be saved of jobs that go, bytes; 0 saves nothing.
    pub save: u64,
    /// Flags of the command line that does the same, which the act itself does not tell.
    pub flags: String,
}

impl Agreed {
    /// Agreed to in this way; nothing was counted, and the usual bound on what is saved.
    pub const fn new(confirmed: Confirmed) -> Self {
        Self { confirmed, matched: None, save: trash::ONE, flags: String::new() }
    }
}

impl Act {
    /// The queue it is about.
    pub fn queue(&self) -> &QueueId {
        match self {
            Self::Jobs { queue, .. }
            | Self::Queue { queue, .. }
            | Self::Bulk { queue, .. }
            | Self::Edit { queue, .. }
            | Self::Repair { queue, .. }
            | Self::Add { queue, .. } => queue,
            Self::Undo(taken) => &taken.queue,
        }
    }

    /// The jobs of the one group of errors that it is about, where it is.
    pub fn only(&self) -> Option<&Only> {
        match self {
            Self::Bulk { only, .. } => only.as_deref().filter(|only| only.is_group()),
            Self::Jobs { selection: Selection::Group(only), .. } => Some(only),
            _ => None,
        }
    }

    /// The era of the queue as it was shown; an undo has that of its act.
    pub fn era(&self) -> Option<Era> {
        match self {
            Self::Jobs { era, .. }
            | Self::Queue { era, .. }
            | Self::Bulk { era, .. }
            | Self::Edit { era, .. }
            | Self::Repair { era, .. }
            | Self::Add { era, .. } => Some(*era),
            Self::Undo(_) => None,
        }
    }

    /// The states whose jobs it covers, all of them; empty where it is about jobs by id or none.
    pub fn states(&self) -> Vec<State> {
        match self {
            Self::Jobs { selection: Selection::All { state, .. }, .. } => vec![*state],
            Self::Bulk { bulk, .. } => bulk.states(),
            Self::Jobs { .. }
            | Self::Queue { .. }
            | Self::Edit { .. }
            | Self::Repair { .. }
            | Self::Add { .. }
            | Self::Undo(_) => Vec::new(),
        }
    }

    /// Whether it is about jobs, which are counted before.
    pub fn counts_jobs(&self) -> bool {
        !matches!(self, Self::Queue { .. } | Self::Edit { .. } | Self::Repair { .. } | Self::Add { .. })
    }

    /// The kind of act.
    pub fn action(&self) -> Action {
        match self {
            Self::Jobs { op, .. } => (*op).into(),
            Self::Queue { op, .. } => (*op).into(),
            Self::Bulk { bulk, .. } => bulk.action(),
            Self::Edit { edits, .. } => Edit::word(edits),
            Self::Add { .. } => Action::Add,
            Self::Repair { .. } => Action::Repair,
            Self::Undo(_) => Action::Undo,
        }
    }

    /// The verb, as on the command line.
    pub fn word(&self) -> &'static str {
        self.action().word()
    }

    /// How much must be asked before it, where it is about so many jobs. How many a whole state
    /// holds may be more by now than what was counted: that is never done without a question.
    pub fn severity(&self, jobs: u64, protected: bool) -> Severity {
        match self {
            Self::Bulk { bulk, only: Some(only), .. } => severity_of(*bulk, only.is_group(), jobs, protected),
            Self::Jobs { selection: Selection::All { .. }, .. } | Self::Bulk { .. } | Self::Undo(_) => {
                severity(self.action(), jobs, protected).max(Severity::Ask)
            }
            Self::Jobs { .. } => severity(self.action(), jobs, protected),
            Self::Queue { .. } | Self::Add { .. } => severity(self.action(), 1, protected),
            Self::Repair { repairs, .. } => severity(self.action(), repairs.len() as u64, protected),
            Self::Edit { edits, .. } => {
                let each = edits.iter().map(|edit| severity(edit.action(), 1, protected));
                each.max().unwrap_or(Severity::Ask)
            }
        }
    }
}

/// A side effect.
#[derive(Clone, PartialEq, Debug)]
pub enum Effect {
    /// Read something.
    Fetch(Slot, FetchId, Query),
    /// Forget what a slot has next and stop what it runs.
    Cancel(Slot),
    /// Keep these things fresh.
    Interest(Interest),
    /// Do something.
    Run(RunId, Act, Agreed),
    /// Stop a run after the chunk in flight.
    Stop(RunId),
    /// Give a text to the person's editor; what becomes of it comes as `Msg::Edited`.
    Editor(FetchId, Raw),
    /// Put text on the clipboard, through the terminal.
    Copy(String),
    /// Connect now instead of later.
    Reconnect,
    /// Go to the shell's background.
    Suspend,
    /// End.
    Quit,
}
