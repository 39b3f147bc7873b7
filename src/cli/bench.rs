//! `toril bench`: what the engine does on this server, and what it costs there.

mod measure;
mod queue;

use serde::Serialize;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use super::act::permit;
use super::args::BenchArgs;
use super::failure::{Failure, exit};
use super::figures::thousands;
use super::session::Session;
use crate::wire::Prefix;
use measure::{Figure, Measure};
use queue::BenchQueue;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Document {
    jobs: u64,
    concurrency: usize,
    bulk: usize,
    /// Whether it ended before all was measured.
    interrupted: bool,
    measures: Vec<Figure>,
}

/// Measures, and removes what it made, however it ends.
pub async fn run(session: &mut Session, args: &BenchArgs) -> Result<u8, Failure> {
    permit(session, false)?;
    let prefix = session.settings.prefixes.first().cloned().unwrap_or_else(Prefix::default);
    let measures = [
        Measure::AddAwaited { jobs: args.jobs.div_ceil(4) },
        Measure::AddInFlight { jobs: args.jobs, in_flight: 100 },
        Measure::AddBulk { jobs: args.jobs, size: args.bulk },
        Measure::Work { jobs: args.jobs, concurrency: args.concurrency, bulk: args.bulk },
    ];
    let stop = on_signal()?;
    let mut figures = Vec::new();
    if !session.json {
        let endpoint = &session.settings.endpoint;
        session.out.line(format_args!("On {endpoint}, in queues that are removed again:"))?;
        session.out.line(format_args!("{:<28}{:>12}{:>20}", "", "jobs/s", "Redis µs a job"))?;
        session.out.flush()?;
    }
    for measure in measures {
        if stop.is_cancelled() {
            break;
        }
        let queue = BenchQueue::new(&session.conn, &prefix)?;
        let measured = measure.run(&queue, &stop).await;
        let removed = queue.remove().await;
        if let Err(failure) = &removed {
            session.warn(failure.message());
        }
        if let Some(figure) = measured? {
            if !session.json {
                let per_job = figure.redis_us.map_or_else(|| "?".to_owned(), |us| format!("{us:.1}"));
                let rate = thousands(figure.per_second.round() as u64);
                session.out.line(format_args!("{:<28}{rate:>12}{per_job:>20}", figure.name))?;
                session.out.flush()?;
            }
            figures.push(figure);
        }
        removed?;
    }
    let interrupted = stop.is_cancelled();
    if session.json {
        session.out.json(&Document {
            jobs: args.jobs,
            concurrency: args.concurrency,
            bulk: args.bulk,
            interrupted,
            measures: figures,
        })?;
    } else {
        session.out.line("Redis's time is that of the whole server: others' work counts too.")?;
    }
    Ok(if interrupted { exit::INTERRUPTED } else { exit::DONE })
}

/// Cancelled by Ctrl-C and what service managers send. The first is enough: what follows is the
/// removal, which is not to be interrupted.
fn on_signal() -> std::io::Result<CancellationToken> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut hang_up = signal(SignalKind::hangup())?;
    let stop = CancellationToken::new();
    let told = stop.clone();
    tokio::spawn(async move {
        loop {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
                _ = hang_up.recv() => {}
            }
            told.cancel();
        }
    });
    Ok(stop)
}
