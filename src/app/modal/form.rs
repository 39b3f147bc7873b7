//! A dialog with fields: what an act needs to be told before it can be done.

mod kinds;

use tui_input::{Input, InputRequest};

use super::super::App;
use super::super::acts;
use super::super::draft::Edited;
use super::super::effect::{Effect, FetchId};
use super::super::key::{Code, Key};
use super::super::lookup;
use super::super::update::is_escape;
use super::{Modal, edit};
use crate::text::Clean;
use crate::wire::{Era, QueueId, Raw};

pub use kinds::{Kind, Wish};

/// A line that is typed.
#[derive(Clone, Debug)]
pub struct Field {
    /// What it is.
    pub name: &'static str,
    /// What is typed.
    pub input: Input,
    /// What may be typed, as a sentence.
    pub hint: &'static str,
}

/// The dialog.
#[derive(Clone, Debug)]
pub struct Form {
    /// Which queue it is about.
    pub queue: QueueId,
    /// Its era, as it was shown.
    pub era: Era,
    /// What it asks for.
    pub kind: Kind,
    /// The fields.
    pub fields: Vec<Field>,
    /// Which of them is typed in.
    pub at: usize,
    /// What is wrong with what was typed, and in which field.
    pub wrong: Option<(usize, Clean)>,
    /// The field that is in an editor.
    editor: Option<FetchId>,
}

impl Form {
    /// A form of a kind, with what is known filled in.
    pub fn new(queue: QueueId, era: Era, kind: Kind) -> Self {
        let fields = kind.fields();
        Self { queue, era, kind, fields, at: 0, wrong: None, editor: None }
    }

    /// What it is about, in words.
    pub fn title(&self) -> Clean {
        Clean::line(format!("{} {}", self.kind.title(), self.queue.name.clean().cut(40)))
    }

    /// What stands in a field, without blanks around it.
    fn text(&self, name: &str) -> &str {
        self.fields.iter().find(|field| field.name == name).map_or("", |field| field.input.value().trim())
    }

    /// What stands in a field, as it was typed.
    fn whole(&self, name: &str) -> &str {
        self.fields.iter().find(|field| field.name == name).map_or("", |field| field.input.value())
    }

    fn step(&mut self, by: usize) {
        self.at = (self.at + by) % self.fields.len().max(1);
    }

    /// An edit of the field that is typed in.
    pub(super) fn edit(&mut self, request: InputRequest) {
        if let Some(field) = self.fields.get_mut(self.at) {
            field.input.handle(request);
            self.wrong = None;
        }
    }
}

/// A key press in the form.
pub(super) fn on_key(app: &mut App, mut form: Box<Form>, key: Key, now: i64) -> Vec<Effect> {
    if is_escape(key) {
        return Vec::new();
    }
    match (key.code, key.ctrl) {
        (Code::Tab | Code::Down, _) => form.step(1),
        (Code::BackTab | Code::Up, _) => {
            let back = form.fields.len().max(1) - 1;
            form.step(back);
        }
        (Code::Char('o'), true) => {
            let id = app.ids.next();
            form.editor = Some(id);
            let text = form.fields.get(form.at).map_or("", |field| field.input.value());
            let effect = Effect::Editor(id, Raw::new(text));
            app.modal = Some(Modal::Form(form));
            return vec![effect];
        }
        (Code::Enter, _) => return enter(app, form, now),
        _ => {
            if let Some(request) = edit(key) {
                form.edit(request);
            }
        }
    }
    app.modal = Some(Modal::Form(form));
    Vec::new()
}

fn enter(app: &mut App, mut form: Box<Form>, now: i64) -> Vec<Effect> {
    match form.wish() {
        Ok(Wish::Act(act)) => acts::ask(app, act, 1, now),
        Ok(Wish::Release(id)) => lookup::owner(app, form, id),
        Ok(Wish::Nothing) => {
            let at = form.at;
            form.wrong = Some((at, Clean::line("nothing was filled in")));
            app.modal = Some(Modal::Form(form));
            Vec::new()
        }
        Err((name, why)) => {
            let at = form.fields.iter().position(|field| field.name == name).unwrap_or(form.at);
            form.at = at;
            form.wrong = Some((at, Clean::line(why)));
            app.modal = Some(Modal::Form(form));
            Vec::new()
        }
    }
}

/// An editor ended; whether it was one of a form's field.
pub(in crate::app) fn edited(app: &mut App, id: FetchId, edited: &Result<Edited, Clean>) -> bool {
    let Some(Modal::Form(form)) = &mut app.modal else { return false };
    if form.editor != Some(id) {
        return false;
    }
    form.editor = None;
    let at = form.at;
    match edited {
        Ok(Edited { text, refused: None }) => match std::str::from_utf8(text.as_bytes()) {
            Ok(text) => {
                let text = text.strip_suffix('\n').unwrap_or(text);
                form.fields[at].input = Input::from(text);
                form.wrong = None;
            }
            Err(_) => form.wrong = Some((at, Clean::line("that is no UTF-8"))),
        },
        Ok(Edited { refused: Some(why), .. }) | Err(why) => form.wrong = Some((at, why.clone())),
    }
    true
}
