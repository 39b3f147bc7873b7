//! A queue, from its producer's side.

use serde::Serialize;

use super::add::{self, AddError, Added, JobOptions, Row};
use crate::conn::Conn;
use crate::wire::QueueId;

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
}

impl Queue {
    /// A queue over a connection that may write. Sends nothing.
    pub fn new(conn: Conn, id: QueueId) -> Self {
        Self { conn, id }
    }

    /// Which queue.
    pub fn id(&self) -> &QueueId {
        &self.id
    }

    /// Its connection.
    pub(super) fn conn(&self) -> &Conn {
        &self.conn
    }

    /// Adds one job and returns its id. With an id of one's own that exists already nothing is
    /// added and that id is returned.
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

    /// Adds jobs in order, at most 100 in one atomic step. Every job is checked before the first
    /// is sent; each gets its own outcome.
    pub async fn add_bulk<D: Serialize>(
        &self,
        jobs: impl IntoIterator<Item = (String, D, JobOptions)>,
    ) -> Result<Vec<Result<Added, AddError>>, AddError> {
        let mut rows = Vec::new();
        for (name, data, options) in jobs {
            rows.push(self.row(name, &data, options)?);
        }
        let mut outcomes = Vec::with_capacity(rows.len());
        let mut rows = rows.into_iter();
        loop {
            let chunk: Vec<Row> = rows.by_ref().take(add::CHUNK).collect();
            if chunk.is_empty() {
                return Ok(outcomes);
            }
            outcomes.extend(add::add_rows(&self.conn, chunk).await?);
        }
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
