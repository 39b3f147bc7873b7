//! The demo's server, from the side of whoever uses it.

use std::io;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, ChildStdin, Command};
use tokio::time::timeout;

use super::guard::{FAILED, NO_SERVER, READY};
use crate::conn::{ConnError, Endpoint};
use crate::engine::op::OpError;
use crate::engine::{AddError, WorkError};
use crate::text::Clean;

/// How long the child may take to say something, and to clean up.
const PATIENCE: Duration = Duration::from_secs(20);

/// Why there is no demo.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    /// The machine has no server.
    #[error("there is no redis-server and no valkey-server on this machine")]
    NoServer,
    /// The child could not be started or spoken to.
    #[error("the demo's server cannot be started: {0}")]
    Start(#[from] io::Error),
    /// The child said why there is no server.
    #[error("the demo's server failed: {0}")]
    Failed(Clean),
    /// The server is there and does not do what it should.
    #[error(transparent)]
    Conn(#[from] ConnError),
    /// A job of the demo could not be added.
    #[error(transparent)]
    Add(#[from] AddError),
    /// A job of the demo could not be run.
    #[error(transparent)]
    Work(#[from] WorkError),
    /// A queue of the demo could not be paused or resumed.
    #[error(transparent)]
    Op(#[from] OpError),
}

impl DemoError {
    /// What to do about it; may be empty.
    pub const fn hint(&self) -> &'static str {
        match self {
            Self::NoServer => {
                "install one: apt install redis-tools (starts no service) · dnf install valkey · brew install redis"
            }
            _ => "",
        }
    }
}

/// A private server on a unix socket in a folder of its own. Both are gone soon after this is
/// dropped, and after the process ends in any other way.
#[derive(Debug)]
pub struct DemoServer {
    socket: PathBuf,
    guard: Child,
    /// Its end tells the child to clean up.
    lifeline: ChildStdin,
}

impl DemoServer {
    /// Starts a server and waits until it answers (some 50 ms).
    pub async fn start() -> Result<Self, DemoError> {
        let mut guard = Command::new(std::env::current_exe()?)
            .arg("__demo-server")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()?;
        let (Some(lifeline), Some(stdout)) = (guard.stdin.take(), guard.stdout.take()) else {
            return Err(io::Error::from(io::ErrorKind::BrokenPipe).into());
        };
        let mut line = Vec::new();
        let mut stdout = BufReader::new(stdout);
        let read = timeout(PATIENCE, stdout.read_until(b'\n', &mut line)).await;
        read.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))??;
        let said = line.trim_ascii_end();
        if let Some(path) = said.strip_prefix(READY.as_bytes()) {
            use std::os::unix::ffi::OsStrExt as _;
            let socket = PathBuf::from(std::ffi::OsStr::from_bytes(path));
            return Ok(Self { socket, guard, lifeline });
        }
        if said == NO_SERVER.as_bytes() {
            return Err(DemoError::NoServer);
        }
        Err(DemoError::Failed(Clean::line(said.strip_prefix(FAILED.as_bytes()).unwrap_or(said))))
    }

    /// Where the server is.
    pub fn endpoint(&self) -> Endpoint {
        Endpoint::unix(&self.socket)
    }

    /// Its address for other programs.
    pub fn url(&self) -> String {
        format!("redis+unix://{}", self.socket.display())
    }

    /// Ends the server and waits until its folder is gone.
    pub async fn stop(mut self) -> Result<(), DemoError> {
        drop(self.lifeline);
        let ended = timeout(PATIENCE, self.guard.wait()).await;
        ended.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))??;
        Ok(())
    }
}
