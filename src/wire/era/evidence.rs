//! From what is found in Redis to who writes the queue (spec 5.1).

use super::Era;
use crate::text::Clean;
use crate::wire::Meta;

/// A wake-up marker in `wait` or `paused` (spec 1.4).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ListMarker {
    /// `0`: BullMQ 2.
    Zero,
    /// `0:0`: BullMQ 4, for prioritised jobs.
    ZeroZero,
    /// `0:<ms>`: BullMQ 3 and 4.
    Due,
}

impl ListMarker {
    /// Reads an element of a list.
    pub fn of(element: &[u8]) -> Option<Self> {
        match element {
            b"0" => Some(Self::Zero),
            b"0:0" => Some(Self::ZeroZero),
            other if other.starts_with(b"0:") => Some(Self::Due),
            _ => None,
        }
    }
}

/// What a worker's connection was seen waiting in: the best live evidence.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Waits {
    /// `BZPOPMIN`: BullMQ 5 or 6.
    BzPopMin,
    /// `BRPOPLPUSH`: Bull, or BullMQ 1 to 4.
    BRPopLPush,
}

/// What the fields of a few jobs tell.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct JobFields {
    /// `atm` or `ats`: BullMQ 5 on.
    pub atm: bool,
    /// `attemptsMade` and neither of those: up to BullMQ 4.
    pub attempts_made: bool,
}

/// What was found of a queue.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Evidence {
    /// Its `meta` hash.
    pub meta: Meta,
    /// `id` exists: a job was added once.
    pub id: bool,
    /// `meta-paused` exists.
    pub meta_paused: bool,
    /// `events` exists.
    pub events: bool,
    /// `marker` exists.
    pub marker: bool,
    /// `prioritized` exists.
    pub prioritized: bool,
    /// `pc` exists.
    pub pc: bool,
    /// `priority` exists.
    pub priority: bool,
    /// `delay` exists.
    pub delay_stream: bool,
    /// A key of BullMQ Pro (`groups`) exists.
    pub groups: bool,
    /// A marker was seen in a list.
    pub list_marker: Option<ListMarker>,
    /// What idle workers wait in, if any were seen.
    pub waits: Option<Waits>,
    /// A `QueueScheduler` is connected (`:qs`).
    pub scheduler_process: bool,
    /// Fields of a few jobs.
    pub jobs: JobFields,
}

/// Who writes the queue, and the evidence for it in words, strongest first.
///
/// Where pieces of evidence disagree the workers win, then what only certain writers create, then
/// the version, which lies whenever somebody opened a newer dashboard once (trap T22).
pub fn decide(found: &Evidence) -> (Era, Vec<Clean>) {
    let mut why = Vec::new();
    let era = era_of(found, &mut why);
    if why.is_empty() {
        why.push(Clean::from("nothing in its keys tells"));
    }
    (era, why)
}

fn era_of(found: &Evidence, why: &mut Vec<Clean>) -> Era {
    let named = found.meta.semver();
    let library = |text: &str| text.contains("pro");
    if found.groups || named.is_some_and(|(name, _)| library(name)) {
        why.push(Clean::from(if found.groups { "it has groups" } else { "its version names Pro" }));
        return Era::Pro;
    }
    if let Some(era) = bull(found, why) {
        return era;
    }
    let old_workers = found.waits == Some(Waits::BRPopLPush);
    let new_workers = found.waits == Some(Waits::BzPopMin);
    if old_workers {
        why.push(Clean::from("its workers wait in BRPOPLPUSH: BullMQ 4 or older"));
    }
    if new_workers {
        why.push(Clean::from("its workers wait in BZPOPMIN: BullMQ 5 or 6"));
    }
    let old_jobs = found.jobs.attempts_made && !found.jobs.atm;
    let old_keys = found.list_marker.is_some() && !found.marker;
    let is_old = old_workers || (!new_workers && !found.marker && !found.jobs.atm && (old_jobs || old_keys));

    if let Some((_, [major, ..])) = named {
        let version = found.meta.version.as_ref().map(super::super::Raw::clean).unwrap_or_default();
        match major {
            6.. if !is_old => {
                why.push(Clean::from(format!("its version is {version}")));
                return Era::V6;
            }
            5 if !is_old => {
                why.push(Clean::from(format!("its version is {version}")));
                return Era::V5;
            }
            5.. if old_workers => {
                why.push(Clean::from(format!("its version {version} is only that of a newer client")));
            }
            5.. => {
                why.push(Clean::from(format!(
                    "its version is {version}, its jobs are those of an older one"
                )));
                return Era::Unknown;
            }
            _ if new_workers || found.marker => {
                why.push(Clean::from(format!("its version {version} is only that of an older client")));
            }
            4 => {
                why.push(Clean::from(format!("its version is {version}")));
                return Era::V4;
            }
            3 => {
                why.push(Clean::from(format!("its version is {version}")));
                return Era::V3;
            }
            _ => {}
        }
    }
    if let Some(library) = &found.meta.library {
        why.push(Clean::from(format!("its library is {}", library.clean())));
        if !is_old {
            return Era::V5;
        }
    }
    if !is_old && (found.marker || new_workers || found.jobs.atm) {
        why.push(Clean::from(match (found.marker, found.jobs.atm) {
            (true, _) => "it has a marker set: BullMQ 5 on",
            (_, true) => "its jobs count attempts as BullMQ 5 does",
            _ => "its workers are those of BullMQ 5 on",
        }));
        return Era::V5;
    }
    if found.prioritized || found.pc || found.list_marker == Some(ListMarker::ZeroZero) {
        why.push(Clean::from("it keeps priorities as BullMQ 4 does"));
        return if is_old || found.list_marker.is_some() { Era::V4 } else { Era::Unknown };
    }
    match found.list_marker {
        Some(ListMarker::Due | ListMarker::ZeroZero) => {
            why.push(Clean::from("a marker with a time is in its list"));
            // Eras 3 and 4 both write it; only `priority` or a version would tell them apart.
            return if found.priority { Era::V3 } else { Era::Unknown };
        }
        Some(ListMarker::Zero) => {
            why.push(Clean::from("a marker 0 is in its list: BullMQ 2"));
            return Era::V2;
        }
        None => {}
    }
    if found.scheduler_process || found.delay_stream {
        why.push(Clean::from("it has a queue scheduler: BullMQ 1"));
        return Era::V1;
    }
    if found.priority {
        why.push(Clean::from("it keeps priorities as BullMQ 3 and older do"));
        return Era::V3;
    }
    Era::Unknown
}

/// Bull leaves no event stream; its pause leaves a key that nobody else writes.
fn bull(found: &Evidence, why: &mut Vec<Clean>) -> Option<Era> {
    if found.meta_paused {
        why.push(Clean::from("meta-paused exists, which only Bull writes"));
        return Some(Era::Bull4);
    }
    if found.events || found.marker || found.prioritized {
        return None;
    }
    // An event stream may have been deleted; its workers and their jobs are not Bull's.
    if found.jobs.atm || found.waits == Some(Waits::BzPopMin) {
        return None;
    }
    if found.id {
        why.push(Clean::from("it has jobs and no event stream"));
        if found.meta.version.is_some() {
            why.push(Clean::from("its version is that of a BullMQ object opened on a Bull queue"));
        }
        return Some(Era::Bull4);
    }
    let lone = Meta { paused: true, ..Meta::default() };
    if found.meta == lone {
        why.push(Clean::from("its meta holds nothing but the pause flag"));
        return Some(Era::Bull4);
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::Raw;

    fn bullmq(version: &str) -> Evidence {
        Evidence {
            meta: Meta { version: Some(Raw::new(version)), max_len_events: Some(10_000), ..Meta::default() },
            id: true,
            events: true,
            ..Evidence::default()
        }
    }

    fn era(found: &Evidence) -> Era {
        decide(found).0
    }

    #[test]
    fn the_version_decides_where_nothing_contradicts() {
        assert_eq!(era(&bullmq("bullmq:6.7.0")), Era::V6);
        assert_eq!(era(&bullmq("bullmq:5.81.5")), Era::V5);
        assert_eq!(era(&bullmq("bullmq:4.18.3")), Era::V4);
        assert_eq!(era(&bullmq("bullmq:3.16.2")), Era::V3);
        assert_eq!(era(&bullmq("bullmq-pro:7.0.0")), Era::Pro);
    }

    #[test]
    fn a_newer_dashboard_does_not_make_an_old_queue_new() {
        let workers = Evidence { waits: Some(Waits::BRPopLPush), pc: true, ..bullmq("bullmq:6.7.0") };
        assert_eq!(era(&workers), Era::V4);
        let marker = Evidence { list_marker: Some(ListMarker::ZeroZero), ..bullmq("bullmq:6.7.0") };
        assert_eq!(era(&marker), Era::Unknown, "upgraded, or looked at by a newer one: who knows");
        let jobs = JobFields { attempts_made: true, atm: false };
        let jobs = Evidence { jobs, ..bullmq("bullmq:5.81.5") };
        assert_eq!(era(&jobs), Era::Unknown);
    }

    #[test]
    fn an_old_client_does_not_make_a_new_queue_old() {
        let found = Evidence { marker: true, ..bullmq("bullmq:4.18.3") };
        assert_eq!(era(&found), Era::V5);
    }

    #[test]
    fn bull_is_known_by_what_is_missing() {
        let fresh = Evidence { id: true, ..Evidence::default() };
        assert_eq!(era(&fresh), Era::Bull4);
        let opened = Evidence { events: false, ..bullmq("bullmq:6.7.0") };
        let (era_, why) = decide(&opened);
        assert_eq!(era_, Era::Bull4);
        assert_eq!(why.len(), 2);
        let jobs = JobFields { atm: true, attempts_made: false };
        assert_eq!(era(&Evidence { jobs, ..opened.clone() }), Era::V6, "its stream was deleted");
        assert_eq!(era(&Evidence { waits: Some(Waits::BzPopMin), ..opened }), Era::V6);
        let paused = Evidence { meta_paused: true, ..Evidence::default() };
        assert_eq!(era(&paused), Era::Bull4);
        let lone = Evidence { meta: Meta { paused: true, ..Meta::default() }, ..Evidence::default() };
        assert_eq!(era(&lone), Era::Bull4);
    }

    #[test]
    fn groups_are_pro_and_nothing_is_unknown() {
        assert_eq!(era(&Evidence { groups: true, ..bullmq("bullmq:5.81.5") }), Era::Pro);
        let (era_, why) = decide(&Evidence::default());
        assert_eq!((era_, why.len()), (Era::Unknown, 1));
        assert_eq!(era(&Evidence { id: true, events: true, ..Evidence::default() }), Era::Unknown);
    }

    #[test]
    fn old_bullmq_by_its_keys() {
        let base = Evidence { id: true, events: true, ..Evidence::default() };
        assert_eq!(era(&Evidence { delay_stream: true, ..base.clone() }), Era::V1);
        assert_eq!(era(&Evidence { list_marker: Some(ListMarker::Zero), ..base.clone() }), Era::V2);
        let three = Evidence { list_marker: Some(ListMarker::Due), priority: true, ..base.clone() };
        assert_eq!(era(&three), Era::V3);
        assert_eq!(era(&Evidence { marker: true, ..base }), Era::V5);
    }

    #[test]
    fn markers_are_read_and_jobs_are_not() {
        assert_eq!(ListMarker::of(b"0"), Some(ListMarker::Zero));
        assert_eq!(ListMarker::of(b"0:0"), Some(ListMarker::ZeroZero));
        assert_eq!(ListMarker::of(b"0:1795151109075"), Some(ListMarker::Due));
        assert_eq!(ListMarker::of(b"10"), None);
    }
}
