//! The Queues screen.

mod columns;

use super::{empty, heading, no_queue, rows_of, unanswered};
use crate::app::panel::Context;
use crate::app::panes::Rect;
use crate::app::screen::queues::{Queues, Shown};
use crate::insight::fault::{Fault, health};
use crate::monitor::QueueRow;
use crate::text::{Clean, figure};
use crate::view::pen::Pen;
use crate::view::theme::Role;
use crate::view::widget::bar;
use columns::Column;

/// What most failures of a queue are, where that is known.
type Chief<'a> = &'a dyn Fn(&QueueRow) -> Option<Clean>;

/// Draws the screen.
pub fn draw(pen: &mut Pen<'_>, queues: &Queues, chief: Chief<'_>, cx: &Context<'_>) {
    let body = cx.body;
    if body.height < 3 {
        return;
    }
    heading(pen, body, &[title(queues, cx)], &settings(queues));
    let columns = columns::fitting(body.width);
    let list = Queues::list(body);
    names(pen, list, &columns);
    if queues.rows.all().is_empty() {
        empty(pen, list, &nothing(queues, cx));
    }
    for (y, (shown, selected)) in (list.y..).zip(queues.rows.visible(list.height)) {
        row(pen, shown, selected, Rect { y, height: 1, ..list }, &columns, cx);
    }
    bar::scroll(pen, list, queues.rows.top(), queues.rows.all().len() as u64);
    foot(pen, queues, chief, cx, &columns);
}

fn title(queues: &Queues, cx: &Context<'_>) -> Clean {
    let mut parts = vec![format!("Queues {}", figure::count(cx.snapshot.queues.len() as u64))];
    let discovery = &cx.snapshot.discovery;
    if !discovery.complete && discovery.scanned > 0 {
        let share = discovery.scanned as f64 * 100.0 / discovery.keys.max(1) as f64;
        parts.push(format!("looking for more: {:.0}% of the keys", share.min(99.0)));
    }
    match queues.faulty {
        0 => {}
        1 => parts.push("▲ 1 fault".to_owned()),
        n => parts.push(format!("▲ {n} faults")),
    }
    Clean::line(parts.join("  ·  "))
}

fn settings(queues: &Queues) -> Clean {
    let mut parts = Vec::new();
    if queues.only_faults {
        parts.push("only faults".to_owned());
    }
    parts.push(format!("sort: {} {}", queues.sort.name(), if queues.reversed { "▲" } else { "▾" }));
    if queues.filter.is_empty() {
        parts.push("/ none".to_owned());
    } else {
        parts.push(format!("/ {}", Clean::line(&queues.filter)));
    }
    Clean::line(parts.join("   "))
}

/// Why the list is empty, in the states that decisions 9 names.
fn nothing(queues: &Queues, cx: &Context<'_>) -> Vec<Clean> {
    if !cx.snapshot.queues.is_empty() {
        let what = if queues.only_faults { "no queue has a fault" } else { "no queue matches the filter" };
        return vec![Clean::line(what)];
    }
    unanswered(cx).unwrap_or_else(|| no_queue(cx))
}

fn names(pen: &mut Pen<'_>, list: Rect, columns: &[(Column, u16, u16)]) {
    let y = list.y.saturating_sub(1);
    for (column, x, width) in columns {
        let role = Role::Dim;
        if column.left() {
            pen.put(list.x + x, y, *width, &column.title(), role);
        } else {
            pen.put_right(list.x + x + width, y, *width, &column.title(), role);
        }
    }
}

fn row(
    pen: &mut Pen<'_>,
    shown: &Shown,
    selected: bool,
    area: Rect,
    columns: &[(Column, u16, u16)],
    cx: &Context<'_>,
) {
    if selected {
        pen.tint(area, Role::Selected);
        pen.put(area.x, area.y, 1, &"▶", Role::Selected);
    }
    if let Some(fault) = shown.faults.first() {
        let role = if selected { Role::Selected } else { severity(*fault) };
        pen.put(area.x + 2, area.y, 1, &"▲", role);
    }
    for (column, x, width) in columns {
        column.draw(pen, shown, area.x + x, area.y, *width, selected, cx);
    }
}

fn severity(fault: Fault) -> Role {
    match fault {
        Fault::Unreadable | Fault::Split | Fault::NoWorker | Fault::Stuck => Role::Danger,
        _ => Role::Warn,
    }
}

/// Totals, and the sentences: of the selected queue first, then of the worst.
fn foot(
    pen: &mut Pen<'_>,
    queues: &Queues,
    chief: Chief<'_>,
    cx: &Context<'_>,
    columns: &[(Column, u16, u16)],
) {
    let height = Queues::foot(cx.body);
    if height == 0 {
        return;
    }
    let area = cx.body.foot(height);
    let label = Clean::line(format!("Σ {}", figure::count(queues.rows.all().len() as u64)));
    pen.put(area.x + 4, area.y, 20, &label, Role::Dim);
    for (column, x, width) in columns {
        if let Some(total) =
            column.total(queues.rows.all().iter().map(|shown| &*shown.row), usize::from(*width))
        {
            pen.put_right(area.x + x + width, area.y, *width, &total, Role::Dim);
        }
    }
    let Some(selected) = queues.rows.selected() else { return };
    let others = queues.rows.all().iter().filter(|shown| shown.row.id != selected.row.id);
    let told: Vec<&Shown> =
        std::iter::once(selected).chain(others.filter(|shown| !shown.faults.is_empty())).collect();
    let (mut y, end) = (area.y + 2, area.y + height);
    let told = &told[..told.len().min(usize::from(end - y))];
    // The sentences begin in one column.
    let name = told.iter().map(|shown| shown.row.name.cut(24).width()).max().unwrap_or(0);
    let x = area.x + 4 + u16::try_from(name).unwrap_or(24);
    let cells = area.width.saturating_sub(x + 1);
    for (at, shown) in told.iter().enumerate() {
        if y >= end {
            return;
        }
        let fault = shown.faults.first().copied();
        let (mark, role, text) = match fault {
            Some(fault) => ("▲", severity(fault), fault.sentence(&shown.row, cx.judged_at())),
            None => ("·", Role::Dim, health(&shown.row)),
        };
        pen.put(area.x + 1, y, 1, &mark, role);
        pen.put(area.x + 3, y, 24, &shown.row.name.cut(24), Role::Strong);
        // The selected one is told whole, the others in a row each.
        let spare = if at == 0 { usize::from(end - y) } else { 1 };
        // A part of this sentence would say nothing: it is told where there is room for it.
        let both = chief(&shown.row).map(|chief| Clean::line(format!("{text} · {chief}")));
        let both = both.filter(|both| rows_of(both, cells, spare + 1).len() <= spare);
        for line in rows_of(both.as_ref().unwrap_or(&text), cells, spare) {
            pen.put(x, y, cells, &line, Role::Text);
            y += 1;
        }
    }
}
