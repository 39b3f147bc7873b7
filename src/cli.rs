//! The command line: arguments, configuration and the commands that need no screen.

mod args;
mod config;
mod console;
mod failure;
mod meta;
mod output;
mod url;
mod version;

use std::io::IsTerminal as _;
use std::process::ExitCode;

use clap::Parser as _;

use args::{Cli, Command};
use config::{Environment, Settings};
use failure::{Failure, exit};
use output::Out;

/// The program, from its arguments to its exit code.
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return misread(&error),
    };
    let json = cli.globals.json;
    let code = match run(cli) {
        Ok(code) => code,
        Err(failure) => {
            output::report(&failure, json);
            failure.code()
        }
    };
    ExitCode::from(code)
}

/// What clap has to say: help and version on stdout, wrong usage on stderr.
fn misread(error: &clap::Error) -> ExitCode {
    let _ = error.print();
    if !error.use_stderr() {
        return ExitCode::from(exit::DONE);
    }
    if std::env::args_os().any(|arg| arg == "--json") {
        let text = error.to_string();
        let cause = text.lines().next().unwrap_or_default().trim_start_matches("error: ").to_owned();
        output::report_json("usage", &cause, "toril --help");
    }
    ExitCode::from(exit::USAGE)
}

fn run(cli: Cli) -> Result<u8, Failure> {
    let Cli { globals, command } = cli;
    match &command {
        Some(Command::Completions { shell }) => return meta::completions(*shell),
        Some(Command::Man) => return meta::man(),
        None if !std::io::stdout().is_terminal() => {
            return Err(Failure::usage(
                "the console needs a terminal, and stdout is none",
                "toril queues, toril jobs QUEUE --state failed; toril --help lists the commands",
            ));
        }
        _ => {}
    }
    if let Some(Command::Config { command }) = &command {
        return meta::config(command, &globals);
    }
    let (path, named) = config::file_of(globals.config.as_deref());
    let file = config::load(path.as_deref(), named)?;
    let settings = Settings::resolve(&globals, &Environment::of_process(), &file)?;
    for warning in &settings.warnings {
        output::say(format_args!("toril: {}", crate::text::Clean::line(warning)));
    }
    // The console writes to the terminal itself: nothing here may hold stdout meanwhile.
    if command.is_none() {
        return console::run(&settings, false, None);
    }
    let _out = Out::new(settings.color);
    match command {
        _ => Err(Failure::unsupported("this command is not built yet", "")),
    }
}
