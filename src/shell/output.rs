//! Frames on their way to the terminal. A thread writes them, so that a terminal that stops
//! reading stops the picture and not the program; no frame starts while the last is unwritten.

use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;

use tokio::sync::Notify;

use super::wire_guard::guard;

/// The writing end: collects a frame, hands it over when it is flushed.
#[derive(Debug)]
pub struct Frames {
    frame: Vec<u8>,
    sink: mpsc::SyncSender<Vec<u8>>,
    state: Arc<State>,
}

#[derive(Debug, Default)]
struct State {
    busy: AtomicBool,
    failed: AtomicBool,
    written: Notify,
}

/// What the loop asks about the thread that writes.
#[derive(Clone, Debug)]
pub struct Watch {
    state: Arc<State>,
    sink: mpsc::SyncSender<Vec<u8>>,
}

impl Watch {
    /// Whether the last frame is still being written.
    pub fn busy(&self) -> bool {
        self.state.busy.load(Ordering::Acquire)
    }

    /// Whether the terminal is gone.
    pub fn failed(&self) -> bool {
        self.state.failed.load(Ordering::Acquire)
    }

    /// Sends a sequence that is no part of a frame (the clipboard), as it is. It follows a frame
    /// that may be under way; the channel has room for one.
    pub fn send_raw(&self, bytes: Vec<u8>) {
        self.state.busy.store(true, Ordering::Release);
        if self.sink.try_send(bytes).is_err() {
            tracing::warn!("the terminal takes no more: the clipboard was not set");
        }
    }

    /// Waits until a frame was written.
    pub async fn written(&self) {
        self.state.written.notified().await;
    }
}

/// Starts the thread that writes to stdout.
pub fn start() -> (Frames, Watch) {
    let state = Arc::new(State::default());
    let (sink, frames) = mpsc::sync_channel::<Vec<u8>>(1);
    let shared = state.clone();
    std::thread::spawn(move || {
        let out = io::stdout();
        for frame in frames {
            let mut out = out.lock();
            // Asked under the lock, so that nothing is written after the terminal was given back.
            if super::terminal::is_inside() && out.write_all(&frame).and_then(|()| out.flush()).is_err() {
                shared.failed.store(true, Ordering::Release);
            }
            drop(out);
            shared.busy.store(false, Ordering::Release);
            shared.written.notify_one();
        }
    });
    let watch = Watch { state: state.clone(), sink: sink.clone() };
    (Frames { frame: Vec::with_capacity(16 * 1024), sink, state }, watch)
}

impl Write for Frames {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.frame.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        // ratatui ends even a frame without a change by switching attributes off, and asks for
        // the cursor: nothing changes on screen, so nothing is sent.
        if !has_text(&self.frame) {
            self.frame.clear();
            return Ok(());
        }
        let mut frame = std::mem::replace(&mut self.frame, Vec::with_capacity(16 * 1024));
        let replaced = guard(&mut frame);
        if replaced > 0 {
            tracing::error!(replaced, "bytes outside the terminal grammar were held back");
        }
        self.state.busy.store(true, Ordering::Release);
        if self.sink.send(frame).is_err() {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        Ok(())
    }
}

/// Whether a frame writes or erases anything, or only sets attributes.
fn has_text(frame: &[u8]) -> bool {
    let mut rest = frame;
    while let Some(first) = rest.first() {
        if *first != 0x1b {
            return true;
        }
        let Some(end) = rest.iter().skip(2).position(|b| (0x40..=0x7e).contains(b)) else { return true };
        if rest[end + 2] == b'J' {
            return true;
        }
        rest = &rest[end + 3..];
    }
    false
}
