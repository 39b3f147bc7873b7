//! The Log screen: the journal, and what was sent.

use super::{empty, heading};
use crate::app::effect::Logged;
use crate::app::panel::Context;
use crate::app::panes::Rect;
use crate::app::screen::log::{Log, Record, Tab, words};
use crate::conn::{Sent, What};
use crate::text::{Clean, figure, wrap};
use crate::view::pen::Pen;
use crate::view::theme::Role;
use crate::view::widget::bar;

/// Draws the screen.
pub fn draw(pen: &mut Pen<'_>, log: &Log, cx: &Context<'_>) {
    let body = cx.body;
    if body.height < 4 {
        return;
    }
    head(pen, log, body);
    match log.tab {
        Tab::Journal => journal(pen, log, cx),
        Tab::Sent => sent(pen, log, cx),
    }
}

fn head(pen: &mut Pen<'_>, log: &Log, body: Rect) {
    let filter = match log.filter.as_str() {
        "" => "newest first".to_owned(),
        filter => format!("/ {}", Clean::line(filter).cut(24)),
    };
    heading(pen, body, &[Clean::line("Log")], &Clean::line(filter));
    let mut x = body.x + 1;
    for (tab, name) in [(Tab::Journal, "what was done"), (Tab::Sent, "what was sent")] {
        let role = if tab == log.tab { Role::Selected } else { Role::Dim };
        x = pen.put(x, body.y + 1, body.width.saturating_sub(x), &Clean::line(format!(" {name} ")), role) + 2;
    }
}

/// A calm text where there are no rows.
fn nothing(pen: &mut Pen<'_>, list: Rect, lines: &[Clean]) {
    let width = usize::from(list.width.saturating_sub(2)).max(1);
    let rows: Vec<Clean> = lines.iter().flat_map(|line| wrap(line, width)).collect();
    empty(pen, list, &rows);
}

/// Columns of the journal: name, width (the gap included), aligned to the right.
type Column = (&'static str, u16, bool);
const NARROW: [Column; 3] = [("act", 14, false), ("queue", 11, false), ("  end", 12, false)];
const MEDIUM: [Column; 7] = [
    ("age", 6, false),
    ("who", 10, false),
    ("act", 17, false),
    ("queue", 16, false),
    ("done", 9, true),
    ("  end", 13, false),
    ("undo", 5, false),
];
const WIDE: [Column; 9] = [
    ("when", 21, false),
    ("who", 14, false),
    ("server", 22, false),
    ("act", 18, false),
    ("queue", 20, false),
    ("jobs", 11, true),
    ("done", 11, true),
    ("  end", 15, false),
    ("undo", 6, false),
];
const COMFORTABLE: [Column; 8] = [
    ("when", 21, false),
    ("who", 12, false),
    ("act", 18, false),
    ("queue", 18, false),
    ("jobs", 10, true),
    ("done", 10, true),
    ("  end", 14, false),
    ("undo", 5, false),
];

fn columns(width: u16) -> &'static [Column] {
    match width {
        140.. => &WIDE,
        112.. => &COMFORTABLE,
        79.. => &MEDIUM,
        _ => &NARROW,
    }
}

fn journal(pen: &mut Pen<'_>, log: &Log, cx: &Context<'_>) {
    let list = Log::list(cx.body);
    let acts = log.shown();
    let lines = match &log.journal {
        None => vec![Clean::line("reading the journal ...")],
        Some(Err(why)) => vec![why.clone()],
        Some(Ok(journal)) if journal.acts.is_empty() => vec![
            Clean::line("nothing was done yet"),
            Clean::line("every act is written down here before it begins, and can be looked at and undone"),
        ],
        Some(Ok(_)) if acts.is_empty() => vec![Clean::line("no act passes the filter")],
        Some(Ok(_)) => Vec::new(),
    };
    if !lines.is_empty() {
        nothing(pen, list, &lines);
        return;
    }
    let columns = columns(cx.body.width);
    cells(pen, list.y.saturating_sub(1), list, columns, |name| (Clean::line(name.trim()), Role::Dim), None);
    let top = log.acts.top;
    for (index, y) in (top..).zip(list.y..list.y + list.height) {
        let Some(kept) = usize::try_from(index).ok().and_then(|at| acts.get(at)) else { break };
        let selected = index == log.acts.index;
        cells(pen, y, list, columns, |name| cell(kept, name.trim(), cx), Some(selected));
    }
    bar::scroll(pen, list, top, acts.len() as u64);
    if let Some(Ok(journal)) = &log.journal
        && let Some(line) = journal.broken.first()
    {
        let text =
            format!("▲ line {line} of the journal was changed, cut, or does not follow the one before it");
        let foot = list.foot(1);
        pen.clear(foot);
        pen.put(foot.x + 1, foot.y, foot.width.saturating_sub(2), &Clean::line(text), Role::Danger);
    }
}

/// Draws the cells of a row; `selected` is `None` for the names of the columns.
fn cells(
    pen: &mut Pen<'_>,
    y: u16,
    list: Rect,
    columns: &[Column],
    text: impl Fn(&'static str) -> (Clean, Role),
    selected: Option<bool>,
) {
    if selected == Some(true) {
        pen.tint(Rect { y, height: 1, ..list }, Role::Selected);
        pen.put(list.x, y, 1, &"▶", Role::Selected);
    }
    let end = list.x + list.width.saturating_sub(1);
    let mut x = list.x + 2;
    for (name, width, right) in columns {
        let (text, role) = text(name);
        let role = match selected {
            Some(true) => Role::Selected,
            _ if text.hidden() > 0 => Role::Hidden,
            _ => role,
        };
        let width = (*width).min(end.saturating_sub(x));
        if *right {
            pen.put_right(x + width, y, width, &text, role);
        } else {
            let indent = u16::try_from(name.len() - name.trim_start().len()).unwrap_or(0);
            pen.put(x + indent, y, width.saturating_sub(indent + 1), &text, role);
        }
        x += width;
    }
}

fn cell(kept: &Logged, name: &str, cx: &Context<'_>) -> (Clean, Role) {
    let intent = &kept.act.intent;
    let line = |text: &str| Clean::line(text);
    match name {
        "when" => (figure::date_time(kept.act.at), Role::Dim),
        "age" => (figure::age(cx.now - kept.act.at), Role::Dim),
        "who" => {
            let who = &intent.who;
            (line(who.sudo_user.as_deref().or(who.user.as_deref()).unwrap_or("–")), Role::Text)
        }
        "server" => (line(intent.place.label.as_deref().unwrap_or(&intent.place.endpoint)), Role::Text),
        "act" => (line(&format!("{} {}", kept.act.id, intent.action)), Role::Strong),
        "queue" => (line(&intent.queue), Role::Text),
        "jobs" => (intent.matched.map_or_else(|| line("–"), figure::count), Role::Text),
        "done" => (figure::count(kept.counts().done), Role::Text),
        "end" => match &kept.act.end {
            Some((_, outcome)) if outcome.ended == "finished" => (line("finished"), Role::Dim),
            Some((_, outcome)) => (line(&outcome.ended), Role::Warn),
            None if kept.runs => (line("runs"), Role::Accent),
            None => (line("▲ no end"), Role::Danger),
        },
        _ => (line(if kept.bytes.is_some() { "yes" } else { "–" }), Role::Dim),
    }
}

fn sent(pen: &mut Pen<'_>, log: &Log, cx: &Context<'_>) {
    let list = Log::list(cx.body);
    let entries = log.entries();
    if entries.is_empty() {
        let text = if log.kept() > 0 { "nothing passes the filter" } else { "nothing was sent yet" };
        nothing(pen, list, &[Clean::line(text)]);
        return;
    }
    let places = Places::new(list);
    let y = list.y.saturating_sub(1);
    for (x, name) in [(places.time, "time"), (places.does, "does"), (places.text, "command, its first key")] {
        pen.put(x, y, places.end.saturating_sub(x + places.took), &name, Role::Dim);
    }
    pen.put_right(places.end, y, places.took, &"took", Role::Dim);
    let top = log.entries.top;
    for (index, y) in (top..).zip(list.y..list.y + list.height) {
        let Some(entry) = usize::try_from(index).ok().and_then(|at| entries.get(at)) else { break };
        let selected = index == log.entries.index;
        if selected {
            pen.tint(Rect { y, height: 1, ..list }, Role::Selected);
            pen.put(list.x, y, 1, &"▶", Role::Selected);
        }
        entry_row(pen, entry, &places, y, selected);
    }
    bar::scroll(pen, list, top, entries.len() as u64);
}

/// Where the columns of what was sent stand.
struct Places {
    time: u16,
    /// Cells of the time.
    second: u16,
    does: u16,
    text: u16,
    end: u16,
    /// Cells of how long it took; 0 where there is no room.
    took: u16,
}

impl Places {
    fn new(list: Rect) -> Self {
        let (time, end) = (list.x + 2, list.x + list.width.saturating_sub(2));
        let (second, took) = if list.width < 60 { (9, 0) } else { (13, 9) };
        Self { time, second, does: time + second, text: time + second + 6, end, took }
    }
}

fn entry_row(pen: &mut Pen<'_>, entry: &Sent, places: &Places, y: u16, selected: bool) {
    let pick = |role| if selected { Role::Selected } else { role };
    let at = Clean::line(format!("{}.{:03}", figure::time_of_day(entry.at), entry.at.rem_euclid(1000)));
    let at = if places.second < 13 { figure::time_of_day(entry.at) } else { at };
    pen.put(places.time, y, places.second.saturating_sub(1), &at, pick(Role::Dim));
    let (does, role) = match &entry.what {
        What::Act(_) => ("act", Role::Accent),
        What::Commands { failed: true, .. } => ("error", Role::Danger),
        What::Commands { .. } if entry.writes() => ("write", Role::Warn),
        What::Commands { .. } => ("read", Role::Dim),
    };
    pen.put(places.does, y, 5, &does, pick(role));
    let text = words(entry);
    let role = match &entry.what {
        _ if text.hidden() > 0 => Role::Hidden,
        What::Act(_) => Role::Accent,
        What::Commands { .. } if entry.writes() => Role::Strong,
        What::Commands { .. } => Role::Text,
    };
    let room = places.end.saturating_sub(places.text);
    let What::Commands { took, .. } = &entry.what else {
        pen.put(places.text, y, room, &text, pick(role));
        return;
    };
    pen.put(places.text, y, room.saturating_sub(places.took), &text, pick(role));
    let us = took.as_micros();
    let time = if us < 10_000 { format!("{:.1}ms", us as f64 / 1000.0) } else { format!("{}ms", us / 1000) };
    let role = if us >= 10_000 { Role::Warn } else { Role::Dim };
    pen.put_right(places.end, y, places.took, &Clean::line(time), pick(role));
}

/// Draws one act, whole.
pub fn draw_record(pen: &mut Pen<'_>, record: &Record, cx: &Context<'_>) {
    let path = [Clean::line("Log"), Clean::line(record.kept.act.id.to_string())];
    heading(pen, cx.body, &path, &Clean::line("y copies the command · z undoes"));
    let area = cx.body.below(2);
    let rows = record.rows(cx.body.width);
    let unfinished = record.kept.act.end.is_none() && !record.kept.runs;
    for ((name, text), y) in rows.iter().skip(usize::from(record.top)).zip(area.y..area.y + area.height) {
        let role = match *name {
            _ if text.hidden() > 0 => Role::Hidden,
            "same as" => Role::Accent,
            "ended" if unfinished => Role::Danger,
            "act" => Role::Strong,
            _ => Role::Text,
        };
        pen.put(area.x + 1, y, 11, name, Role::Dim);
        pen.put(area.x + 13, y, area.width.saturating_sub(15), text, role);
    }
    bar::scroll(pen, area, u64::from(record.top), rows.len() as u64);
}
