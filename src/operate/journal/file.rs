//! The file: opened for its owner alone, locked for a line, synced before anything is done.

use std::fmt::Write as _;
use std::fs::{self, File, OpenOptions};
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::path::Path;

use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::record::Line;
use super::{JournalError, JournalId};
use crate::operate::folder::make_folder;
use crate::text::ascii_json;

/// The longest line that is looked for at the end of the file.
const LONGEST: u64 = 4 << 20;
/// The hash before the first line.
pub(super) const FIRST: &str = "";

/// Appends one line and syncs it. `line` is given the id that an intent takes.
pub(super) fn append(path: &Path, line: impl FnOnce(JournalId) -> Line) -> Result<JournalId, JournalError> {
    let fail = |what: &str, error: std::io::Error| JournalError::new(path, format!("{what}: {error}"));
    let mut file = open(path)?;
    // Two copies of the program must not take the same id, nor the same line as the last one.
    file.lock().map_err(|error| fail("cannot be locked", error))?;
    let tail = tail(&mut file).map_err(|error| fail("cannot be read", error))?;
    let last = tail.iter().rev().find_map(|line| id_of(line)).unwrap_or(0);
    let line = line(JournalId(last + 1));
    let id = JournalId(line.id());
    let mut json = serde_json::to_value(&line).map_err(|error| JournalError::new(path, error.to_string()))?;
    json["prev"] = Value::from(tail.last().map_or_else(|| FIRST.to_owned(), |line| hash(line)));
    let mut text = ascii_json(&json.to_string());
    text.push('\n');
    // A line that was cut by a crash is ended, so that it spoils only itself.
    let cut = file.metadata().map_err(|error| fail("cannot be read", error))?.len() > 0
        && !ends_with_newline(&mut file).map_err(|error| fail("cannot be read", error))?;
    if cut {
        text.insert(0, '\n');
    }
    file.write_all(text.as_bytes()).map_err(|error| fail("cannot be written", error))?;
    file.sync_data().map_err(|error| fail("cannot be synced to the disk", error))?;
    Ok(id)
}

/// The number that a line gives: every line has the id of its act, and ids only grow.
fn id_of(line: &str) -> Option<u64> {
    serde_json::from_str::<Line>(line)
        .ok()
        .filter(|line| matches!(line, Line::Intent { .. }))
        .map(|line| line.id())
}

/// What the next line says of this one.
pub(super) fn hash(line: &str) -> String {
    Sha256::digest(line.as_bytes()).iter().fold(String::new(), |mut hash, byte| {
        let _ = write!(hash, "{byte:02x}");
        hash
    })
}

/// The last lines, oldest first. Reads back until an intent is among them.
fn tail(file: &mut File) -> std::io::Result<Vec<String>> {
    let end = file.seek(SeekFrom::End(0))?;
    let mut span = 64 << 10;
    loop {
        let start = end.saturating_sub(span);
        file.seek(SeekFrom::Start(start))?;
        let mut bytes = Vec::new();
        std::io::Read::take(&mut *file, end - start).read_to_end(&mut bytes)?;
        let text = String::from_utf8_lossy(&bytes);
        let mut lines: Vec<String> =
            text.lines().filter(|line| !line.is_empty()).map(str::to_owned).collect();
        if start > 0 && !lines.is_empty() {
            // The first one may be the rest of a line.
            lines.remove(0);
        }
        if start == 0 || lines.iter().any(|line| id_of(line).is_some()) || span >= LONGEST * 16 {
            return Ok(lines);
        }
        span *= 4;
    }
}

fn ends_with_newline(file: &mut File) -> std::io::Result<bool> {
    file.seek(SeekFrom::End(-1))?;
    let mut last = [0];
    file.read_exact(&mut last)?;
    Ok(last == *b"\n")
}

/// Opens the file for appending. It must be a plain file of this account that no other may read.
fn open(path: &Path) -> Result<File, JournalError> {
    if let Some(folder) = path.parent() {
        make_folder(folder).map_err(|error| {
            JournalError::new(path, format!("its folder {} cannot be made: {error}", folder.display()))
        })?;
    }
    if fs::symlink_metadata(path).is_ok_and(|found| found.file_type().is_symlink()) {
        return Err(JournalError::new(path, "is a symbolic link: put a plain file there"));
    }
    let mut options = OpenOptions::new();
    options.read(true).append(true).create(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        options.mode(0o600);
    }
    let file =
        options.open(path).map_err(|error| JournalError::new(path, format!("cannot be opened: {error}")))?;
    check(path, &file)?;
    Ok(file)
}

#[cfg(unix)]
fn check(path: &Path, file: &File) -> Result<(), JournalError> {
    use std::os::unix::fs::MetadataExt as _;
    let fail = |message: String| Err(JournalError::new(path, message));
    let found = match file.metadata() {
        Ok(found) => found,
        Err(error) => return fail(format!("cannot be read: {error}")),
    };
    if !found.is_file() {
        return fail("is no plain file".to_owned());
    }
    if found.mode() & 0o077 != 0 {
        return fail(format!("may be read by others (mode {:o}): chmod 600 it", found.mode() & 0o777));
    }
    Ok(())
}

#[cfg(not(unix))]
fn check(_: &Path, _: &File) -> Result<(), JournalError> {
    Ok(())
}
