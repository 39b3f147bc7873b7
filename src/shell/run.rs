//! The loop.

mod editing;

use std::io::IsTerminal as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crossterm::event::EventStream;
use ratatui::Terminal;
use ratatui::backend::CrosstermBackend;
use tokio::sync::{mpsc, watch};

use super::exec::Exec;
use super::input::Input;
use super::output::{self, Frames, Watch};
use super::{ColorChoice, Ended, ShellError, Start, clipboard, suspend, terminal};
use editing::{Editor, ended, pressed};

use crate::app::keymap::Keymap;
use crate::app::link::{LinkPhase, LinkView};
use crate::app::{App, Config, Effect, Msg, update};
use crate::conn::{Access, Conn, Link, LinkState, Options};
use crate::monitor::{Clock, Interest, Monitor, MonitorHandle, MonitorOptions, Remember, Snapshot};
use crate::operate::Operator;
use crate::text::Clean;
use crate::view;
use crate::view::theme::{Depth, Theme};

/// Frames that data causes are at least so far apart; what a key causes is drawn at once.
const PACE_MS: i64 = 33;
/// ... and at the start, while one screenful of queues after another is found, so far.
const START_PACE_MS: i64 = 8;
/// How long that is.
const START_MS: i64 = 500;
/// How long the screen waits for the login's outcome.
const LOGIN: Duration = Duration::from_millis(150);
/// Messages taken in before the next look at the screen.
const TURN: usize = 64;

/// Runs the console on this thread until it is left. `remembered` are queues found earlier.
pub fn run(start: Start, keymap: Keymap) -> Result<Ended, ShellError> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let ended = runtime.block_on(session(start, keymap));
    terminal::leave();
    // Tasks that wait for a dead server must not hold up the end.
    runtime.shutdown_timeout(Duration::from_millis(50));
    ended
}

/// A refused login ends the program before the screen is taken; anything slower is shown there.
async fn login(link: &mut watch::Receiver<Link>) -> Result<(), ShellError> {
    let outcome = link.wait_for(|link| link.state != LinkState::Connecting);
    if let Ok(Ok(link)) = tokio::time::timeout(LOGIN, outcome).await
        && let LinkState::Refused(error) = &link.state
    {
        return Err(ShellError::Login(error.clone()));
    }
    Ok(())
}

/// A panic on purpose, for the test that the terminal survives one; not in release builds.
#[cfg(debug_assertions)]
#[allow(clippy::panic, reason = "the test wants a panic")]
fn panic_for_test() {
    match std::env::var("TORIL_TEST_PANIC").as_deref() {
        Ok("main") => panic!("asked for by the test"),
        Ok("worker") => drop(tokio::spawn(async { panic!("asked for by the test") })),
        _ => {}
    }
}

struct Session {
    app: App,
    theme: Theme,
    terminal: Terminal<CrosstermBackend<Frames>>,
    watch: Watch,
    exec: Exec,
    conn: Conn,
    interest: watch::Sender<Interest>,
    clock: Clock,
    /// When the next frame is due, ms; `None`: nothing changed.
    due: Option<i64>,
    drawn_at: i64,
    started_at: i64,
    raw: Option<Vec<u8>>,
    mouse: bool,
    /// Where keys come from; `None` while an editor has the terminal.
    keys: Option<EventStream>,
    editor: Option<Editor>,
    /// Where texts lie while they are edited.
    private: Option<PathBuf>,
}

async fn session(start: Start, keymap: Keymap) -> Result<Ended, ShellError> {
    let clock = Clock::start();
    let conn = Conn::start(
        start.endpoint.clone(),
        Options { access: start.access, client_name: crate::conn::client_name("toril") },
    );
    let mut link = conn.link();
    let remember = start
        .state_dir
        .as_ref()
        .map(|folder| Remember { file: folder.join("queues.json"), server: start.endpoint.to_string() });
    let mut monitor = Monitor::start(
        conn.clone(),
        MonitorOptions {
            prefixes: start.prefixes.clone(),
            names: start.queues.clone(),
            globs: start.globs.clone(),
            remembered: remember.as_ref().map_or_else(Vec::new, Remember::load),
            remember,
            clock,
        },
    );
    login(&mut link).await?;
    let size = crossterm::terminal::size()?;
    let mut config = config(&start);
    config.endpoint =
        if start.demo { Clean::line("private Redis") } else { Clean::line(start.endpoint.to_string()) };
    let app = App::new(config, keymap, size);
    let theme = theme(&start);
    terminal::end_on_panic();
    terminal::enter(start.mouse)?;
    #[cfg(debug_assertions)]
    panic_for_test();
    let (frames, watch) = output::start();
    let terminal = Terminal::with_options(
        CrosstermBackend::new(frames),
        ratatui::TerminalOptions { viewport: ratatui::Viewport::Fullscreen },
    )?;
    let (messages, mut inbox) = mpsc::channel(64);
    let operator = Operator::new(
        conn.clone(),
        start.who.clone(),
        start.profile.label.clone(),
        start.policy.clone(),
        start.state_dir.as_deref(),
    );
    let (exec, mut freed) = Exec::new(operator, start.mask.clone(), messages);
    let mut session = Session {
        app,
        theme,
        terminal,
        watch,
        exec,
        conn,
        interest: monitor.interest.clone(),
        clock,
        due: Some(0),
        drawn_at: 0,
        started_at: clock.now_ms(),
        raw: None,
        mouse: start.mouse,
        keys: Some(EventStream::new()),
        editor: None,
        private: start.state_dir.as_ref().map(|folder| folder.join("edit")),
    };
    let mut signals = Signals::new()?;
    let mut input = Input::default();
    let end_at =
        start.seconds.map(|s| clock.now_ms() + i64::try_from(s.saturating_mul(1000)).unwrap_or(i64::MAX));
    session.turns(&mut link, &mut monitor, &mut inbox, &mut freed, &mut signals, &mut input, end_at).await
}

impl Session {
    #[allow(clippy::too_many_arguments, reason = "the sources of messages, each polled in one place")]
    async fn turns(
        &mut self,
        link: &mut watch::Receiver<Link>,
        monitor: &mut MonitorHandle,
        inbox: &mut mpsc::Receiver<Msg>,
        freed: &mut mpsc::UnboundedReceiver<super::exec::Free>,
        signals: &mut Signals,
        input: &mut Input,
        end_at: Option<i64>,
    ) -> Result<Ended, ShellError> {
        // What became known while the screen was set up is no change any more.
        let known = view_of(&link.borrow_and_update(), &self.clock);
        self.take(Msg::Link(known), false)?;
        loop {
            self.draw_if_due()?;
            let now = self.clock.now_ms();
            let wake = self.next_wake(now, end_at);
            let watch = self.watch.clone();
            // Biased: the end first, then the person, then Redis, then time.
            let (msg, pressed) = tokio::select! {
                biased;
                signal = signals.next(self.editor.is_some()) => return Ok(Ended::Signal(signal)),
                status = ended(&mut self.editor) => { self.edited(status)?; (None, false) }
                event = pressed(&mut self.keys) => match event {
                    Some(Ok(event)) => (input.message(event, now), true),
                    Some(Err(error)) => return Err(error.into()),
                    None => return Ok(Ended::Signal(1)),
                },
                Some(msg) = inbox.recv() => (Some(msg), false),
                Some(over) = freed.recv() => { self.exec.free(over); (None, false) }
                Ok(()) = link.changed() => {
                    let link = link.borrow_and_update().clone();
                    (Some(Msg::Link(view_of(&link, &self.clock))), false)
                }
                Ok(()) = monitor.snapshots.changed() => {
                    let snapshot: Arc<Snapshot> = monitor.snapshots.borrow_and_update().clone();
                    // The round trip alone wakes nobody: it is taken along with what changed.
                    self.app.link.round_trip_us = round_trip_us(&link.borrow());
                    (Some(Msg::Snapshot(snapshot)), false)
                }
                Some(events) = monitor.feed.recv() => (Some(Msg::Feed(events)), false),
                () = watch.written(), if watch.busy() => (None, false),
                () = tokio::time::sleep(self.clock.until(wake)) => {
                    if end_at.is_some_and(|end| self.clock.now_ms() >= end) {
                        return Ok(Ended::Quit);
                    }
                    (self.ticks(wake).then_some(Msg::Tick), false)
                }
            };
            if self.watch.failed() {
                return Ok(Ended::Signal(1));
            }
            let mut taken = 0;
            let mut next = msg;
            while let Some(msg) = next.take() {
                if let Some(ended) = self.take(msg, pressed)? {
                    return Ok(ended);
                }
                taken += 1;
                if taken < TURN && !pressed {
                    next = inbox.try_recv().ok();
                }
            }
        }
    }

    /// When to wake at the latest.
    fn next_wake(&self, now: i64, end_at: Option<i64>) -> i64 {
        let due = self.due.filter(|_| !self.watch.busy() && self.editor.is_none());
        [due, self.app.wake_at(now), end_at].into_iter().flatten().min().unwrap_or(now + 3_600_000).max(now)
    }

    /// Whether the wake was for the application (and not only for a frame).
    fn ticks(&self, wake: i64) -> bool {
        self.due.is_none_or(|due| due > wake) || self.app.wake_at(wake - 1).is_some_and(|at| at <= wake)
    }

    fn take(&mut self, msg: Msg, pressed: bool) -> Result<Option<Ended>, ShellError> {
        let now = self.clock.now_ms();
        if let Msg::Done(id, _) = &msg {
            self.exec.ended(*id);
        }
        if let Msg::Resize(..) = msg {
            self.terminal.autoresize()?;
        }
        let effects = update(&mut self.app, msg, now);
        let pace = if now < self.started_at + START_MS { START_PACE_MS } else { PACE_MS };
        let soonest = if pressed { now } else { (self.drawn_at + pace).max(now) };
        self.due = Some(self.due.map_or(soonest, |due| due.min(soonest)));
        for effect in effects {
            match effect {
                Effect::Quit => return Ok(Some(Ended::Quit)),
                Effect::Suspend => self.suspend()?,
                Effect::Editor(id, text) => self.edit(id, &text)?,
                other => self.perform(other, now),
            }
        }
        Ok(None)
    }

    fn perform(&mut self, effect: Effect, now: i64) {
        match effect {
            Effect::Fetch(slot, id, query) => self.exec.fetch(slot, id, query),
            Effect::Cancel(slot) => self.exec.cancel(slot),
            Effect::Interest(interest) => {
                self.interest.send_if_modified(|old| {
                    let changed = *old != interest;
                    *old = interest;
                    changed
                });
            }
            Effect::Run(id, act, agreed) => self.exec.run(id, act, agreed),
            Effect::Stop(id) => self.exec.stop(id),
            Effect::Reconnect => self.conn.reconnect_now(),
            Effect::Copy(text) => {
                let note = match clipboard::copy(&text) {
                    Ok((bytes, note)) => {
                        self.raw = Some(bytes);
                        note
                    }
                    Err(why) => why,
                };
                update(&mut self.app, Msg::Note(Clean::line(note)), now);
            }
            Effect::Quit | Effect::Suspend | Effect::Editor(..) => {}
        }
    }

    fn draw_if_due(&mut self) -> Result<(), ShellError> {
        let now = self.clock.now_ms();
        if self.due.is_none_or(|due| due > now) || self.watch.busy() || self.editor.is_some() {
            return Ok(());
        }
        // A change of size that comes together with a key is not always told (crossterm 0.29 takes
        // the key and forgets the signal), and the frame is as large as the terminal is now.
        let size = self.terminal.size()?;
        if (size.width, size.height) != self.app.size {
            self.take(Msg::Resize(size.width, size.height), false)?;
        }
        self.due = None;
        // A frame without a single figure holds nothing up: the first one with figures follows at
        // once.
        if self.app.snapshot.queues.iter().any(|row| row.sampled_at > 0) {
            self.drawn_at = now;
        }
        let (app, theme) = (&self.app, &self.theme);
        self.terminal.draw(|frame| view::draw(app, theme, now, frame.buffer_mut()))?;
        if let Some(raw) = self.raw.take() {
            self.watch.send_raw(raw);
        }
        Ok(())
    }

    /// Leaves the screen, stops, and draws everything anew when it was continued.
    ///
    /// The stream of keys stays: no thread of a stopped process reads. To drop it would wake its
    /// reader, and a key that comes together with that wake-up lies unread until the next one
    /// (crossterm 0.29 gives the wake-up back and forgets what else was ready).
    fn suspend(&mut self) -> Result<(), ShellError> {
        terminal::leave();
        suspend::stop_here();
        terminal::enter(self.mouse)?;
        self.redraw()
    }

    /// Draws everything anew.
    fn redraw(&mut self) -> Result<(), ShellError> {
        // As after a change of size: the screen is emptied and drawn whole. (`Terminal::clear`
        // would ask the terminal where its cursor is, and wait for the answer.)
        let area = self.terminal.size()?;
        self.terminal.resize(ratatui::layout::Rect::new(0, 0, area.width, area.height))?;
        self.due = Some(0);
        Ok(())
    }
}

/// The signals that end the program, and the loss of the terminal.
struct Signals {
    #[cfg(unix)]
    term: tokio::signal::unix::Signal,
    #[cfg(unix)]
    int: tokio::signal::unix::Signal,
    #[cfg(unix)]
    hup: tokio::signal::unix::Signal,
    #[cfg(unix)]
    quit: tokio::signal::unix::Signal,
    lost: tokio::sync::oneshot::Receiver<()>,
}

impl Signals {
    fn new() -> std::io::Result<Self> {
        let (gone, lost) = tokio::sync::oneshot::channel();
        #[cfg(unix)]
        if std::io::stdin().is_terminal() || std::io::stdout().is_terminal() {
            std::thread::spawn(move || {
                suspend::wait_for_hangup();
                let _ = gone.send(());
                // The loop may be held up by a write to the terminal that will never end.
                std::thread::sleep(Duration::from_millis(1500));
                super::editor::clean_up();
                std::process::exit(129);
            });
        }
        #[cfg(unix)]
        {
            use tokio::signal::unix::{SignalKind, signal};
            Ok(Self {
                term: signal(SignalKind::terminate())?,
                int: signal(SignalKind::interrupt())?,
                hup: signal(SignalKind::hangup())?,
                quit: signal(SignalKind::quit())?,
                lost,
            })
        }
        #[cfg(not(unix))]
        Ok(Self { lost })
    }

    #[cfg(unix)]
    async fn next(&mut self, editing: bool) -> i32 {
        loop {
            let signal = self.any().await;
            // An editor's own keys are told to us as well.
            if !(editing && matches!(signal, 2 | 3)) {
                return signal;
            }
        }
    }

    #[cfg(unix)]
    async fn any(&mut self) -> i32 {
        tokio::select! {
            _ = self.term.recv() => 15,
            _ = self.int.recv() => 2,
            _ = self.hup.recv() => 1,
            _ = self.quit.recv() => 3,
            Ok(()) = &mut self.lost => 1,
        }
    }

    #[cfg(not(unix))]
    async fn next(&mut self, _editing: bool) -> i32 {
        let _ = tokio::signal::ctrl_c().await;
        2
    }
}

fn config(start: &Start) -> Config {
    Config {
        label: start.profile.label.as_ref().map(Clean::line),
        colour: start.profile.colour.clone(),
        endpoint: Clean::default(),
        protected: start.profile.protected,
        read_only: start.access == Access::ReadOnly,
        fleet: start.fleet,
        mask: start.mask.clone(),
        demo: start.demo,
    }
}

fn theme(start: &Start) -> Theme {
    let set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    let none = match start.color {
        ColorChoice::Never => true,
        ColorChoice::Always => false,
        ColorChoice::Auto => {
            set("NO_COLOR") || std::env::var("TERM").is_ok_and(|term| term == "dumb" || term == "vt100")
        }
    };
    // crossterm writes broken attributes under NO_COLOR: the theme decides, it must only write.
    crossterm::style::force_color_output(true);
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"]
        .iter()
        .find_map(|name| std::env::var(name).ok().filter(|v| !v.is_empty()));
    let utf8 = locale.is_none_or(|locale| {
        let locale = locale.to_lowercase();
        locale.contains("utf-8") || locale.contains("utf8")
    });
    Theme { depth: if none { Depth::None } else { Depth::Sixteen }, ascii: start.ascii || !utf8 }
}

fn round_trip_us(link: &Link) -> Option<u64> {
    link.round_trip.map(|took| u64::try_from(took.as_micros()).unwrap_or(u64::MAX))
}

fn view_of(link: &Link, clock: &Clock) -> LinkView {
    let state = match &link.state {
        LinkState::Connecting => LinkPhase::Connecting,
        LinkState::Up => LinkPhase::Up,
        LinkState::Down { error, retry_at } => LinkPhase::Down {
            why: error.message.clone(),
            hint: Clean::line(error.hint),
            retry_at: clock.at(*retry_at),
        },
        LinkState::Impaired(error) => {
            LinkPhase::Impaired { why: error.message.clone(), hint: Clean::line(error.hint) }
        }
        LinkState::Refused(error) => {
            LinkPhase::Refused { why: error.message.clone(), hint: Clean::line(error.hint) }
        }
    };
    LinkView {
        state,
        round_trip_us: round_trip_us(link),
        waiting_since: link.waiting_since.map(|since| clock.at(since)),
        out_since: None,
    }
}
