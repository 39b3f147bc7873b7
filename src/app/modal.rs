//! What opens above a screen: dialogs, the palette, the help, the filter line.

pub mod confirm;
pub mod draft;
pub mod form;
pub mod help;
pub mod palette;

use tui_input::{Input, InputRequest};

use super::App;
use super::effect::{Answer, Effect, FetchId};
use super::key::{Code, Key};
use super::list::Move;
use super::update::{is_escape, with_current};
use crate::text::Clean;
use confirm::Confirm;
use draft::Offer;
use form::Form;
use palette::Palette;

/// What is open above the screen.
#[derive(Debug)]
pub enum Modal {
    /// An act asks for its confirmation.
    Confirm(Box<Confirm>),
    /// The keys that work here; how far it is scrolled.
    Help(u64),
    /// A command is typed.
    Palette(Box<Palette>),
    /// A filter is typed.
    Filter(Input),
    /// A line is typed that the screen asked for, with its prompt.
    Line(&'static str, Input),
    /// A text of the person's own was not written.
    Draft(Offer),
    /// What an act needs to be told is typed.
    Form(Box<Form>),
}

impl Modal {
    /// The help, at its beginning.
    pub fn help() -> Self {
        Self::Help(0)
    }

    /// The palette, empty.
    pub fn palette() -> Self {
        Self::Palette(Box::default())
    }

    /// The filter line with the filter there is.
    pub fn filter(text: &str) -> Self {
        Self::Filter(Input::from(text))
    }

    /// When something on it changes by itself.
    pub fn wake_at(&self, now: i64) -> Option<i64> {
        match self {
            Self::Confirm(confirm) => confirm.wake_at(now),
            Self::Draft(offer) => offer.wake_at(now),
            _ => None,
        }
    }

    /// Takes an answer that is for it; otherwise `Err`.
    pub(super) fn answer(&mut self, id: FetchId, answer: &Result<Answer, Clean>, now: i64) -> Result<(), ()> {
        match self {
            Self::Confirm(confirm) => confirm.answer(id, answer, now),
            _ => Err(()),
        }
    }

    /// Pasted text goes into a field as text: line ends and controls are left out, and it never
    /// answers a confirmation.
    pub(super) fn paste(&mut self, text: &str) {
        let text = text.chars().filter(|c| !c.is_control()).take(1000);
        match self {
            Self::Confirm(confirm) => confirm.pasted = true,
            Self::Palette(palette) => text.for_each(|c| palette.edit(InputRequest::InsertChar(c))),
            Self::Filter(input) | Self::Line(_, input) => text.for_each(|c| {
                input.handle(InputRequest::InsertChar(c));
            }),
            Self::Form(form) => text.for_each(|c| form.edit(InputRequest::InsertChar(c))),
            Self::Help(_) | Self::Draft(_) => {}
        }
    }
}

/// A key press as an edit of a line of text.
pub fn edit(key: Key) -> Option<InputRequest> {
    Some(match (key.code, key.ctrl, key.alt) {
        (Code::Char(c), false, false) => InputRequest::InsertChar(c),
        (Code::Backspace, false, false) | (Code::Char('h'), true, false) => InputRequest::DeletePrevChar,
        (Code::Delete, _, _) => InputRequest::DeleteNextChar,
        (Code::Left, false, false) | (Code::Char('b'), true, false) => InputRequest::GoToPrevChar,
        (Code::Right, false, false) | (Code::Char('f'), true, false) => InputRequest::GoToNextChar,
        (Code::Home, _, _) | (Code::Char('a'), true, false) => InputRequest::GoToStart,
        (Code::End, _, _) | (Code::Char('e'), true, false) => InputRequest::GoToEnd,
        (Code::Char('w'), true, false) => InputRequest::DeletePrevWord,
        (Code::Char('u'), true, false) => InputRequest::DeleteLine,
        (Code::Char('k'), true, false) => InputRequest::DeleteTillEnd,
        _ => return None,
    })
}

/// A key press while a modal is open.
pub(super) fn on_key(app: &mut App, key: Key, now: i64) -> Vec<Effect> {
    let Some(modal) = app.modal.take() else { return Vec::new() };
    match modal {
        Modal::Help(top) => on_help(app, top, key),
        Modal::Filter(input) => on_filter(app, input, key, now),
        Modal::Line(prompt, input) => on_line(app, prompt, input, key, now),
        Modal::Palette(palette) => palette::on_key(app, palette, key, now),
        Modal::Confirm(confirm) => confirm::on_key(app, confirm, key, now),
        Modal::Form(form) => form::on_key(app, form, key, now),
        Modal::Draft(offer) => draft::on_key(app, offer, key, now),
    }
}

fn on_help(app: &mut App, top: u64, key: Key) -> Vec<Effect> {
    let half = u64::from(app.size.1 / 2).max(1);
    let top = match movement(key) {
        Some(Move::By(n)) => top.saturating_add_signed(n),
        Some(Move::HalfPages(n)) => top.saturating_add_signed(n * i64::try_from(half).unwrap_or(1)),
        Some(Move::Top) => 0,
        Some(Move::Bottom) => u64::MAX,
        None => return Vec::new(), // any other key closes it
    };
    app.modal = Some(Modal::Help(top.min(u64::from(help::Help::new(app).most()))));
    Vec::new()
}

/// The keys that move in a dialog, whatever the keymap says of the screen below.
pub fn movement(key: Key) -> Option<Move> {
    Some(match (key.code, key.ctrl) {
        (Code::Down, _) | (Code::Char('n'), true) | (Code::Char('j'), false) => Move::By(1),
        (Code::Up, _) | (Code::Char('p'), true) | (Code::Char('k'), false) => Move::By(-1),
        (Code::PageDown, _) | (Code::Char('d'), true) => Move::HalfPages(1),
        (Code::PageUp, _) | (Code::Char('u'), true) => Move::HalfPages(-1),
        (Code::Home, _) | (Code::Char('g'), false) => Move::Top,
        (Code::End, _) | (Code::Char('G'), false) => Move::Bottom,
        _ => return None,
    })
}

fn on_filter(app: &mut App, mut input: Input, key: Key, now: i64) -> Vec<Effect> {
    if is_escape(key) {
        return with_current(app, now, |panel, cx| panel.filter(cx, "", true));
    }
    if key.code == Code::Enter {
        let text = input.value().to_owned();
        return with_current(app, now, |panel, cx| panel.filter(cx, &text, true));
    }
    if let Some(request) = edit(key) {
        input.handle(request);
    }
    app.modal = Some(Modal::Filter(input));
    after_edit(app, now)
}

fn on_line(app: &mut App, prompt: &'static str, mut input: Input, key: Key, now: i64) -> Vec<Effect> {
    if is_escape(key) {
        return Vec::new();
    }
    if key.code == Code::Enter {
        let line = input.value().to_owned();
        return with_current(app, now, |panel, cx| panel.told(cx, &line));
    }
    if let Some(request) = edit(key) {
        input.handle(request);
    }
    app.modal = Some(Modal::Line(prompt, input));
    Vec::new()
}

/// Tells the screen below what the filter is while it is typed.
pub(super) fn after_edit(app: &mut App, now: i64) -> Vec<Effect> {
    let Some(Modal::Filter(input)) = &app.modal else { return Vec::new() };
    let text = input.value().to_owned();
    with_current(app, now, |panel, cx| panel.filter(cx, &text, false))
}
