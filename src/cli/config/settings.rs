//! What is in force: flag before environment before profile before default.

use std::fmt;
use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use super::file::{File, Profile};
use crate::cli::args::{ColorWhen, Globals};
use crate::cli::failure::Failure;
use crate::conn::{Access, Endpoint, Secret, Transport};
use crate::operate::Policy;
use crate::text::{Clean, Mask};
use crate::wire::{Fleet, Prefix};

const DEFAULT_URL: &str = "redis://127.0.0.1:6379/0";

/// Names that a label's colour may have.
const COLOURS: &[&str] = &["red", "yellow", "green", "cyan", "blue", "magenta", "white", "gray"];

/// The environment variables that count.
#[derive(Default, Clone)]
pub struct Environment {
    /// `TORIL_URL`.
    pub url: Option<String>,
    /// `REDIS_URL`.
    pub redis_url: Option<String>,
    /// `TORIL_PREFIX`.
    pub prefix: Option<String>,
    /// `TORIL_PROFILE`.
    pub profile: Option<String>,
    /// `TORIL_USER`.
    pub user: Option<String>,
    /// `TORIL_PASSWORD`.
    pub password: Option<String>,
    /// `NO_COLOR` is set and not empty, or `CLICOLOR` is 0.
    pub no_color: bool,
    /// `CLICOLOR_FORCE` is set and not 0.
    pub force_color: bool,
}

impl Environment {
    /// That of this process. An empty variable is as good as none.
    pub fn of_process() -> Self {
        let get = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        Self {
            url: get("TORIL_URL"),
            redis_url: get("REDIS_URL"),
            prefix: get("TORIL_PREFIX"),
            profile: get("TORIL_PROFILE"),
            user: get("TORIL_USER"),
            password: get("TORIL_PASSWORD"),
            no_color: get("NO_COLOR").is_some() || get("CLICOLOR").is_some_and(|value| value == "0"),
            force_color: get("CLICOLOR_FORCE").is_some_and(|value| value != "0"),
        }
    }
}

/// Where a value comes from.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Origin {
    /// A flag.
    Flag(&'static str),
    /// An environment variable.
    Environment(&'static str),
    /// A profile of the file.
    Profile(String),
    /// The top of the file.
    File,
    /// Nobody said anything.
    Default,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag(name) => write!(f, "flag {name}"),
            Self::Environment(name) => write!(f, "environment {name}"),
            Self::Profile(name) => write!(f, "profile {}", Clean::line(name)),
            Self::File => f.write_str("file"),
            Self::Default => f.write_str("default"),
        }
    }
}

/// One line of `toril config show`.
#[derive(Clone, Debug)]
pub struct Setting {
    /// Its name in the file.
    pub key: &'static str,
    /// Its value, without secrets.
    pub value: String,
    /// Where the value comes from.
    pub origin: Origin,
}

/// What is in force.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The server and the account on it.
    pub endpoint: Endpoint,
    /// Prefixes to look under; empty for any (`--prefix '*'`).
    pub prefixes: Vec<Prefix>,
    /// Names and globs of queues; empty for all.
    pub queues: Vec<String>,
    /// What acts may do.
    pub access: Access,
    /// The BullMQ generations at work on the queues, where somebody said so.
    pub fleet: Option<Fleet>,
    /// The name of the environment.
    pub label: Option<String>,
    /// The label's colour.
    pub colour: Option<String>,
    /// Whether dangerous acts want the queue's name.
    pub protected: bool,
    /// What else the environment asks of acts.
    pub policy: Policy,
    /// When to use colours.
    pub color: ColorWhen,
    /// Draw with ASCII only.
    pub ascii: bool,
    /// Let the console take the mouse.
    pub mouse: bool,
    /// Which values are masked.
    pub mask: Mask,
    /// What should be said once, on stderr.
    pub warnings: Vec<String>,
    /// All of it, for `toril config show`.
    pub list: Vec<Setting>,
}

/// The first of several sources that says something.
fn first<T>(sources: impl IntoIterator<Item = (Option<T>, Origin)>) -> Option<(T, Origin)> {
    sources.into_iter().find_map(|(value, origin)| Some((value?, origin)))
}

impl Settings {
    /// Brings the sources together.
    pub fn resolve(globals: &Globals, env: &Environment, file: &File) -> Result<Self, Failure> {
        let mut list = Vec::new();
        let mut warnings = Vec::new();
        let mut note = |key, value: String, origin: &Origin| {
            list.push(Setting { key, value, origin: origin.clone() });
        };

        let chosen = first([
            (globals.profile.clone(), Origin::Flag("--profile")),
            (env.profile.clone(), Origin::Environment("TORIL_PROFILE")),
            (file.default_profile.clone(), Origin::File),
        ]);
        let (name, profile) = match &chosen {
            None => (String::new(), Profile::default()),
            Some((name, _)) => {
                let Some(profile) = file.profile.get(name) else {
                    let message = format!("there is no profile \"{name}\"");
                    return Err(Failure::config(message, file.profiles_hint(name)));
                };
                (name.clone(), profile.clone())
            }
        };
        if let Some((name, origin)) = &chosen {
            note("profile", name.clone(), origin);
        }
        let of_profile = || Origin::Profile(name.clone());

        let (url, url_origin) = first([
            (globals.url.clone(), Origin::Flag("--url")),
            (env.url.clone(), Origin::Environment("TORIL_URL")),
            (env.redis_url.clone(), Origin::Environment("REDIS_URL")),
            (profile.url.clone(), of_profile()),
        ])
        .unwrap_or_else(|| (DEFAULT_URL.to_owned(), Origin::Default));
        let mut endpoint = Endpoint::parse(&url)?;
        if url_origin == Origin::Flag("--url") && endpoint.password.is_some() {
            warnings.push(
                "the URL on the command line holds a password that other users of this host can see; \
                 use --password-file or TORIL_PASSWORD"
                    .to_owned(),
            );
        }
        // What a profile says of its server holds for that server only: its login must not be sent
        // to another one, and its label and its word on safety would lie about it.
        let elsewhere = profile.url.is_some() && url_origin != of_profile();
        let server = if elsewhere { Profile::default() } else { profile.clone() };
        if elsewhere && let Origin::Environment(variable) = url_origin {
            warnings.push(format!("{variable} is set and comes before the URL of profile {name}"));
        }

        // A login in the URL counts as much as where the URL comes from.
        let rank = match url_origin {
            Origin::Flag(_) => 0,
            Origin::Environment(_) => 1,
            _ => 2,
        };
        let at = |rank_of: u8, value: &Option<String>| value.clone().filter(|_| rank == rank_of);
        let in_url = endpoint.user.take();
        let user = first([
            (globals.user.clone(), Origin::Flag("--user")),
            (at(0, &in_url), url_origin.clone()),
            (env.user.clone(), Origin::Environment("TORIL_USER")),
            (at(1, &in_url), url_origin.clone()),
            (server.user.clone(), of_profile()),
            (at(2, &in_url), url_origin.clone()),
        ]);
        let in_url = endpoint.password.take();
        let at = |rank_of: u8| in_url.clone().filter(|_| rank == rank_of);
        let from_file = |path: &Option<PathBuf>| path.as_deref().map(password_file).transpose();
        let password = first([
            (from_file(&globals.password_file)?, Origin::Flag("--password-file")),
            (at(0), url_origin.clone()),
            (env.password.clone().map(Secret::new), Origin::Environment("TORIL_PASSWORD")),
            (at(1), url_origin.clone()),
            (server.password.clone().map(Secret::new), of_profile()),
            (from_file(&server.password_file)?, of_profile()),
            (at(2), url_origin.clone()),
        ]);
        if let Some((user, origin)) = user {
            note("user", user.clone(), &origin);
            endpoint.user = Some(user);
        }
        if let Some((password, origin)) = password {
            note("password", "***".to_owned(), &origin);
            endpoint.password = Some(password);
        }

        let [ca, cert, key] = [
            ("tls_ca", "--tls-ca", &globals.tls_ca, &server.tls_ca),
            ("tls_cert", "--tls-cert", &globals.tls_cert, &server.tls_cert),
            ("tls_key", "--tls-key", &globals.tls_key, &server.tls_key),
        ]
        .map(|(key, flag, given, profile)| {
            let (path, origin) =
                first([(given.clone(), Origin::Flag(flag)), (profile.clone(), of_profile())])?;
            note(key, path.display().to_string(), &origin);
            Some(path)
        });
        if ca.is_some() || cert.is_some() || key.is_some() {
            endpoint = endpoint.with_tls(ca, cert, key)?;
        }
        note("url", address(&endpoint), &url_origin);

        let (prefixes, origin) = first([
            (some(globals.prefix.clone()), Origin::Flag("--prefix")),
            (env.prefix.clone().map(|prefix| vec![prefix]), Origin::Environment("TORIL_PREFIX")),
            (profile.prefix.as_ref().map(super::file::OneOrMore::list), of_profile()),
        ])
        .unwrap_or_else(|| (vec!["bull".to_owned()], Origin::Default));
        note("prefix", prefixes.join(" "), &origin);
        let prefixes = if prefixes.iter().any(|prefix| prefix == "*") {
            Vec::new()
        } else {
            prefixes.iter().map(Prefix::new).collect()
        };

        let (queues, origin) = first([
            (some(globals.queue.clone()), Origin::Flag("--queue")),
            (profile.queues.as_ref().map(super::file::OneOrMore::list), of_profile()),
        ])
        .unwrap_or((Vec::new(), Origin::Default));
        note("queues", if queues.is_empty() { "*".to_owned() } else { queues.join(" ") }, &origin);

        let (read_only, origin) = first([
            (globals.read_only.then_some(true), Origin::Flag("--read-only")),
            (globals.write.then_some(false), Origin::Flag("--write")),
            (profile.read_only, of_profile()),
        ])
        .unwrap_or((false, Origin::Default));
        note("read_only", read_only.to_string(), &origin);

        let (protected, origin) =
            first([(server.protected, of_profile())]).unwrap_or((true, Origin::Default));
        note("protected", protected.to_string(), &origin);
        let policy =
            Policy { require_audit: server.require_audit.unwrap_or(false), max_bulk: server.max_bulk };
        if policy.require_audit {
            note("require_audit", "true".to_owned(), &of_profile());
        }
        if let Some(most) = policy.max_bulk {
            note("max_bulk", most.to_string(), &of_profile());
        }
        let fleet = server.fleet.as_deref().map(fleet).transpose()?;
        let colour = server.colour.as_deref().map(colour).transpose()?;
        for (key, value) in [("fleet", &server.fleet), ("label", &server.label), ("colour", &colour)] {
            if let Some(value) = value {
                note(key, value.clone(), &of_profile());
            }
        }

        let (color, origin) = first([
            (globals.color, Origin::Flag("--color")),
            (globals.no_color.then_some(ColorWhen::Never), Origin::Flag("--no-color")),
            (env.no_color.then_some(ColorWhen::Never), Origin::Environment("NO_COLOR")),
            (env.force_color.then_some(ColorWhen::Always), Origin::Environment("CLICOLOR_FORCE")),
            (file.color.map(ColorWhen::from), Origin::File),
        ])
        .unwrap_or((ColorWhen::Auto, Origin::Default));
        note("color", color_name(color).to_owned(), &origin);
        let mut switch = |key, flag: (bool, &'static str), in_file: Option<bool>| {
            let (on, origin) =
                first([(flag.0.then_some(true), Origin::Flag(flag.1)), (in_file, Origin::File)])
                    .unwrap_or((false, Origin::Default));
            note(key, on.to_string(), &origin);
            on
        };
        let ascii = switch("ascii", (globals.ascii, "--ascii"), file.ascii);
        let mouse = switch("mouse", (globals.mouse, "--mouse"), file.mouse);

        let entries = file.mask.as_ref().map(super::file::OneOrMore::list).unwrap_or_default();
        if !entries.is_empty() {
            note("mask", entries.join(" "), &Origin::File);
        }
        let mask = if globals.raw {
            Mask::none()
        } else {
            file.masked().map_err(|(message, hint)| Failure::config(message, hint))?
        };

        let access = if read_only { Access::ReadOnly } else { Access::ReadWrite };
        let label = server.label;
        Ok(Self {
            endpoint,
            prefixes,
            queues,
            access,
            fleet,
            label,
            colour,
            protected,
            policy,
            color,
            ascii,
            mouse,
            mask,
            warnings,
            list,
        })
    }
}

fn some<T>(list: Vec<T>) -> Option<Vec<T>> {
    (!list.is_empty()).then_some(list)
}

/// The endpoint as a URL without the login.
fn address(endpoint: &Endpoint) -> String {
    let place = Endpoint { user: None, password: None, ..endpoint.clone() };
    match endpoint.transport {
        Transport::Tcp { .. } => format!("redis://{place}"),
        Transport::Tls { .. } => format!("rediss://{place}"),
        Transport::Unix { .. } => {
            let shown = place.to_string();
            match shown.rsplit_once('/') {
                Some((path, db)) => format!("redis+unix://{path}?db={db}"),
                None => shown,
            }
        }
    }
}

/// The first line of the file.
fn password_file(path: &Path) -> Result<Secret, Failure> {
    const LARGEST: u64 = 64 * 1024;
    let shown = path.display();
    let mut text = String::new();
    fs::File::open(path).and_then(|file| file.take(LARGEST).read_to_string(&mut text)).map_err(|error| {
        Failure::config(format!("cannot read the password file {shown}: {error}"), "check the path")
    })?;
    match text.lines().next() {
        None | Some("") => Err(Failure::config(
            format!("the password file {shown} is empty"),
            "write the password on its first line",
        )),
        Some(line) => Ok(Secret::new(line.to_owned())),
    }
}

fn fleet(name: &str) -> Result<Fleet, Failure> {
    match name {
        "5" => Ok(Fleet::V5),
        "6" => Ok(Fleet::V6),
        "mixed" => Ok(Fleet::Mixed),
        _ => Err(Failure::config(
            format!("no such fleet: \"{name}\""),
            "fleets are \"5\", \"6\" and \"mixed\"",
        )),
    }
}

fn colour(name: &str) -> Result<String, Failure> {
    if COLOURS.contains(&name) {
        return Ok(name.to_owned());
    }
    Err(Failure::config(format!("no such colour: \"{name}\""), format!("colours are {}", COLOURS.join(", "))))
}

const fn color_name(color: ColorWhen) -> &'static str {
    match color {
        ColorWhen::Auto => "auto",
        ColorWhen::Always => "always",
        ColorWhen::Never => "never",
    }
}

#[cfg(test)]
mod tests;
