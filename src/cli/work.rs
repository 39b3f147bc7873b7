//! `toril work --exec`: a worker whose jobs are run by a command.

mod command;
mod document;
mod report;
mod value;

use std::ffi::OsString;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde::Serialize;
use serde_json::value::RawValue;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::act::permit;
use super::args::WorkArgs;
use super::failure::{Failure, exit};
use super::figures::{span, thousands};
use super::session::Session;
use super::{add, output};
use crate::engine::{JobContext, JobError, Worker, WorkerOptions};
use crate::text::Clean;
use command::{Command, Ending};

/// Jobs that ended and are not printed yet; a terminal that stands still holds the worker up.
const UNPRINTED: usize = 256;

/// How a job's attempt ended here; the queue's events tell the rest.
struct Told {
    job: JobContext,
    took: Duration,
    event: &'static str,
    failed: Option<String>,
    stderr: Vec<Clean>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Line<'a> {
    at: i64,
    event: &'static str,
    prefix: &'a str,
    queue: &'a str,
    job_id: &'a str,
    name: &'a str,
    attempt: u64,
    took_ms: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    failed_reason: Option<&'a str>,
}

/// Works until it is told to end: by the first Ctrl-C (or SIGTERM) the jobs that run may end, by the
/// second their commands are ended.
pub async fn run(session: &mut Session, args: &WorkArgs) -> Result<u8, Failure> {
    permit(session, false)?;
    if args.exec.trim().is_empty() {
        return Err(Failure::usage("--exec names no command", "--exec './deliver'"));
    }
    let (queue, _) = add::queue(session, &args.queue).await?;
    let (stop, now) = (CancellationToken::new(), CancellationToken::new());
    let mut signals = Signals::listen()?;
    let options = WorkerOptions {
        name: args.name.clone(),
        concurrency: args.concurrency,
        limiter: args.limit,
        // A command that is to end has a grace of its own first.
        cancel_grace: command::GRACE * 2,
        ..WorkerOptions::default()
    };
    let worker = Worker::new(session.conn.clone(), queue.clone(), options);
    let (told, mut ended) = mpsc::channel(UNPRINTED);
    let work = Arc::new(Work { exec: OsString::from(&args.exec), now: now.clone(), told });
    session.note(format_args!("working on {}; Ctrl-C ends it, twice at once", queue.clean()));
    let running = worker.run(move |job| work.clone().attempt(job), stop.clone());
    tokio::pin!(running);
    let (mut count, mut broken) = (0_u64, None);
    loop {
        tokio::select! {
            Some(told) = ended.recv() => {
                count += 1;
                if broken.is_none()
                    && let Err(failure) = tell(session, &told)
                {
                    // Nobody reads what is told: as if interrupted, the jobs that run may end.
                    broken = Some(failure);
                    stop.cancel();
                }
            }
            () = signals.next() => if stop.is_cancelled() {
                now.cancel();
            } else {
                stop.cancel();
                output::say("toril: waiting for the jobs that run; once more ends them");
            },
            () = &mut running => break,
        }
    }
    while let Ok(told) = ended.try_recv() {
        count += 1;
        if broken.is_none() {
            broken = tell(session, &told).err();
        }
    }
    session.note(format_args!("{} attempts ended", thousands(count)));
    match broken {
        Some(failure) => Err(failure),
        None => Ok(exit::INTERRUPTED),
    }
}

/// Ctrl-C and what service managers send.
struct Signals {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
    hang_up: tokio::signal::unix::Signal,
}

impl Signals {
    fn listen() -> std::io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hang_up: signal(SignalKind::hangup())?,
        })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
            _ = self.hang_up.recv() => {}
        }
    }
}

/// What every attempt needs.
struct Work {
    exec: OsString,
    /// Commands are to be ended at once.
    now: CancellationToken,
    told: mpsc::Sender<Told>,
}

impl Work {
    async fn attempt(self: Arc<Self>, job: JobContext) -> Result<Box<RawValue>, JobError> {
        let began = Instant::now();
        let command = Command { exec: &self.exec, job: &job, end_now: &self.now };
        let Ending { outcome, interrupted, stderr } = command.run().await.unwrap_or_else(|error| Ending {
            outcome: Err(JobError::new(error)),
            interrupted: false,
            stderr: Vec::new(),
        });
        let (event, failed) = match &outcome {
            Ok(_) => ("completed", None),
            Err(_) if interrupted => ("interrupted", None),
            Err(error) => ("failed", Some(error.message().to_owned())),
        };
        let told = Told { job, took: began.elapsed(), event, failed, stderr };
        let _ = self.told.send(told).await;
        outcome
    }
}

fn tell(session: &mut Session, told: &Told) -> Result<(), Failure> {
    let job = told.job.job();
    for line in &told.stderr {
        session.note(format_args!("{}: {line}", job.id.clean()));
    }
    if session.json {
        session.out.json(&Line {
            at: session.clock.now_ms(),
            event: told.event,
            prefix: &told.job.queue().prefix.lossless(),
            queue: &told.job.queue().name.lossless(),
            job_id: &job.id.lossless(),
            name: &job.name.lossless(),
            attempt: told.job.attempt(),
            took_ms: u64::try_from(told.took.as_millis()).unwrap_or(u64::MAX),
            failed_reason: told.failed.as_deref(),
        })?;
    } else {
        let took = span(i64::try_from(told.took.as_millis()).unwrap_or(i64::MAX));
        let (id, name) = (job.id.clean(), told.job.name().cut(60));
        let why = told
            .failed
            .as_ref()
            .map_or_else(String::new, |why| format!("  {}", Clean::text_line(why).cut(120)));
        session.out.line(format_args!("{:<11}  {id}  {name}  {took}{why}", told.event))?;
    }
    session.out.flush()?;
    Ok(())
}
