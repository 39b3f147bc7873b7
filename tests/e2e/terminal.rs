//! A pseudo-terminal with the program in it: keys in, a screen out.

use std::io::{Read, Write};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};
use vt100::Parser;

/// The longest that a test waits for something to show.
pub const PATIENCE: Duration = Duration::from_secs(15);

/// A running program and the terminal around it.
pub struct Terminal {
    pub child: Box<dyn Child + Send + Sync>,
    master: Box<dyn MasterPty + Send>,
    writer: Box<dyn Write + Send>,
    seen: Arc<Mutex<Seen>>,
    _home: tempfile::TempDir,
}

struct Seen {
    parser: Parser,
    raw: Vec<u8>,
    ended: bool,
}

impl Terminal {
    /// The program with these arguments, in a terminal of 100 by 30 cells.
    pub fn toril(args: &[&str]) -> Self {
        let mut command = CommandBuilder::new(env!("CARGO_BIN_EXE_toril"));
        command.args(args);
        Self::run(command)
    }

    /// Any command in a terminal of 100 by 30 cells, with an empty home.
    pub fn run(mut command: CommandBuilder) -> Self {
        let home = tempfile::tempdir().unwrap();
        command.env("HOME", home.path());
        command.env("XDG_STATE_HOME", home.path());
        command.env("XDG_CONFIG_HOME", home.path());
        command.cwd(home.path());
        command.env("TERM", "xterm-256color");
        command.env("LANG", "C.UTF-8");
        command.env_remove("NO_COLOR");
        let size = PtySize { rows: 30, cols: 100, pixel_width: 0, pixel_height: 0 };
        let pair = native_pty_system().openpty(size).unwrap();
        let child = pair.slave.spawn_command(command).unwrap();
        drop(pair.slave);
        let seen = Arc::new(Mutex::new(Seen {
            parser: Parser::new(30.try_into().unwrap(), 100.try_into().unwrap(), 0),
            raw: Vec::new(),
            ended: false,
        }));
        let mut reader = pair.master.try_clone_reader().unwrap();
        let sink = seen.clone();
        std::thread::spawn(move || {
            let mut buffer = vec![0; 65_536];
            while let Ok(n @ 1..) = reader.read(&mut buffer) {
                let mut seen = sink.lock().unwrap();
                seen.parser.process(&buffer[..n]);
                seen.raw.extend_from_slice(&buffer[..n]);
            }
            sink.lock().unwrap().ended = true;
        });
        let writer = pair.master.take_writer().unwrap();
        Self { child, master: pair.master, writer, seen, _home: home }
    }

    /// Presses keys: what a terminal would send.
    pub fn press(&mut self, keys: &str) {
        self.writer.write_all(keys.as_bytes()).unwrap();
        self.writer.flush().unwrap();
    }

    /// Changes the size, and tells the program so as a terminal does.
    pub fn resize(&self, cols: u16, rows: u16) {
        self.seen
            .lock()
            .unwrap()
            .parser
            .screen_mut()
            .set_size(rows.try_into().unwrap(), cols.try_into().unwrap());
        self.master.resize(PtySize { rows, cols, pixel_width: 0, pixel_height: 0 }).unwrap();
    }

    /// The screen as text.
    pub fn screen(&self) -> String {
        self.seen.lock().unwrap().parser.screen().contents()
    }

    /// Every byte so far.
    pub fn raw(&self) -> Vec<u8> {
        self.seen.lock().unwrap().raw.clone()
    }

    /// Waits until the screen holds a text; how long that took.
    pub fn wait_for(&self, text: &str) -> Duration {
        self.wait_until(&format!("`{text}` to show"), |screen| screen.contains(text))
    }

    /// Waits until the screen is as wanted; how long that took.
    pub fn wait_until(&self, what: &str, wanted: impl Fn(&str) -> bool) -> Duration {
        let started = Instant::now();
        loop {
            let screen = self.screen();
            if wanted(&screen) {
                return started.elapsed();
            }
            assert!(started.elapsed() < PATIENCE, "waited in vain for {what}; the screen:\n{screen}");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Waits until the program ended; its exit code.
    pub fn wait_for_end(&mut self) -> u32 {
        let started = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                // What it wrote last may still be on its way.
                while !self.seen.lock().unwrap().ended && started.elapsed() < PATIENCE {
                    std::thread::sleep(Duration::from_millis(5));
                    if started.elapsed() > Duration::from_millis(300) {
                        break;
                    }
                }
                return status.exit_code();
            }
            assert!(started.elapsed() < PATIENCE, "it does not end; the screen:\n{}", self.screen());
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Whether the terminal is as it was before: no alternate screen, cursor shown, no paste mode.
    pub fn is_restored(&self) -> bool {
        let seen = self.seen.lock().unwrap();
        let screen = seen.parser.screen();
        !screen.alternate_screen() && !screen.hide_cursor() && !screen.bracketed_paste()
    }

    /// Whether the screen and the cursor are the shell's again (which sets the paste mode itself).
    pub fn is_left(&self) -> bool {
        let seen = self.seen.lock().unwrap();
        !seen.parser.screen().alternate_screen() && !seen.parser.screen().hide_cursor()
    }

    /// Whether lines are edited and echoed again, as the shell expects.
    pub fn is_cooked(&self) -> bool {
        use rustix::termios::{LocalModes, tcgetattr};
        let Some(fd) = self.master.as_raw_fd() else { return false };
        let path = format!("/proc/self/fd/{fd}");
        let Ok(file) = std::fs::File::options().read(true).write(true).open(path) else { return true };
        tcgetattr(&file).is_ok_and(|modes| modes.local_modes.contains(LocalModes::ICANON | LocalModes::ECHO))
    }

    /// The process id.
    pub fn pid(&self) -> i32 {
        i32::try_from(self.child.process_id().unwrap()).unwrap()
    }

    /// Sends a signal to the program.
    pub fn signal(&self, signal: rustix::process::Signal) {
        rustix::process::kill_process(rustix::process::Pid::from_raw(self.pid()).unwrap(), signal).unwrap();
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
