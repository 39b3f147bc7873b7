//! A connection of one's own.

use std::time::Duration;

use super::gate::{self, Line};
use super::script::{Run, Runs};
use super::socket::{Failure, Socket};
use super::{Access, Batch, ConnError, Kind, RawReplies, Request, Script, Value};

/// A socket that nothing else uses: for commands that block and for replies that are big.
/// Dropping it closes the socket.
///
/// A deadline that passes closes the socket as well: there is no other way to cancel a blocking
/// command without losing its answer. Every later call then fails; take a new connection.
pub struct Dedicated {
    socket: Socket,
    access: Access,
    /// Hash of the script that was last run here: a worker runs few, one after the other.
    known: Vec<String>,
}

impl std::fmt::Debug for Dedicated {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Dedicated").finish_non_exhaustive()
    }
}

impl Dedicated {
    pub(super) fn new(socket: Socket, access: Access) -> Self {
        Self { socket, access, known: Vec::new() }
    }

    /// Lets replies of up to `bytes` through; 32 MB otherwise.
    #[must_use]
    pub fn with_reply_max(self, bytes: usize) -> Self {
        self.socket.set_reply_max(bytes);
        self
    }

    /// Sends a command and waits at most `deadline` for its answer.
    pub async fn call(&mut self, request: Request, deadline: Duration) -> Result<Value, ConnError> {
        let values = self.batch(&Batch::from(request), deadline).await?;
        ConnError::check(values.into_iter().next().unwrap_or(Value::Nil))
    }

    /// Sends commands in one round trip; see [`super::Conn::batch`].
    pub async fn batch(&mut self, batch: &Batch, deadline: Duration) -> Result<Vec<Value>, ConnError> {
        gate::batch(batch, self.access, Line::Dedicated)?;
        let writes = batch.shapes.iter().any(|shape| shape.verb.class().writes());
        match self.socket.ask(batch.packed.clone(), batch.shapes.clone(), deadline).await {
            Ok(values) => Ok(values),
            Err(failure) => Err(self.failed(failure, writes)),
        }
    }

    /// [`Dedicated::batch`] with the answers as they come, for reading much: nothing is taken apart or
    /// copied value by value. `replies` is emptied and filled; on an error it is left empty.
    pub async fn batch_raw(
        &mut self,
        batch: &Batch,
        replies: &mut RawReplies,
        deadline: Duration,
    ) -> Result<(), ConnError> {
        gate::batch(batch, self.access, Line::Dedicated)?;
        let writes = batch.shapes.iter().any(|shape| shape.verb.class().writes());
        let mut buffer = std::mem::take(replies);
        buffer.clear();
        match self.socket.ask_raw(batch.packed.clone(), batch.shapes.clone(), buffer, deadline).await {
            Ok(filled) => *replies = filled,
            Err(failure) => return Err(self.failed(failure, writes)),
        }
        Ok(())
    }

    /// Runs a script; see [`super::Conn::eval`].
    pub async fn eval(
        &mut self,
        script: &Script,
        keys: &[Vec<u8>],
        args: &[Vec<u8>],
        deadline: Duration,
    ) -> Result<Value, ConnError> {
        let values = self.eval_many(script, &[(keys.to_vec(), args.to_vec())], deadline).await?;
        ConnError::check(values.into_iter().next().unwrap_or(Value::Nil))
    }

    /// Runs a script many times in one round trip; see [`super::Conn::eval_many`].
    pub async fn eval_many(
        &mut self,
        script: &Script,
        runs: &[Run],
        deadline: Duration,
    ) -> Result<Vec<Value>, ConnError> {
        gate::class(script.class, self.access, Line::Dedicated)?;
        let mut rounds = Runs::new(script, runs);
        let known = self.known.iter().any(|hash| hash == script.hash());
        while let Some((packed, shapes)) = rounds.next_round(known) {
            match self.socket.ask(packed, shapes, deadline).await {
                Ok(values) => rounds.take(values),
                Err(failure) => return Err(self.failed(failure, script.class.writes())),
            }
        }
        if !known {
            self.known.push(script.hash().to_owned());
        }
        Ok(rounds.finish())
    }

    fn failed(&mut self, failure: Failure, writes: bool) -> ConnError {
        let (error, sent) = match failure {
            Failure::Late { sent } => {
                (ConnError::new(Kind::Timeout, "no answer within the deadline", ""), sent)
            }
            Failure::Lost { error, sent } => (error, sent),
        };
        self.socket.end(&error);
        if writes && sent { ConnError::unknown_outcome(&error) } else { error }
    }
}
