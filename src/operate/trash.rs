//! What acts took away, kept for a while so that it can be put back.
//!
//! A file an act, `J17.jsonl` beside the journal, for its owner alone (0600): a line a saved job,
//! synced before the job goes. Jobs' payloads stand in it as they stand in Redis. Files go after
//! a week, and the oldest first when all of them together grow beyond a bound.

use std::collections::HashMap;
use std::fs::{self, File, OpenOptions};
use std::io::{BufRead as _, BufReader, ErrorKind, Write as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};

use super::folder::make_folder;
use super::journal::JournalId;
use crate::engine::saved::{Saved, SavedEdit, SavedKey, SavedMend, SavedSchedule};

use crate::text::lossless;

/// How long saved jobs are kept.
pub const KEPT: Duration = Duration::from_secs(7 * 24 * 3600);
/// What all files may take together, bytes.
pub const ALL: u64 = 2 << 30;
/// What one act may save unless its caller allows more, bytes.
pub const ONE: u64 = 256 << 20;

/// Why something was not saved, or cannot be read back.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the trash {path}: {message}")]
pub struct TrashError {
    /// The file or folder.
    pub path: String,
    /// What is wrong with it, and what to do.
    pub message: String,
}

impl TrashError {
    fn new(path: &Path, message: impl Into<String>) -> Self {
        Self { path: path.display().to_string(), message: message.into() }
    }
}

/// One line of a file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Item {
    /// A job that was about to go.
    Job(Box<Saved>),
    /// A key of a queue that was about to go.
    Key(SavedKey),
    /// What was about to be replaced; a later one of the same says more of it.
    Edit(Box<SavedEdit>),
    /// The last edit was not done after all: there is nothing to put back.
    NotEdited,
    /// A scheduler that was about to be removed, changed or made; a later one of the same says more of it.
    Schedule(Box<SavedSchedule>),
    /// What a repair was about to replace or take away.
    Mend(Box<SavedMend>),
    /// A job that was saved and then did not go: there is nothing to put back.
    Stayed(String),
    /// Ids that a limited act was about to take without saving them: which are gone tells how far it came.
    Going(Vec<String>),
    /// A job that an undo has put back: it is not put back again.
    Back(String),
}

/// What is kept of an act.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Contents {
    /// Jobs, in the order in which they went.
    pub jobs: Vec<Saved>,
    /// Keys of the queue.
    pub keys: Vec<SavedKey>,
    /// What edits replaced, in the order in which they were done.
    pub edits: Vec<SavedEdit>,
    /// Schedulers, in the order in which they were acted on.
    pub schedules: Vec<SavedSchedule>,
    /// What a repair did.
    pub mend: Option<SavedMend>,
    /// Ids that a limited act was about to take, where it saves nothing.
    pub going: Vec<String>,
}

impl Contents {
    /// Whether there is nothing to put back.
    pub const fn is_empty(&self) -> bool {
        let jobs = self.jobs.is_empty() && self.keys.is_empty() && self.schedules.is_empty();
        jobs && self.edits.is_empty() && self.mend.is_none()
    }
}

/// The folder of all of them. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Trash {
    folder: PathBuf,
}

impl Trash {
    /// The folder `trash` of a folder. Touches nothing.
    pub fn in_folder(folder: &Path) -> Self {
        Self { folder: folder.join("trash") }
    }

    fn path(&self, id: JournalId) -> PathBuf {
        self.folder.join(format!("{id}.jsonl"))
    }

    /// Opens the file of an act, new or to go on, after making room: what is over a week old goes, and the
    /// oldest where all take too much.
    pub async fn open(&self, id: JournalId) -> Result<Bag, TrashError> {
        let (folder, path) = (self.folder.clone(), self.path(id));
        blocking(&self.folder, move || {
            make_folder(&folder)
                .map_err(|error| TrashError::new(&folder, format!("cannot be made: {error}")))?;
            tidy(&folder, SystemTime::now());
            let mut options = OpenOptions::new();
            options.append(true).create(true);
            #[cfg(unix)]
            {
                use std::os::unix::fs::OpenOptionsExt as _;
                options.mode(0o600);
            }
            open(path, &options)
        })
        .await
    }

    /// Opens the file of an act again, to note in it what is back; `None` where there is none.
    pub async fn reopen(&self, id: JournalId) -> Result<Option<Bag>, TrashError> {
        let path = self.path(id);
        blocking(&self.folder, move || {
            if path.is_file() { open(path, OpenOptions::new().append(true)).map(Some) } else { Ok(None) }
        })
        .await
    }

    /// What an act took away, in the order in which it went. A file that is not there is empty.
    pub async fn read(&self, id: JournalId) -> Result<Contents, TrashError> {
        let path = self.path(id);
        blocking(&self.folder, move || read(&path)).await
    }

    /// Whether something of an act is kept, and how many bytes.
    pub async fn size(&self, id: JournalId) -> Option<u64> {
        let path = self.path(id);
        tokio::task::spawn_blocking(move || fs::metadata(path).ok().map(|found| found.len())).await.ok()?
    }

    /// Lets go of what an act took away.
    pub async fn discard(&self, id: JournalId) -> Result<(), TrashError> {
        let path = self.path(id);
        blocking(&self.folder, move || match fs::remove_file(&path) {
            Ok(()) => Ok(()),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
            Err(error) => Err(TrashError::new(&path, format!("cannot be removed: {error}"))),
        })
        .await
    }
}

/// The open file of one act.
#[derive(Debug)]
pub struct Bag {
    path: PathBuf,
    /// `None` only while a write is under way.
    file: Option<File>,
    size: u64,
}

impl Bag {
    /// Bytes in the file.
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// Writes lines and syncs them: only then may the jobs go.
    pub async fn put(&mut self, items: &[Item]) -> Result<(), TrashError> {
        if items.is_empty() {
            return Ok(());
        }
        let mut text = Vec::new();
        for item in items {
            serde_json::to_writer(&mut text, item)
                .map_err(|error| TrashError::new(&self.path, error.to_string()))?;
            text.push(b'\n');
        }
        let Some(mut file) = self.file.take() else {
            return Err(TrashError::new(&self.path, "was given up after an error"));
        };
        let path = self.path.clone();
        let size = text.len() as u64;
        let file = blocking(&self.path, move || {
            let fail = |error: std::io::Error| TrashError::new(&path, format!("cannot be written: {error}"));
            file.write_all(&text).map_err(fail)?;
            file.sync_data().map_err(fail)?;
            Ok(file)
        })
        .await?;
        self.file = Some(file);
        self.size += size;
        Ok(())
    }
}

fn open(path: PathBuf, options: &OpenOptions) -> Result<Bag, TrashError> {
    let fail = |error: std::io::Error| TrashError::new(&path, format!("cannot be opened: {error}"));
    if fs::symlink_metadata(&path).is_ok_and(|found| found.file_type().is_symlink()) {
        return Err(TrashError::new(&path, "is a symbolic link: put a plain file there"));
    }
    let mut file = options.open(&path).map_err(fail)?;
    let size = file.metadata().map_err(fail)?.len();
    // A line that was cut by a crash is ended, so that it spoils only itself; an empty one says nothing.
    if size > 0 {
        file.write_all(b"\n").map_err(fail)?;
    }
    Ok(Bag { path, file: Some(file), size })
}

fn read(path: &Path) -> Result<Contents, TrashError> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Contents::default()),
        Err(error) => return Err(TrashError::new(path, format!("cannot be read: {error}"))),
    };
    let mut jobs: Vec<Option<Saved>> = Vec::new();
    let mut places: HashMap<String, usize> = HashMap::new();
    let (mut keys, mut edits, mut mend) = (Vec::new(), Vec::<SavedEdit>::new(), None);
    let mut schedules: Vec<SavedSchedule> = Vec::new();
    let mut going = Vec::new();
    for line in BufReader::new(file).split(b'\n') {
        let line = line.map_err(|error| TrashError::new(path, format!("cannot be read: {error}")))?;
        // The last line may have been cut by a crash; its job did not go then.
        match serde_json::from_slice(&line) {
            Ok(Item::Job(saved)) => {
                places.insert(lossless(&saved.key()).into_owned(), jobs.len());
                jobs.push(Some(*saved));
            }
            Ok(Item::Key(key)) => keys.push(key),
            Ok(Item::Edit(saved)) => match edits.last_mut().filter(|last| last.is_same_edit(&saved)) {
                Some(last) => *last = *saved,
                None => edits.push(*saved),
            },
            // An edit is never kept beside a move out of `active` in one act.
            Ok(Item::NotEdited) => {
                if edits.pop().is_none() {
                    mend = None;
                }
            }
            Ok(Item::Schedule(saved)) => match schedules.iter_mut().find(|known| known.is_same(&saved)) {
                Some(known) => *known = *saved,
                None => schedules.push(*saved),
            },
            Ok(Item::Mend(saved)) => mend = Some(*saved),
            // Without its head a family stayed as a whole.
            Ok(Item::Stayed(key)) => {
                let Some(at) = places.remove(&key) else { continue };
                jobs[at] = None;
                let family = jobs[at + 1..].iter_mut();
                for job in family.take_while(|job| job.as_ref().is_none_or(Saved::is_descendant)) {
                    *job = None;
                }
            }
            Ok(Item::Going(ids)) => going.extend(ids),
            Ok(Item::Back(key)) => {
                if let Some(at) = places.get(&key) {
                    jobs[*at] = None;
                }
            }
            Err(_) => {}
        }
    }
    Ok(Contents { jobs: jobs.into_iter().flatten().collect(), keys, edits, schedules, mend, going })
}

/// Removes what is too old or too much. What cannot be removed stays.
fn tidy(folder: &Path, now: SystemTime) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    let mut files: Vec<(SystemTime, u64, PathBuf)> = entries
        .filter_map(Result::ok)
        .filter(|entry| entry.path().extension().is_some_and(|ext| ext == "jsonl"))
        .filter_map(|entry| {
            let found = entry.metadata().ok().filter(fs::Metadata::is_file)?;
            Some((found.modified().ok()?, found.len(), entry.path()))
        })
        .collect();
    files.sort_unstable();
    let mut all: u64 = files.iter().map(|(_, size, _)| size).sum();
    for (at, size, path) in files {
        let old = now.duration_since(at).is_ok_and(|age| age > KEPT);
        if (old || all > ALL) && fs::remove_file(&path).is_ok() {
            all -= size;
        }
    }
}

async fn blocking<T: Send + 'static>(
    path: &Path,
    work: impl FnOnce() -> Result<T, TrashError> + Send + 'static,
) -> Result<T, TrashError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(error) => Err(TrashError::new(path, format!("was not reached: {error}"))),
    }
}
