//! A queue, from its producer's side.
//!
//! A [`Queue`] is a connection and a name: making one sends nothing, and clones are cheap. Queues of
//! BullMQ 5 and 6 are shared with it, and with its workers; others are refused before the first write.
//!
//! # Adding
//!
//! [`Queue::add`] stores a job and says what it did ([`Added`]): with an id of one's own or a
//! [deduplication id](super::Deduplication) the job may exist already. What is done with the job, when
//! and how often is told by [`JobOptions`].
//!
//! [`Queue::add_bulk`] adds many: a hundred at a time by default, each hundred as one atomic step of
//! about half a millisecond of Redis. Each job has a result of its own.
//!
//! # When the link breaks
//!
//! A write whose answer was lost may have been done, and is never sent again by itself:
//! [`AddError::is_unknown`] tells those jobs. With an id of one's own a job may safely be added again.
//!
//! ```no_run
//! # async fn example(queue: toril::engine::Queue) -> Result<(), Box<dyn std::error::Error>> {
//! use toril::engine::{AddError, JobOptions};
//!
//! let orders = (1..=1000).map(|n| {
//!     let options = JobOptions { id: Some(format!("order-{n}")), ..JobOptions::default() };
//!     ("ship".to_owned(), serde_json::json!({ "order": n }), options)
//! });
//! let added = queue.add_bulk(orders).await?;
//! let again: Vec<usize> = (0..added.len())
//!     .filter(|n| matches!(&added[*n], Err(error) if error.is_unknown() || *error == AddError::NotSent))
//!     .collect();
//! # let _ = again;
//! # Ok(())
//! # }
//! ```
//!
//! # Reading and steering
//!
//! [`Queue::counts`], [`Queue::page`], [`Queue::job`] and their like read; [`Queue::pause`],
//! [`Queue::resume`] and the limits act on all workers of the queue, BullMQ's too.

mod job;
mod limits;
mod read;

use serde::Serialize;

pub use job::{Job, Misfit};
pub use read::{Finished, QueueMetrics};

use super::add::{self, AddError, Added, JobOptions, Row};
use crate::conn::Conn;
use crate::wire::QueueId;

/// Bytes of data in one atomic step of a bulk, about.
const CHUNK_BYTES: usize = 4 << 20;

/// Most jobs in one atomic step: it blocks the server for about 5 µs a job.
const MOST: usize = 1000;

/// Adds jobs to a queue of era 5 or 6, so that BullMQ's workers and ours run them.
///
/// ```no_run
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// use toril::conn::{Access, Conn, Endpoint, Options};
/// use toril::engine::{JobOptions, Queue};
/// use toril::wire::{Prefix, QueueId, QueueName};
///
/// let options = Options { access: Access::ReadWrite, ..Options::default() };
/// let conn = Conn::open(Endpoint::tcp("127.0.0.1", 6379), options).await?;
/// let queue = Queue::new(conn, QueueId::new(Prefix::default(), QueueName::new("email")?));
/// queue.add("welcome", &serde_json::json!({ "to": "ada@example.org" }), JobOptions::default()).await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Queue {
    conn: Conn,
    id: QueueId,
    chunk: usize,
}

impl Queue {
    /// A queue over a connection that may write. Sends nothing.
    pub fn new(conn: Conn, id: QueueId) -> Self {
        Self { conn, id, chunk: add::CHUNK }
    }

    /// The same queue with so many jobs in each atomic step of [`Queue::add_bulk`], 1 to 1,000.
    #[must_use]
    pub fn with_chunk(self, jobs: usize) -> Self {
        Self { chunk: jobs.clamp(1, MOST), ..self }
    }

    /// Which queue.
    pub fn id(&self) -> &QueueId {
        &self.id
    }

    /// Its connection.
    pub(super) fn conn(&self) -> &Conn {
        &self.conn
    }

    /// Adds one job. With an id of one's own that exists already, or a deduplication id that is taken,
    /// nothing is added: the answer tells, and names the job that stands.
    ///
    /// Data that is nothing (`()`) is stored as `null`; BullMQ stores `{}` for `undefined`.
    pub async fn add(
        &self,
        name: impl Into<String>,
        data: &impl Serialize,
        options: JobOptions,
    ) -> Result<Added, AddError> {
        let row = self.row(name.into(), data, options)?;
        match add::add_rows(&self.conn, vec![row]).await?.pop() {
            Some(outcome) => outcome,
            None => Err(AddError::Reply),
        }
    }

    /// Adds jobs in order, at most 100 ([`Queue::with_chunk`]) and about 4 MB in one atomic step; each gets its own
    /// result.
    ///
    /// When the link breaks midway the jobs of that step have an error that
    /// [is unknown](AddError::is_unknown) if they had been sent, and those behind it
    /// [`AddError::NotSent`]. Nothing is sent twice.
    ///
    /// # Errors
    /// Of the first job whose options, data or size are refused; then nothing was sent.
    pub async fn add_bulk<D: Serialize>(
        &self,
        jobs: impl IntoIterator<Item = (String, D, JobOptions)>,
    ) -> Result<Vec<Result<Added, AddError>>, AddError> {
        let mut rows = Vec::new();
        for (name, data, options) in jobs {
            rows.push(self.row(name, &data, options)?);
        }
        let wanted = rows.len();
        let mut results = Vec::with_capacity(wanted);
        let mut rows = rows.into_iter().peekable();
        while results.len() < wanted {
            let mut chunk: Vec<Row> = Vec::new();
            let mut bytes = 0;
            // At least one, however large it is.
            while let Some(row) = rows.next_if(|row| {
                chunk.is_empty() || (chunk.len() < self.chunk && bytes + row.data.len() <= CHUNK_BYTES)
            }) {
                bytes += row.data.len();
                chunk.push(row);
            }
            let size = chunk.len();
            match add::add_rows(&self.conn, chunk).await {
                Ok(outcomes) => results.extend(outcomes),
                Err(error) => {
                    results.extend((0..size).map(|_| Err(error.clone())));
                    results.resize_with(wanted, || Err(AddError::NotSent));
                }
            }
        }
        Ok(results)
    }

    fn row(&self, name: String, data: &impl Serialize, options: JobOptions) -> Result<Row, AddError> {
        let data = serde_json::to_vec(data).map_err(|error| AddError::Data(error.to_string()))?;
        let id = add::validate(&options)?;
        add::check_size(name.as_bytes(), &data, &options)?;
        Ok(Row {
            queue: self.id.clone(),
            id,
            name: name.into_bytes(),
            parent: options.parent.clone().map(|parent| (parent.queue, parent.id)),
            data,
            options,
            is_parent: false,
        })
    }
}
