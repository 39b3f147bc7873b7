//! The console on a grid of cells: keys in, text and styles out.

#![allow(dead_code, reason = "each test module uses a part of it")]

pub mod chaos;
mod fixtures;
mod grid;
pub mod hostile;
pub mod sights;

use std::sync::Arc;

use toril::app::key::Key;
use toril::app::keymap::Keymap;
use toril::app::link::{LinkPhase, LinkView};
use toril::app::{App, Config, Effect, Msg, update};
use toril::monitor::Snapshot;
use toril::text::Clean;
use toril::view::theme::Theme;

pub use fixtures::{NOW, event, health, job, queue, snapshot};
pub use grid::Grid;

/// An application with a terminal of a size and a clock that stands still until it is moved.
pub struct Console {
    pub app: App,
    pub theme: Theme,
    pub now: i64,
    /// What was asked of the shell since it was last looked at.
    pub effects: Vec<Effect>,
}

impl Console {
    /// A console with the link up and no data yet.
    pub fn new(columns: u16, rows: u16) -> Self {
        let config = Config {
            label: Some(Clean::line("prod")),
            endpoint: Clean::line("orders-redis:6379/1"),
            protected: true,
            ..Config::default()
        };
        Self::with(config, columns, rows)
    }

    pub fn with(config: Config, columns: u16, rows: u16) -> Self {
        let app = App::new(config, Keymap::default(), (columns, rows));
        let mut console = Self { app, theme: Theme::default(), now: NOW, effects: Vec::new() };
        let link = LinkView { state: LinkPhase::Up, round_trip_us: Some(400), ..LinkView::default() };
        console.send(Msg::Link(link));
        console
    }

    /// A console that shows a snapshot.
    pub fn showing(snapshot: Snapshot, columns: u16, rows: u16) -> Self {
        let mut console = Self::new(columns, rows);
        console.send(Msg::Snapshot(Arc::new(snapshot)));
        console
    }

    pub fn send(&mut self, msg: Msg) -> &mut Self {
        let effects = update(&mut self.app, msg, self.now);
        self.effects.extend(effects);
        self
    }

    /// Presses keys, separated by spaces, as they are written in the help (`Space`, `Ctrl-X`).
    pub fn keys(&mut self, keys: &str) -> &mut Self {
        for key in keys.split_whitespace() {
            let key: Key = key.parse().unwrap();
            self.send(Msg::Key(key));
        }
        self
    }

    /// Types a text, character by character.
    pub fn text(&mut self, text: &str) -> &mut Self {
        for c in text.chars() {
            self.send(Msg::Key(Key::char(c)));
        }
        self
    }

    /// Lets time pass and tells the application so.
    pub fn wait(&mut self, ms: i64) -> &mut Self {
        self.now += ms;
        self.send(Msg::Tick)
    }

    pub fn resize(&mut self, columns: u16, rows: u16) -> &mut Self {
        self.send(Msg::Resize(columns, rows))
    }

    /// What was asked of the shell since this was last called.
    pub fn asked(&mut self) -> Vec<Effect> {
        std::mem::take(&mut self.effects)
    }

    /// Draws, and holds the cells to what must be true of every frame.
    pub fn draw(&self) -> Grid {
        Grid::of(self)
    }

    /// What is said in toasts.
    pub fn said(&self) -> Vec<&str> {
        self.app.toasts.iter().map(|toast| toast.text.as_str()).collect()
    }
}

/// Snapshots in which times of day are hidden: they are local.
pub fn hide_times(check: impl FnOnce()) {
    let mut settings = insta::Settings::clone_current();
    settings.add_filter(r"\b[0-2]\d:[0-5]\d:[0-5]\d\b", "[time. ]");
    settings.add_filter(r"\b\d{4}-\d\d-\d\d\b", "[date.   ]");
    settings.bind(check);
}
