//! The demo: a private, throw-away Redis with made-up work that a person can play with.
//!
//! The server runs below a child of ours ([`serve`]) that holds a pipe to us and cleans up at its
//! end, so nothing stays behind however we end. The work is made by our own engine.

mod cache;
mod catalog;
mod failures;
mod guard;
mod headless;
mod history;
mod live;
mod payload;
mod program;
mod rng;
mod server;
pub mod workload;

use std::time::Duration;

use tokio::runtime::{Builder, Runtime};
use tokio_util::sync::CancellationToken;

use super::args::DemoArgs;
use super::failure::Failure;
use crate::conn::Endpoint;

pub use guard::serve;
pub use headless::headless;
pub use server::{DemoError, DemoServer};

/// How long the console waits for the history: a second is usual, a debug build takes longer.
const HISTORY: Duration = Duration::from_secs(3);

/// Starts a server with its work, hands its address to `body` (the console, which has a runtime of
/// its own), and removes everything when `body` is done.
pub fn over(args: &DemoArgs, body: impl FnOnce(Endpoint) -> Result<u8, Failure>) -> Result<u8, Failure> {
    let runtime = runtime()?;
    let server = runtime.block_on(DemoServer::start())?;
    let stop = CancellationToken::new();
    let begun = runtime.block_on(async {
        let mut work = workload::spawn(server.endpoint(), args.rate.unwrap_or(1.0), stop.clone()).await?;
        // Written before anybody looks, the past is no flood of new jobs in the rates.
        let _ = tokio::time::timeout(HISTORY, work.history()).await;
        Ok::<_, DemoError>(work)
    });
    let outcome = match begun {
        Ok(_work) => body(server.endpoint()),
        Err(error) => Err(error.into()),
    };
    stop.cancel();
    runtime.block_on(server.stop())?;
    outcome
}

/// One thread does: the demo must leave the machine to the program that looks at it.
fn runtime() -> std::io::Result<Runtime> {
    Builder::new_multi_thread().worker_threads(1).enable_all().build()
}
