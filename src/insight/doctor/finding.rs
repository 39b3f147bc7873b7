//! A finding: what is damaged, by which evidence, and what to do.

use std::fmt::Write as _;

use sha2::{Digest as _, Sha256};

use super::Kind;
use crate::engine::op::Repair;
use crate::engine::read::doctor::{Focus, Look};
use crate::text::{Clean, Mask, figure};
use crate::wire::{Era, JobId, QueueId, Raw};

/// Bytes that are shown of a text of which the beginning is.
const BEGINNING: usize = 60;

/// How bad it is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Hash)]
pub enum Severity {
    /// Something does not happen, or happens wrongly.
    Damage,
    /// Nothing yet, or nobody's fault here.
    Risk,
}

impl Severity {
    /// The word in machine output.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Damage => "damage",
            Self::Risk => "risk",
        }
    }
}

/// A piece of evidence.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Fact {
    /// A count.
    Count(i64),
    /// A word of ours.
    Word(&'static str),
    /// Text out of Redis.
    Text(Raw),
    /// The beginning of a text out of Redis. All of it is held, since where secrets stand in it shows only
    /// in the whole.
    Beginning(Raw),
    /// A moment, ms since the epoch.
    At(i64),
    /// A stretch of time, ms.
    Ms(i64),
    /// A size.
    Bytes(u64),
}

impl Fact {
    /// A count.
    pub(super) fn count(n: u64) -> Self {
        Self::Count(i64::try_from(n).unwrap_or(i64::MAX))
    }

    /// For people.
    pub fn clean(&self) -> Clean {
        match self {
            Self::Count(n) => match u64::try_from(*n) {
                Ok(n) => figure::count(n),
                Err(_) => Clean::line(n.to_string()),
            },
            Self::Word(word) => Clean::line(word),
            Self::Text(text) => text.clean().cut(120),
            Self::Beginning(text) => beginning(text).clean(),
            Self::At(at) => figure::date_time(*at),
            Self::Ms(ms) => figure::duration(*ms),
            Self::Bytes(bytes) => figure::bytes(*bytes),
        }
    }

    /// For programs.
    pub fn json(&self) -> serde_json::Value {
        match self {
            Self::Count(n) | Self::At(n) | Self::Ms(n) => (*n).into(),
            Self::Word(word) => (*word).into(),
            Self::Text(text) => text.lossless().into_owned().into(),
            Self::Beginning(text) => beginning(text).lossless().into_owned().into(),
            Self::Bytes(bytes) => (*bytes).into(),
        }
    }
}

/// The first bytes of a text.
fn beginning(text: &Raw) -> Raw {
    Raw::new(text.as_bytes().get(..BEGINNING).unwrap_or(text.as_bytes()))
}

/// Something damaged.
#[derive(Clone, PartialEq, Debug)]
pub struct Finding {
    /// Its name: of the same damage the same in each run, `ghost-3f9a1c02`.
    pub id: String,
    /// What it is.
    pub kind: Kind,
    /// The queue; `None`: the server.
    pub queue: Option<QueueId>,
    /// The queue's era.
    pub era: Era,
    /// The job, where it is one.
    pub job: Option<JobId>,
    /// What was seen, by name.
    pub evidence: Vec<(&'static str, Fact)>,
    /// What repairs it, or why nothing safe does, as a sentence.
    pub repair: Result<Repair, &'static str>,
    /// All that must be the same at the second look.
    pub(super) mark: Vec<u8>,
    /// What must be looked at for it.
    pub(super) look_at: Focus,
}

impl Finding {
    /// A finding about `subject` in the queue of a look.
    pub(super) fn new(look: &Look, kind: Kind, subject: &[u8], repair: Result<Repair, &'static str>) -> Self {
        let mut finding = Self::of_server(kind, repair);
        finding.id = name(kind, Some(&look.queue), subject);
        finding.queue = Some(look.queue.clone());
        finding.era = look.era;
        if let (Ok(repair), Ok(era)) = (&finding.repair, look.era.writable())
            && let Err(why) = repair.supports(era)
        {
            finding.repair = Err(why);
        }
        if let (Ok(_), Err(why)) = (&finding.repair, look.era.writable()) {
            finding.repair = Err(why);
        }
        finding
    }

    /// A finding about the server.
    pub(super) fn of_server(kind: Kind, repair: Result<Repair, &'static str>) -> Self {
        Self {
            id: name(kind, None, b""),
            kind,
            queue: None,
            era: Era::Unknown,
            job: None,
            evidence: Vec::new(),
            repair,
            mark: Vec::new(),
            look_at: Focus::default(),
        }
    }

    /// About this job, which is looked at again.
    pub(super) fn job(mut self, id: &JobId) -> Self {
        self.job = Some(id.clone());
        self.look_at.jobs.push(id.clone());
        self
    }

    /// With a piece of evidence.
    pub(super) fn with(mut self, name: &'static str, fact: Fact) -> Self {
        self.evidence.push((name, fact));
        self
    }

    /// With one that may be missing.
    pub(super) fn with_some(self, name: &'static str, fact: Option<Fact>) -> Self {
        match fact {
            Some(fact) => self.with(name, fact),
            None => self,
        }
    }

    /// With something that would have changed in a queue that moves.
    pub(super) fn unmoved(mut self, what: impl AsRef<[u8]>) -> Self {
        self.mark.extend_from_slice(what.as_ref());
        self.mark.push(0);
        self
    }

    /// The finding as it may be shown: secrets in the texts of its evidence are masked. Its repair is what it was.
    #[must_use]
    pub fn masked(mut self, mask: &Mask) -> Self {
        for (_, fact) in &mut self.evidence {
            if let Fact::Text(text) | Fact::Beginning(text) = fact {
                *text = text.masked(mask, b"");
            }
        }
        self
    }

    /// The evidence in one line.
    pub fn evidence_line(&self) -> Clean {
        let parts: Vec<String> =
            self.evidence.iter().map(|(name, fact)| format!("{name} {}", fact.clean())).collect();
        Clean::line(parts.join(", "))
    }

    /// What is done about it, or why nothing is: a sentence.
    pub fn cure(&self) -> Clean {
        match &self.repair {
            Ok(repair) => Clean::line(repair.sentence()),
            Err(why) => Clean::line(why),
        }
    }
}

fn name(kind: Kind, queue: Option<&QueueId>, subject: &[u8]) -> String {
    let mut hash = Sha256::new();
    hash.update(kind.word());
    hash.update(b"\0");
    hash.update(queue.map(QueueId::base).unwrap_or_default());
    hash.update(b"\0");
    hash.update(subject);
    let mut id = kind.word().to_owned();
    id.push('-');
    for byte in hash.finalize().iter().take(4) {
        let _ = write!(id, "{byte:02x}");
    }
    id
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_masked_before_its_text_is_cut() {
        let held = format!("{{\"to\":\"ann\",\"password\":\"{}", "s3cr3t".repeat(40));
        let mut finding = Finding::of_server(Kind::InvalidJson, Err("nobody can"));
        finding.evidence = vec![
            ("begins", Fact::Beginning(Raw::new(&held))),
            ("named", Fact::Text(Raw::new("redis://u:s3cr3t@host"))),
        ];
        assert!(finding.evidence_line().as_str().contains("s3cr3t"));
        assert_eq!(finding.evidence[0].1.json().as_str().map(str::len), Some(BEGINNING));
        let shown = finding.clone().masked(&Mask::default());
        assert_eq!(
            shown.evidence_line().as_str(),
            "begins {\"to\":\"ann\",\"password\":\"***, named redis://***@host"
        );
        assert_eq!(shown.evidence[0].1.json(), "{\"to\":\"ann\",\"password\":\"***");
        assert_eq!(finding.clone().masked(&Mask::none()), finding);
    }
}
