//! What forms there are, and what becomes of what was typed into them.

use tui_input::Input;

use super::{Field, Form};
use crate::app::effect::Act;
use crate::engine::op::{Capability, JobEdit, JobOp, LimitOp, PRIORITY_MAX};
use crate::engine::{Deduplication, JobOptions};
use crate::monitor::QueueRow;
use crate::operate::typed::{backoff, duration, limit};
use crate::operate::{Edit, NewJob};
use crate::wire::{JobId, Raw, WriteEra};

/// What a form asks for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Kind {
    /// Priority, delay, progress and log of a job.
    Set(JobId),
    /// The limits of a queue, as they were when it opened.
    Limits {
        /// Jobs at once.
        concurrency: String,
        /// Starts in a time.
        rate: String,
        /// A rate limit was reached.
        waits: bool,
    },
    /// Which deduplication id is freed.
    Release,
    /// A new job.
    Add,
}

/// What was wished for.
#[derive(Debug)]
pub enum Wish {
    /// This.
    Act(Act),
    /// This deduplication id is to be freed; whose it is must be read.
    Release(Raw),
    /// Nothing was filled in.
    Nothing,
}

/// A field, and what is wrong with it.
type Wrong = (&'static str, String);

impl Kind {
    /// The limits of a queue, as its row says.
    pub fn limits(row: &QueueRow) -> Self {
        let rate = row.rate.map(|(max, ms)| format!("{max}/{}", span(ms)));
        Self::Limits {
            concurrency: row.concurrency.map(|most| most.to_string()).unwrap_or_default(),
            rate: rate.unwrap_or_default(),
            waits: row.limited_ms.is_some(),
        }
    }

    /// Whether the era has it; otherwise the reason, as a sentence for people.
    pub fn supports(&self, era: WriteEra) -> Result<(), &'static str> {
        match self {
            Self::Set(_) => Ok(()),
            Self::Limits { .. } => Capability::GlobalConcurrency.supports(era),
            Self::Release => Capability::ReleaseDeduplication.supports(era),
            Self::Add if matches!(era, WriteEra::V5 | WriteEra::V6) => Ok(()),
            Self::Add => {
                Err("jobs are added to queues of BullMQ 5 and 6 only: add with the library that writes it")
            }
        }
    }

    pub(super) fn title(&self) -> String {
        match self {
            Self::Set(id) => format!("Set job {} of", id.clean().cut(30)),
            Self::Limits { .. } => "Limits of".to_owned(),
            Self::Release => "Free a deduplication id of".to_owned(),
            Self::Add => "Add a job to".to_owned(),
        }
    }

    pub(super) fn fields(&self) -> Vec<Field> {
        let field = |name, text: &str, hint| Field { name, input: Input::from(text), hint };
        match self {
            Self::Set(_) => vec![
                field("priority", "", "0 to 2097151; 0 runs first, then 1, then 2"),
                field("in front", "", "y: the first of its priority; otherwise the last"),
                field("delay", "", "of a delayed job: runs so long from now, as 30s, 10m, 2h"),
                field("progress", "", "any JSON: 40, or {\"done\": 3}"),
                field("log line", "", "is added to its log"),
                field("keep lines", "", "so many of the newest log lines stay; 0: none"),
            ],
            Self::Limits { concurrency, rate, waits } => {
                let wait = if *waits {
                    "y: end the wait of the limit that was reached"
                } else {
                    "y: end the wait of a limit (none is reached now)"
                };
                vec![
                    field("at once", concurrency, "most jobs at once, over all workers; empty: no limit"),
                    field("starts", rate, "most starts in a time, as 100/1m; empty: no limit"),
                    field("release", "", wait),
                ]
            }
            Self::Release => vec![field("id", "", "the next add with it is a new job")],
            Self::Add => vec![
                field("name", "", "what its worker knows it by"),
                field("data", "{}", "JSON (Ctrl-O opens it in your editor)"),
                field("id", "", "of your own; empty: the next number"),
                field("delay", "", "runs so long from now, as 30s, 10m, 2h"),
                field("priority", "", "1 to 2097151, lower runs first; empty: before all of them"),
                field("attempts", "", "in all; empty: one"),
                field("back-off", "", "between attempts: fixed:1s or exponential:1s"),
                field("dedup id", "", "nothing is added while a job of it is not finished"),
                field("in front", "", "y: before the jobs that wait"),
            ],
        }
    }
}

/// A time as the command line takes it, in the largest unit that has it whole.
fn span(ms: u64) -> String {
    let units = [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000)];
    let whole = units.into_iter().find(|(_, unit)| ms >= *unit && ms.is_multiple_of(*unit));
    whole.map_or_else(|| format!("{ms}ms"), |(name, unit)| format!("{}{name}", ms / unit))
}

fn json(name: &'static str, text: &str) -> Result<Raw, Wrong> {
    match serde_json::from_str::<serde::de::IgnoredAny>(text) {
        Ok(_) => Ok(Raw::new(text)),
        Err(error) => Err((name, format!("that is no JSON: {error}"))),
    }
}

fn number<T: std::str::FromStr + PartialOrd>(
    name: &'static str,
    text: &str,
    (least, most): (T, T),
    says: &str,
) -> Result<T, Wrong> {
    match text.parse() {
        Ok(number) if number >= least && number <= most => Ok(number),
        _ => Err((name, says.to_owned())),
    }
}

impl Form {
    /// What was typed, as a wish; the error names the field.
    pub fn wish(&self) -> Result<Wish, Wrong> {
        match &self.kind {
            Kind::Set(id) => self.set(id).map(|edits| self.edits(edits)),
            Kind::Limits { concurrency, rate, .. } => {
                self.limits(concurrency, rate).map(|edits| self.edits(edits))
            }
            Kind::Release if self.whole("id").is_empty() => Ok(Wish::Nothing),
            Kind::Release => Ok(Wish::Release(Raw::new(self.whole("id")))),
            Kind::Add => self.add(),
        }
    }

    fn edits(&self, edits: Vec<Edit>) -> Wish {
        if edits.is_empty() {
            return Wish::Nothing;
        }
        Wish::Act(Act::Edit { queue: self.queue.clone(), era: self.era, edits })
    }

    fn yes(&self, name: &'static str) -> Result<bool, Wrong> {
        match self.text(name) {
            "" | "n" | "no" => Ok(false),
            "y" | "yes" => Ok(true),
            _ => Err((name, "y, or empty".to_owned())),
        }
    }

    fn set(&self, id: &JobId) -> Result<Vec<Edit>, Wrong> {
        let mut edits = Vec::new();
        let front = self.yes("in front")?;
        let job = |op| Edit::Job { id: id.clone(), op };
        match self.text("priority") {
            "" if front => return Err(("priority", "in front of which priority?".to_owned())),
            "" => {}
            text => {
                let priority = number("priority", text, (0, PRIORITY_MAX), "a whole number up to 2097151")?;
                edits.push(job(JobOp::SetPriority { priority, front }));
            }
        }
        match self.text("delay") {
            "" => {}
            text => {
                let delay = duration(text).map_err(|why| ("delay", why))?;
                let ms = u64::try_from(delay.as_millis()).unwrap_or(u64::MAX);
                edits.push(job(JobOp::SetDelay { ms }));
            }
        }
        match self.text("progress") {
            "" => {}
            text => {
                let edit = JobEdit::Progress { json: json("progress", text)? };
                edits.push(Edit::Bytes { id: id.clone(), edit });
            }
        }
        match self.text("keep lines") {
            "" => {}
            text => {
                let keep = number("keep lines", text, (0, u64::MAX), "a whole number")?;
                edits.push(job(JobOp::ClearLogs { keep }));
            }
        }
        match self.whole("log line") {
            "" => {}
            line => {
                let edit = JobEdit::Log { line: Raw::new(line) };
                edits.push(Edit::Bytes { id: id.clone(), edit });
            }
        }
        Ok(edits)
    }

    fn limits(&self, concurrency: &str, rate: &str) -> Result<Vec<Edit>, Wrong> {
        let mut edits = Vec::new();
        match self.text("at once") {
            same if same == concurrency => {}
            "" => edits.push(LimitOp::RemoveConcurrency),
            text => {
                let most = number("at once", text, (1, u32::MAX), "a whole number from 1 on")?;
                edits.push(LimitOp::SetConcurrency(most));
            }
        }
        match self.text("starts") {
            same if same == rate => {}
            "" => edits.push(LimitOp::RemoveRateLimit),
            text => {
                let limit = limit(text).map_err(|why| ("starts", why))?;
                let duration_ms = u64::try_from(limit.duration.as_millis()).unwrap_or(u64::MAX);
                edits.push(LimitOp::SetRateLimit { max: limit.max, duration_ms });
            }
        }
        edits.extend(self.yes("release")?.then_some(LimitOp::ReleaseRateLimit));
        Ok(edits.into_iter().map(Edit::Limit).collect())
    }

    fn add(&self) -> Result<Wish, Wrong> {
        let name = self.whole("name");
        if name.is_empty() {
            return Err(("name", "a job needs a name".to_owned()));
        }
        let data = self.whole("data");
        let data = json("data", if data.trim().is_empty() { "{}" } else { data })?;
        let text = |name: &str| Some(self.whole(name)).filter(|text| !text.is_empty()).map(str::to_owned);
        let mut options = JobOptions {
            id: text("id"),
            deduplication: text("dedup id").map(|id| Deduplication { id, ..Deduplication::default() }),
            lifo: self.yes("in front")?,
            ..JobOptions::default()
        };
        if !self.text("delay").is_empty() {
            options.delay = Some(duration(self.text("delay")).map_err(|why| ("delay", why))?);
        }
        if !self.text("priority").is_empty() {
            let range = (0, PRIORITY_MAX);
            options.priority =
                number("priority", self.text("priority"), range, "a whole number up to 2097151")?;
        }
        if !self.text("attempts").is_empty() {
            options.attempts = number("attempts", self.text("attempts"), (1, u32::MAX), "a whole number")?;
        }
        if !self.text("back-off").is_empty() {
            options.backoff = Some(backoff(self.text("back-off")).map_err(|why| ("back-off", why))?);
        }
        options.check().map_err(|error| ("name", error.to_string()))?;
        let job = Box::new(NewJob { name: name.to_owned(), data, options });
        Ok(Wish::Act(Act::Add { queue: self.queue.clone(), era: self.era, job }))
    }
}
