//! The terminal in the hands of an editor, and back.

use std::process::ExitStatus;
use std::time::Duration;

use crossterm::event::{Event, EventStream};
use futures_util::StreamExt as _;
use tokio::process::Child;

use super::Session;
use crate::app::Msg;
use crate::app::draft::Edited;
use crate::app::effect::FetchId;
use crate::shell::editor::{Scratch, refused};
use crate::shell::{ShellError, terminal};
use crate::text::Clean;
use crate::wire::Raw;

/// How long the reader of keys may take to let go of the terminal.
const LET_GO: Duration = Duration::from_millis(50);

/// An editor that runs.
#[derive(Debug)]
pub(super) struct Editor {
    id: FetchId,
    scratch: Scratch,
    child: Child,
}

/// The next key; none while an editor reads them.
pub(super) async fn pressed(keys: &mut Option<EventStream>) -> Option<std::io::Result<Event>> {
    match keys {
        Some(keys) => keys.next().await,
        None => std::future::pending().await,
    }
}

/// The end of the editor; never where none runs.
pub(super) async fn ended(editor: &mut Option<Editor>) -> std::io::Result<ExitStatus> {
    match editor {
        Some(editor) => editor.child.wait().await,
        None => std::future::pending().await,
    }
}

impl Session {
    /// Gives the terminal to the person's editor. The loop goes on meanwhile, without keys and frames.
    pub(super) fn edit(&mut self, id: FetchId, text: &Raw) -> Result<(), ShellError> {
        let place = self.private.clone();
        let scratch = match Scratch::new(place.as_deref(), "data.json", text.as_bytes()) {
            Ok(scratch) => scratch,
            Err(error) => {
                let why = format!("the text could not be given to an editor: {error}");
                self.take(Msg::Edited(id, Err(Clean::line(why))), true)?;
                return Ok(());
            }
        };
        terminal::leave();
        // Our reader would take the editor's keys: it goes, and this waits until it is gone.
        self.keys = None;
        let _ = crossterm::event::poll(LET_GO);
        match scratch.open() {
            Ok(child) => self.editor = Some(Editor { id, scratch, child }),
            Err(error) => {
                self.back()?;
                let why = format!("the editor does not start: {error}");
                self.take(Msg::Edited(id, Err(Clean::line(why))), true)?;
            }
        }
        Ok(())
    }

    /// The editor ended: the terminal is ours again, and the text is the application's. The file is gone
    /// before anything is done with it.
    pub(super) fn edited(&mut self, status: std::io::Result<ExitStatus>) -> Result<(), ShellError> {
        let Some(Editor { id, scratch, .. }) = self.editor.take() else { return Ok(()) };
        let edited = match (status, scratch.read()) {
            (Ok(status), Ok(text)) => {
                Ok(Edited { text: Raw::new(text), refused: refused(status).map(Clean::line) })
            }
            (Err(error), _) => Err(format!("nobody knows how the editor ended: {error}")),
            (_, Err(error)) => Err(format!("what the editor left cannot be read: {error}")),
        };
        drop(scratch);
        self.back()?;
        self.take(Msg::Edited(id, edited.map_err(Clean::line)), true)?;
        Ok(())
    }

    /// Takes the terminal again. Keys that were typed into the editor and not read by it are dropped: what
    /// they would do here nobody meant.
    fn back(&mut self) -> Result<(), ShellError> {
        terminal::enter(self.mouse)?;
        while crossterm::event::poll(Duration::ZERO).unwrap_or(false) {
            let _ = crossterm::event::read();
        }
        self.keys = Some(EventStream::new());
        self.redraw()
    }
}
