//! Entering and leaving the terminal's full screen, once each, whatever happens between.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::time::Duration;

use crossterm::{cursor, event, execute, terminal};

/// How long a terminal may take to be given back.
const LEAVE: Duration = Duration::from_millis(500);

static INSIDE: AtomicBool = AtomicBool::new(false);
static MOUSE: AtomicBool = AtomicBool::new(false);

/// Raw mode, alternate screen, no cursor, bracketed paste. The screen is cleared: where there is no
/// alternate one (GNU screen as it comes, the Linux console) it is full of the shell's lines.
pub fn enter(mouse: bool) -> io::Result<()> {
    terminal::enable_raw_mode()?;
    INSIDE.store(true, Ordering::SeqCst);
    MOUSE.store(mouse, Ordering::SeqCst);
    let mut out = io::stdout();
    execute!(out, terminal::EnterAlternateScreen, terminal::Clear(terminal::ClearType::All))?;
    execute!(out, cursor::Hide, event::EnableBracketedPaste)?;
    if mouse {
        execute!(out, event::EnableMouseCapture)?;
    }
    Ok(())
}

/// Whether the screen is ours.
pub fn is_inside() -> bool {
    INSIDE.load(Ordering::SeqCst)
}

/// The terminal as it was. Does nothing the second time, and never fails: there is nobody left to
/// tell. A terminal that takes no bytes any more holds it up for half a second at most.
pub fn leave() {
    if !INSIDE.swap(false, Ordering::SeqCst) {
        return;
    }
    let (done, written) = mpsc::channel();
    std::thread::spawn(move || {
        let mut out = io::stdout();
        if MOUSE.load(Ordering::SeqCst) {
            let _ = execute!(out, event::DisableMouseCapture);
        }
        let _ = execute!(out, event::DisableBracketedPaste, cursor::Show, terminal::LeaveAlternateScreen);
        let _ = done.send(());
    });
    let _ = written.recv_timeout(LEAVE);
    let _ = terminal::disable_raw_mode();
}

/// Restores the terminal before a panic is told, and ends the process after it, whatever thread
/// panicked: a program that goes on drawing into the shell's screen is worse than none.
pub fn end_on_panic() {
    let before = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        if INSIDE.load(Ordering::SeqCst) {
            leave();
            super::editor::clean_up();
            before(info);
            std::process::exit(101);
        }
        before(info);
    }));
}
