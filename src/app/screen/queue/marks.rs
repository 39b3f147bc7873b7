//! Marked rows, by identity.

use std::collections::BTreeSet;

use crate::wire::JobId;

/// Marked jobs of a list.
#[derive(Clone, Debug, Default)]
pub struct Marks {
    ids: BTreeSet<JobId>,
    /// All jobs of the state are meant, those that were not read too.
    pub all: bool,
    /// Where the last mark was set: a range begins there.
    pub anchor: Option<u64>,
}

impl Marks {
    /// Whether a job is marked.
    pub fn has(&self, id: &JobId) -> bool {
        self.all || self.ids.contains(id)
    }

    /// The marked ids (without those that only [`Marks::all`] means).
    pub fn ids(&self) -> impl Iterator<Item = &JobId> {
        self.ids.iter()
    }

    /// How many ids are marked one by one.
    pub fn len(&self) -> u64 {
        self.ids.len() as u64
    }

    /// Whether nothing is marked one by one.
    pub fn is_empty(&self) -> bool {
        self.ids.is_empty()
    }

    /// Takes all marks away.
    pub fn clear(&mut self) {
        *self = Self::default();
    }

    pub(super) fn toggle(&mut self, id: JobId, at: u64) {
        self.all = false;
        if !self.ids.remove(&id) {
            self.ids.insert(id);
        }
        self.anchor = Some(at);
    }

    pub(super) fn add(&mut self, ids: Vec<JobId>, at: u64) {
        self.all = false;
        self.ids.extend(ids);
        self.anchor = Some(at);
    }

    pub(super) fn toggle_all(&mut self) {
        let all = !self.all;
        self.clear();
        self.all = all;
    }

    pub(super) fn toggle_these(&mut self, ids: Vec<JobId>) {
        let new: BTreeSet<JobId> = ids.into_iter().collect();
        let had = self.ids == new;
        self.clear();
        if !had {
            self.ids = new;
        }
    }
}
