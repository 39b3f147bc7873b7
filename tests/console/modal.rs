//! Dialogs, the palette and the help: state, keys, state.

mod bulk;
mod confirm;
mod form;
mod look;
mod others;
mod told;
mod whole;

use toril::app::Msg;
use toril::app::effect::{Act, Answer, Effect, Query, Slot};
use toril::app::modal::Modal;
use toril::app::modal::confirm::Confirm;
use toril::monitor::QueueRow;
use toril::operate::Preview;

use crate::support::{Console, queue, snapshot};

/// A queue with so many failed jobs.
fn failing(name: impl AsRef<[u8]>, failed: u64) -> QueueRow {
    let mut row = queue(name);
    row.counts.failed = failed;
    row
}

/// A dialog that asks y/N: whether the only queue shall be paused. It takes keys already.
fn pausing(row: QueueRow, columns: u16, rows: u16) -> Console {
    let mut console = Console::showing(snapshot(vec![row]), columns, rows);
    console.keys("p").wait(200);
    console
}

/// A dialog that asks for the queue's name: before all its failed jobs are retried.
fn retrying(row: QueueRow, columns: u16, rows: u16) -> Console {
    retrying_in(Console::showing(snapshot(vec![row]), columns, rows))
}

/// The same on the Queues screen of a console, for its first queue.
fn retrying_in(mut console: Console) -> Console {
    let states = ["waiting", "active", "delayed", "completed", "failed"];
    console.keys("Enter");
    for _ in states {
        console.keys("R");
        if matches!(confirm(&console), Some(confirm) if confirm.act.word() == "retry") {
            if confirm(&console).is_some_and(|confirm| retries_failed(&confirm.act)) {
                break;
            }
            console.wait(200).keys("Esc");
        }
        console.keys("Tab");
    }
    // Nothing is done before it was counted.
    let count = confirm(&console).map_or(0, |confirm| confirm.count);
    counted(&mut console, count);
    console.wait(200).asked();
    assert!(
        confirm(&console).is_some_and(|confirm| retries_failed(&confirm.act)),
        "{}",
        console.draw().text()
    );
    console
}

fn retries_failed(act: &Act) -> bool {
    use toril::operate::Bulk;
    use toril::wire::State;
    matches!(act, Act::Bulk { bulk: Bulk::Retry { from: State::Failed, .. }, .. })
}

/// Answers the newest question for a preview: so many jobs.
fn counted(console: &mut Console, matched: u64) {
    let asked = console.effects.iter().rev().find_map(|effect| match effect {
        Effect::Fetch(Slot::Preview, id, Query::Preview(_)) => Some(*id),
        _ => None,
    });
    let found = Preview { matched, sample: Vec::new(), effects: Vec::new(), bytes: Some(matched * 1024) };
    if let Some(id) = asked {
        console.send(Msg::Fetched(id, Ok(Answer::Preview(found))));
    }
}

/// The dialog that is open.
fn confirm(console: &Console) -> Option<&Confirm> {
    match &console.app.modal {
        Some(Modal::Confirm(confirm)) => Some(confirm),
        _ => None,
    }
}

/// What was asked to be done.
fn runs(console: &mut Console) -> Vec<Act> {
    let effects = console.asked().into_iter();
    effects.filter_map(|effect| if let Effect::Run(_, act, _) = effect { Some(act) } else { None }).collect()
}

/// The number under which a preview was asked for.
fn preview(console: &mut Console) -> u64 {
    let id = console.asked().into_iter().find_map(|effect| match effect {
        Effect::Fetch(Slot::Preview, id, Query::Preview(_)) => Some(id),
        _ => None,
    });
    id.expect("a dialog asks for its preview")
}
