//! The configuration file.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::suggest::nearest;
use crate::app::action::{Action, TABLE};
use crate::app::key::Key;
use crate::app::keymap::Keymap;
use crate::cli::args::ColorWhen;
use crate::cli::failure::Failure;
use crate::conn::Endpoint;
use crate::text::Mask;

/// Largest file that is read.
const LARGEST: u64 = 1024 * 1024;

/// What may stand at the top.
pub const TOP_KEYS: &[&str] = &["default_profile", "color", "ascii", "mouse", "mask", "keys", "profile"];

/// What may stand in a profile.
pub const PROFILE_KEYS: &[&str] = &[
    "url",
    "prefix",
    "queues",
    "label",
    "colour",
    "protected",
    "read_only",
    "fleet",
    "require_audit",
    "max_bulk",
    "user",
    "password",
    "password_file",
    "tls_ca",
    "tls_cert",
    "tls_key",
];

/// The whole file.
#[derive(Deserialize, Debug, Default, Clone)]
pub struct File {
    /// The profile that is taken when none is named.
    pub default_profile: Option<String>,
    /// When to use colours.
    pub color: Option<Color>,
    /// Draw with ASCII only.
    pub ascii: Option<bool>,
    /// Let the console take the mouse.
    pub mouse: Option<bool>,
    /// Names of keys whose values are masked, as [`crate::text::Mask::of_list`] takes them.
    pub mask: Option<OneOrMore>,
    /// Keys of the console, by the name of their action.
    #[serde(default)]
    pub keys: BTreeMap<String, OneOrMore>,
    /// Profiles by name.
    #[serde(default)]
    pub profile: BTreeMap<String, Profile>,
}

/// [`ColorWhen`] as it stands in the file.
#[derive(Deserialize, Debug, Clone, Copy)]
#[serde(rename_all = "lowercase")]
pub enum Color {
    /// See [`ColorWhen::Auto`].
    Auto,
    /// See [`ColorWhen::Always`].
    Always,
    /// See [`ColorWhen::Never`].
    Never,
}

impl From<Color> for ColorWhen {
    fn from(color: Color) -> Self {
        match color {
            Color::Auto => Self::Auto,
            Color::Always => Self::Always,
            Color::Never => Self::Never,
        }
    }
}

/// A server and how it is treated.
#[derive(Deserialize, Default, Clone)]
pub struct Profile {
    /// Its URL.
    pub url: Option<String>,
    /// Prefix or prefixes of the keys.
    pub prefix: Option<OneOrMore>,
    /// Names or globs of queues.
    pub queues: Option<OneOrMore>,
    /// What the console calls the environment.
    pub label: Option<String>,
    /// The label's colour: the name of one of the terminal's sixteen.
    pub colour: Option<String>,
    /// Whether dangerous acts are confirmed by typing the queue's name.
    pub protected: Option<bool>,
    /// Forbid writes.
    pub read_only: Option<bool>,
    /// Forbid writes that cannot be written down in the journal first.
    pub require_audit: Option<bool>,
    /// The most jobs that one act may cover.
    pub max_bulk: Option<u64>,
    /// `5`, `6` or `mixed`.
    pub fleet: Option<String>,
    /// Redis ACL user.
    pub user: Option<String>,
    /// The password itself: only in a file that nobody else can read.
    pub password: Option<String>,
    /// File with the password.
    pub password_file: Option<PathBuf>,
    /// Certificate authority, PEM.
    pub tls_ca: Option<PathBuf>,
    /// Client certificate, PEM.
    pub tls_cert: Option<PathBuf>,
    /// Its key, PEM.
    pub tls_key: Option<PathBuf>,
}

/// Never shows the password, nor a URL that may hold one.
impl std::fmt::Debug for Profile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Profile").field("label", &self.label).finish_non_exhaustive()
    }
}

/// A value, or a list of them.
#[derive(Deserialize, Debug, Clone)]
#[serde(untagged)]
pub enum OneOrMore {
    /// One.
    One(String),
    /// Several.
    More(Vec<String>),
}

impl OneOrMore {
    /// As a list.
    pub fn list(&self) -> Vec<String> {
        match self {
            Self::One(one) => vec![one.clone()],
            Self::More(more) => more.clone(),
        }
    }
}

/// The file to read, and whether somebody named it (`--config`, `TORIL_CONFIG`).
pub fn file_of(flag: Option<&Path>) -> (Option<PathBuf>, bool) {
    let named = flag
        .map(Path::to_owned)
        .or_else(|| std::env::var_os("TORIL_CONFIG").filter(|path| !path.is_empty()).map(PathBuf::from));
    match named {
        Some(path) => (Some(path), true),
        None => (super::config_path(), false),
    }
}

/// Reads the file. One that is not there is empty, unless it was `named`.
pub fn load(path: Option<&Path>, named: bool) -> Result<File, Failure> {
    let Some(path) = path else { return Ok(File::default()) };
    let shown = path.display();
    let text = match read(path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound && !named => return Ok(File::default()),
        Err(error) => {
            return Err(Failure::config(
                format!("cannot read {shown}: {error}"),
                "toril config path says where the file is looked for",
            ));
        }
    };
    let file =
        parse(&text).map_err(|(message, hint)| Failure::config(format!("{shown}: {message}"), hint))?;
    if file.holds_password() {
        guard(path)?;
    }
    Ok(file)
}

fn read(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    fs::File::open(path)?.take(LARGEST).read_to_string(&mut text)?;
    Ok(text)
}

/// Reads the text of a file; an error is a cause and what to do.
pub fn parse(text: &str) -> Result<File, (String, String)> {
    let table: toml::Table = text.parse().map_err(|error: toml::de::Error| trouble(text, &error))?;
    for key in table.keys() {
        known(key, TOP_KEYS, "the file")?;
    }
    if let Some(toml::Value::Table(profiles)) = table.get("profile") {
        for (name, profile) in profiles {
            let toml::Value::Table(profile) = profile else {
                let message = format!("\"profile.{name}\" is not a table");
                return Err((message, "write [profile.NAME] and the settings below it".to_owned()));
            };
            for key in profile.keys() {
                known(key, PROFILE_KEYS, &format!("[profile.{name}]"))?;
            }
        }
    }
    let file: File = toml::from_str(text).map_err(|error| trouble(text, &error))?;
    file.keymap()?;
    file.masked()?;
    if let Some(name) = &file.default_profile
        && !file.profile.contains_key(name)
    {
        return Err((
            format!("default_profile names \"{name}\", which is not there"),
            file.profiles_hint(name),
        ));
    }
    Ok(file)
}

fn known(key: &str, keys: &[&str], place: &str) -> Result<(), (String, String)> {
    if keys.contains(&key) {
        return Ok(());
    }
    let hint = match nearest(key, keys.iter().copied()) {
        Some(meant) => format!("did you mean \"{meant}\"?"),
        None => format!("known are {}", keys.join(", ")),
    };
    Err((format!("unknown key \"{key}\" in {place}"), hint))
}

/// An error of the parser, without any of the file's text: it may be a password.
fn trouble(text: &str, error: &toml::de::Error) -> (String, String) {
    let line = error.span().map_or(1, |span| text[..span.start.min(text.len())].matches('\n').count() + 1);
    let what = match error.message().rsplit_once("expected ") {
        Some((_, expected)) => format!("line {line}: expected {expected}"),
        None => format!("line {line} is not valid TOML"),
    };
    (what, "toril config init writes a file that explains every setting".to_owned())
}

impl File {
    /// Which values are masked.
    pub fn masked(&self) -> Result<Mask, (String, String)> {
        let entries = self.mask.as_ref().map(OneOrMore::list).unwrap_or_default();
        let hint = "mask = [\"iban\", \"*_pin\", \"!card\"] adds two names and takes one out".to_owned();
        Mask::of_list(&entries).map_err(|why| (format!("mask: {why}"), hint))
    }

    /// The console's keys: the table's, but for what `[keys]` says.
    pub fn keymap(&self) -> Result<Keymap, (String, String)> {
        let mut keymap = Keymap::default();
        for (name, keys) in &self.keys {
            let Some(action) = Action::named(name) else {
                let hint = match nearest(name, TABLE.iter().map(|row| row.name)) {
                    Some(meant) => format!("did you mean \"{meant}\"?"),
                    None => "the palette (:) and the help (?) of the console name the actions".to_owned(),
                };
                return Err((format!("unknown action \"{name}\" in [keys]"), hint));
            };
            let keys: Result<Vec<Key>, String> = keys.list().iter().map(|key| key.parse()).collect();
            let hint = "keys are written r, R, Ctrl-R, Alt-x, Enter, Space, F5; [] unbinds".to_owned();
            keymap.bind(action, keys.map_err(|why| (format!("{name}: {why}"), hint))?);
        }
        Ok(keymap)
    }

    /// Whether a password stands in it, by itself or in a URL.
    fn holds_password(&self) -> bool {
        self.profile.values().any(|profile| {
            profile.password.is_some()
                || profile
                    .url
                    .as_deref()
                    .is_some_and(|url| Endpoint::parse(url).is_ok_and(|endpoint| endpoint.password.is_some()))
        })
    }

    /// What to do about a profile that is not there.
    pub fn profiles_hint(&self, name: &str) -> String {
        match nearest(name, self.profile.keys().map(String::as_str)) {
            Some(meant) => format!("did you mean \"{meant}\"?"),
            None if self.profile.is_empty() => "the file has no profiles; write [profile.NAME]".to_owned(),
            None => {
                let names: Vec<_> = self.profile.keys().map(String::as_str).collect();
                format!("profiles are {}", names.join(", "))
            }
        }
    }
}

/// A file with a password must be ours and nobody else's to read.
#[cfg(unix)]
pub fn guard(path: &Path) -> Result<(), Failure> {
    use std::os::unix::fs::MetadataExt as _;
    let shown = path.display();
    let meta = fs::metadata(path)
        .map_err(|error| Failure::config(format!("cannot look at {shown}: {error}"), "check the path"))?;
    if !meta.is_file() {
        // A pipe (`<(pass show redis)`) has no mode to check and is read once.
        return Ok(());
    }
    if meta.mode() & 0o077 != 0 {
        return Err(Failure::config(
            format!("{shown} holds a password and others may read it (mode {:04o})", meta.mode() & 0o7777),
            format!("chmod 600 {shown}"),
        ));
    }
    let user = rustix::process::geteuid().as_raw();
    if meta.uid() != user && meta.uid() != 0 && user != 0 {
        return Err(Failure::config(
            format!("{shown} holds a password and belongs to another user"),
            "make it yours, or keep the password in a file of your own",
        ));
    }
    Ok(())
}

/// Other systems have no modes to check.
#[cfg(not(unix))]
pub fn guard(_path: &Path) -> Result<(), Failure> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(text: &str) -> String {
        parse(text).map_or_else(|(message, hint)| format!("{message} | {hint}"), |_| "fine".to_owned())
    }

    #[test]
    fn unknown_keys_are_errors_with_a_suggestion() {
        assert_eq!(
            error("[profile.prod]\nulr = 'x'"),
            "unknown key \"ulr\" in [profile.prod] | did you mean \"url\"?"
        );
        assert!(error("colr = 'never'").ends_with("did you mean \"color\"?"));
        assert!(error("[keys]\n'job.rety' = 'x'").ends_with("did you mean \"job.retry\"?"));
        assert!(error("[keys]\n'job.retry' = 'Hyper-x'").contains("is not a key"));
        assert_eq!(error("[keys]\n'job.retry' = ['t', 'F5']"), "fine");
        assert!(error("zzzzzz = 1").contains("known are default_profile"));
        assert!(error("default_profile = 'pord'\n[profile.prod]").ends_with("did you mean \"prod\"?"));
    }

    #[test]
    fn errors_never_repeat_the_text() {
        for text in [
            "[profile.a]\npassword = canary",
            "[profile.a]\npassword = 'canary",
            "[profile.a]\npassword = ['canary']",
            "[profile.a]\nprotected = 'canary'",
            "[profile.a]\npassword = 'x' canary",
            "color = 'canary'",
        ] {
            let shown = error(text);
            assert!(shown.contains("line ") && !shown.contains("canary"), "{text}: {shown}");
        }
    }
}
