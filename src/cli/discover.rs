//! Which queues a command without a `QUEUE` is about.

use super::failure::Failure;
use super::resolve;
use super::session::Session;
use crate::conn::Kind;
use crate::monitor;
use crate::wire::{QueueId, glob};

/// What was found.
#[derive(Debug, Default)]
pub struct Discovered {
    /// The queues, by name.
    pub queues: Vec<QueueId>,
    /// Every key was looked at, or none had to be.
    pub complete: bool,
    /// Exact names under which there is nothing.
    pub missing: Vec<String>,
}

/// The queues that `--queue` and the profile select; all of them where they say nothing. Exact
/// names are looked up, which no scan is needed for.
pub async fn queues(session: &Session) -> Result<Discovered, Failure> {
    let settings = &session.settings;
    let (globs, names): (Vec<String>, Vec<String>) =
        settings.queues.iter().cloned().partition(|text| glob::is_pattern(text.as_bytes()));
    let mut found = Discovered { complete: true, ..Discovered::default() };
    for name in names {
        let candidates = resolve::candidates(&settings.prefixes, &name);
        let there = resolve::existing(session, &candidates).await?;
        if there.is_empty() {
            found.missing.push(name);
        }
        found.queues.extend(there.into_iter().map(|queue| queue.id));
    }
    if settings.queues.is_empty() || !globs.is_empty() {
        match monitor::find(&session.conn, &settings.prefixes, &globs).await {
            Ok(queues) => found.queues.extend(queues),
            // Named queues can be shown all the same.
            Err(error) if error.kind == Kind::Permission && !found.queues.is_empty() => {
                found.complete = false;
            }
            Err(error) if error.kind == Kind::Permission => {
                let hint = "name the queues: --queue NAME, or queues = [..] in the profile";
                return Err(Failure::from(error).with_hint(hint));
            }
            Err(error) => return Err(error.into()),
        }
    }
    found.queues.sort_by(|a, b| (&a.name, &a.prefix).cmp(&(&b.name, &b.prefix)));
    found.queues.dedup();
    Ok(found)
}
