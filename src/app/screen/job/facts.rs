//! What follows from a job's fields: attempts, times, what it belongs to.

use crate::app::doc::head;
use crate::engine::read::job::JobDetail;
use crate::text::{Clean, Mask};
use crate::wire::options::StoredOptions;
use crate::wire::{Era, State};

/// A job's course in figures. Times are ms since the epoch by Redis's clock.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Facts {
    /// Its options.
    pub options: StoredOptions,
    /// Attempts that ended.
    pub made: u64,
    /// Attempts that began, where that is kept (era 5 on).
    pub started: Option<u64>,
    /// Times that it was found stalled.
    pub stalled: u64,
    /// When it was added.
    pub added_at: Option<i64>,
    /// When it last began.
    pub began_at: Option<i64>,
    /// When it ended.
    pub ended_at: Option<i64>,
    /// When a person last retried it (Bull).
    pub retried_at: Option<i64>,
    /// From when on it could have run: when it was added, and its delay.
    pub ready_at: Option<i64>,
    /// It is being run.
    pub active: bool,
}

impl Facts {
    /// Reads them out of a job's fields (spec 2).
    pub fn of(detail: &JobDetail, era: Era) -> Self {
        let options = detail.value("opts").map(StoredOptions::parse).unwrap_or_default();
        let count = |name: &str| detail.number(name).and_then(|n| u64::try_from(n).ok());
        let active = detail.state == Some(State::Active);
        let made = match (detail.attempts_made().unwrap_or(0), count("ats")) {
            // Up to era 4 BullMQ counts an attempt when it begins, later ones count their starts in `ats`.
            (n, None) if active && era != Era::Bull4 && era != Era::Bull3 => n.saturating_sub(1),
            (n, _) => n,
        };
        let added_at = detail.number("timestamp");
        let delay = options.delay_ms.max(0);
        Self {
            made,
            started: count("ats"),
            stalled: count("stc").or_else(|| count("stalledCounter")).unwrap_or(0),
            added_at,
            began_at: detail.number("processedOn"),
            ended_at: detail.number("finishedOn"),
            retried_at: detail.number("retriedOn"),
            ready_at: added_at.map(|at| at.saturating_add(delay)),
            active,
            options,
        }
    }

    /// Where it stands among its attempts, in words.
    pub fn attempts(&self) -> String {
        let all = self.options.attempts;
        match self.made {
            _ if self.active => format!("attempt {} of {}", self.made + 1, all.max(self.made + 1)),
            0 if all <= 1 => "no attempt yet".to_owned(),
            0 => format!("no attempt of {all} yet"),
            // A retry by hand goes on counting.
            made if self.ended_at.is_some() => format!("attempt {made} of {}", all.max(made)),
            made => format!("{made} of {} attempts made", all.max(made)),
        }
    }

    /// How long it waited, ms: known of the first start only.
    pub fn waited_ms(&self) -> Option<i64> {
        let first = self.started.unwrap_or(self.made + u64::from(self.active)) <= 1;
        (first && self.retried_at.is_none()).then_some(())?;
        Some(self.began_at?.saturating_sub(self.ready_at?).max(0))
    }

    /// How long the last attempt ran, or runs, ms.
    pub fn ran_ms(&self, now: i64) -> Option<i64> {
        let began = self.began_at?;
        match self.ended_at {
            Some(ended) => Some(ended.saturating_sub(began).max(0)),
            None if self.active => Some(now.saturating_sub(began).max(0)),
            None => None,
        }
    }
}

/// How far a moment is from now, in words: `14m ago`, `in 3s`.
pub fn ago(at: i64, now: i64) -> String {
    let since = crate::text::figure::since(at, now);
    if at > now { since.to_string() } else { format!("{since} ago") }
}

/// Progress as a share (0 to 1), where it is a number of percent; otherwise its text.
pub fn progress(detail: &JobDetail, mask: &Mask) -> Option<Result<f64, Clean>> {
    let value = mask.field(b"progress", detail.value("progress")?);
    let value = value.as_ref();
    let percent = std::str::from_utf8(value).ok().and_then(|text| text.trim().parse::<f64>().ok());
    match percent {
        Some(percent) if (0.0..=100.0).contains(&percent) => Some(Ok(percent / 100.0)),
        _ => Some(Err(Clean::line(head(value, 400)))),
    }
}
