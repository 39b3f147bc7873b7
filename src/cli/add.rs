//! `toril add`.

use std::fs::File;
use std::io::{self, Read};

use serde::Serialize;
use serde_json::value::RawValue;

use super::act::{on_ctrl_c, permit};
use super::args::AddArgs;
use super::failure::{Failure, exit};
use super::resolve;
use super::session::Session;
use crate::engine::op::Target;
use crate::engine::{AddError, Added, Deduplication, JobOptions, Outcome};
use crate::operate::journal::Confirmed;
use crate::operate::{Consent, NewJob};
use crate::text::Clean;
use crate::wire::{Prefix, QueueId, QueueName, Raw, WriteEra};

/// Largest data: Redis takes no argument above 512 MB, and the job must fit beside its name.
const DATA_MAX: u64 = 500 << 20;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Document<'a> {
    action: &'static str,
    queue: &'a str,
    prefix: &'a str,
    name: &'a str,
    /// The job's id; with `--dry-run` the one that was asked for, if any.
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<String>,
    /// `added`, or why not: a job of this id `exists`, or another stands for it (`deduplicated`).
    #[serde(skip_serializing_if = "Option::is_none")]
    outcome: Option<&'static str>,
    matched: u8,
    done: u8,
    changed: u8,
    failed: [(); 0],
    dry_run: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    sample: Option<[(); 0]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    effects: Option<Vec<String>>,
}

/// Adds a job.
pub async fn run(session: &mut Session, args: &AddArgs) -> Result<u8, Failure> {
    permit(session, args.dry_run)?;
    let data = data(args.data.as_deref())?;
    let (target, is_new) = target(session, &args.queue).await?;
    let queue = target.queue.clone();
    let options = options(args);
    options.check().map_err(|error| Failure::usage(error.to_string(), "nothing was added"))?;
    if args.dry_run {
        return planned(session, args, &queue, is_new);
    }
    let interrupted = on_ctrl_c();
    let job = NewJob { name: args.name.clone(), data: Raw::new(data.get()), options };
    let consent = Consent::new(Confirmed::NotAsked, job.command(&target)).matched(1);
    let operator = session.operator();
    let (report, added) = tokio::select! {
        biased;
        added = operator.add(&target, &job, &consent) => added,
        () = interrupted.cancelled() => {
            let cause = "interrupted while the job was being added: it may be in the queue";
            return Err(Failure::not_done("unknown-outcome", cause, "look before you add it again")
                .with_code(exit::INTERRUPTED));
        }
    };
    let Some(added) = added else {
        let why = report.end.reason().unwrap_or_default();
        return Err(Failure::config(why.as_str(), "the profile's require_audit decides this"));
    };
    let Added { id, outcome } = added.map_err(|error| refused(&queue, error))?;
    let shown = (queue.name.clean(), id.clean());
    if session.json {
        let is_added = outcome == Outcome::New;
        session.out.json(&Document {
            id: Some(id.lossless().into_owned()),
            done: u8::from(is_added),
            outcome: Some(match outcome {
                Outcome::New => "added",
                Outcome::Exists => "exists",
                Outcome::Deduplicated => "deduplicated",
            }),
            ..Document::of(args, &queue.name.lossless(), &queue.prefix.lossless())
        })?;
    } else {
        let (queue, id) = shown;
        let line = match outcome {
            Outcome::New if is_new => format!("Added job {id} to {queue}, a new queue."),
            Outcome::New => format!("Added job {id} to {queue}."),
            Outcome::Exists => format!("{queue} has a job {id} already: nothing was added."),
            Outcome::Deduplicated => format!("Job {id} of {queue} stands for it: nothing was added."),
        };
        session.out.line(line)?;
    }
    Ok(exit::DONE)
}

impl<'a> Document<'a> {
    fn of(args: &'a AddArgs, queue: &'a str, prefix: &'a str) -> Self {
        Self {
            action: "add",
            queue,
            prefix,
            name: &args.name,
            id: None,
            outcome: None,
            matched: 1,
            done: 0,
            changed: 0,
            failed: [],
            dry_run: args.dry_run,
            sample: None,
            effects: None,
        }
    }
}

fn options(args: &AddArgs) -> JobOptions {
    JobOptions {
        id: args.id.clone(),
        delay: args.delay,
        priority: args.priority.unwrap_or(0),
        lifo: args.lifo,
        attempts: args.attempts.unwrap_or(0),
        backoff: args.backoff.clone(),
        deduplication: args.dedup.as_ref().map(|id| Deduplication {
            id: id.clone(),
            ttl: args.dedup_ttl,
            extend: args.dedup_extend,
            replace: args.dedup_replace,
            reschedule: args.dedup_reschedule,
            keep_last_if_active: args.dedup_keep_last,
        }),
        ..JobOptions::default()
    }
}

/// Says what would be added.
fn planned(session: &mut Session, args: &AddArgs, queue: &QueueId, is_new: bool) -> Result<u8, Failure> {
    let mut effects = vec![match args.delay {
        Some(delay) => format!("adds a job that runs in {} at the earliest", super::figures::span(ms(delay))),
        None => "adds a job that runs as soon as a worker is free".to_owned(),
    }];
    if is_new {
        effects.push("creates the queue".to_owned());
    }
    if args.id.as_deref().is_some_and(|id| !id.is_empty()) {
        effects.push("adds nothing where a job of this id exists".to_owned());
    }
    if session.json {
        session.out.json(&Document {
            id: args.id.clone(),
            sample: Some([]),
            effects: Some(effects),
            ..Document::of(args, &queue.name.lossless(), &queue.prefix.lossless())
        })?;
    } else {
        let name = Clean::line(&args.name);
        session.out.line(format_args!("Would add a job {name} to {}:", queue.name.clean()))?;
        for effect in effects {
            session.out.line(format_args!("  {effect}"))?;
        }
    }
    Ok(exit::DONE)
}

fn ms(duration: std::time::Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

/// The queue that is named, with its era; a new one gets the newest.
async fn target(session: &Session, text: &str) -> Result<(Target, bool), Failure> {
    match resolve::queue(session, text).await {
        Ok(found) => Ok((found.target()?, false)),
        Err(failure) if failure.code() == exit::NO => {
            let queue = fresh(&session.settings.prefixes, text)?;
            Ok((Target { queue, era: WriteEra::V6 }, true))
        }
        Err(failure) => Err(failure),
    }
}

/// The queue that is named, and whether it is to begin with this job.
pub(super) async fn queue(session: &Session, text: &str) -> Result<(QueueId, bool), Failure> {
    target(session, text).await.map(|(target, new)| (target.queue, new))
}

/// The queue that `text` would make: the first meaning that is a name a queue may have.
fn fresh(prefixes: &[Prefix], text: &str) -> Result<QueueId, Failure> {
    if let [first, second, ..] = prefixes {
        return Err(Failure::usage(
            format!("there is no queue \"{text}\", and it could begin under several prefixes"),
            format!("--prefix {} or --prefix {}", first.clean(), second.clean()),
        ));
    }
    let meanings = resolve::candidates(prefixes, text);
    let fit = meanings.iter().find(|id| QueueName::new(id.name.as_bytes()).is_ok());
    fit.cloned().ok_or_else(|| {
        let why = QueueName::new(text).err().map_or_else(String::new, |error| error.to_string());
        Failure::usage(format!("\"{text}\" cannot be a queue: {why}"), "nothing was added")
    })
}

/// The data as it was written, which must be JSON.
pub(super) fn data(given: Option<&str>) -> Result<Box<RawValue>, Failure> {
    let (text, place) = match given {
        None => ("{}".to_owned(), "--data"),
        Some("-") => (read(io::stdin().lock(), "stdin")?, "stdin"),
        Some(given) => match given.strip_prefix('@') {
            Some(path) => {
                let file = File::open(path).map_err(|error| unreadable(path, &error))?;
                (read(file, path)?, path)
            }
            None => (given.to_owned(), "--data"),
        },
    };
    RawValue::from_string(text).map_err(|error| {
        Failure::usage(
            format!("the data ({place}) is not JSON: {error}"),
            "a string needs its quotes: --data '\"text\"'; nothing was added",
        )
    })
}

fn read(from: impl Read, place: &str) -> Result<String, Failure> {
    let mut bytes = Vec::new();
    from.take(DATA_MAX + 1).read_to_end(&mut bytes).map_err(|error| unreadable(place, &error))?;
    if bytes.len() as u64 > DATA_MAX {
        let cause = format!("the data ({place}) is larger than {} MB", DATA_MAX >> 20);
        return Err(Failure::usage(cause, "nothing was added"));
    }
    String::from_utf8(bytes)
        .map_err(|_| Failure::usage(format!("the data ({place}) is not UTF-8"), "nothing was added"))
}

fn unreadable(place: &str, error: &io::Error) -> Failure {
    Failure::usage(format!("cannot read {place}: {error}"), "nothing was added")
}

/// Why a job was not added.
pub(super) fn refused(queue: &QueueId, error: AddError) -> Failure {
    match error {
        AddError::Options(_) | AddError::Data(_) => Failure::usage(error.to_string(), "nothing was added"),
        AddError::Conn(error) => Failure::from(error),
        AddError::Refused(_) => {
            let cause = format!("nothing was added to {}: {error}", queue.clean());
            Failure::not_done("unsupported", cause, "use the library that writes it")
        }
        error => Failure::internal(error.to_string(), "this is a defect of toril: please report it"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_queue_gets_the_first_name_that_it_may_have() {
        let of = |prefixes: &[&str], text: &str| {
            let prefixes: Vec<_> = prefixes.iter().map(Prefix::new).collect();
            fresh(&prefixes, text).map(|id| (id.prefix.clean().to_string(), id.name.clean().to_string()))
        };
        let pair = |prefix: &str, name: &str| Some((prefix.to_owned(), name.to_owned()));
        assert_eq!(of(&["bull"], "email").ok(), pair("bull", "email"));
        assert_eq!(of(&["bull"], "bull:email").ok(), pair("bull", "email"));
        assert_eq!(of(&["app"], "app:email").ok(), pair("app", "email"));
        for (prefixes, text) in [(&["bull"][..], ""), (&["bull"], "x:email"), (&["a", "b"], "email")] {
            assert_eq!(of(prefixes, text).err().map(|failure| failure.code()), Some(exit::USAGE), "{text}");
        }
    }

    #[test]
    fn data_stays_as_it_was_written() {
        let text = |given: &str| data(Some(given)).map(|data| data.get().to_owned()).ok();
        assert_eq!(
            text(r#" {"n": 12345678901234567890.10, "a":[]} "#).as_deref(),
            Some(r#"{"n": 12345678901234567890.10, "a":[]}"#)
        );
        for wrong in ["", "text", "{", "{}{}", "[1,]", "'a'", "@/nonexistent"] {
            assert_eq!(text(wrong), None, "{wrong}");
        }
    }
}
