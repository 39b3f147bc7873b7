//! Where files are kept.

use std::ffi::OsString;
use std::path::PathBuf;

/// The configuration file's usual place: `$XDG_CONFIG_HOME/toril/config.toml`, else the platform's
/// own folder; `None` where there is no home (as in a container).
pub fn config_path() -> Option<PathBuf> {
    xdg("XDG_CONFIG_HOME")
        .or_else(|| Some(base()?.config_dir().to_owned()))
        .map(|dir| dir.join("toril/config.toml"))
}

/// Where the log and the audit are kept: `$XDG_STATE_HOME/toril`, else the platform's own folder.
pub fn state_dir() -> Option<PathBuf> {
    xdg("XDG_STATE_HOME")
        .or_else(|| {
            let base = base()?;
            Some(base.state_dir().unwrap_or_else(|| base.data_local_dir()).to_owned())
        })
        .map(|dir| dir.join("toril"))
}

/// The XDG variables are honoured on every system; a relative path in one is to be ignored.
fn xdg(name: &str) -> Option<PathBuf> {
    std::env::var_os(name).map(OsString::into).filter(|path: &PathBuf| path.is_absolute())
}

fn base() -> Option<directories::BaseDirs> {
    directories::BaseDirs::new()
}
