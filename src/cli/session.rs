//! What a command that talks to Redis has at hand.

use std::future::Future;
use std::time::Duration;

use tokio::runtime::Builder;

use super::config::Settings;
use super::failure::{Failure, exit};
use super::output::{Out, say};
use super::who::who;
use crate::conn::{Access, Conn, ConnError, Kind, Options, client_name};
use crate::monitor::Clock;
use crate::operate::Operator;
use crate::text::Clean;

/// How long connecting may take, name lookup and login included.
const CONNECT: Duration = Duration::from_secs(5);

/// Settings, a connection, and where the output goes.
pub struct Session {
    /// What is in force.
    pub settings: Settings,
    /// The connection; it may write only where the command acts and nothing forbids it.
    pub conn: Conn,
    /// Standard output.
    pub out: Out,
    /// Output is for a program.
    pub json: bool,
    /// More is said on stderr.
    pub verbose: bool,
    /// This host's time.
    pub clock: Clock,
}

impl Session {
    /// Connects. Reading commands ask for [`Access::ReadOnly`] whatever the settings permit.
    pub async fn open(
        settings: Settings,
        access: Access,
        json: bool,
        verbose: bool,
    ) -> Result<Self, Failure> {
        let clock = Clock::start();
        let options = Options { access, client_name: client_name("toril") };
        let open = Conn::open(settings.endpoint.clone(), options);
        let conn = match tokio::time::timeout(CONNECT, open).await {
            Ok(conn) => conn?,
            Err(_) => {
                return Err(Failure::from_redis(
                    Kind::Timeout,
                    format!("{} gives no answer", settings.endpoint),
                    "is it Redis, and is it overloaded or stopped?",
                ));
            }
        };
        let out = Out::new(settings.color);
        let session = Self { settings, conn, out, json, verbose, clock };
        session.note(format_args!("connected to {}", session.settings.endpoint));
        Ok(session)
    }

    /// Whoever acts over this connection: what it does is written down.
    pub fn operator(&self) -> Operator {
        let (settings, folder) = (&self.settings, super::config::state_dir());
        Operator::new(
            self.conn.clone(),
            who(),
            settings.label.clone(),
            settings.policy.clone(),
            folder.as_deref(),
        )
    }

    /// Says something on stderr, with `-v` only. The text must be safe to show.
    pub fn note(&self, line: std::fmt::Arguments<'_>) {
        if self.verbose {
            say(format_args!("toril: {line}"));
        }
    }

    /// Says something on stderr that the reader must know. The text must be safe to show.
    #[expect(clippy::unused_self, reason = "belongs with `note`")]
    pub fn warn(&self, line: impl Into<Clean>) {
        say(format_args!("toril: {}", line.into()));
    }
}

impl Failure {
    /// A failure of the kind that the connection reports.
    pub fn from_redis(kind: Kind, message: impl AsRef<[u8]>, hint: &'static str) -> Self {
        Self::from(ConnError { kind, message: Clean::line(message), hint })
    }
}

/// Runs a command on a runtime of its own until it ends. Ctrl-C ends it, unless it `acts`: an act
/// that has begun must say what was done.
pub fn block_on<T>(acts: bool, work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    let runtime = runtime(acts)?;
    let result = runtime.block_on(async {
        if acts {
            return work.await;
        }
        tokio::select! {
            result = work => result,
            _ = tokio::signal::ctrl_c() => Err(Failure::Code(exit::INTERRUPTED)),
        }
    });
    // What still runs is only reads that nobody waits for.
    runtime.shutdown_background();
    result
}

/// An act may ask a person or start an editor, which blocks a thread: the connection lives on others.
/// What only reads stays on one thread: to wake another one for each reply takes longer than what is
/// done with the reply.
fn runtime(acts: bool) -> Result<tokio::runtime::Runtime, Failure> {
    let mut builder = if acts { Builder::new_multi_thread() } else { Builder::new_current_thread() };
    // One thread keeps the connection, one more whatever the act has under way: Redis is the one that works.
    builder.worker_threads(2).enable_all().build().map_err(|error| {
        Failure::internal(format!("cannot start: {error}"), "does a limit on threads apply?")
    })
}
