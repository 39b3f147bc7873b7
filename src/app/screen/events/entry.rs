//! One event in the words of the screen.

use crate::app::effect::Needle;
use crate::monitor::FeedEvent;
use crate::text::{Clean, figure};
use crate::wire::{JobId, Prefix, QueueId, QueueName, Raw, State};

/// Cells of a sentence that are kept: wider than any terminal it is read on.
const REST: usize = 300;
/// Bytes of a field that are looked at for it.
const LOOKED_AT: usize = 1200;

/// An event as it is shown. Its texts are made once, when it comes: the list is drawn, and
/// filtered, without making them anew.
#[derive(Clone, Debug)]
pub struct Entry {
    /// When Redis took it, ms since the epoch.
    pub at: i64,
    /// Of which queue.
    pub queue: QueueId,
    /// The queue's name.
    pub name: Clean,
    /// The event's name.
    pub event: Clean,
    /// The state that a job entered by it.
    pub state: Option<State>,
    /// Which job.
    pub job: Option<JobId>,
    /// The job's id, shown; empty where there is none.
    pub id: Clean,
    /// The state that the job came from; empty where the event does not say.
    pub from: Clean,
    /// What else the event says: the error, the progress, when it is due.
    pub rest: Clean,
    /// It is no event: events are missing here.
    pub gap: bool,
}

impl Entry {
    /// Takes what is shown out of an event.
    pub fn new(event: FeedEvent) -> Self {
        let field = |name: &str| {
            event.fields.iter().find(|(key, _)| key.as_bytes() == name.as_bytes()).map(|(_, value)| value)
        };
        let rest = rest(&event, field).cut(REST);
        let from = field("prev").map(|prev| {
            let clean = head(prev);
            // `removed` names the key instead of the state.
            match State::parse(clean.as_str()) {
                Some(State::WaitingChildren) => Clean::line("children"),
                Some(state) => Clean::line(state.name()),
                None => clean.cut(20),
            }
        });
        let id = event.job.as_ref().map(JobId::clean).unwrap_or_default();
        Self {
            at: event.at,
            name: event.queue.name.clean().cut(REST),
            state: State::parse(event.event.as_str()),
            from: from.unwrap_or_default(),
            id: id.cut(REST),
            rest,
            event: event.event.cut(REST),
            queue: event.queue,
            job: event.job,
            gap: false,
        }
    }

    /// A row in the place of events that did not come, from a moment to another (ms since the
    /// epoch).
    pub fn gap(from: i64, to: i64) -> Self {
        let missing = figure::age(to.saturating_sub(from));
        Self {
            at: to,
            queue: QueueId::new(Prefix::default(), QueueName::legacy("")),
            name: Clean::default(),
            event: Clean::default(),
            state: None,
            job: None,
            id: Clean::default(),
            from: Clean::default(),
            rest: Clean::line(format!("this screen was not in front: the events of {missing} are missing")),
            gap: true,
        }
    }

    /// Whether it passes a filter: by its queue, event, job or what else it says.
    pub fn passes(&self, needle: &Needle) -> bool {
        self.gap
            || needle.passes([&self.name, &self.event, &self.id, &self.rest].into_iter().map(Clean::as_str))
    }
}

/// The beginning of a value, as one line.
fn head(value: &Raw) -> Clean {
    let bytes = value.as_bytes();
    Clean::line(&bytes[..bytes.len().min(LOOKED_AT)])
}

fn rest<'a>(event: &FeedEvent, field: impl Fn(&str) -> Option<&'a Raw>) -> Clean {
    let say = |words: &str, name: &str| match field(name) {
        Some(value) if words.is_empty() => head(value),
        Some(value) => Clean::line(format!("{words} {}", head(value))),
        None => Clean::default(),
    };
    match event.event.as_str() {
        "failed" => say("", "failedReason"),
        "completed" => match field("returnvalue").map(Raw::as_bytes) {
            None | Some(b"" | b"null") => Clean::default(),
            Some(_) => say("returned", "returnvalue"),
        },
        "progress" => match field("data").map(|value| (value, std::str::from_utf8(value.as_bytes()))) {
            // A bare number is a share by custom.
            Some((_, Ok(text))) if text.parse::<f64>().is_ok() => Clean::line(format!("{text}%")),
            Some((value, _)) => head(value),
            None => Clean::default(),
        },
        "delayed" => field("delay").map_or_else(Clean::default, |due| due_at(due, event.at)),
        "added" => say("", "name"),
        "retries-exhausted" => say("attempts made:", "attemptsMade"),
        "cleaned" => say("jobs removed:", "count"),
        "deduplicated" => say("kept out by", "deduplicationId"),
        "debounced" => say("kept out by", "debounceId"),
        "duplicated" => Clean::line("a job of this id was there already"),
        "stalled" => Clean::line("its lock was lost: the worker died or was blocked"),
        "drained" => Clean::line("nothing waits any more"),
        _ => others(event),
    }
}

/// When a job is due: `delay` is a date in ms since the epoch, and a fraction in some versions.
fn due_at(due: &Raw, at: i64) -> Clean {
    match std::str::from_utf8(due.as_bytes()).ok().and_then(|text| text.parse::<f64>().ok()) {
        Some(ms) if ms.is_finite() => {
            let ms = ms as i64;
            let left = figure::duration(ms.saturating_sub(at));
            Clean::line(format!("due {}, after {left}", figure::time_of_day(ms)))
        }
        _ => head(due),
    }
}

/// All fields of an event that we have no words for.
fn others(event: &FeedEvent) -> Clean {
    let known = |key: &Raw| matches!(key.as_bytes(), b"event" | b"jobId" | b"prev");
    let fields = event.fields.iter().filter(|(key, _)| !known(key)).take(20);
    let fields: Vec<String> = fields.map(|(key, value)| format!("{}={}", head(key), head(value))).collect();
    Clean::line(fields.join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(event: &str, fields: &[(&str, &str)]) -> Entry {
        Entry::new(FeedEvent {
            at: 1_700_000_000_000,
            entry: Clean::line("1-0"),
            queue: QueueId::new(Prefix::default(), QueueName::legacy("q")),
            event: Clean::line(event),
            job: Some(JobId::new("7")),
            fields: fields.iter().map(|(key, value)| (Raw::new(key), Raw::new(value))).collect(),
        })
    }

    #[test]
    fn what_an_event_says_besides_its_name() {
        let rest = |event, fields: &[(&str, &str)]| entry(event, fields).rest.as_str().to_owned();
        assert_eq!(rest("failed", &[("failedReason", "boom\nat x"), ("prev", "active")]), "boom^Jat x");
        assert_eq!(rest("completed", &[("returnvalue", "null")]), "");
        assert_eq!(rest("completed", &[("returnvalue", "{\"a\":1}")]), "returned {\"a\":1}");
        assert_eq!(rest("progress", &[("data", "42")]), "42%");
        assert_eq!(rest("progress", &[("data", "{\"step\":2}")]), "{\"step\":2}");
        assert!(rest("delayed", &[("delay", "1700000030000.5")]).ends_with("after 30.0s"));
        assert_eq!(rest("delayed", &[("delay", "soon")]), "soon");
        assert_eq!(rest("mine", &[("event", "mine"), ("jobId", "7"), ("a", "b")]), "a=b");
    }

    #[test]
    fn the_state_before_is_named_as_everywhere() {
        assert_eq!(entry("removed", &[("prev", "wait")]).from.as_str(), "waiting");
        assert_eq!(entry("removed", &[("prev", "unknown")]).from.as_str(), "unknown");
        assert_eq!(entry("failed", &[]).from.as_str(), "");
        assert_eq!(entry("failed", &[]).state, Some(State::Failed));
        assert_eq!(entry("stalled", &[]).state, None);
    }
}
