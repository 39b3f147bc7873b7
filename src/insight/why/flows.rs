//! Parents that wait for children that failed, or are gone (spec 3.7).

use super::case::Case;
use super::cause::{Cause, Deed, Held, Weight};
use crate::monitor::why::{Child, ChildState, Parent};
use crate::text::figure;

/// Parents that nobody will release.
pub(super) fn parents(case: &Case<'_>) -> Option<Cause> {
    let before = case.before?;
    let mut stuck = Vec::new();
    let (mut failed, mut lost, mut alone) = (0, 0, 0);
    for parent in &case.now.samples.parents {
        let Some(was) = before.samples.parents.iter().find(|other| other.id == parent.id) else { continue };
        let blocks: Vec<&Child> = parent.children.iter().filter(|child| blocks(child, was)).collect();
        let nothing = parent.pending == 0 && was.pending == 0;
        if blocks.is_empty() && !nothing {
            continue;
        }
        alone += u64::from(nothing);
        for child in &blocks {
            match child.state {
                ChildState::Failed => failed += 1,
                _ => lost += 1,
            }
        }
        stuck.push((parent, blocks));
    }
    let (parent, blocks) = stuck.first()?;
    let many = figure::count(stuck.len() as u64);
    let (a, of) =
        if stuck.len() == 1 { ("a parent".to_owned(), "its") } else { (format!("{many} parents"), "their") };
    let waits = if stuck.len() == 1 { "waits" } else { "wait" };
    let title = match (failed, lost) {
        (0, 0) => format!("{a} {waits} for children, and none is left to wait for"),
        (_, 0) => format!("{a} {waits} for {of} failed children"),
        (0, _) => format!("{a} {waits} for children that are gone"),
        (_, _) => format!("{a} {waits} for children that failed or are gone"),
    };
    let advice = match (failed, lost) {
        (0, _) => "the doctor releases a parent that nothing will release",
        (_, _) => "retry the failed children, or remove them: their parent runs then",
    };
    let jobs = stuck.iter().flat_map(|(parent, blocks)| {
        let parent_ = Held::noted(&case.now.queue, &parent.id, "the parent");
        std::iter::once(parent_).chain(blocks.iter().map(|child| held(child)))
    });
    let cause = Cause::new("stuck-parents", Weight::Holds, title, advice)
        .count("waitingChildren", "parents that wait", case.now.overview.waiting_children)
        .count("looked", "of them looked at", case.now.samples.parents.len() as u64)
        .count("stuck", "nothing will release", stuck.len() as u64)
        .count("failedChildren", "failed children", failed)
        .count("lostChildren", "children that are gone", lost)
        .count("withoutChildren", "without pending children", alone)
        .jobs(jobs);
    let child = blocks.iter().find(|child| child.state == ChildState::Failed);
    let Some(child) = child else {
        let open = Deed::Open(case.now.queue.clone(), parent.id.clone());
        return Some(cause.command("toril doctor QUEUE").deed(open));
    };
    let open = Deed::Open(child.queue.clone(), child.id.clone());
    let words = [child.queue.name.as_bytes(), child.id.as_bytes()].map(crate::text::shell_word);
    Some(match words {
        [Some(queue), Some(id)] => cause.command(format!("toril retry {queue} {id}")).deed(open),
        _ => cause.deed(open),
    })
}

/// Whether a child keeps its parent for ever: in both looks it is finished, or gone, and pending.
fn blocks(child: &Child, parent: &Parent) -> bool {
    let over = |child: &Child| child.state != ChildState::Alive;
    let was = parent.children.iter().find(|other| other.id == child.id && other.queue == child.queue);
    over(child) && was.is_some_and(over)
}

fn held(child: &Child) -> Held {
    let note = match child.state {
        ChildState::Failed if child.reason.is_empty() => "failed".to_owned(),
        ChildState::Failed => format!("failed: {}", child.reason),
        ChildState::Completed => "completed, and its parent was not told".to_owned(),
        ChildState::Gone => "does not exist any more".to_owned(),
        ChildState::Alive => String::new(),
    };
    Held::noted(&child.queue, &child.id, note)
}
