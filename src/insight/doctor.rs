//! The doctor: what of a queue is damaged, what that does, and how it is safely repaired
//! (reliability spec, part 4).
//!
//! Rules over what was read ([`Look`]), and nothing else. Each [`Kind`] of damage has its evidence, its
//! consequence, and a [`Repair`](crate::engine::op::Repair) or the reason why none is safe. [`Doctor`] is the judge of
//! [`examine`](crate::engine::read::doctor::examine): a finding counts only where two looks agree on it
//! and on all that would have changed in a queue that moves.

mod finding;
mod flows;
mod jobs;
mod kind;
mod lines;
mod server;

pub use finding::{Fact, Finding, Severity};
pub use kind::Kind;
pub use server::{Host, server};

use crate::engine::read::doctor::{Focus, Judge, Look, Progress};

/// A delayed job may be so late, ms: workers promote it within seconds.
pub const LATE_MS: i64 = 10_000;
/// Clocks of producers may be so far ahead, ms.
const AHEAD_MS: i64 = 10_000;
/// A queue that is paused for so long, and grows, may be forgotten, ms.
const PAUSED_MS: i64 = 3_600_000;
/// Findings of one kind in one queue that are told one by one.
pub const TOLD: usize = 100;

/// Judges what was read.
#[derive(Clone, Copy, Debug, Default)]
pub struct Doctor;

impl Judge for Doctor {
    type Finding = Finding;

    fn judge(&self, look: &Look) -> Vec<Finding> {
        let mut found = Vec::new();
        lines::judge(look, &mut found);
        jobs::judge(look, &mut found);
        flows::judge(look, &mut found);
        found
    }

    fn mark(&self, finding: &Finding) -> Vec<u8> {
        [finding.id.as_bytes(), b"\0", finding.mark.as_slice()].concat()
    }

    fn focus(&self, finding: &Finding, focus: &mut Focus) {
        focus.jobs.extend(finding.look_at.jobs.iter().cloned());
        focus.parents.extend(finding.look_at.parents.iter().cloned());
        focus.dedups.extend(finding.look_at.dedups.iter().cloned());
        focus.schedulers |= finding.look_at.schedulers;
    }
}

/// What a round found.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Survey {
    /// Worst first.
    pub findings: Vec<Finding>,
    /// Findings beyond those, of kinds of which a queue has many.
    pub more: u64,
    /// How much was looked at.
    pub progress: Progress,
    /// Everything was looked at.
    pub complete: bool,
}

/// Worst first, then by queue; of each kind in a queue the first [`TOLD`] stay. Returns how many did not.
pub fn sort(findings: &mut Vec<Finding>) -> u64 {
    findings.sort_by(|a, b| {
        let key = |finding: &Finding| (finding.kind.severity(), finding.kind);
        key(a).cmp(&key(b)).then_with(|| a.queue.cmp(&b.queue)).then_with(|| a.job.cmp(&b.job))
    });
    let before = findings.len();
    let mut run = 0;
    let mut last = None;
    findings.retain(|finding| {
        let now = Some((finding.kind, finding.queue.clone()));
        run = if last == now { run + 1 } else { 0 };
        last = now;
        run < TOLD
    });
    (before - findings.len()) as u64
}
