//! Causes of failures that were read.

use std::collections::HashMap;
use std::sync::Arc;

use super::cause::{Cause, GroupId, cause};
use super::groups::Failure;
use crate::engine::read::failures::{Failed, Field};
use crate::text::Mask;
use crate::wire::JobId;

/// Causes that are remembered, so that the jobs of one share it.
const KNOWN: usize = 4096;

/// Works out causes; equal ones share one allocation.
#[derive(Debug, Default)]
pub struct Causes {
    mask: Mask,
    known: HashMap<GroupId, Arc<Cause>>,
}

impl Causes {
    /// With messages masked so.
    pub fn new(mask: Mask) -> Self {
        Self { mask, known: HashMap::new() }
    }

    /// The cause of a failure.
    pub fn of(&mut self, reason: Field<'_>, stack: Field<'_>) -> Arc<Cause> {
        let mut cause = cause(reason, stack);
        if let Some(known) = self.known.get(&cause.id) {
            return known.clone();
        }
        cause.message = self.mask.clean(&cause.message);
        if self.known.len() >= KNOWN {
            self.known.clear();
        }
        let cause = Arc::new(cause);
        self.known.insert(cause.id, cause.clone());
        cause
    }

    /// A failure with its cause.
    pub fn failure(&mut self, failed: Failed<'_>) -> Failure {
        let cause = self.of(failed.reason, failed.stack);
        Failure { queue: failed.queue.clone(), job: JobId::new(failed.id), at: failed.at, cause }
    }
}
