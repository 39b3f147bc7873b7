//! Commands by name: every action that works here, and going to a queue or a job.

use nucleo_matcher::pattern::{CaseMatching, Normalization, Pattern};
use nucleo_matcher::{Config, Matcher, Utf32Str};
use tui_input::{Input, InputRequest};

use super::super::App;
use super::super::action::{Action, TABLE};
use super::super::effect::Effect;
use super::super::key::{Code, Key};
use super::super::screen::{Screen, find::Find, job::Job, queue::Queue};
use super::super::toast::Toast;
use super::super::update::{act, is_escape, open, scopes};
use super::{Modal, edit};
use crate::text::Clean;
use crate::wire::{JobId, QueueId};

/// What is typed and what is chosen.
#[derive(Debug, Default)]
pub struct Palette {
    /// The command as it is typed.
    pub input: Input,
    /// Which of the rows is chosen.
    pub chosen: usize,
}

/// A row of the palette.
#[derive(Clone, Debug, PartialEq)]
pub enum Choice {
    /// Do this.
    Action(Action),
    /// Go to this queue.
    Queue(QueueId),
    /// Go to this job of this queue.
    Job(QueueId, JobId),
    /// Look for this in all queues.
    Find(String),
    /// Look for the job of this id in all queues, and open it.
    FindId(String),
}

impl Palette {
    pub(super) fn edit(&mut self, request: InputRequest) {
        self.input.handle(request);
        self.chosen = 0;
    }

    /// The rows for what is typed, best first.
    pub fn choices(&self, app: &App) -> Vec<Choice> {
        let typed = self.input.value().trim_start();
        if let Some(name) = typed.strip_prefix("queue ") {
            return queues(app, name.trim()).into_iter().map(Choice::Queue).collect();
        }
        if let Some(text) = typed.strip_prefix("find ").map(str::trim).filter(|text| !text.is_empty()) {
            return vec![Choice::Find(text.to_owned())];
        }
        if let Some(id) = typed.strip_prefix("job ") {
            let id = id.trim();
            let here = app.stacks.current().queue_id();
            return match (here, id.split_once(' ')) {
                // `job QUEUE ID` anywhere, `job ID` where a queue is open.
                (_, Some((name, id))) => queues(app, name)
                    .into_iter()
                    .map(|queue| Choice::Job(queue, JobId::new(id.trim())))
                    .collect(),
                (Some(queue), None) if !id.is_empty() => {
                    vec![Choice::Job(queue.clone(), JobId::new(id)), Choice::FindId(id.to_owned())]
                }
                (None, None) if !id.is_empty() => vec![Choice::FindId(id.to_owned())],
                _ => Vec::new(),
            };
        }
        let scopes = scopes(app);
        let rows = TABLE.iter().filter(|row| scopes.contains(&row.scope) && row.action != Action::Palette);
        let names: Vec<_> = rows.map(|row| (row.name, row.action)).collect();
        ranked(names, typed, |(name, _)| name).into_iter().map(|(_, action)| Choice::Action(action)).collect()
    }
}

fn queues(app: &App, typed: &str) -> Vec<QueueId> {
    let names = app.snapshot.queues.iter().map(|row| (row.name.clone(), row.id.clone())).collect();
    ranked(names, typed, |(name, _): &(Clean, QueueId)| name.as_str()).into_iter().map(|(_, id)| id).collect()
}

/// Rows that match fuzzily, best first, at most a hundred; all of them while nothing is typed.
fn ranked<T: Clone>(rows: Vec<T>, typed: &str, text: impl Fn(&T) -> &str) -> Vec<T> {
    const SHOWN: usize = 100;
    if typed.is_empty() {
        return rows.into_iter().take(SHOWN).collect();
    }
    let mut matcher = Matcher::new(Config::DEFAULT);
    let pattern = Pattern::parse(typed, CaseMatching::Ignore, Normalization::Smart);
    let mut buffer = Vec::new();
    let mut scored: Vec<(u32, T)> = rows
        .into_iter()
        .filter_map(|row| {
            let score = pattern.score(Utf32Str::new(text(&row), &mut buffer), &mut matcher)?;
            // What begins with the typed text is what is meant, however well another matches.
            let bonus = if text(&row).starts_with(typed) { 1000 } else { 0 };
            Some((score + bonus, row))
        })
        .collect();
    scored.sort_by_key(|(score, _)| std::cmp::Reverse(*score));
    scored.into_iter().take(SHOWN).map(|(_, row)| row).collect()
}

/// A key press in the palette.
pub(super) fn on_key(app: &mut App, mut palette: Box<Palette>, key: Key, now: i64) -> Vec<Effect> {
    if is_escape(key) {
        return Vec::new();
    }
    let choices = palette.choices(app);
    match (key.code, key.ctrl) {
        (Code::Enter, _) => return choose(app, &choices, &palette, now),
        (Code::Down, _) | (Code::Char('n'), true) => {
            palette.chosen = (palette.chosen + 1).min(choices.len().saturating_sub(1));
        }
        (Code::Up, _) | (Code::Char('p'), true) => palette.chosen = palette.chosen.saturating_sub(1),
        (Code::Tab, _) => complete(&mut palette, &choices),
        _ => {
            if let Some(request) = edit(key) {
                palette.edit(request);
            }
        }
    }
    app.modal = Some(Modal::Palette(palette));
    Vec::new()
}

fn complete(palette: &mut Palette, choices: &[Choice]) {
    match choices.get(palette.chosen) {
        Some(Choice::Action(action)) => palette.input = Input::from(action.row().name),
        Some(Choice::Queue(id)) => palette.input = Input::from(format!("queue {}", id.name.clean())),
        _ => {}
    }
}

fn choose(app: &mut App, choices: &[Choice], palette: &Palette, now: i64) -> Vec<Effect> {
    match choices.get(palette.chosen) {
        Some(Choice::Action(action)) => act(app, *action, now),
        Some(Choice::Queue(id)) => open(app, Screen::Queue(Box::new(Queue::new(id.clone()))), now),
        Some(Choice::Job(queue, id)) => {
            let job = Job::new(queue.clone(), id.clone(), None);
            open(app, Screen::Job(Box::new(job)), now)
        }
        Some(Choice::Find(text)) => open(app, Screen::Find(Box::new(Find::new(text))), now),
        Some(Choice::FindId(id)) => open(app, Screen::Find(Box::new(Find::id(id))), now),
        None => {
            let text = Clean::line(palette.input.value());
            app.toasts.push(Toast::bad(format!("there is no command `{text}`")).shown_at(now));
            Vec::new()
        }
    }
}
