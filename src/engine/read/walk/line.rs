//! The connection of a walk, what is asked on it and what comes back.

use super::cost::Clock;
use crate::conn::{Batch, Conn, ConnError, Dedicated, PAGE, RawReplies};

/// Longest reply that is taken: a round of jobs whose sizes are known stays far below it.
const REPLY: usize = 64 << 20;

/// One request at a time, in buffers that are used again and again.
#[derive(Debug)]
pub(super) struct Line {
    conn: Conn,
    own: Option<Dedicated>,
    /// What is asked next.
    pub(super) batch: Batch,
    /// What came last.
    pub(super) replies: RawReplies,
    /// What it took.
    pub(super) clock: Clock,
}

impl Line {
    pub(super) fn new(conn: &Conn) -> Self {
        Self {
            conn: conn.clone(),
            own: None,
            batch: Batch::new(),
            replies: RawReplies::default(),
            clock: Clock::default(),
        }
    }

    /// Sends the batch and reads the replies. After an error the next one goes over a new connection.
    pub(super) async fn ask(&mut self) -> Result<(), ConnError> {
        let mut own = match self.own.take() {
            Some(own) => own,
            None => self.conn.dedicated().await?.with_reply_max(REPLY),
        };
        own.batch_raw(&self.batch, &mut self.replies, PAGE).await?;
        self.clock.asked(self.batch.len(), self.replies.bytes().len());
        self.own = Some(own);
        Ok(())
    }

    /// A round is over; `timed`: it carried a `TIME` at either end.
    pub(super) fn round(&mut self, timed: bool) {
        self.clock.round(timed.then_some(&self.replies));
    }

    /// An integer reply that is a count or a rank.
    pub(super) fn count(&self, at: usize) -> Option<u64> {
        self.replies.get(at)?.integer().and_then(|n| u64::try_from(n).ok())
    }
}
