//! Commands about the program itself: configuration, completions, manual page.

use std::fs;
use std::io::{self, Write as _};
use std::path::Path;

use clap::CommandFactory as _;
use serde::Serialize;

use super::args::{Cli, ConfigCommand, Globals};
use super::config::{self, Environment, Settings};
use super::failure::{Failure, exit};
use super::output::{Out, say};
use crate::text::{Clean, width};

/// The first configuration file; a test keeps it true.
const EXAMPLE: &str = include_str!("../../config.example.toml");

/// Completions for a shell.
pub fn completions(shell: clap_complete::Shell) -> Result<u8, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "toril", &mut script);
    print(&script)
}

/// The manual page, with a section for each command.
pub fn man() -> Result<u8, Failure> {
    let mut page = Vec::new();
    let mut command = Cli::command();
    command.build();
    clap_mangen::Man::new(command.clone()).render(&mut page)?;
    for sub in command.get_subcommands() {
        let title = format!(".SH \"TORIL {}\"\n", sub.get_name().to_uppercase());
        page.extend_from_slice(title.as_bytes());
        let man = clap_mangen::Man::new(sub.clone());
        man.render_description_section(&mut page)?;
        man.render_synopsis_section(&mut page)?;
        man.render_options_section(&mut page)?;
    }
    print(&page)
}

fn print(bytes: &[u8]) -> Result<u8, Failure> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(bytes)?;
    stdout.flush()?;
    Ok(exit::DONE)
}

/// `toril config`.
pub fn config(command: &ConfigCommand, globals: &Globals) -> Result<u8, Failure> {
    let (path, named) = config::file_of(globals.config.as_deref());
    let homeless = || {
        Failure::config(
            "there is no home folder to keep a configuration file in",
            "name one with --config or TORIL_CONFIG",
        )
    };
    match command {
        ConfigCommand::Path => {
            let path = path.ok_or_else(homeless)?;
            let mut out = Out::new(super::args::ColorWhen::Never);
            if globals.json {
                out.json(&serde_json::json!({ "path": path.to_string_lossy(), "exists": path.exists() }))?;
            } else {
                out.line(Clean::line(path.as_os_str().as_encoded_bytes()))?;
            }
            out.flush()?;
        }
        ConfigCommand::Init => init(&path.ok_or_else(homeless)?)?,
        ConfigCommand::Show { origin } => {
            let file = config::load(path.as_deref(), named)?;
            let settings = Settings::resolve(globals, &Environment::of_process(), &file)?;
            show(&settings, *origin, globals.json)?;
        }
    }
    Ok(exit::DONE)
}

fn show(settings: &Settings, origin: bool, json: bool) -> Result<(), Failure> {
    #[derive(Serialize)]
    struct Line<'a> {
        key: &'a str,
        value: &'a str,
        origin: String,
    }
    let mut out = Out::new(settings.color);
    if json {
        let lines: Vec<_> = settings
            .list
            .iter()
            .map(|one| Line { key: one.key, value: &one.value, origin: one.origin.to_string() })
            .collect();
        out.json(&serde_json::json!({ "settings": lines }))?;
    } else {
        let shown: Vec<_> = settings.list.iter().map(|one| (one, Clean::line(&one.value))).collect();
        let longest = shown.iter().map(|(_, value)| value.width()).max().unwrap_or(0);
        for (one, value) in shown {
            if origin {
                let pad = longest.saturating_sub(width(value.as_str()));
                out.line(format_args!("{:<10} = {value}{:pad$}  # {}", one.key, "", one.origin))?;
            } else {
                out.line(format_args!("{:<10} = {value}", one.key))?;
            }
        }
    }
    out.flush()?;
    Ok(())
}

/// Writes the example where no file is yet; only its owner may read it, because a password may come
/// to stand in it.
fn init(path: &Path) -> Result<(), Failure> {
    let shown = path.display();
    let cannot = |error: io::Error| match error.kind() {
        io::ErrorKind::AlreadyExists => {
            Failure::config(format!("{shown} is there already"), "edit it, or name another one with --config")
        }
        _ => Failure::config(format!("cannot write {shown}: {error}"), "name another place with --config"),
    };
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(cannot)?;
    }
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path).map_err(cannot)?;
    file.write_all(EXAMPLE.as_bytes()).map_err(cannot)?;
    say(format_args!("wrote {}", Clean::line(path.as_os_str().as_encoded_bytes())));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::config::parse;
    use super::*;

    #[test]
    fn the_arguments_are_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn the_example_says_the_defaults() {
        let said = parse(EXAMPLE).unwrap();
        let resolve = |file| Settings::resolve(&Globals::default(), &Environment::default(), &file).unwrap();
        let (said, silent) = (resolve(said), resolve(config::load(None, false).unwrap()));
        let values = |settings: &Settings| -> Vec<_> {
            settings
                .list
                .iter()
                .filter(|one| one.key != "profile")
                .map(|one| (one.key, one.value.clone()))
                .collect()
        };
        assert_eq!(values(&said), values(&silent));
    }

    #[test]
    fn every_line_of_the_example_is_understood() {
        let all: Vec<_> = EXAMPLE
            .lines()
            .map(|line| match line.strip_prefix("# ") {
                Some(rest) if rest.starts_with('[') || rest.contains(" = ") => rest,
                _ => line,
            })
            .collect();
        let file = parse(&all.join("\n")).unwrap();
        assert!(file.profile.len() > 1 && !file.keys.is_empty());
        file.keymap().unwrap();
        for key in config::PROFILE_KEYS.iter().chain(config::TOP_KEYS) {
            let explained = [format!("{key} = "), format!("[{key}]"), format!("[{key}.")];
            assert!(explained.iter().any(|form| EXAMPLE.contains(form)), "{key} is not explained");
        }
    }
}
