//! What must hold at the end: of each job's own history in the stream, and of the keys.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::support::{Content, Dump};

/// Where a job is, as its events tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
enum Place {
    #[default]
    Nowhere,
    Added,
    Ready,
    Delayed,
    WithChildren,
    Active,
    Completed,
    Failed,
    Removed,
}

/// A job's history.
#[derive(Debug, Default)]
struct Life {
    place: Place,
    events: Vec<String>,
    starts: usize,
    stalls: usize,
    ends: usize,
}

impl Life {
    #[allow(clippy::match_same_arms, reason = "a row for each step reads like the table that it is")]
    /// Follows one event; an event that this place does not allow is the text of an error.
    fn follow(&mut self, event: &str, prev: Option<&str>) -> Result<(), String> {
        use Place as P;
        self.events.push(prev.map_or_else(|| event.to_owned(), |prev| format!("{event}<{prev}")));
        self.place = match (self.place, event, prev) {
            // A job of an id that was removed may be added again.
            (P::Nowhere | P::Removed, "added", _) => P::Added,
            (P::Added, "waiting", None) => P::Ready,
            // A parent may be released with a delay of its own.
            (P::Added | P::Active | P::WithChildren, "delayed", _) => P::Delayed,
            (P::Added, "waiting-children", _) => P::WithChildren,
            (P::Delayed, "waiting", Some("delayed")) => P::Ready,
            // From its own delay it is taken where a child's failure ends it.
            (P::WithChildren | P::Delayed, "waiting", Some("waiting-children")) => P::Ready,
            (P::Ready, "active", _) => {
                self.starts += 1;
                P::Active
            }
            (P::Active, "waiting", Some("active")) => P::Ready,
            (P::Ready, "stalled", _) => {
                self.stalls += 1;
                P::Ready
            }
            (P::Active, "completed", _) => P::Completed,
            (P::Active, "failed", _) => P::Failed,
            (P::Failed, "retries-exhausted", _) => P::Failed,
            (P::Delayed, "removed", _) => P::Removed,
            (place, "duplicated" | "deduplicated" | "debounced" | "progress", _) => place,
            (place, ..) => return Err(format!("{place:?}, then {event}: {:?}", self.events)),
        };
        self.ends += usize::from(matches!(event, "completed" | "failed"));
        Ok(())
    }
}

/// What the end of a soak is judged by.
pub struct Audit {
    dump: Dump,
    base: String,
    lives: BTreeMap<String, Life>,
    wrong: Vec<String>,
}

/// Figures of a soak.
#[derive(Debug)]
pub struct Totals {
    pub jobs: usize,
    pub completed: usize,
    pub failed: usize,
    pub starts: usize,
    pub stalls: usize,
}

const STRUCTURES: [&str; 8] =
    ["wait", "paused", "active", "delayed", "prioritized", "waiting-children", "completed", "failed"];

/// Keys of a queue that name no job.
const KNOWN: [&str; 10] =
    ["id", "pc", "meta", "marker", "events", "stalled-check", "limiter", "repeat", "completed", "failed"];

const PARTS: [&str; 5] = ["logs", "dependencies", "processed", "failed", "unsuccessful"];

impl Audit {
    pub fn of(dump: Dump, queue: &str) -> Self {
        let base = format!("bull:{queue}:");
        let mut audit = Self { dump, base, lives: BTreeMap::new(), wrong: Vec::new() };
        audit.histories();
        audit
    }

    /// How many jobs have ids that begin so.
    pub fn count(&self, prefix: &str) -> usize {
        self.lives.keys().filter(|id| id.starts_with(prefix)).count()
    }

    fn key(&self, suffix: &str) -> String {
        format!("{}{suffix}", self.base)
    }

    fn histories(&mut self) {
        let Some(Content::Stream(entries)) = self.dump.get(&self.key("events")) else {
            return self.wrong.push("no stream".to_owned());
        };
        for entry in entries {
            let field = |name: &str| entry.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_str());
            let (Some(event), Some(id)) = (field("event"), field("jobId")) else { continue };
            let life = self.lives.entry(id.to_owned()).or_default();
            if let Err(error) = life.follow(event, field("prev")) {
                self.wrong.push(format!("{id}: {error}"));
            }
        }
    }

    /// All ids of `acknowledged` are known, each job ended once, and the keys agree with that.
    /// `runs` says how often handlers began each job.
    pub fn judge(mut self, acknowledged: &BTreeSet<String>, runs: &BTreeMap<String, usize>) -> Totals {
        for id in acknowledged {
            if !self.lives.contains_key(id) {
                self.wrong.push(format!("{id} was acknowledged and never added"));
            }
        }
        let mut held = BTreeMap::<String, Vec<&str>>::new();
        for structure in STRUCTURES {
            for id in self.dump.members(&self.key(structure)) {
                held.entry(id.to_owned()).or_default().push(structure);
            }
        }
        for (id, places) in &held {
            if places.len() > 1 || !matches!(places[0], "completed" | "failed") {
                self.wrong
                    .push(format!("{id} is in {places:?}: {:?}", self.lives.get(id).map(|l| &l.events)));
            }
        }
        let mut totals = Totals { jobs: self.lives.len(), completed: 0, failed: 0, starts: 0, stalls: 0 };
        let lives = std::mem::take(&mut self.lives);
        for (id, life) in &lives {
            totals.starts += life.starts;
            totals.stalls += life.stalls;
            totals.completed += usize::from(life.place == Place::Completed);
            totals.failed += usize::from(life.place == Place::Failed);
            self.job(id, life, held.get(id), runs.get(id).copied().unwrap_or(0));
        }
        self.keys(&lives);
        let wrong = &self.wrong;
        let shown: Vec<&String> = wrong.iter().take(20).collect();
        assert!(wrong.is_empty(), "{} things are wrong, such as {shown:#?}\n{totals:?}", wrong.len());
        totals
    }

    fn job(&mut self, id: &str, life: &Life, held: Option<&Vec<&str>>, runs: usize) {
        let mut wrong = |what: &str| self.wrong.push(format!("{id} {what}: {:?}", life.events));
        match life.place {
            Place::Completed | Place::Failed if life.ends != 1 => wrong("ended more than once"),
            Place::Completed if held.is_some_and(|places| places != &["completed"]) => wrong("is elsewhere"),
            Place::Failed if held.is_some_and(|places| places != &["failed"]) => wrong("is elsewhere"),
            Place::Removed if held.is_some() => wrong("is still there"),
            Place::Completed | Place::Failed | Place::Removed => {}
            _ => wrong("never ended"),
        }
        // A handler that began runs once for every start; a kill may come before it.
        if runs > life.starts {
            wrong(&format!("was run {runs} times and started {} times", life.starts));
        }
        let key = format!("{}{id}", self.base);
        let Some(Content::Hash(fields)) = self.dump.get(&key) else {
            if held.is_some() {
                wrong("is in a set and has no hash");
            }
            return;
        };
        if held.is_none() {
            return wrong("has a hash and is in no set");
        }
        let number = |name: &str| fields.get(name).and_then(|text| text.parse::<u64>().ok()).unwrap_or(0);
        let json = |name: &str| -> Value {
            serde_json::from_str(fields.get(name).map_or("{}", String::as_str)).unwrap_or_default()
        };
        let fails = json("data")["fails"].as_u64().unwrap_or(0);
        let attempts = json("opts")["attempts"].as_u64().unwrap_or(0).max(1);
        let by_child = fields.get("failedReason").is_some_and(|why| why.starts_with("child "));
        let (made, started, stalls) = (number("atm"), number("ats"), number("stc"));
        if life.place == Place::Completed && (made != fails + 1 || fails >= attempts) {
            wrong(&format!("completed after {made} attempts; {fails} were to fail, {attempts} allowed"));
        }
        if life.place == Place::Failed && !by_child && (made != attempts || fails < attempts) {
            wrong(&format!("failed after {made} attempts; {fails} were to fail, {attempts} allowed"));
        }
        if started != life.starts as u64 || stalls != life.stalls as u64 || started != made + stalls {
            wrong(&format!("was started {started} times, ended {made} attempts and stalled {stalls} times"));
        }
        if fields.contains_key("defa") {
            wrong("kept its deferred failure");
        }
    }

    /// Every key belongs to the queue itself or to a job that exists.
    fn keys(&mut self, lives: &BTreeMap<String, Life>) {
        let keys: Vec<String> = self.dump.0.keys().cloned().collect();
        for key in keys {
            let Some(name) = key.strip_prefix(&self.base) else {
                self.wrong.push(format!("key {key} is no queue's"));
                continue;
            };
            let of_job = |id: &str| self.dump.get(&format!("{}{id}", self.base)).is_some();
            let known = KNOWN.contains(&name) || lives.contains_key(name);
            let part = name.rsplit_once(':').is_some_and(|(id, part)| PARTS.contains(&part) && of_job(id));
            // A deduplication with a time to live outlasts its job.
            let dedup = name.starts_with("de:") && self.dump.0[&key].expires;
            if !(known || part || dedup) {
                self.wrong.push(format!("key {key} is left over: {:?}", self.dump.0[&key].content));
            }
            if name.ends_with(":dependencies") {
                self.wrong.push(format!("{key}: a parent ended before its children"));
            }
        }
    }
}
