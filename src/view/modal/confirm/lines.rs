//! What the dialog says before it asks: what is acted on, how many, with which side effects.

use crate::app::effect::Act;
use crate::app::modal::confirm::Confirm;
use crate::engine::op::JobOp;
use crate::operate::{Preview, Selection, Severity};
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
pub fn fitting(confirm: &Confirm, cells: u16, rows: usize) -> Vec<Line> {
    let mut lines = lines(confirm, usize::from(cells).max(1));
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

fn lines(confirm: &Confirm, cells: usize) -> Vec<Line> {
    let mut lines = Lines { cells, lines: Vec::new() };
    queue(&mut lines, confirm);
    let of_queue = matches!(confirm.act, Act::Queue { .. });
    if of_queue {
        let count = figure::count(confirm.count);
        let jobs = if confirm.count == 1 { "job" } else { "jobs" };
        lines.add("holds", &Clean::line(format!("{count} {jobs} that wait or run")), Role::Text, 2, 1);
    }
    let looks = if of_queue { "effects" } else { "counted" };
    match &confirm.preview {
        None => lines.add(looks, &Clean::line("looking ..."), Role::Dim, 1, 1),
        Some(Err(why)) => lines.add(looks, why, Role::Danger, 1, LONG),
        Some(Ok(preview)) => previewed(&mut lines, confirm, preview),
    }
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
    if matches!(confirm.act, Act::Jobs { .. }) {
        let jobs = if preview.matched == 1 { "job" } else { "jobs" };
        let text = Clean::line(format!("{} {jobs}", figure::count(preview.matched)));
        lines.add("counted", &text, Role::Text, 1, 1);
        let ids: Vec<Clean> = preview.sample.iter().take(5).map(|id| id.clean().cut(40)).collect();
        let role = if ids.iter().any(|id| id.hidden() > 0) { Role::Hidden } else { Role::Text };
        let ids: Vec<&str> = ids.iter().map(Clean::as_str).collect();
        lines.add("sample", &Clean::line(ids.join(" ")), role, 5, 2);
    }
    for (i, effect) in preview.effects.iter().enumerate() {
        lines.add(if i == 0 { "effects" } else { "" }, effect, Role::Warn, 1, LONG);
    }
}

/// The command line that does the same; `None` where none can.
fn command(confirm: &Confirm) -> Option<String> {
    let id = confirm.act.queue();
    let name = shell_word(id.name.as_bytes())?;
    let mut words = vec!["toril".to_owned(), confirm.act.word().to_owned(), name.clone()];
    if let Act::Jobs { selection, op, .. } = &confirm.act {
        match selection {
            Selection::Ids(ids) if ids.len() <= 3 => {
                for id in ids {
                    words.push(shell_word(id.as_bytes())?);
                }
            }
            Selection::Ids(ids) => words.push(format!("... ({} ids)", figure::count(ids.len() as u64))),
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
    match confirm.severity {
        Severity::Type => words.push(format!("--confirm {name}")),
        Severity::Ask => words.push("--yes".to_owned()),
        Severity::Run => {}
    }
    Some(words.join(" "))
}
