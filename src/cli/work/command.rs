//! One run of a command, from its start until nothing of it is left.

use std::ffi::OsStr;
use std::io;
use std::os::unix::process::ExitStatusExt as _;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};
use serde_json::value::RawValue;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::{Child, ChildStdin};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::report::{self, Said};
use super::{document, value};
use crate::engine::{JobContext, JobError};
use crate::text::Clean;

/// Largest return value: it is held in memory once a running job.
const STDOUT_MAX: usize = 16 << 20;
/// How long a command that was told to end (SIGTERM) may take before it is killed.
pub const GRACE: Duration = Duration::from_secs(5);
/// How long a command that has ended may keep its pipes open through others that it left behind.
const LEFT_BEHIND: Duration = Duration::from_secs(1);

/// A command for a job.
pub struct Command<'a> {
    pub exec: &'a OsStr,
    pub job: &'a JobContext,
    /// Ends it.
    pub end_now: &'a CancellationToken,
}

/// How it ended.
pub struct Ending {
    pub outcome: Result<Box<RawValue>, JobError>,
    /// It was ended by us.
    pub interrupted: bool,
    /// The end of what it said on stderr, for those who want to look on.
    pub stderr: Vec<Clean>,
}

/// Ends the group of a command that is dropped before it has ended.
struct Group(Option<Pid>);

impl Group {
    fn of(child: &Child) -> Self {
        Self(child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw))
    }

    fn signal(&self, signal: Signal) {
        if let Some(group) = self.0 {
            // It may be gone already.
            let _ = kill_process_group(group, signal);
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.signal(Signal::KILL);
    }
}

impl Command<'_> {
    /// Runs it. `Err` says why there is nothing that could run.
    pub async fn run(&self) -> Result<Ending, String> {
        let input = document::of(self.job).map_err(|error| format!("the job is not JSON: {error}"))?;
        let mut child = self.spawn().map_err(|error| format!("the command cannot be started: {error}"))?;
        // A group of its own: Ctrl-C at the terminal is for us, and whatever it starts ends with it.
        let mut group = Group::of(&child);
        let (Some(stdin), Some(stdout), Some(stderr)) =
            (child.stdin.take(), child.stdout.take(), child.stderr.take())
        else {
            return Err("the command has no pipes".to_owned());
        };
        let (mut out, mut said, mut flooded) = (Vec::new(), Said::default(), false);
        let (outcome, pipes_closed) = {
            let pipes = async {
                tokio::join!(
                    feed(stdin, &input),
                    collect(stdout, &mut out, &mut flooded),
                    report::follow(stderr, self.job, &mut said),
                );
            };
            tokio::pin!(pipes);
            let mut closed = false;
            let ended = tokio::select! {
                // All at once, so that no pipe is full while another is waited for.
                status = async {
                    tokio::select! {
                        () = &mut pipes => { closed = true; child.wait().await }
                        status = child.wait() => status,
                    }
                } => Some(status),
                () = self.cancelled() => None,
            };
            if ended.is_none() {
                end(&mut child, &group, &mut pipes, &mut closed).await;
            }
            if !closed {
                closed = timeout(LEFT_BEHIND, &mut pipes).await.is_ok();
            }
            (ended, closed)
        };
        if pipes_closed {
            // Nothing is known to be left, and the number may soon be another's.
            group.0 = None;
        }
        let interrupted = outcome.is_none();
        let outcome = match outcome {
            // Back in line, without an attempt counted; after a lost lock it changes nothing.
            None => Err(JobError::waiting()),
            Some(Err(error)) => Err(JobError::new(format!("the command cannot be waited for: {error}"))),
            Some(Ok(_)) if flooded => {
                Err(JobError::new(format!("the command printed more than {} MB", STDOUT_MAX >> 20)))
            }
            Some(Ok(status)) if status.success() => value::of_stdout(&out)
                .map_err(|error| JobError::new(format!("what the command printed is no value: {error}"))),
            Some(Ok(status)) => Err(JobError::new(said.reason().unwrap_or_else(|| how(status)))),
        };
        Ok(Ending { outcome, interrupted, stderr: said.lines() })
    }

    fn spawn(&self) -> io::Result<Child> {
        tokio::process::Command::new("/bin/sh")
            .arg("-c")
            .arg(self.exec)
            .envs(document::variables(self.job))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
    }

    async fn cancelled(&self) {
        tokio::select! {
            // The lock is lost: another worker may run the job.
            () = self.job.cancelled().cancelled() => {}
            () = self.end_now.cancelled() => {}
        }
    }
}

/// Tells it to end, kills it if it does not, and takes leave of it. Its pipes are read on meanwhile.
async fn end(
    child: &mut Child,
    group: &Group,
    pipes: &mut (impl Future<Output = ()> + Unpin),
    closed: &mut bool,
) {
    group.signal(Signal::TERM);
    let gone = async {
        tokio::select! {
            () = pipes, if !*closed => { *closed = true; let _ = child.wait().await; }
            _ = child.wait() => {}
        }
    };
    if timeout(GRACE, gone).await.is_err() {
        group.signal(Signal::KILL);
        let _ = child.wait().await;
    }
}

/// Hands it the job; one that does not want to read it all is free to.
async fn feed(mut stdin: ChildStdin, input: &[u8]) {
    let _ = stdin.write_all(input).await;
    let _ = stdin.shutdown().await;
}

/// Reads what it prints. Where that is more than a return value may be, the pipe is closed, which ends
/// most commands.
async fn collect(mut stdout: impl AsyncRead + Unpin, out: &mut Vec<u8>, flooded: &mut bool) {
    let mut buffer = vec![0; 64 * 1024];
    while let Ok(read) = stdout.read(&mut buffer).await {
        if read == 0 {
            return;
        }
        if out.len() + read > STDOUT_MAX {
            (*out, *flooded) = (Vec::new(), true);
            return;
        }
        out.extend_from_slice(&buffer[..read]);
    }
}

fn how(status: ExitStatus) -> String {
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("the command ended with exit code {code}"),
        (None, Some(signal)) => format!("the command was ended by signal {signal}"),
        (None, None) => "the command failed".to_owned(),
    }
}
