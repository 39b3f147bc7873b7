//! What makes a dialog ask again, or close by itself: it is about what was there when it opened.

use super::super::Modal;
use super::Confirm;
use crate::app::App;
use crate::app::effect::{Effect, Query, Slot};
use crate::app::toast::Toast;
use crate::monitor::Snapshot;
use crate::operate::Preview;
use crate::text::Clean;
use tui_input::Input;

/// What the snapshot said when the dialog was last sure of itself.
#[derive(Debug, Default)]
pub struct Base {
    /// Jobs of the states that the act covers.
    jobs: Option<u64>,
    /// The server process, and whether it is a master.
    server: Option<(Clean, Clean)>,
}

/// So few jobs more or less are no reason to ask again.
const FEW: u64 = 10;

fn moved(before: u64, now: u64) -> bool {
    let by = before.abs_diff(now);
    by > before / 10 && by > FEW
}

impl Confirm {
    /// The jobs were counted again because others moved them: what was asked about something else
    /// is asked again.
    pub(super) fn counted_again(&mut self, preview: &Preview, now: i64) {
        if !moved(self.count, preview.matched) {
            return;
        }
        self.moved_from = Some(self.count);
        self.counted(preview, now);
        self.input = Input::default();
        self.opened_at = now;
    }
}

/// A snapshot came: looks whether the dialog is still about what it says.
pub(in crate::app) fn look(app: &mut App, now: i64) -> Vec<Effect> {
    let App { modal, snapshot, ids, .. } = app;
    let Some(Modal::Confirm(confirm)) = modal else { return Vec::new() };
    let server = snapshot.redis.as_ref().map(|redis| (redis.run_id.clone(), redis.role.clone()));
    match (&confirm.watch.server, server) {
        (None, Some(server)) => confirm.watch.server = Some(server),
        (Some(before), Some(server)) if *before != server => {
            return close(app, "another server answers now (it was restarted, or failed over)", now);
        }
        _ => {}
    }
    let Some(jobs) = jobs(confirm, snapshot) else { return Vec::new() };
    let Some(before) = confirm.watch.jobs.replace(jobs) else { return Vec::new() };
    if !moved(before, jobs) {
        // Slow drift adds up.
        confirm.watch.jobs = Some(before);
        return Vec::new();
    }
    if confirm.recount.is_some() || !matches!(confirm.preview, Some(Ok(_))) {
        return Vec::new();
    }
    let id = ids.next();
    confirm.recount = Some(id);
    vec![Effect::Fetch(Slot::Preview, id, Query::Preview(confirm.act.clone()))]
}

/// How many jobs the act covers by the snapshot; `None` where it is not about whole states.
fn jobs(confirm: &Confirm, snapshot: &Snapshot) -> Option<u64> {
    let states = confirm.act.states();
    let row = snapshot.queues.iter().find(|row| row.id == *confirm.act.queue())?;
    (!states.is_empty()).then(|| states.into_iter().map(|state| row.counts.of(state)).sum())
}

/// The link was lost: whoever answers next may be somebody else.
pub(in crate::app) fn link_lost(app: &mut App, now: i64) -> Vec<Effect> {
    close(app, "the connection was lost", now)
}

fn close(app: &mut App, why: &str, now: i64) -> Vec<Effect> {
    let Some(Modal::Confirm(confirm)) = app.modal.take_if(|modal| matches!(modal, Modal::Confirm(_))) else {
        return Vec::new();
    };
    let (word, queue) = (confirm.act.word(), confirm.name());
    app.toasts.push(Toast::bad(format!("{word} {queue}: nothing was done, because {why}")).shown_at(now));
    vec![Effect::Cancel(Slot::Preview)]
}
