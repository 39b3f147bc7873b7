//! How a job that was found is read off the walk.

use crate::engine::read::job::{Children, Field, JobDetail};
use crate::engine::read::walk::Seen;
use crate::insight::document::{Extent, Job};
use crate::insight::find::{FIELDS, Hit, Needle, excerpt};
use crate::text::{Clean, Mask};
use crate::wire::{Raw, State, number, score};

/// Longest name that is kept.
const NAME: usize = 256;

/// The place of a text that stands in the id.
const ID: usize = usize::MAX;

/// Which field of the walk is where.
#[derive(Debug)]
pub(super) struct Columns {
    fields: Vec<String>,
    name: usize,
    timestamp: usize,
    /// The first ones are those that a text is looked for in.
    searched: usize,
}

impl Columns {
    pub(super) fn new(fields: &[&str], searched: bool) -> Self {
        let at = |name: &str| fields.iter().position(|field| *field == name).unwrap_or(usize::MAX);
        Self {
            fields: fields.iter().map(|field| (*field).to_owned()).collect(),
            name: at("name"),
            timestamp: at("timestamp"),
            searched: if searched { FIELDS.len() } else { 0 },
        }
    }

    /// In which field the text stands; [`ID`]: in the id.
    pub(super) fn place_of(&self, job: Seen<'_>, text: &Needle) -> Option<usize> {
        if text.is_in(job.id_bytes()) {
            return Some(ID);
        }
        let mut values = job.fields().take(self.searched);
        values.position(|value| value.is_some_and(|value| text.is_in(value)))
    }

    /// The job as something to show; `place`: where the text stands.
    pub(super) fn hit(&self, job: Seen<'_>, place: Option<(usize, &Needle)>, mask: &Mask) -> Option<Hit> {
        let source = job.source()?;
        let name = job.field(self.name).map(|name| Clean::line(&name[..name.len().min(NAME)]));
        let created = job.field(self.timestamp).and_then(number::whole);
        let finished = job.score().filter(|_| source.state.is_finished()).map(number::real);
        let place = place.and_then(|(at, text)| match at {
            ID => Some(("id", text, job.id_bytes())),
            at => Some((*FIELDS.get(at)?, text, job.field(at)?)),
        });
        Some(Hit {
            queue: source.queue.clone(),
            era: source.era,
            state: source.state,
            id: job.id(),
            name: name.map(|name| mask.clean(&name)).unwrap_or_default(),
            at: finished.or(created),
            due_at: job.score().filter(|_| source.state == State::Delayed).map(score::due_at),
            score: job.score(),
            place: place.map(|(field, ..)| field),
            excerpt: place.map(|(field, text, value)| excerpt(mask, field, value, text)).unwrap_or_default(),
        })
    }

    /// The document that an expression is asked about: of the fields that were read.
    pub(super) fn document(&self, job: Seen<'_>) -> Vec<u8> {
        let Some(source) = job.source() else { return Vec::new() };
        let fields: Vec<Field> = self
            .fields
            .iter()
            .zip(job.fields())
            .filter_map(|(name, value)| {
                let value = value?;
                Some(Field { name: Raw::new(name), size: value.len() as u64, value: Some(Raw::new(value)) })
            })
            .collect();
        let detail = JobDetail {
            queue: source.queue.clone(),
            id: job.id(),
            state: Some(source.state),
            field_count: fields.len() as u64,
            fields,
            logs: 0,
            lock: None,
            due_at: job.score().filter(|_| source.state == State::Delayed).map(score::due_at),
            children: Children::default(),
            parent: None,
        };
        line(&detail, Extent { extras: false, raw: false })
    }
}

/// A job's document on one line; empty where it cannot be written, which then matches nothing.
pub(super) fn line(detail: &JobDetail, extent: Extent) -> Vec<u8> {
    serde_json::to_vec(&Job::new(detail, extent)).unwrap_or_default()
}
