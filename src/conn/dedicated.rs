//! A connection of one's own.

use std::time::Duration;

use redis::aio::MultiplexedConnection;

use super::{Batch, ConnError, Kind, Request, Value};

/// A socket that nothing else uses: for commands that block and for replies that are big.
/// Dropping it closes the socket.
pub struct Dedicated {
    socket: MultiplexedConnection,
}

impl std::fmt::Debug for Dedicated {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Dedicated").finish_non_exhaustive()
    }
}

impl Dedicated {
    pub(super) fn new(socket: MultiplexedConnection) -> Self {
        Self { socket }
    }

    /// Sends a command and waits at most `deadline` for its answer. After an error of the link
    /// the connection must be dropped.
    pub async fn call(&mut self, request: Request, deadline: Duration) -> Result<Value, ConnError> {
        match tokio::time::timeout(deadline, self.socket.send_packed_command(&request.cmd)).await {
            Ok(Ok(value)) => ConnError::check(value),
            Ok(Err(error)) => Err(match error.code() {
                Some(code) => {
                    ConnError::from_reply(&format!("{code} {}", error.detail().unwrap_or_default()))
                }
                None => ConnError::new(Kind::Connect, error.to_string(), ""),
            }),
            Err(_) => Err(ConnError::new(Kind::Timeout, "no answer", "")),
        }
    }

    /// Sends commands in one round trip; see [`super::Conn::batch`].
    pub async fn batch(&mut self, batch: &Batch, deadline: Duration) -> Result<Vec<Value>, ConnError> {
        match tokio::time::timeout(
            deadline,
            self.socket.send_packed_commands(&batch.pipeline, 0, batch.len()),
        )
        .await
        {
            Ok(Ok(values)) => Ok(values),
            Ok(Err(error)) => Err(ConnError::new(Kind::Connect, error.to_string(), "")),
            Err(_) => Err(ConnError::new(Kind::Timeout, "no answer", "")),
        }
    }
}
