//! Connections to Redis: one [`Conn`] whatever the topology, with deadlines, a command gate,
//! classified errors and a link that heals itself.
//!
//! The layer knows no queue. It re-exports [`Value`] and keeps every other type of the Redis
//! client to itself.

mod dedicated;
mod endpoint;
mod error;
mod link;
mod request;
mod script;
mod secret;
mod single;
mod value;

use std::sync::Arc;

pub use dedicated::Dedicated;
pub use endpoint::{Endpoint, Transport};
pub use error::{ConnError, Kind};
pub use link::{Link, LinkState};
pub use redis::Value;
pub use request::{Batch, Class, Request, Verb};
pub use script::Script;
pub use secret::Secret;
pub use value::{bytes, float, integer, items, text};

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
    /// Given to `CLIENT SETNAME`, so that an operator sees who is connected.
    pub client_name: String,
}

/// A connection that can be shared: commands of all clones go through one socket, in order.
///
/// It reconnects by itself with back-off; while the link is down calls fail at once with
/// [`Kind::Connect`], they do not wait. A refused login is final.
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
                LinkState::Up => return Ok(conn),
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

    /// What was sent so far, for the budget and for taking our own share out of Redis's figures.
    pub fn traffic(&self) -> link::Traffic {
        match &*self.0 {
            Topology::Single(single) => single.traffic(),
        }
    }

    /// Sends one command; a server error is an `Err`.
    pub async fn call(&self, request: Request) -> Result<Value, ConnError> {
        match &*self.0 {
            Topology::Single(single) => single.call(request).await,
        }
    }

    /// Sends commands in one round trip. A server error of one command stands in its place as
    /// [`Value::ServerError`] (see [`ConnError::check`]); an `Err` means that the link failed.
    pub async fn batch(&self, batch: &Batch) -> Result<Vec<Value>, ConnError> {
        match &*self.0 {
            Topology::Single(single) => single.batch(batch).await,
        }
    }

    /// Runs a script of ours, loading it once where the server does not know it.
    pub async fn eval(
        &self,
        script: &Script,
        keys: &[Vec<u8>],
        args: &[Vec<u8>],
    ) -> Result<Value, ConnError> {
        match &*self.0 {
            Topology::Single(single) => single.eval(script, keys, args).await,
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
