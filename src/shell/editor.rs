//! A text in a person's own editor.
//!
//! `$VISUAL`, then `$EDITOR`, then `vi`, as a shell would run them. The text lies in a file for its owner
//! alone (0600), in a folder of its own (0700) that goes with all that the editor left in it: when the
//! text was taken, on every error, and when the program ends by a panic or with its terminal. What a
//! `kill -9` leaves behind goes the next time that an editor is opened, a day later.

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use tempfile::TempDir;
use tokio::process::{Child, Command};

use crate::operate::make_folder;

/// What a folder of ours begins with.
const OURS: &str = "toril-edit-";
/// What was left behind goes after this.
const LEFT: Duration = Duration::from_secs(24 * 3600);

/// The folder that is open, for those who end the program without unwinding.
static OPEN: Mutex<Option<PathBuf>> = Mutex::new(None);

fn open_folder() -> MutexGuard<'static, Option<PathBuf>> {
    OPEN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A file for an editor. It is removed when this is dropped.
#[derive(Debug)]
pub struct Scratch {
    folder: TempDir,
    path: PathBuf,
}

impl Scratch {
    /// Writes the text to a file of this name, in `place` (the system's folder for such files, if none is
    /// given or it cannot be made).
    pub fn new(place: Option<&Path>, name: &str, text: &[u8]) -> io::Result<Self> {
        let mut builder = tempfile::Builder::new();
        builder.prefix(OURS);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            builder.permissions(std::fs::Permissions::from_mode(0o700));
        }
        let place = place.filter(|place| make_folder(place).is_ok());
        if let Some(place) = place {
            tidy(place, SystemTime::now());
        }
        let folder = match place {
            Some(place) => builder.tempdir_in(place)?,
            None => builder.tempdir()?,
        };
        *open_folder() = Some(folder.path().to_owned());
        let path = folder.path().join(name);
        let scratch = Self { folder, path };
        let mut options = std::fs::OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        {
            use std::os::unix::fs::OpenOptionsExt as _;
            options.mode(0o600);
        }
        options.open(&scratch.path)?.write_all(text)?;
        Ok(scratch)
    }

    /// What stands in the file now.
    pub fn read(&self) -> io::Result<Vec<u8>> {
        std::fs::read(&self.path)
    }

    /// Starts the editor on it. Our own passwords are not its.
    pub fn open(&self) -> io::Result<Child> {
        let wish = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
        let mut script = wish("VISUAL").or_else(|| wish("EDITOR")).unwrap_or_else(|| "vi".into());
        script.push(" \"$1\"");
        Command::new("/bin/sh")
            .arg("-c")
            .arg(script)
            .arg("toril-edit")
            .arg(&self.path)
            .env_remove("TORIL_PASSWORD")
            .env_remove("TORIL_URL")
            .env_remove("REDIS_URL")
            .spawn()
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let mut open = open_folder();
        if open.as_deref() == Some(self.folder.path()) {
            *open = None;
        }
    }
}

/// Why an editor's end is no answer, where it is none.
pub fn refused(status: ExitStatus) -> Option<String> {
    (!status.success()).then(|| match status.code() {
        // The shell's word for a command that is not there.
        Some(127) => "the editor was not found: set VISUAL or EDITOR".to_owned(),
        _ => format!("the editor ended with {status}"),
    })
}

/// Removes what is open, for an end without unwinding. Never waits and never fails.
pub fn clean_up() {
    if let Ok(mut open) = OPEN.try_lock()
        && let Some(folder) = open.take()
    {
        let _ = std::fs::remove_dir_all(folder);
    }
}

/// Removes what programs that were killed left behind. What cannot be removed stays.
fn tidy(place: &Path, now: SystemTime) {
    let Ok(entries) = std::fs::read_dir(place) else { return };
    for entry in entries.filter_map(Result::ok) {
        let ours = entry.file_name().to_string_lossy().starts_with(OURS);
        let Ok(found) = entry.metadata() else { continue };
        let old = found.modified().is_ok_and(|at| now.duration_since(at).is_ok_and(|age| age > LEFT));
        if ours && old && found.is_dir() {
            let _ = std::fs::remove_dir_all(entry.path());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// There is one place for what is open: these tests take turns.
    static TURN: Mutex<()> = Mutex::new(());

    #[cfg(unix)]
    #[test]
    fn a_text_is_its_owners_alone_and_goes_with_what_was_left_beside_it() {
        use std::os::unix::fs::PermissionsExt as _;
        let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        let place = tempfile::tempdir().unwrap();
        let folder = place.path().join("edit");
        let old = folder.join(format!("{OURS}old"));
        std::fs::create_dir_all(&old).unwrap();
        std::fs::write(old.join("data.json"), "left").unwrap();
        let scratch = Scratch::new(Some(&folder), "data.json", b"{\"a\": 1}\xff").unwrap();
        assert_eq!(scratch.read().unwrap(), b"{\"a\": 1}\xff");
        let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&scratch.path), 0o600);
        assert_eq!(mode(scratch.folder.path()), 0o700);
        assert!(scratch.path.starts_with(&folder));
        std::fs::write(scratch.folder.path().join("data.json~"), "a copy").unwrap();
        let gone = scratch.folder.path().to_owned();
        drop(scratch);
        assert!(!gone.exists());
        assert!(old.exists(), "another editor may be open on it");
        tidy(&folder, SystemTime::now() + 2 * LEFT);
        assert!(!old.exists());
    }

    #[test]
    fn an_end_without_unwinding_leaves_nothing() {
        let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        let place = tempfile::tempdir().unwrap();
        let scratch = Scratch::new(Some(place.path()), "data.json", b"secret").unwrap();
        clean_up();
        assert!(!scratch.path.exists());
    }
}
