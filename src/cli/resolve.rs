//! `QUEUE` on the command line: first as a whole name, then as `prefix:name`.

use super::failure::Failure;
use super::session::Session;
use crate::engine::op::Target;
use crate::engine::read::{self, Overview};
use crate::text::Clean;
use crate::wire::{Counts, Era, Prefix, QueueId, QueueName};

/// A queue that exists.
#[derive(Debug)]
pub struct Found {
    /// Which one.
    pub id: QueueId,
    /// Figures as they stand in Redis.
    pub overview: Overview,
    /// Who writes it.
    pub era: Era,
    /// Its jobs by state.
    pub counts: Counts,
}

impl Found {
    /// The queue as something that may be written.
    pub fn target(&self) -> Result<Target, Failure> {
        match self.era.writable() {
            Ok(era) => Ok(Target { queue: self.id.clone(), era }),
            Err(why) => Err(Failure::not_done(
                "unsupported",
                format!("{} is not changed: {why}", self.id.clean()),
                "use the library that writes it",
            )),
        }
    }
}

/// The queue that `text` names.
pub async fn queue(session: &Session, text: &str) -> Result<Found, Failure> {
    let candidates = candidates(&session.settings.prefixes, text);
    let mut found = existing(session, &candidates).await?;
    let first = found.pop().ok_or_else(|| absent(&session.settings.prefixes, text))?;
    if let Some(second) = found.pop() {
        return Err(Failure::usage(
            format!(
                "\"{text}\" names two queues: {} under {} and {} under {}",
                second.id.name.clean(),
                second.id.prefix.clean(),
                first.id.name.clean(),
                first.id.prefix.clean()
            ),
            format!("--prefix {} or --prefix {}", second.id.prefix.clean(), first.id.prefix.clean()),
        ));
    }
    Ok(first)
}

/// Those of the queues that exist.
pub async fn existing(session: &Session, queues: &[QueueId]) -> Result<Vec<Found>, Failure> {
    let read = read::counts(&session.conn, queues).await?;
    Ok(queues
        .iter()
        .zip(read)
        .filter(|(_, (overview, ..))| !overview.is_absent())
        .map(|(id, (overview, era, counts))| Found { id: id.clone(), overview, era, counts })
        .collect())
}

/// That no queue has this name.
pub fn absent(prefixes: &[Prefix], text: &str) -> Failure {
    let prefixes: Vec<Clean> = prefixes.iter().map(Prefix::clean).collect();
    let under = match prefixes.as_slice() {
        [] => String::new(),
        [one] => format!(" under the prefix {one}"),
        several => {
            let names: Vec<&str> = several.iter().map(Clean::as_str).collect();
            format!(" under the prefixes {}", names.join(", "))
        }
    };
    Failure::not_found(
        format!("there is no queue \"{text}\"{under}"),
        "toril queues lists what there is; --prefix looks under another prefix, --prefix '*' under any",
    )
}

/// What `text` may mean: the whole of it as a name below each prefix, then its parts where the
/// first is a known prefix. Any prefix may be one where none was given.
pub fn candidates(prefixes: &[Prefix], text: &str) -> Vec<QueueId> {
    let usual = [Prefix::default()];
    let whole = if prefixes.is_empty() { &usual[..] } else { prefixes };
    let mut all: Vec<QueueId> =
        whole.iter().map(|prefix| QueueId::new(prefix.clone(), QueueName::legacy(text))).collect();
    for (at, _) in text.match_indices(':') {
        let (prefix, name) = (Prefix::new(&text[..at]), &text[at + 1..]);
        let known = prefixes.is_empty() || prefixes.contains(&prefix) || prefix == usual[0];
        let id = QueueId::new(prefix, QueueName::legacy(name));
        if known && !name.is_empty() && !all.contains(&id) {
            all.push(id);
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(prefixes: &[&str], text: &str) -> Vec<String> {
        let prefixes: Vec<_> = prefixes.iter().map(Prefix::new).collect();
        candidates(&prefixes, text)
            .iter()
            .map(|id| format!("{}|{}", id.prefix.clean(), id.name.clean()))
            .collect()
    }

    #[test]
    fn the_whole_name_comes_first() {
        assert_eq!(shown(&["bull"], "email"), ["bull|email"]);
        assert_eq!(shown(&["bull", "app"], "email"), ["bull|email", "app|email"]);
        assert_eq!(shown(&["bull"], "bull:email"), ["bull|bull:email", "bull|email"]);
        assert_eq!(shown(&["bull"], "app:email"), ["bull|app:email"]);
        assert_eq!(shown(&["a:b"], "a:b:c"), ["a:b|a:b:c", "a:b|c"]);
        assert_eq!(shown(&[], "x:y"), ["bull|x:y", "x|y"]);
    }
}
