//! Events of one's own.

use super::super::op::Code;
use super::super::script::script;
use super::{EventsError, StreamId};
use crate::conn::{Conn, Value, bytes};
use crate::wire::QueueId;

/// Appends events of one's own to a queue's stream, where every listener sees them among the queue's: ours
/// as [`EventKind::Custom`](super::EventKind::Custom), those of Node under their name.
///
/// ```no_run
/// # async fn example(conn: toril::conn::Conn, queue: toril::wire::QueueId) -> Result<(), Box<dyn std::error::Error>> {
/// let producer = toril::engine::events::EventsProducer::new(conn, queue);
/// producer.publish("invoiced", [("jobId", "7"), ("sum", "12.50")]).await?;
/// # Ok(())
/// # }
/// ```
///
/// A name of the library's own (`completed`, `failed` ..) is taken for that event by whoever listens: choose
/// another.
#[derive(Clone, Debug)]
pub struct EventsProducer {
    conn: Conn,
    queue: QueueId,
    max_len: Option<u64>,
}

impl EventsProducer {
    /// A producer over a connection that may write. Sends nothing.
    ///
    /// The stream is trimmed to about the queue's own limit (`opts.maxLenEvents`, 10,000 where none is
    /// set). Node's `QueueEventsProducer` trims it to about 1,000 unless told otherwise, the queue's own
    /// events too.
    pub fn new(conn: Conn, queue: QueueId) -> Self {
        Self { conn, queue, max_len: None }
    }

    /// Trims the stream to about `entries` with every event instead.
    #[must_use]
    pub fn with_max_len(self, entries: u64) -> Self {
        Self { max_len: Some(entries), ..self }
    }

    /// Appends an event with its fields in order, and returns its place in the stream. A lost answer
    /// ([`Kind::UnknownOutcome`](crate::conn::Kind::UnknownOutcome)) means that it may have been
    /// appended; it is not sent again.
    pub async fn publish<N, V>(
        &self,
        event: &str,
        fields: impl IntoIterator<Item = (N, V)>,
    ) -> Result<StreamId, EventsError>
    where
        N: AsRef<[u8]>,
        V: AsRef<[u8]>,
    {
        let mut args = vec![
            self.max_len.map(|max_len| max_len.to_string().into_bytes()).unwrap_or_default(),
            event.as_bytes().to_vec(),
        ];
        for (name, value) in fields {
            args.push(name.as_ref().to_vec());
            args.push(value.as_ref().to_vec());
        }
        let script = script!("client", "publish", ["undecided", "event"]);
        let reply = self.conn.eval(script, &[self.queue.key("meta")], &args).await?;
        if let Value::Int(code) = reply {
            return Err(Code::refusal(code).map_or(EventsError::Reply, EventsError::Refused));
        }
        bytes(&reply).and_then(StreamId::parse).ok_or(EventsError::Reply)
    }
}
