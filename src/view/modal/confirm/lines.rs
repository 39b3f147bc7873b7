//! What the dialog says before it asks: what is acted on, how many, with which side effects.

use crate::app::effect::{Act, Taken};
use crate::app::modal::confirm::{Confirm, choices};
use crate::engine::op::{JobOp, Target};
use crate::operate::{Bulk, BulkPlan, Preview, Selection, Severity, command};
use crate::text::{Clean, figure, shell_word, wrap};
use crate::view::theme::Role;
use crate::wire::{Fleet, Prefix};

/// A line of the dialog.
pub struct Line {
    /// What it is about; empty where the line above goes on.
    pub name: &'static str,
    /// What it says.
    pub text: Clean,
    /// How it looks.
    pub role: Role,
    /// What is left out first where there is no room: the highest.
    spare: u8,
}

/// Rows that one of the long texts may take.
const LONG: usize = 3;

/// The lines in `cells` cells and at most `rows` rows: what matters least goes first, and what was
/// cut off ends in `…`.
pub fn fitting(confirm: &Confirm, speed: f64, cells: u16, rows: usize) -> Vec<Line> {
    let mut lines = lines(confirm, speed, usize::from(cells).max(1));
    while lines.len() > rows {
        let Some(spare) = lines.iter().map(|line| line.spare).max() else { break };
        let Some(at) = lines.iter().rposition(|line| line.spare == spare) else { break };
        let gone = lines.remove(at);
        if let Some(before) = at.checked_sub(1).and_then(|at| lines.get_mut(at))
            && before.spare == spare
            && gone.name.is_empty()
        {
            let room = usize::from(cells).saturating_sub(1);
            before.text = Clean::line(format!("{}…", before.text.cut(room).as_str().trim_end_matches('…')));
        }
    }
    lines
}

struct Lines {
    cells: usize,
    lines: Vec<Line>,
}

impl Lines {
    /// Adds a text, broken to the width, in at most `most` rows.
    fn add(&mut self, name: &'static str, text: &Clean, role: Role, spare: u8, most: usize) {
        let rows = wrap(text, self.cells);
        let over = rows.len() > most;
        for (i, row) in rows.into_iter().take(most).enumerate() {
            let text = if over && i + 1 == most {
                Clean::line(format!("{}…", row.cut(self.cells.saturating_sub(1))))
            } else {
                row
            };
            self.lines.push(Line { name: if i == 0 { name } else { "" }, text, role, spare });
        }
    }
}

fn lines(confirm: &Confirm, speed: f64, cells: usize) -> Vec<Line> {
    let mut lines = Lines { cells, lines: Vec::new() };
    queue(&mut lines, confirm);
    if let Some(only) = confirm.act.only() {
        let text = Clean::line(format!("{}  {}", only.group, only.message));
        lines.add("error", &text, Role::Strong, 3, 2);
    }
    let of_queue = matches!(confirm.act, Act::Queue { .. });
    if of_queue {
        let count = figure::count(confirm.count);
        let jobs = if confirm.count == 1 { "job" } else { "jobs" };
        lines.add("holds", &Clean::line(format!("{count} {jobs} that wait or run")), Role::Text, 2, 1);
    }
    let looks = if of_queue || matches!(confirm.act, Act::Edit { .. } | Act::Repair { .. }) {
        "effects"
    } else {
        "counted"
    };
    if let Act::Edit { edits, .. } = &confirm.act
        && edits.len() > 1
    {
        for (i, edit) in edits.iter().enumerate() {
            lines.add(if i == 0 { "does" } else { "" }, &Clean::line(edit.sentence()), Role::Text, 1, 2);
        }
    }
    match &confirm.preview {
        None => lines.add(looks, &Clean::line("looking ..."), Role::Dim, 1, 1),
        Some(Err(why)) => lines.add(looks, why, Role::Danger, 1, LONG),
        Some(Ok(preview)) => previewed(&mut lines, confirm, preview),
    }
    if let Act::Undo(taken) = &confirm.act {
        undone(&mut lines, taken);
    }
    choices(&mut lines, confirm, speed);
    if let Some(fleet) = confirm.fleet().filter(|_| confirm.asks_fleet) {
        let name = match fleet {
            Fleet::V5 => "BullMQ 5",
            Fleet::V6 => "BullMQ 6",
            Fleet::Mixed => "both, or not known",
        };
        lines.add("clients", &Clean::line(format!("{name} (Tab changes it)")), Role::Accent, 1, 2);
        let why = match fleet {
            Fleet::V6 => "only the flag is set, as BullMQ 6 does: safe while no BullMQ 5 adds or resumes",
            _ => "waiting jobs are moved aside, as BullMQ 5 does: the smaller loss while both are in use",
        };
        lines.add("", &Clean::line(why), Role::Dim, 4, LONG);
    }
    if confirm.hasty {
        lines.add("", &Clean::line("nothing is done before it is counted"), Role::Warn, 0, 2);
    }
    if confirm.pasted {
        lines.add("", &Clean::line("pasted text does not count: type it"), Role::Warn, 0, 1);
    }
    match command(confirm) {
        Some(command) => lines.add("same as", &Clean::line(command), Role::Dim, 6, LONG),
        None => lines.add("same as", &Clean::line("no command line can hold its name"), Role::Dim, 6, 1),
    }
    lines.lines
}

/// Which queue; where its name is not what it looks like, how many characters it really has.
fn queue(lines: &mut Lines, confirm: &Confirm) {
    let id = confirm.act.queue();
    let name = id.clean();
    let role = if name.hidden() > 0 { Role::Hidden } else { Role::Text };
    lines.add("queue", &name, role, 0, LONG);
    if name.hidden() > 0 {
        let hidden = if name.hidden() == 1 { "one hidden character" } else { "hidden characters" };
        let count = figure::count(code_points(id.name.as_bytes()) as u64);
        let text = format!("its name has {count} characters, {hidden} among them, escaped here");
        lines.add("", &Clean::line(text), Role::Warn, 0, LONG);
    }
}

/// How many characters a name has: bytes that are no text count as one each.
fn code_points(name: &[u8]) -> usize {
    name.utf8_chunks().map(|chunk| chunk.valid().chars().count() + chunk.invalid().len()).sum()
}

fn previewed(lines: &mut Lines, confirm: &Confirm, preview: &Preview) {
    let of_edits = matches!(&confirm.act, Act::Undo(taken) if taken.jobs == 0 && !taken.edits.is_empty());
    if confirm.act.counts_jobs() && !of_edits {
        let jobs = if preview.matched == 1 { "job" } else { "jobs" };
        let at = confirm.counted_at.map(|at| format!(" at {}", figure::time_of_day(at))).unwrap_or_default();
        let text = Clean::line(format!("{} {jobs}{at}", figure::count(preview.matched)));
        let name = if matches!(confirm.act, Act::Undo(_)) { "kept" } else { "counted" };
        lines.add(name, &text, Role::Text, 1, 1);
        if let Some(before) = confirm.moved_from {
            let text = format!("{} when it was asked first: look again", figure::count(before));
            lines.add("", &Clean::line(text), Role::Warn, 0, 2);
        }
        let ids: Vec<Clean> = preview.sample.iter().take(5).map(|id| id.clean().cut(40)).collect();
        let role = if ids.iter().any(|id| id.hidden() > 0) { Role::Hidden } else { Role::Text };
        let ids: Vec<&str> = ids.iter().map(Clean::as_str).collect();
        lines.add("sample", &Clean::line(ids.join(" ")), role, 5, 2);
    }
    for (i, effect) in preview.effects.iter().enumerate() {
        lines.add(if i == 0 { "effects" } else { "" }, effect, Role::Warn, 1, LONG);
    }
}

/// What an undo is about.
fn undone(lines: &mut Lines, taken: &Taken) {
    let at = figure::date_time(taken.at);
    let text = format!("{} of {at} ({}), {}", taken.id, taken.word, figure::bytes(taken.bytes));
    lines.add("undoes", &Clean::line(text), Role::Text, 1, 2);
    if taken.keys > 0 {
        let keys = if taken.keys == 1 { "key" } else { "keys" };
        let text = format!("{} {keys} of the queue itself come back, where they are gone", taken.keys);
        lines.add("effects", &Clean::line(text), Role::Text, 2, 2);
    }
    let text = "what is there by now is never overwritten";
    lines.add(if taken.keys > 0 { "" } else { "effects" }, &Clean::line(text), Role::Dim, 3, 2);
}

/// What can still be chosen, what is saved, and how long it takes.
fn choices(lines: &mut Lines, confirm: &Confirm, speed: f64) {
    let Act::Bulk { bulk, .. } = &confirm.act else { return };
    let choices = &confirm.choices;
    let (name, text) = match bulk {
        Bulk::Drain { delayed: false } => ("delayed", "stay (Tab: they go, too)".to_owned()),
        Bulk::Drain { delayed: true } => ("delayed", "go, too (Tab: they stay)".to_owned()),
        Bulk::Obliterate { force: false } => {
            ("force", "no: not while jobs are active (Tab changes it)".to_owned())
        }
        Bulk::Obliterate { force: true } => ("force", "yes: active jobs, too (Tab changes it)".to_owned()),
        Bulk::Clean { .. } if choices.editing => {
            let typed = Clean::line(choices.typed.value());
            ("older than", format!(" {typed}▏ such as 30m, 12h, 7d; nothing: all"))
        }
        Bulk::Clean { .. } => ("which", format!("{} (Tab: type an age)", choices.age_words())),
        Bulk::Retry { .. } | Bulk::Promote if choices.editing => {
            let typed = Clean::line(choices.typed.value());
            ("how fast", format!(" {typed}▏ jobs a second, such as 25; nothing: gently"))
        }
        Bulk::Retry { .. } | Bulk::Promote => {
            let pace = choices::pace(&confirm.act).unwrap_or_default();
            ("how fast", format!("{pace} (Tab changes it)"))
        }
    };
    lines.add(name, &Clean::line(text), Role::Accent, 1, 2);
    if choices.bad {
        let what = if bulk.takes_away() { "that is no age" } else { "that is no rate" };
        lines.add("", &Clean::line(what), Role::Danger, 0, 1);
    }
    if let Bulk::Retry { .. } = bulk
        && let Act::Bulk { pace, .. } = &confirm.act
        && (pace.canary || pace.rate.is_some())
    {
        let text = Clean::line("stops when the same error comes back");
        lines.add("", &text, Role::Dim, 4, 1);
    }
    if bulk.takes_away() {
        let change = if choices.save { "S-Tab: save nothing" } else { "S-Tab: save it" };
        let text = format!("{} ({change})", choices::saved(choices, confirm.bytes()));
        let role = if choices.save { Role::Text } else { Role::Danger };
        lines.add("saves", &Clean::line(text), role, 2, 2);
    }
    if let Some(Ok(preview)) = &confirm.preview {
        let ms = choices::takes(&confirm.act, preview.matched, speed);
        let time = if ms < 1000 { "under a second".to_owned() } else { format!("about {}", figure::age(ms)) };
        lines.add(
            "takes",
            &Clean::line(format!("{time}, in small steps (Ctrl-X stops it)")),
            Role::Text,
            3,
            1,
        );
    }
}

/// The command line of an act on whole states.
fn bulk_command(confirm: &Confirm) -> Option<String> {
    let Act::Bulk { queue, era, bulk, until, pace, only } = &confirm.act else { return None };
    let target = Target { queue: queue.clone(), era: era.writable().ok()? };
    let plan = BulkPlan { target, bulk: *bulk, until: *until, pace: *pace, only: only.clone() };
    let line = command::of_bulk(&plan);
    Some(format!("{line}{}", confirm.choices.flags(&confirm.act)))
}

/// The command line that does the same; `None` where none can.
fn command(confirm: &Confirm) -> Option<String> {
    let id = confirm.act.queue();
    let name = shell_word(id.name.as_bytes())?;
    let answered = |line: String| match confirm.severity {
        Severity::Type => format!("{line} --confirm {name}"),
        Severity::Ask => format!("{line} --yes"),
        Severity::Run => line,
    };
    match &confirm.act {
        Act::Undo(taken) => return Some(answered(format!("toril undo {}", taken.id))),
        Act::Bulk { .. } => return bulk_command(confirm).map(answered),
        Act::Add { queue, era, job } => {
            let target = Target { queue: queue.clone(), era: era.writable().ok()? };
            return Some(answered(job.command(&target)));
        }
        Act::Repair { queue, repairs, .. } => {
            let ids: Vec<&str> = repairs.iter().take(3).map(|(id, _)| id.as_str()).collect();
            let more = if repairs.len() > 3 { " ..." } else { "" };
            return Some(answered(format!("{}{more}", command::of_repair(queue, &ids.join(" --fix ")))));
        }
        Act::Edit { queue, era, edits } => {
            let target = Target { queue: queue.clone(), era: era.writable().ok()? };
            return Some(answered(command::of_edits(&target, edits)));
        }
        Act::Jobs { .. } | Act::Queue { .. } => {}
    }
    let mut words = vec!["toril".to_owned(), confirm.act.word().to_owned(), name.clone()];
    if let Act::Jobs { selection, op, .. } = &confirm.act {
        match selection {
            Selection::Ids(ids) if ids.len() <= 3 => {
                for id in ids {
                    words.push(shell_word(id.as_bytes())?);
                }
            }
            Selection::Ids(ids) => words.push(format!("... ({} ids)", figure::count(ids.len() as u64))),
            Selection::Group(only) => words.push(format!("--error {}", only.group)),
            Selection::All { state, .. } => words.push(format!("--all --state {}", state.name())),
        }
        match op {
            JobOp::Retry { reset_attempts: true, .. } => words.push("--reset-attempts".to_owned()),
            JobOp::Remove { children: false } => words.push("--keep-children".to_owned()),
            _ => {}
        }
    }
    match confirm.fleet() {
        Some(Fleet::V5) => words.push("--fleet 5".to_owned()),
        Some(Fleet::V6) => words.push("--fleet 6".to_owned()),
        Some(Fleet::Mixed) | None => {}
    }
    if id.prefix != Prefix::default() {
        words.push(format!("--prefix {}", shell_word(id.prefix.as_bytes())?));
    }
    Some(answered(words.join(" ")))
}
