//! `toril demo --headless`: the work without the console.

use std::io::{self, Write as _};
use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};
use tokio::time::{Instant, interval_at, sleep_until};
use tokio_util::sync::CancellationToken;

use super::{DemoError, DemoServer, workload};
use crate::cli::args::DemoArgs;
use crate::cli::failure::{Failure, exit};
use crate::conn::{Batch, Conn, ConnError, Options, Request, Verb, integer};
use crate::wire::State;

/// Between two lines of counts.
const LINE: Duration = Duration::from_secs(2);

/// Runs the demo until its time is over or it is told to end; prints the server's address and then
/// a line of counts every two seconds.
pub fn headless(args: &DemoArgs) -> Result<u8, Failure> {
    super::runtime()?.block_on(run(args))
}

impl From<DemoError> for Failure {
    fn from(error: DemoError) -> Self {
        match error {
            DemoError::Conn(error) => error.into(),
            error => Self::internal(error.to_string(), error.hint()),
        }
    }
}

async fn run(args: &DemoArgs) -> Result<u8, Failure> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut hang_up = signal(SignalKind::hangup())?;
    let server = DemoServer::start().await?;
    let stop = CancellationToken::new();
    let outcome = tokio::select! {
        _ = interrupt.recv() => Ok(exit::INTERRUPTED),
        _ = terminate.recv() => Ok(exit::INTERRUPTED),
        _ = hang_up.recv() => Ok(exit::INTERRUPTED),
        outcome = show(&server, args, stop.clone()) => outcome.map(|()| exit::DONE),
    };
    stop.cancel();
    server.stop().await?;
    outcome
}

async fn show(server: &DemoServer, args: &DemoArgs, stop: CancellationToken) -> Result<(), Failure> {
    let began = Instant::now();
    say(&server.url())?;
    let _work = workload::spawn(server.endpoint(), args.rate.unwrap_or(1.0), stop).await?;
    let conn = Conn::open(server.endpoint(), Options::default()).await?;
    let mut lines = interval_at(began + LINE, LINE);
    let end = args.seconds.map(|seconds| began + Duration::from_secs(seconds));
    loop {
        tokio::select! {
            () = sleep_until(end.unwrap_or(began)), if end.is_some() => return Ok(()),
            _ = lines.tick() => say(&counts(&conn).await?)?,
        }
    }
}

fn say(line: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "{line}")?;
    out.flush()
}

/// The jobs of all queues by state.
async fn counts(conn: &Conn) -> Result<String, ConnError> {
    let queues = workload::queues();
    let mut batch = Batch::new();
    for state in State::ALL {
        let verb = if state.is_list() { Verb::LLen } else { Verb::ZCard };
        for queue in &queues {
            batch.push(Request::new(verb).arg(queue.key(state.suffix())));
        }
    }
    let replies = conn.batch(&batch).await?;
    let sums = replies.chunks(queues.len().max(1)).map(|row| row.iter().filter_map(integer).sum::<i64>());
    let words: Vec<String> =
        State::ALL.iter().zip(sums).map(|(state, sum)| format!("{} {sum}", state.name())).collect();
    Ok(words.join("  "))
}
