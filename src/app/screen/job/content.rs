//! What a tab holds: built when its source changes, not when it is drawn.

use super::facts::Facts;
use super::load::Part;
use super::tab::Tab;
use super::{Job, stack, timeline};
use crate::app::doc::{Builder, Doc, Kind, head};
use crate::app::panel::Context;
use crate::text::{Mask, Places, figure};
use crate::wire::options;
use crate::wire::{Era, JobId, QueueId, Raw};

/// What Enter does on a line.
#[derive(Clone, PartialEq, Debug)]
pub(super) enum Target {
    /// Reads a field.
    Field(Raw),
    /// Opens another job.
    Job(QueueId, JobId),
}

impl Target {
    pub(super) fn field(name: &[u8]) -> Self {
        Self::Field(Raw::new(name))
    }
}

/// A text with what its lines do.
#[derive(Debug)]
pub(super) struct Text {
    pub doc: Doc,
    pub targets: Vec<Target>,
    /// Where fields begin, by line.
    pub fields: Vec<(u32, Raw)>,
    /// How many values are masked.
    pub secrets: usize,
}

impl Text {
    pub(super) fn new(doc: Doc, targets: Vec<Target>) -> Self {
        Self { doc, targets, fields: Vec::new(), secrets: 0 }
    }
}

/// What a text is made from: the same source makes the same text.
#[derive(Clone, PartialEq, Debug)]
pub(super) enum Source {
    /// A value, as JSON.
    Value(&'static str, Part),
    /// Stored options.
    Options(Part),
    /// Reason, stacks, deferred failure; for so many cells.
    Error(Box<(Part, Part, Part, Facts)>, usize),
    /// Fields by name, and how many more there are; for so many cells.
    Raw(Vec<(Raw, Part)>, u64, usize),
    /// Lines of the timeline change with time: compared when they are there.
    Timeline,
}

/// What a tab is made from now; `None` for logs, and before the job was read.
pub(super) fn source(job: &Job, tab: Tab, cx: &Context<'_>) -> Option<Source> {
    let detail = job.detail.as_deref()?;
    let part = |name: &str| job.loads.part(detail, name.as_bytes(), cx.now);
    let cells = usize::from(cx.body.width.saturating_sub(5));
    Some(match tab {
        Tab::Data => Source::Value("data", part("data")),
        Tab::Result => Source::Value("returnvalue", part("returnvalue")),
        Tab::Options => Source::Options(part("opts")),
        Tab::Error => {
            let facts = Facts::of(detail, job.era(cx));
            let parts = (part("failedReason"), part("stacktrace"), part("defa"), facts);
            Source::Error(Box::new(parts), cells)
        }
        Tab::Raw => {
            let fields = detail.fields.iter();
            let parts = fields
                .map(|field| (field.name.clone(), job.loads.part(detail, field.name.as_bytes(), cx.now)));
            let more = detail.field_count.saturating_sub(detail.fields.len() as u64);
            Source::Raw(parts.collect(), more, cells)
        }
        Tab::Timeline => Source::Timeline,
        Tab::Logs | Tab::Flow => return None,
    })
}

/// Puts a text together: with masks in the place of secrets, but for what is shown.
pub(super) fn build(source: &Source, job: &Job, cx: &Context<'_>) -> Text {
    let mask = &cx.config.mask;
    let count = |name: &[u8], part: &Part| match part {
        Part::Value(value) => job.secrets_in(mask, name, value),
        _ => 0,
    };
    match source {
        Source::Value(field, part) => {
            let name = field.as_bytes();
            let mut text = value(field, &job.masked_part(mask, name, part), job.id_is_over());
            text.secrets = count(name, part);
            text
        }
        Source::Options(Part::Value(stored)) => {
            let expanded = Raw::new(options::expand(stored.as_bytes()));
            let secrets = job.secrets_in(mask, b"opts", &expanded);
            Text { secrets, ..Text::new(Doc::json(job.masked(mask, b"opts", &expanded)), Vec::new()) }
        }
        Source::Options(part) => value("opts", part, true),
        Source::Error(parts, cells) => {
            let part = |name: &[u8], part: &Part| job.masked_part(mask, name, part);
            let (reason, stacks) = (part(b"failedReason", &parts.0), part(b"stacktrace", &parts.1));
            let mut text = stack::build(&reason, &stacks, &part(b"defa", &parts.2), &parts.3, *cells);
            text.secrets = count(b"failedReason", &parts.0) + count(b"stacktrace", &parts.1);
            text
        }
        Source::Raw(fields, more, cells) => {
            let secrets = fields.iter().map(|(name, part)| count(name.as_bytes(), part)).sum();
            let shown: Vec<_> = fields
                .iter()
                .map(|(name, part)| (name.clone(), part.size(), job.masked_part(mask, name.as_bytes(), part)))
                .collect();
            Text { secrets, ..raw(&shown, *more, *cells) }
        }
        Source::Timeline => timeline::build(job, cx),
    }
}

fn value(field: &'static str, part: &Part, over: bool) -> Text {
    if let Part::Value(value) = part {
        return Text::new(Doc::json(value.clone()), Vec::new());
    }
    let mut text = Builder::new(0);
    let mut targets = Vec::new();
    if let Some((sentence, loads)) = part.sentence() {
        text.text(if loads { Kind::Accent } else { Kind::Dim }, sentence);
        if loads {
            text.link(0);
            targets.push(Target::field(field.as_bytes()));
        }
    } else {
        let sentence = match field {
            "returnvalue" if over => "it has no result",
            "returnvalue" => "it has no result yet",
            "data" => "it has no data",
            _ => "there are none",
        };
        text.text(Kind::Dim, sentence);
    }
    Text::new(text.finish(), targets)
}

/// Every field with its size and value; what does not fit on its line is folded below it.
fn raw(fields: &[(Raw, Option<u64>, Part)], more: u64, cells: usize) -> Text {
    let widest = fields.iter().map(|(name, ..)| name.clean().width()).max().unwrap_or(0);
    let label = widest.clamp(8, 20) + 2;
    let mut text = Builder::new(u16::try_from(label).unwrap_or(22));
    let (mut targets, mut places) = (Vec::new(), Vec::new());
    for (name, size, part) in fields {
        places.push((text.lines(), name.clone()));
        let size = size.map_or_else(String::new, |size| figure::bytes(size).to_string());
        let Part::Value(value) = part else {
            let (sentence, loads) = part.sentence().unwrap_or_default();
            text.pair(Kind::Dim, name.as_bytes(), format!("{size:>5}  {sentence}"));
            if loads {
                text.link(u32::try_from(targets.len()).unwrap_or(0));
                targets.push(Target::Field(name.clone()));
            }
            continue;
        };
        let value = value.as_bytes();
        // One line shows the beginning only: a copy of all of it would be for nothing.
        let line = [format!("{size:>5}  ").as_bytes(), head(value, 4096)].concat();
        text.pair(Kind::Text, name.as_bytes(), line);
        if value.len() > cells.saturating_sub(label + 7) || value.contains(&b'\n') {
            text.block(true, |text| {
                text.wrapped(Kind::Text, "", value, cells);
            });
        }
    }
    if more > 0 {
        text.text(Kind::Dim, format!("{} more fields are not listed", figure::count(more)));
    }
    if fields.is_empty() {
        text.text(Kind::Dim, "its hash is gone: only its id is left in the queue");
    }
    Text { fields: places, ..Text::new(text.finish(), targets) }
}

impl Job {
    /// How many values of a field are masked.
    fn secrets_in(&self, mask: &Mask, name: &[u8], value: &Raw) -> usize {
        let known = self.loads.places(name, value).map(Places::len);
        known.unwrap_or_else(|| mask.field_places(name, value.as_bytes()).len())
    }

    /// Who writes the queue, as far as known.
    pub(super) fn era(&self, cx: &Context<'_>) -> Era {
        cx.queue(&self.queue).map_or(Era::Unknown, |row| row.era)
    }

    fn id_is_over(&self) -> bool {
        self.state.is_some_and(crate::wire::State::is_finished)
    }
}
