//! The Error tab: the reason, and each attempt's stack, newest first.

use super::content::{Target, Text};
use super::facts::Facts;
use super::load::Part;
use crate::app::doc::{Builder, Kind, head, strings};
use crate::text::{Clean, figure};

/// Cells of the headings' first column.
const LABEL: u16 = 13;

/// Puts the tab together, in rows of at most `cells`.
pub(super) fn build(reason: &Part, stacks: &Part, deferred: &Part, facts: &Facts, cells: usize) -> Text {
    let mut text = Builder::new(LABEL);
    let mut targets = Vec::new();
    if let Part::Value(deferred) = deferred {
        text.text(Kind::Warn, "its next start fails at once, because:");
        text.wrapped(Kind::Text, "  ", deferred.as_bytes(), cells);
        text.text(Kind::Text, "");
    }
    match reason {
        Part::Value(reason) => {
            let mut lines = reason.as_bytes().splitn(2, |byte| *byte == b'\n');
            text.wrapped(Kind::Danger, "  ", lines.next().unwrap_or_default(), cells);
            if let Some(rest) = lines.next() {
                text.wrapped(Kind::Text, "  ", rest, cells);
            }
        }
        Part::Absent if *stacks == Part::Absent => {
            text.text(Kind::Dim, "this job has not failed");
        }
        Part::Absent => {
            text.text(Kind::Dim, "it has not failed since its last start");
        }
        other => missing(&mut text, &mut targets, "failedReason", other),
    }
    text.text(Kind::Text, "");
    match stacks {
        Part::Absent => {}
        Part::Value(raw) => {
            if let Some(stacks) = strings(raw.as_bytes()) {
                attempts(&mut text, &stacks, reason, facts, cells);
            } else {
                text.text(Kind::Dim, "the stack traces are no list; they stand as:");
                text.wrapped(Kind::Text, "  ", raw.as_bytes(), cells);
            }
        }
        other => missing(&mut text, &mut targets, "stacktrace", other),
    }
    Text::new(text.finish(), targets)
}

fn missing(text: &mut Builder, targets: &mut Vec<Target>, field: &'static str, part: &Part) {
    let Some((sentence, loads)) = part.sentence() else { return };
    text.pair(Kind::Dim, field, sentence);
    if loads {
        text.link(u32::try_from(targets.len()).unwrap_or(0));
        targets.push(Target::field(field.as_bytes()));
    }
}

fn attempts(text: &mut Builder, stacks: &[Vec<u8>], reason: &Part, facts: &Facts, cells: usize) {
    // The newest stack is that of the last attempt that ended; the list keeps no numbers.
    let newest = facts.made.max(stacks.len() as u64);
    let reason = match reason {
        Part::Value(reason) => reason.as_bytes(),
        _ => b"",
    };
    let mut above: Option<Vec<&[u8]>> = None;
    let mut said = None;
    for (i, stack) in stacks.iter().rev().enumerate() {
        let stack = Stack::read(stack);
        let mut words = Vec::new();
        if i == 0 && !facts.active {
            words.extend(times(facts));
        }
        let same = above.as_ref().is_some_and(|above| *above == stack.frames && !stack.frames.is_empty());
        if same {
            words.push("the same stack".to_owned());
        }
        let message = stack.message(reason);
        if !same || message != said {
            words.extend(message.clone());
        }
        said = message;
        let number = newest - i as u64;
        text.pair(Kind::Text, format!("attempt {number}"), words.join("   "));
        text.block(same, |text| {
            for line in stack.more {
                text.wrapped(Kind::Text, "    ", [b"  ", line].concat(), cells);
            }
            frames(text, &stack.frames, cells);
        });
        above = Some(stack.frames);
    }
    let kept = stacks.len() as u64;
    if facts.made > kept && kept > 0 {
        let words = format!("of {} attempts the last {kept} left a stack", figure::count(facts.made));
        text.text(Kind::Dim, "").text(Kind::Dim, words);
    }
}

fn times(facts: &Facts) -> Option<String> {
    let (began, ended) = (facts.began_at?, facts.ended_at?);
    let ran = figure::duration(ended.saturating_sub(began));
    Some(format!("{} → {}   {ran}", figure::time_of_day(began), figure::time_of_day(ended)))
}

/// A stack trace of V8: a message, then frames.
struct Stack<'a> {
    first: &'a [u8],
    /// Lines of the message after its first.
    more: Vec<&'a [u8]>,
    frames: Vec<&'a [u8]>,
}

impl<'a> Stack<'a> {
    fn read(stack: &'a [u8]) -> Self {
        let mut lines = stack.split(|byte| *byte == b'\n').peekable();
        let first = lines.next_if(|line| !is_frame(line)).unwrap_or_default();
        let mut more = Vec::new();
        while let Some(line) = lines.next_if(|line| !is_frame(line)) {
            more.push(line);
        }
        Self { first, more, frames: lines.filter(|line| !line.is_empty()).collect() }
    }

    /// What the message adds to the job's reason: the kind of error, or all of it.
    fn message(&self, reason: &[u8]) -> Option<String> {
        let reason = reason.split(|byte| *byte == b'\n').next().unwrap_or_default();
        let shown = |bytes: &[u8]| Some(Clean::line(head(bytes, 400)).to_string());
        match self.first.strip_suffix(reason) {
            None => shown(self.first),
            Some(kind) => match kind.strip_suffix(b": ").unwrap_or(kind) {
                b"" | b"Error" => None,
                kind => shown(kind),
            },
        }
    }
}

fn is_frame(line: &[u8]) -> bool {
    line.trim_ascii_start().starts_with(b"at ")
}

/// Whose code a frame is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Origin {
    Own,
    Modules,
    Node,
    /// The engine's own (`new Promise (<anonymous>)`): nobody's.
    Engine,
}

fn origin(frame: &[u8]) -> Origin {
    let has = |needle: &[u8]| frame.windows(needle.len()).any(|window| window == needle);
    if !is_frame(frame) {
        Origin::Own
    } else if has(b"node_modules") || has(b"/bullmq/dist/") || has(b"/bull/lib/") {
        Origin::Modules
    } else if has(b"node:") || has(b"(internal/") || has(b"at internal/") {
        Origin::Node
    } else if has(b"(<anonymous>)") || has(b"(index ") || has(b"(native)") {
        Origin::Engine
    } else {
        Origin::Own
    }
}

fn frames(text: &mut Builder, frames: &[&[u8]], cells: usize) {
    let mut yours = false;
    let mut at = 0;
    while at < frames.len() {
        let begin = at;
        while at < frames.len() && origin(frames[at]) != Origin::Own {
            at += 1;
        }
        if at > begin {
            foreign(text, &frames[begin..at], cells);
            continue;
        }
        let frame = frames[at].trim_ascii();
        if yours || !is_frame(frame) {
            text.wrapped(Kind::Text, "      ", [b"  ", frame].concat(), cells);
        } else {
            text.remarked("◀ yours", |text| {
                text.wrapped(Kind::Strong, "      ", [b"  ", frame].concat(), cells.saturating_sub(9));
            });
            yours = true;
        }
        at += 1;
    }
}

/// Frames of libraries, folded into one line.
fn foreign(text: &mut Builder, frames: &[&[u8]], cells: usize) {
    let lines = |text: &mut Builder| {
        for frame in frames {
            text.wrapped(Kind::Dim, "        ", [b"    ", frame.trim_ascii()].concat(), cells);
        }
    };
    let modules = frames.iter().any(|frame| origin(frame) == Origin::Modules);
    let node = frames.iter().any(|frame| origin(frame) == Origin::Node);
    let whose = match (modules, node) {
        (true, false) => "node_modules",
        (true, true) => "node_modules and node",
        (false, true) => "node",
        (false, false) => "the engine",
    };
    let packages = packages(frames);
    let plural = if frames.len() == 1 { "" } else { "s" };
    let count = figure::count(frames.len() as u64);
    let named = if packages.is_empty() { String::new() } else { format!(" ({})", packages.join(", ")) };
    let words = format!("  ⋯ {count} frame{plural} of {whose}{named}");
    text.text(Kind::Dim, words).block(true, lines);
}

/// The first packages that frames name.
fn packages(frames: &[&[u8]]) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for frame in frames {
        let text = String::from_utf8_lossy(frame);
        let Some((_, path)) = text.rsplit_once("node_modules/") else { continue };
        let parts = if path.starts_with('@') { 2 } else { 1 };
        let name: Vec<&str> = path.split('/').take(parts).collect();
        let name = Clean::line(name.join("/")).cut(30).to_string();
        if !names.contains(&name) {
            names.push(name);
        }
        if names.len() == 3 {
            break;
        }
    }
    names
}
