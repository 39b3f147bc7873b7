//! Jobs in `active` that nobody runs, where nobody will take them back.

use super::case::Case;
use super::cause::{Cause, Deed, Value, Weight};
use crate::text::{Clean, figure};

/// Two stalled checks of the usual interval and a little, ms: whoever runs them would have come.
const TWICE_MS: i64 = 75_000;

/// Jobs without a lock lie in `active`, and the check that takes them back is off or does not come.
pub(super) fn orphans(case: &Case<'_>) -> Option<Cause> {
    let orphans = case.orphans();
    let first = *orphans.first()?;
    let keys = &case.now.keys;
    // Its lifetime is the pause between two checks: without one it keeps every check from running.
    let off = case.both(|look| look.keys.stalled_check_ms == -1);
    let old = orphans.iter().any(|job| job.started_at.is_some_and(|at| case.now.at - at > TWICE_MS));
    let workers = case.workers().is_some_and(|workers| !workers.is_empty());
    if !(off || old && workers) {
        return None;
    }
    let count = figure::count(orphans.len() as u64);
    let title = format!("{count} jobs lie in active that nobody runs, and no stalled check takes them back");
    let advice = if off {
        "stalled-check has no lifetime, which turns recovery off: the doctor removes it"
    } else {
        "take them out by hand; do workers skip the stalled check?"
    };
    let check = match keys.stalled_check_ms {
        -1 => "never ends: recovery is off".to_owned(),
        -2 => "there is none: no worker has run it of late".to_owned(),
        ms => format!("the next in {}", figure::duration(ms)),
    };
    let command = if off {
        "toril doctor QUEUE".to_owned()
    } else {
        let id = crate::text::shell_word(first.id.as_bytes());
        format!("toril move-out QUEUE {}", id.unwrap_or_else(|| "ID".to_owned()))
    };
    let cause = Cause::new("abandoned", Weight::Holds, title, advice)
        .count("withoutLock", "active without a lock", orphans.len() as u64)
        .count("active", "active", case.now.overview.active)
        .fact("stalledCheck", "stalled check", Value::Text(Clean::line(check)))
        .jobs(orphans.iter().map(|job| case.running(job)))
        .command(command)
        .deed(Deed::Open(case.now.queue.clone(), first.id.clone()));
    Some(cause)
}
