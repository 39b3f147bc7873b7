//! The child that keeps the server: `toril __demo-server`.
//!
//! It makes the folder, starts the server in it, tells the socket's path in one line on stdout, and
//! waits. When stdin ends (the parent ended, in whatever way), when it is told to end, or when the
//! server ends by itself, it stops the server and removes the folder. It runs in a process group of
//! its own, so that a Ctrl-C in the terminal reaches the parent alone.

use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::{Child, Command};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::oneshot;
use tokio::time::{Instant, sleep, timeout};

use super::program::{self, Program};

/// First words of the line on stdout.
pub(super) const READY: &str = "ready ";
/// See [`READY`]: no program was found.
pub(super) const NO_SERVER: &str = "no-server";
/// See [`READY`]: the rest says what happened.
pub(super) const FAILED: &str = "failed ";

/// Longest path of a unix socket that every system takes.
const SOCKET_LIMIT: usize = 103;
/// How long the server may take until it answers; it takes some 30 ms where nothing else runs.
const START: Duration = Duration::from_secs(15);
/// Enough for the work of hours with its bounds, and small enough for the memory bar to show it.
const MAX_MEMORY: &str = "96mb";

/// Runs the child; returns its exit code.
pub fn serve() -> u8 {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let outcome = match runtime {
        Ok(runtime) => runtime.block_on(guard()),
        Err(error) => Err(format!("{FAILED}no runtime: {error}")),
    };
    match outcome {
        Ok(()) => 0,
        Err(line) => {
            tell(&line);
            1
        }
    }
}

/// One line to the parent. Whether it still reads shows at the end of stdin.
fn tell(line: &str) {
    let line = line.replace('\n', " ");
    let mut out = io::stdout().lock();
    let _ = writeln!(out, "{line}").and_then(|()| out.flush());
}

async fn guard() -> Result<(), String> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let program = program::find(&path).ok_or(NO_SERVER)?;
    let mut term = signal(SignalKind::terminate()).map_err(failed("no signals"))?;
    let mut hup = signal(SignalKind::hangup()).map_err(failed("no signals"))?;
    let mut int = signal(SignalKind::interrupt()).map_err(failed("no signals"))?;
    let mut parent_ended = end_of_stdin();

    let folder = folder()?;
    let socket = folder.path().join("redis.sock");
    let mut server = start(&program, folder.path(), &socket)?;
    let stopped = async {
        tokio::select! {
            _ = term.recv() => {}
            _ = hup.recv() => {}
            _ = int.recv() => {}
            _ = &mut parent_ended => {}
        }
    };
    let life = async {
        ready(&socket).await?;
        tell(&format!("{READY}{}", socket.display()));
        // Nothing more to come: the select below ends with the server or with `stopped`.
        std::future::pending::<Result<(), String>>().await
    };
    let outcome = tokio::select! {
        () = stopped => Ok(()),
        ended = server.wait() => Err(last_words(folder.path(), ended.ok())),
        outcome = life => outcome,
    };
    let _ = server.kill().await;
    folder.close().map_err(failed("the folder stays"))?;
    outcome
}

fn failed<E: std::fmt::Display>(what: &'static str) -> impl Fn(E) -> String {
    move |error| format!("{FAILED}{what}: {error}")
}

/// Resolves when nobody holds the other end of stdin. A thread of its own reads it: tokio's would
/// keep the runtime from ending.
fn end_of_stdin() -> oneshot::Receiver<()> {
    let (ended, receiver) = oneshot::channel();
    std::thread::spawn(move || {
        let mut stdin = io::stdin().lock();
        let mut buffer = [0; 64];
        loop {
            match stdin.read(&mut buffer) {
                Ok(0) => break,
                Err(error) if error.kind() != io::ErrorKind::Interrupted => break,
                _ => {}
            }
        }
        let _ = ended.send(());
    });
    receiver
}

/// A folder for us alone, in the first place whose path is short enough for a socket.
fn folder() -> Result<TempDir, String> {
    let places = [std::env::temp_dir(), PathBuf::from("/tmp")];
    let place = places
        .iter()
        .find(|place| place.as_os_str().len() + "/toril-demo-XXXXXX/redis.sock".len() <= SOCKET_LIMIT)
        .ok_or_else(|| format!("{FAILED}the temporary folder's path is too long for a socket"))?;
    let private = std::os::unix::fs::PermissionsExt::from_mode(0o700);
    let mut builder = tempfile::Builder::new();
    builder
        .prefix("toril-demo-")
        .permissions(private)
        .tempdir_in(place)
        .map_err(failed("no temporary folder"))
}

fn start(program: &Program, folder: &Path, socket: &Path) -> Result<Child, String> {
    let log = std::fs::File::create(folder.join("redis.log")).map_err(failed("no log file"))?;
    let errors = log.try_clone().map_err(failed("no log file"))?;
    Command::new(&program.path)
        .arg0(program.name)
        .args(["--port", "0", "--daemonize", "no", "--save", "", "--appendonly", "no"])
        .args(["--maxmemory", MAX_MEMORY, "--maxmemory-policy", "noeviction"])
        .args(["--unixsocketperm", "700", "--unixsocket"])
        .arg(socket)
        .arg("--dir")
        .arg(folder)
        .stdin(Stdio::null())
        .stdout(log)
        .stderr(errors)
        .kill_on_drop(true)
        .spawn()
        .map_err(|error| format!("{FAILED}cannot start {}: {error}", program.path.display()))
}

/// Waits until the server answers.
async fn ready(socket: &Path) -> Result<(), String> {
    let give_up = Instant::now() + START;
    loop {
        let ping = timeout(Duration::from_secs(1), ping(socket)).await;
        match ping {
            Ok(Ok(())) => return Ok(()),
            _ if Instant::now() > give_up => return Err(format!("{FAILED}the server does not answer")),
            _ => sleep(Duration::from_millis(5)).await,
        }
    }
}

async fn ping(socket: &Path) -> io::Result<()> {
    let mut stream = tokio::net::UnixStream::connect(socket).await?;
    stream.write_all(b"PING\r\n").await?;
    let mut answer = [0; 7];
    stream.read_exact(&mut answer).await?;
    if &answer == b"+PONG\r\n" { Ok(()) } else { Err(io::ErrorKind::InvalidData.into()) }
}

/// Why the server ended: its last line.
fn last_words(folder: &Path, status: Option<std::process::ExitStatus>) -> String {
    let log = std::fs::read(folder.join("redis.log")).unwrap_or_default();
    let log = String::from_utf8_lossy(&log);
    let last = log.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or("it said nothing");
    match status {
        Some(status) => format!("{FAILED}the server ended ({status}): {last}"),
        None => format!("{FAILED}the server ended: {last}"),
    }
}
