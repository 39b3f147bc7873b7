//! The command line: arguments, configuration and the commands that need no screen.

mod acl;
mod act;
mod add;
mod args;
mod bench;
mod config;
mod console;
pub mod demo;
mod discover;
mod errors;
mod events;
mod failure;
mod figures;
mod find;
mod flow;
mod job;
mod jobs;
mod journal;
mod log;
mod logs;
mod meta;
mod output;
mod queues;
mod redis;
mod resolve;
mod scan;
mod schedulers;
mod session;
mod table;
mod undo;
mod version;
mod who;
mod why;
mod work;
mod workers;

use std::io::IsTerminal as _;
use std::process::ExitCode;

use clap::Parser as _;

use crate::conn::Access;
use crate::wire::Fleet;
use act::{JobAction, QueueAction};
use args::{Cli, Command};
use config::{Environment, Settings};
use failure::{Failure, exit};
use session::Session;

/// The program, from its arguments to its exit code.
pub fn main() -> ExitCode {
    if let Some(code) = child() {
        return ExitCode::from(code);
    }
    let state = config::state_dir();
    log::hook_panics(state.as_deref());
    let _log = log::start(state.as_deref());
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

/// What we are as a child of ourselves. These words are no commands: help, completions and the
/// manual know nothing of them.
fn child() -> Option<u8> {
    match std::env::args_os().nth(1)?.to_str()? {
        "__jq" => Some(crate::shell::jq::child_main()),
        "__demo-server" => Some(demo::serve()),
        _ => None,
    }
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
        Some(Command::Demo(args)) if args.headless => return demo::headless(args),
        Some(Command::Demo(_)) if !std::io::stdout().is_terminal() => {
            return Err(Failure::usage(
                "the console needs a terminal, and stdout is none",
                "toril demo --headless works without one",
            ));
        }
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
    let mut settings = Settings::resolve(&globals, &Environment::of_process(), &file)?;
    for warning in &settings.warnings {
        output::say(format_args!("toril: {}", crate::text::Clean::line(warning)));
    }
    let keymap = file.keymap().map_err(|(message, hint)| Failure::config(message, hint))?;
    if globals.raw && matches!(command, None | Some(Command::Demo(_))) {
        return Err(Failure::usage(
            "--raw is for commands",
            "in the console u shows one masked value, and the journal tells who looked",
        ));
    }
    // The console writes to the terminal itself: nothing here may hold stdout meanwhile.
    let Some(command) = command else { return console::run(&settings, keymap, false, None) };
    if let Command::Demo(args) = &command {
        return demo::over(args, |endpoint| {
            settings.endpoint = endpoint;
            settings.access = if globals.read_only { Access::ReadOnly } else { Access::ReadWrite };
            // What the configuration says of a real server does not hold for this one.
            (settings.label, settings.colour, settings.protected) = (None, None, false);
            (settings.prefixes, settings.queues) = (Vec::new(), Vec::new());
            console::run(&settings, keymap, true, args.seconds)
        });
    }
    let json = globals.json;
    if let Command::Journal(args) = &command
        && args.resume.is_none()
    {
        return session::block_on(false, journal::run(args, settings.color, json));
    }
    let verbose = globals.verbose > 0;
    let access = match &command {
        Command::Retry(_)
        | Command::Remove(_)
        | Command::Promote(_)
        | Command::Pause(_)
        | Command::Resume(_)
        | Command::Merge(_)
        | Command::Drain(_)
        | Command::Clean(_)
        | Command::Obliterate(_)
        | Command::Undo(_)
        | Command::Journal(_)
        | Command::Set(_)
        | Command::Edit(_)
        | Command::Duplicate(_)
        | Command::MoveOut(_)
        | Command::Release(_)
        | Command::Limit(_)
        | Command::Scheduler(_)
        | Command::Add(_)
        | Command::Work(_)
        | Command::Bench(_) => settings.access,
        Command::Doctor(args) if !args.fix.is_empty() => settings.access,
        _ => Access::ReadOnly,
    };
    let acts = access == Access::ReadWrite;
    session::block_on(acts, async {
        let mut session = Session::open(settings, access, json, verbose).await?;
        let code = dispatch(&mut session, command).await?;
        session.out.flush()?;
        Ok(code)
    })
}

/// The commands that talk to Redis.
async fn dispatch(session: &mut Session, command: Command) -> Result<u8, Failure> {
    match command {
        Command::Queues => queues::run(session).await,
        Command::Jobs(args) => jobs::run(session, &args).await,
        Command::Find(args) => find::run(session, &args).await,
        Command::Job(args) => job::run(session, &args).await,
        Command::Logs(args) => logs::run(session, &args).await,
        Command::Flow(args) => flow::run(session, &args).await,
        Command::Retry(args) => {
            let action = JobAction::Retry { reset_attempts: args.reset_attempts };
            act::jobs(session, &args.jobs, action).await
        }
        Command::Remove(args) if args.only_children => {
            let jobs = &args.jobs;
            act::edits::remove_children(session, &jobs.queue, &jobs.ids, &jobs.act, jobs.save.bytes()).await
        }
        Command::Remove(args) => {
            let action = JobAction::Remove { keep_children: args.keep_children };
            act::jobs(session, &args.jobs, action).await
        }
        Command::Promote(args) => act::jobs(session, &args, JobAction::Promote).await,
        Command::Pause(args) => {
            let fleet = args.fleet.map(Fleet::from).or(session.settings.fleet).unwrap_or_default();
            act::queues(session, &args.queues, QueueAction::Pause(fleet)).await
        }
        Command::Resume(args) => act::queues(session, &args, QueueAction::Resume).await,
        Command::Merge(args) => act::queues(session, &args, QueueAction::Merge).await,
        Command::Drain(args) => act::drain(session, &args).await,
        Command::Clean(args) => act::clean(session, &args).await,
        Command::Obliterate(args) => act::obliterate(session, &args).await,
        Command::Set(args) => act::edits::set(session, &args).await,
        Command::Edit(args) => act::editor::edit(session, &args).await,
        Command::Duplicate(args) => act::edits::duplicate(session, &args).await,
        Command::MoveOut(args) => act::edits::move_out(session, &args).await,
        Command::Release(args) => act::edits::release(session, &args).await,
        Command::Limit(args) => act::edits::limit(session, &args).await,
        Command::Schedulers(args) => schedulers::run(session, &args).await,
        Command::Workers(args) => workers::run(session, &args).await,
        Command::Scheduler(args) => act::schedulers::one(session, &args).await,
        Command::Doctor(args) => act::doctor::run(session, &args).await,
        Command::Journal(args) => act::resume::run(session, &args).await,
        Command::Undo(args) => undo::run(session, &args).await,
        Command::Add(args) => add::run(session, &args).await,
        Command::Work(args) => work::run(session, &args).await,
        Command::Bench(args) => bench::run(session, &args).await,
        Command::Events(args) => events::run(session, &args).await,
        Command::Errors(args) => errors::run(session, &args).await,
        Command::Why(args) => why::run(session, &args).await,
        Command::Redis => redis::run(session).await,
        Command::Acl(args) => acl::run(session, &args).await,
        // Answered before anything was connected.
        Command::Config { .. } | Command::Completions { .. } | Command::Man | Command::Demo(_) => {
            Ok(exit::DONE)
        }
    }
}
