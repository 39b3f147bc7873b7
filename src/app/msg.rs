//! What enters `update`.

use std::sync::Arc;

use super::draft::Edited;
use super::effect::{Answer, FetchId, RunId};
use super::key::Key;
use super::link::LinkView;
use crate::monitor::{FeedEvent, Snapshot};
use crate::operate::{Progress, Report};
use crate::text::Clean;

/// Anything that enters `update`.
#[derive(Debug)]
pub enum Msg {
    /// A key press.
    Key(Key),
    /// Pasted text, raw.
    Paste(String),
    /// The wheel: rows down (negative: up).
    Scroll(i32),
    /// A click at a cell (column, row); twice in short order: true.
    Click(u16, u16, bool),
    /// The terminal has this size now (columns, rows).
    Resize(u16, u16),
    /// A newer picture of the queues.
    Snapshot(Arc<Snapshot>),
    /// The link's health changed.
    Link(LinkView),
    /// Events for the feed.
    Feed(Vec<FeedEvent>),
    /// What was fetched; dropped when nobody asks for this id any more.
    Fetched(FetchId, Result<Answer, Clean>),
    /// An editor ended, or did not start.
    Edited(FetchId, Result<Edited, Clean>),
    /// How far a run is.
    Progress(RunId, Progress),
    /// A run ended.
    Done(RunId, Result<Report, Clean>),
    /// Something to tell that concerns no request (`sent to the terminal`).
    Note(Clean),
    /// Time passed and something on screen depends on it.
    Tick,
}
