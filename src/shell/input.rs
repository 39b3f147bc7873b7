//! What the terminal sends, in the application's words.

use crossterm::event::{Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers, MouseButton, MouseEventKind};

use crate::app::Msg;
use crate::app::key::{Code, Key};

/// A second click within this time, on the same cell, is a double one.
const TWICE_MS: i64 = 400;

/// Remembers what is needed to tell a double click.
#[derive(Debug, Default)]
pub struct Input {
    last_click: Option<(i64, u16, u16)>,
}

impl Input {
    /// The message of an event, if it has a meaning.
    pub fn message(&mut self, event: Event, now: i64) -> Option<Msg> {
        match event {
            Event::Key(key) if key.kind != KeyEventKind::Release => key_of(key).map(Msg::Key),
            Event::Paste(text) => Some(Msg::Paste(text)),
            Event::Resize(columns, rows) => Some(Msg::Resize(columns, rows)),
            Event::Mouse(mouse) => match mouse.kind {
                MouseEventKind::ScrollDown => Some(Msg::Scroll(3)),
                MouseEventKind::ScrollUp => Some(Msg::Scroll(-3)),
                MouseEventKind::Down(MouseButton::Left) => {
                    let place = (mouse.column, mouse.row);
                    let twice =
                        self.last_click.is_some_and(|(at, x, y)| now - at < TWICE_MS && (x, y) == place);
                    self.last_click = (!twice).then_some((now, place.0, place.1));
                    Some(Msg::Click(place.0, place.1, twice))
                }
                _ => None,
            },
            _ => None,
        }
    }
}

fn key_of(event: KeyEvent) -> Option<Key> {
    let code = match event.code {
        KeyCode::Char(c) => Code::Char(c),
        KeyCode::Enter => Code::Enter,
        KeyCode::Esc => Code::Esc,
        KeyCode::Tab => Code::Tab,
        KeyCode::BackTab => Code::BackTab,
        KeyCode::Up => Code::Up,
        KeyCode::Down => Code::Down,
        KeyCode::Left => Code::Left,
        KeyCode::Right => Code::Right,
        KeyCode::PageUp => Code::PageUp,
        KeyCode::PageDown => Code::PageDown,
        KeyCode::Home => Code::Home,
        KeyCode::End => Code::End,
        KeyCode::Backspace => Code::Backspace,
        KeyCode::Delete => Code::Delete,
        KeyCode::F(n) => Code::F(n),
        _ => return None,
    };
    let has = |modifier| event.modifiers.contains(modifier);
    Some(Key { code, ctrl: has(KeyModifiers::CONTROL), alt: has(KeyModifiers::ALT) })
}
