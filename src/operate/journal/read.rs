//! Reading the journal back.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead as _, BufReader, ErrorKind};
use std::path::Path;

use serde_json::Value;

use super::file::{FIRST, hash};
use super::record::Line;
use super::{Intent, JournalError, JournalId, Outcome, Part};

/// An act of the journal.
#[derive(Clone, Debug, PartialEq)]
pub struct Kept {
    /// Its name.
    pub id: JournalId,
    /// When it began, ms since the epoch by the host's clock.
    pub at: i64,
    /// What was to be done.
    pub intent: Intent,
    /// How far it was last known to be.
    pub part: Option<Part>,
    /// When and how it ended. `None`: it runs, or it was broken off by a crash.
    pub end: Option<(i64, Outcome)>,
}

/// What the journal holds.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct History {
    /// Newest first.
    pub acts: Vec<Kept>,
    /// Lines that cannot be read, or do not follow the line before them: numbers from 1.
    pub broken: Vec<usize>,
}

/// Reads a journal; a file that is not there is an empty one. Keeps `limit` acts, the newest.
pub fn history(path: &Path, limit: usize) -> Result<History, JournalError> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(History::default()),
        Err(error) => return Err(JournalError::new(path, format!("cannot be read: {error}"))),
    };
    let mut acts: BTreeMap<u64, Kept> = BTreeMap::new();
    let mut broken = Vec::new();
    let mut before = FIRST.to_owned();
    for (number, line) in BufReader::new(file).split(b'\n').enumerate() {
        let line = line.map_err(|error| JournalError::new(path, format!("cannot be read: {error}")))?;
        if line.is_empty() {
            continue;
        }
        let text = String::from_utf8_lossy(&line);
        let json: Option<Value> = serde_json::from_str(&text).ok();
        let follows = json.as_ref().is_some_and(|json| json["prev"] == before.as_str());
        let read = json.and_then(|json| serde_json::from_value::<Line>(json).ok());
        if !follows || read.is_none() {
            broken.push(number + 1);
        }
        before = hash(&text);
        match read {
            Some(Line::Intent { id, at, intent }) => {
                acts.insert(id, Kept { id: JournalId(id), at, intent: *intent, part: None, end: None });
                if acts.len() > limit {
                    acts.pop_first();
                }
            }
            Some(Line::Part { id, part, .. }) => {
                if let Some(act) = acts.get_mut(&id) {
                    act.part = Some(part);
                }
            }
            Some(Line::Outcome { id, at, outcome }) => {
                if let Some(act) = acts.get_mut(&id) {
                    act.end = Some((at, outcome));
                }
            }
            None => {}
        }
    }
    Ok(History { acts: acts.into_values().rev().collect(), broken })
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::super::{Confirmed, Journal, Place, Who};
    use super::*;

    fn intent(selector: &str) -> Intent {
        Intent {
            who: Who { user: Some("ada".to_owned()), pid: 7, ..Who::default() },
            place: Place { endpoint: "redis.example.org:6379/0".to_owned(), ..Place::default() },
            action: "remove".to_owned(),
            queue: "e\u{1b}mail".to_owned(),
            prefix: "bull".to_owned(),
            era: "6".to_owned(),
            selector: selector.to_owned(),
            matched: Some(3),
            confirmed: Confirmed::Typed,
            command: "toril remove email 1 2 3".to_owned(),
            plan: Value::Null,
            version: "0.1.0".to_owned(),
        }
    }

    fn outcome() -> Outcome {
        Outcome {
            ended: "finished".to_owned(),
            counts: Part { done: 3, changed: 0, failed: 0 },
            reason: None,
            ids: vec!["1".to_owned()],
            undoable: true,
        }
    }

    #[tokio::test]
    async fn what_was_written_is_read_back() {
        let folder = tempfile::tempdir().unwrap();
        let journal = Journal::in_folder(&folder.path().join("state"));
        assert_eq!(journal.history(10).await.unwrap(), History::default());
        let first = journal.begin(intent("1 2 3"), 1000).await.unwrap();
        first.part(Part { done: 1, ..Part::default() }, 1001).await.unwrap();
        let second = journal.begin(intent("all failed"), 1002).await.unwrap();
        first.end(outcome(), 1003).await.unwrap();
        assert_eq!([first.id().to_string(), second.id().to_string()], ["J1", "J2"]);

        let history = journal.history(10).await.unwrap();
        assert!(history.broken.is_empty());
        let ids: Vec<u64> = history.acts.iter().map(|act| act.id.0).collect();
        assert_eq!(ids, [2, 1]);
        assert_eq!(history.acts[1].intent, intent("1 2 3"));
        assert_eq!(history.acts[1].end, Some((1003, outcome())));
        assert_eq!(history.acts[0].end, None);
        assert_eq!(journal.history(1).await.unwrap().acts.len(), 1);

        let bytes = fs::read(journal.path()).unwrap();
        assert!(bytes.iter().all(|byte| *byte == b'\n' || (b' '..=b'~').contains(byte)));
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            assert_eq!(fs::metadata(journal.path()).unwrap().permissions().mode() & 0o777, 0o600);
        }
    }

    #[tokio::test]
    async fn a_line_that_was_changed_or_cut_shows() {
        let folder = tempfile::tempdir().unwrap();
        let journal = Journal::in_folder(folder.path());
        for n in 0..3 {
            journal.begin(intent(&n.to_string()), n).await.unwrap();
        }
        let text = fs::read_to_string(journal.path()).unwrap();
        let mut lines: Vec<&str> = text.lines().collect();
        let changed = lines[1].replace("\"ada\"", "\"bob\"");
        lines[1] = &changed;
        fs::write(journal.path(), lines.join("\n") + "\n{\"line\":\"int").unwrap();
        let history = journal.history(10).await.unwrap();
        assert_eq!(history.broken, [3, 4]);
        // The cut line is ended and the next one is whole, with the next number.
        let next = journal.begin(intent("next"), 9).await.unwrap();
        assert_eq!(next.id(), JournalId(4));
        let history = journal.history(10).await.unwrap();
        assert_eq!((history.broken.as_slice(), history.acts.len()), ([3, 4].as_slice(), 4));
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn a_file_that_others_may_read_or_that_leads_elsewhere_is_refused() {
        use std::os::unix::fs::{PermissionsExt as _, symlink};
        let folder = tempfile::tempdir().unwrap();
        let journal = Journal::in_folder(folder.path());
        fs::write(journal.path(), "").unwrap();
        fs::set_permissions(journal.path(), fs::Permissions::from_mode(0o644)).unwrap();
        let error = journal.begin(intent("1"), 1).await.unwrap_err();
        assert!(error.message.contains("chmod 600"), "{error}");
        fs::remove_file(journal.path()).unwrap();
        symlink("/dev/null", journal.path()).unwrap();
        let error = journal.begin(intent("1"), 1).await.unwrap_err();
        assert!(error.message.contains("symbolic link"), "{error}");
    }

    #[test]
    fn many_writers_take_different_numbers() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().to_owned();
        let threads: Vec<_> = (0..4)
            .map(|_| {
                let path = path.clone();
                std::thread::spawn(move || {
                    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
                    let journal = Journal::in_folder(&path);
                    for n in 0..10 {
                        runtime.block_on(journal.begin(intent("x"), n)).unwrap();
                    }
                })
            })
            .collect();
        for thread in threads {
            thread.join().unwrap();
        }
        let history = history(&folder.path().join("journal.jsonl"), 100).unwrap();
        assert_eq!(history.acts.len(), 40);
        assert!(history.broken.is_empty());
    }
}
