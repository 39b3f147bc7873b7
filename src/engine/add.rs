//! Adding jobs: one call for one job or several (spec, section 4). One script knows every kind; a lone job
//! without anything rare has a short one of its own.

mod added;
mod backoff;
mod dedup;
mod error;
mod keep;
mod options;
mod parse;
mod row;
mod stored;
mod validate;

pub use added::{Added, Outcome};
pub use backoff::Backoff;
pub use dedup::Deduplication;
pub use error::{AddError, OptionError};
pub use keep::Keep;
pub use options::{FailurePolicy, JobOptions, Telemetry};
pub(super) use row::JobRow;
pub(super) use validate::{check_size, validate};

use super::script::script;
use crate::conn::{Conn, Value, items};
use crate::wire::{JobId, QueueId};

/// What `meta.library` says of queues we add to. Never `meta.version`: that names the release of
/// BullMQ whose habits the queue's other clients have.
pub(super) const LIBRARY: &str = concat!("toril:", env!("CARGO_PKG_VERSION"));

/// Jobs in one call of the script: it blocks the server for about 10 µs a job.
pub(super) const CHUNK: usize = 100;

/// A job ready to be sent: one row of the arguments of `add.lua`.
pub(super) struct Row {
    pub queue: QueueId,
    pub id: Option<JobId>,
    pub name: Vec<u8>,
    pub data: Vec<u8>,
    pub options: JobOptions,
    /// It waits for children.
    pub is_parent: bool,
    /// The parent it belongs to.
    pub parent: Option<(QueueId, JobId)>,
}

impl Row {
    /// Whether it has neither a parent nor a deduplication id.
    const fn is_plain(&self) -> bool {
        self.parent.is_none() && self.options.deduplication.is_none()
    }

    /// Appends the row to the arguments of a script.
    pub fn push(self, args: &mut Vec<Vec<u8>>) -> Result<(), AddError> {
        let parent = self.parent.as_ref().map(|(queue, id)| (queue, id));
        let opts = self.options.to_json(parent)?;
        let parent = match parent {
            Some((queue, id)) => Some((queue.job(id), self.options.parent_json(queue, id)?)),
            None => None,
        };
        let row = JobRow {
            name: self.name,
            data: self.data,
            opts,
            id: self.id.map(|id| id.as_bytes().to_vec()),
            timestamp: self.options.timestamp,
            delay: self.options.delay_ms(),
            priority: self.options.stored_priority(),
            lifo: self.options.lifo,
            waits: self.is_parent,
            parent,
            scheduler: None,
            deduplication: self.options.deduplication,
        };
        row.push(args);
        Ok(())
    }
}

/// Adds the rows in order as one atomic step. Each gets its own outcome.
pub(super) async fn add_rows(conn: &Conn, rows: Vec<Row>) -> Result<Vec<Result<Added, AddError>>, AddError> {
    let keys: Vec<Vec<u8>> = rows.iter().map(|row| row.queue.key("meta")).collect();
    let plain = rows.iter().all(Row::is_plain);
    let lone = plain && matches!(&rows[..], [row] if !row.is_parent);
    let mut args = vec![LIBRARY.as_bytes().to_vec(), Vec::new()];
    for row in rows {
        row.push(&mut args)?;
    }
    if lone {
        // Nil: it has written nothing, because the queue or the job is not as usual.
        let reply = conn.eval(script!("alone", "add_one"), &keys, &args).await?;
        if reply != Value::Nil {
            return Ok(vec![Added::read(&reply)]);
        }
    }
    // Each run of a script makes its functions anew: what no row needs is left out.
    let script = if plain {
        script!("client", "add", ["undecided", "event", "push", "delay", "store"])
    } else {
        script!(
            "client",
            "add",
            [
                "undecided",
                "event",
                "push",
                "delay",
                "store",
                "job",
                "aside",
                "claim",
                "flow",
                "parent",
                "attach"
            ]
        )
    };
    let reply = conn.eval(script, &keys, &args).await?;
    let outcomes: Vec<_> = items(&reply).iter().map(Added::read).collect();
    if outcomes.len() == keys.len() { Ok(outcomes) } else { Err(AddError::Reply) }
}
