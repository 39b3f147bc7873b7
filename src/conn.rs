//! Connections to Redis: one [`Conn`] whatever the topology, with deadlines, a command gate,
//! classified errors and a link that heals itself.
//!
//! The layer knows no queue. It re-exports [`Value`] and keeps every other type of the Redis
//! client to itself. From that client it has commands, values and error replies; the sockets are
//! ours (`socket`), because a screen must know things that the client keeps to itself: since
//! when nothing was heard, whether a write that timed out had left, and how big a reply is before
//! it is read.

mod dedicated;
mod dial;
mod endpoint;
mod error;
mod gate;
mod keeper;
mod link;
mod name;
mod raw;
mod request;
mod resp;
mod script;
mod secret;
mod sent;
mod single;
mod socket;
mod tls;
mod traffic;
mod url;
mod value;

use std::sync::Arc;
use std::time::Duration;

pub use dedicated::Dedicated;
pub use endpoint::{Endpoint, Transport};
pub use error::{ConnError, Kind};
pub use link::{Hello, Link, LinkState};
pub use name::client_name;
pub use raw::{RawReplies, RawReply};
pub use redis::Value;
pub use request::{Batch, Class, Request, Verb};
pub use script::{Run, Script};
pub use secret::Secret;
pub use sent::{Sent, SentLog, What};
pub use traffic::Traffic;
pub use value::{bytes, field, float, integer, items, pairs, text};

/// Deadline of a single command.
pub const LIGHT: Duration = Duration::from_secs(1);
/// Deadline of a batch: a page of a list, the counts of many queues.
pub const PAGE: Duration = Duration::from_secs(3);
/// Deadline of a script.
pub const SCRIPT: Duration = Duration::from_secs(5);
/// Deadline for one big value, on a [`Dedicated`] connection.
pub const BIG: Duration = Duration::from_secs(30);

/// Whether a connection may write. The gate refuses a write on a read-only connection before a
/// byte is sent, whoever asks.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Access {
    /// Only commands of the class [`Class::Read`].
    #[default]
    ReadOnly,
    /// Reads and the scripts of our own operations.
    ReadWrite,
}

/// How to open a connection.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// What the gate lets through.
    pub access: Access,
    /// The connection's name in `CLIENT LIST`, so that an operator sees who is connected; without
    /// spaces. See [`client_name`].
    pub client_name: String,
}

/// A connection that can be shared: commands of all clones go through one socket, in order.
///
/// It reconnects by itself with back-off; while the link is down calls fail at once with
/// the reason, they do not wait. A refused login is final. When the last clone is dropped the
/// socket is closed.
///
/// While the server is silent ([`Link::waiting_since`]) the socket is kept and calls fail with
/// [`Kind::Timeout`], after a second of silence at once and unsent; the first byte that comes ends
/// that. A write that was sent and got no answer is [`Kind::UnknownOutcome`] and never sent again.
#[derive(Clone, Debug)]
pub struct Conn(Arc<Topology>);

/// Room for Sentinel and Cluster: a topology is a variant here and a file beside `single.rs`.
#[derive(Debug)]
enum Topology {
    Single(single::Single),
}

impl Conn {
    /// Starts connecting in the background and returns at once: for a screen that must not wait.
    /// Needs a running tokio runtime.
    pub fn start(endpoint: Endpoint, options: Options) -> Self {
        Self(Arc::new(Topology::Single(single::Single::start(endpoint, options))))
    }

    /// Connects and waits for the first outcome: for a command that has nothing else to do.
    pub async fn open(endpoint: Endpoint, options: Options) -> Result<Self, ConnError> {
        let conn = Self::start(endpoint, options);
        let mut link = conn.link();
        loop {
            let state = link.borrow_and_update().state.clone();
            match state {
                LinkState::Up | LinkState::Impaired(_) => return Ok(conn),
                LinkState::Down { error, .. } | LinkState::Refused(error) => return Err(error),
                LinkState::Connecting => {}
            }
            if link.changed().await.is_err() {
                return Err(ConnError::closed());
            }
        }
    }

    /// The health of the link, newest first.
    pub fn link(&self) -> tokio::sync::watch::Receiver<Link> {
        match &*self.0 {
            Topology::Single(single) => single.link(),
        }
    }

    /// What the gate lets through.
    pub fn access(&self) -> Access {
        match &*self.0 {
            Topology::Single(single) => single.access(),
        }
    }

    /// Where it connects to.
    pub fn endpoint(&self) -> &Endpoint {
        match &*self.0 {
            Topology::Single(single) => single.endpoint(),
        }
    }

    /// What was sent and read so far, [`Dedicated`] connections included: for the budget, and for
    /// taking our own share out of Redis's figures.
    pub fn traffic(&self) -> Traffic {
        match &*self.0 {
            Topology::Single(single) => single.traffic(),
        }
    }

    /// Notes from now on what is sent over this connection (not over its [`Dedicated`] ones), and
    /// gives the notes: the last 2,000 kinds of commands, without their values.
    pub fn keep_sent(&self) -> Arc<SentLog> {
        match &*self.0 {
            Topology::Single(single) => single.keep_sent(),
        }
    }

    /// Connects anew at once: the user does not want to wait for the next attempt, or does not
    /// believe the link. Also the way back from [`LinkState::Refused`].
    pub fn reconnect_now(&self) {
        match &*self.0 {
            Topology::Single(single) => single.reconnect_now(),
        }
    }

    /// Sends one command and waits up to [`LIGHT`]; a server error is an `Err`.
    pub async fn call(&self, request: Request) -> Result<Value, ConnError> {
        self.call_within(request, LIGHT).await
    }

    /// [`Conn::call`] with another deadline.
    pub async fn call_within(&self, request: Request, deadline: Duration) -> Result<Value, ConnError> {
        let values = self.batch_within(&Batch::from(request), deadline).await?;
        ConnError::check(values.into_iter().next().unwrap_or(Value::Nil))
    }

    /// Sends commands in one round trip and waits up to [`PAGE`]. A server error of one command
    /// stands in its place as [`Value::ServerError`] (see [`ConnError::check`]); an `Err` means
    /// that the link failed or that the gate refused a command, and then none was sent.
    pub async fn batch(&self, batch: &Batch) -> Result<Vec<Value>, ConnError> {
        self.batch_within(batch, PAGE).await
    }

    /// [`Conn::batch`] with another deadline.
    pub async fn batch_within(&self, batch: &Batch, deadline: Duration) -> Result<Vec<Value>, ConnError> {
        match &*self.0 {
            Topology::Single(single) => single.batch(batch, deadline).await,
        }
    }

    /// Runs a script of ours and waits up to [`SCRIPT`]. Where the server does not know it, its
    /// source is sent.
    pub async fn eval(
        &self,
        script: &Script,
        keys: &[Vec<u8>],
        args: &[Vec<u8>],
    ) -> Result<Value, ConnError> {
        let values = self.eval_many(script, &[(keys.to_vec(), args.to_vec())]).await?;
        ConnError::check(values.into_iter().next().unwrap_or(Value::Nil))
    }

    /// [`Conn::eval`], and how long the server was at it by its own clock, between two `TIME`s in the same
    /// round trip: what nobody else was served in. `None` where the server does not tell the time. (Inside of
    /// a script the clock may stand still: since Redis 7.2.)
    pub async fn eval_timed(
        &self,
        script: &Script,
        keys: &[Vec<u8>],
        args: &[Vec<u8>],
    ) -> Result<(Value, Option<Duration>), ConnError> {
        let run = (keys.to_vec(), args.to_vec());
        let (value, took) = match &*self.0 {
            Topology::Single(single) => single.eval_timed(script, run, SCRIPT).await?,
        };
        Ok((ConnError::check(value)?, took))
    }

    /// Runs a script many times, in order and in one round trip; each answer (or
    /// [`Value::ServerError`]) stands at the place of its run. Where the server does not know the
    /// script (any more), the runs that it refused for that are sent again with the source: they
    /// did not run. Between the runs others may come in; only each run is atomic.
    pub async fn eval_many(&self, script: &Script, runs: &[Run]) -> Result<Vec<Value>, ConnError> {
        self.eval_many_within(script, runs, SCRIPT).await
    }

    /// [`Conn::eval_many`] with another deadline for each round trip.
    pub async fn eval_many_within(
        &self,
        script: &Script,
        runs: &[Run],
        deadline: Duration,
    ) -> Result<Vec<Value>, ConnError> {
        match &*self.0 {
            Topology::Single(single) => single.eval_many(script, runs, deadline).await,
        }
    }

    /// A connection of one's own, for blocking commands and big replies. Dropping it closes the
    /// socket, which is the only way to cancel a blocking command without losing its answer.
    pub async fn dedicated(&self) -> Result<Dedicated, ConnError> {
        match &*self.0 {
            Topology::Single(single) => single.dedicated().await,
        }
    }
}
