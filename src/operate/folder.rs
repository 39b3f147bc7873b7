//! Folders for what is nobody else's: the journal, the trash, texts in an editor.

use std::path::Path;
use std::{fs, io};

/// Makes a folder for its owner alone, with all above it that is not there.
#[cfg(unix)]
pub fn make_folder(folder: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt as _;
    fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

/// Makes a folder, with all above it that is not there.
#[cfg(not(unix))]
pub fn make_folder(folder: &Path) -> io::Result<()> {
    fs::create_dir_all(folder)
}
