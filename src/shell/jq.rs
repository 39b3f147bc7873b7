//! jq expressions, in a child process of ourselves.
//!
//! An expression comes from outside and may never end, take all memory, overflow the stack (which
//! no process survives) or look at the environment. The child has an empty environment, a memory
//! limit and two seconds for a batch of jobs; when it ends the answer is an error and nothing more.
//!
//! The expression and then one job a line go in; for each a line comes out: `1` it matches, `0` it
//! does not, `?` it gave something else than true or false, `!text` it failed on this job.

mod child;
mod plan;

use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

pub use child::main as child_main;
pub use plan::Plan;

use crate::text::Clean;

/// How long one batch may take.
const LIMIT: Duration = Duration::from_secs(2);
/// Longest answer for one job.
const LINE: u64 = 4096;

/// What an expression says of a job.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// It gave true.
    Match,
    /// It gave false, null or nothing.
    No,
    /// It gave something that is neither true nor false.
    NotBoolean,
    /// It failed on this job.
    Failed(Clean),
}

/// Why an expression cannot be used.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum JqError {
    /// It is not jq.
    #[error("the expression is not valid jq: {0}")]
    Syntax(Clean),
    /// It took too long.
    #[error("the expression took more than {} s", LIMIT.as_secs())]
    Slow,
    /// The child ended: no memory, a stack too deep, `halt`.
    #[error("the expression ended its own process (endless recursion, too much memory, or halt)")]
    Ended,
    /// There is no child.
    #[error("cannot run the expression: {0}")]
    System(Clean),
}

/// A running expression. Dropping it ends the child.
#[derive(Debug)]
pub struct Filter {
    #[expect(dead_code, reason = "held so that the child ends with it")]
    child: Child,
    stdin: ChildStdin,
    stdout: BufReader<ChildStdout>,
}

impl Filter {
    /// Starts the child and lets it read the expression.
    pub async fn start(expression: &str) -> Result<Self, JqError> {
        let system = |error: std::io::Error| JqError::System(Clean::line(error.to_string()));
        let mut child = Command::new(ourselves().map_err(system)?)
            .arg("__jq")
            .env_clear()
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .map_err(system)?;
        let (Some(stdin), Some(stdout)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(JqError::Ended);
        };
        let mut filter = Self { child, stdin, stdout: BufReader::new(stdout) };
        let line = serde_json::Value::from(expression).to_string();
        match filter.ask([line.as_str()]).await?.pop() {
            Some(Verdict::Match) => Ok(filter),
            Some(Verdict::Failed(why)) => Err(JqError::Syntax(why)),
            _ => Err(JqError::Ended),
        }
    }

    /// Asks about jobs, each a JSON document without line feeds. After an error the filter is of
    /// no more use.
    pub async fn ask<'a>(
        &mut self,
        jobs: impl IntoIterator<Item = &'a str>,
    ) -> Result<Vec<Verdict>, JqError> {
        let mut text = String::new();
        let mut count = 0;
        for job in jobs {
            text.push_str(job);
            text.push('\n');
            count += 1;
        }
        self.ask_lines(text.as_bytes(), count).await
    }

    /// [`Filter::ask`] about so many documents that stand one a line already.
    pub async fn ask_lines(&mut self, text: &[u8], count: usize) -> Result<Vec<Verdict>, JqError> {
        let (stdin, stdout) = (&mut self.stdin, &mut self.stdout);
        // Both at once: the child answers while it reads, and either pipe may be full.
        let write = async {
            stdin.write_all(text).await?;
            stdin.flush().await
        };
        let read = async {
            let mut verdicts = Vec::with_capacity(count);
            while verdicts.len() < count {
                let mut line = Vec::new();
                (&mut *stdout).take(LINE).read_until(b'\n', &mut line).await?;
                if line.pop() != Some(b'\n') {
                    return Err(std::io::ErrorKind::UnexpectedEof.into());
                }
                verdicts.push(match line.split_first() {
                    Some((b'1', [])) => Verdict::Match,
                    Some((b'0', [])) => Verdict::No,
                    Some((b'?', [])) => Verdict::NotBoolean,
                    Some((b'!', why)) => Verdict::Failed(Clean::line(why)),
                    _ => return Err(std::io::ErrorKind::InvalidData.into()),
                });
            }
            Ok(verdicts)
        };
        match tokio::time::timeout(LIMIT, async { tokio::try_join!(write, read) }).await {
            Ok(Ok(((), verdicts))) => Ok(verdicts),
            Ok(Err(_)) => Err(JqError::Ended),
            Err(_) => Err(JqError::Slow),
        }
    }
}

/// Our own program, also when its file was replaced since the start.
fn ourselves() -> std::io::Result<std::path::PathBuf> {
    let link = std::path::Path::new("/proc/self/exe");
    if link.exists() { Ok(link.to_owned()) } else { std::env::current_exe() }
}
