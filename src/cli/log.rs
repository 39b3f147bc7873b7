//! The program's own log: a file in the state folder, never the screen.
//!
//! One JSON object a line, everything outside printable ASCII escaped, so that `cat` and `tail` are
//! safe whatever a job put into it. `TORIL_LOG` takes targets and levels (`debug`,
//! `toril::conn=trace`); without it warnings are written. The file is made with the first line.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use tracing_appender::non_blocking::{NonBlockingBuilder, WorkerGuard};
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::text::ascii_json;

const NAME: &str = "toril.log";
/// A log that has grown to this is put aside when the next run begins to write.
const LARGEST: u64 = 4 << 20;
/// Lines that may wait to be written; more are dropped. By default there is room for 128,000, which
/// takes 4 MB before the first is written.
const LINES: usize = 1024;

/// Begins to log; what is still to be written is written when the guard is dropped. Without a
/// state folder nothing is logged.
pub fn start(folder: Option<&Path>) -> Option<WorkerGuard> {
    let path = folder?.join(NAME);
    let levels = std::env::var("TORIL_LOG").ok().and_then(|text| text.parse::<Targets>().ok());
    let levels = levels.unwrap_or_else(|| Targets::new().with_default(LevelFilter::WARN));
    let (writer, guard) = NonBlockingBuilder::default().buffered_lines_limit(LINES).finish(Log {
        path,
        file: None,
        given_up: false,
    });
    let lines = tracing_subscriber::fmt::layer().json().with_writer(writer);
    tracing_subscriber::registry().with(levels).with(lines).try_init().ok()?;
    Some(guard)
}

/// Opened with the first line.
struct Log {
    path: PathBuf,
    file: Option<File>,
    given_up: bool,
}

impl Write for Log {
    /// Takes one whole line, as the layer above hands them over.
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        if self.file.is_none() && !self.given_up {
            self.file = open(&self.path).ok();
            // A log that cannot be written must not be in anybody's way.
            self.given_up = self.file.is_none();
        }
        if let Some(file) = &mut self.file {
            let text = String::from_utf8_lossy(line);
            let mut safe = ascii_json(text.trim_end_matches('\n'));
            safe.push('\n');
            file.write_all(safe.as_bytes())?;
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.as_mut().map_or(Ok(()), File::flush)
    }
}

fn open(path: &Path) -> io::Result<File> {
    if let Some(folder) = path.parent() {
        let mut builder = fs::DirBuilder::new();
        builder.recursive(true);
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.create(folder)?;
    }
    if fs::symlink_metadata(path).is_ok_and(|meta| meta.len() > LARGEST) {
        fs::rename(path, path.with_extension("log.1"))?;
    }
    let mut options = OpenOptions::new();
    options.append(true).create(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        // A link in its place could send the lines into another file of ours.
        let no_follow = rustix::fs::OFlags::NOFOLLOW.bits();
        options.mode(0o600).custom_flags(no_follow.cast_signed());
    }
    options.open(path)
}

/// Panics are defects of ours: they go to the log, and to stderr without the environment in them.
pub fn hook_panics(folder: Option<&Path>) {
    use std::io::IsTerminal as _;
    let plain = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    let theme = if io::stderr().is_terminal() && !plain {
        color_eyre::config::Theme::dark()
    } else {
        color_eyre::config::Theme::new()
    };
    let _ = color_eyre::config::HookBuilder::default()
        .theme(theme)
        .display_env_section(false)
        .panic_section("This is a defect of toril: please report it.")
        .install();
    let path = folder.map(|folder| folder.join(NAME));
    let before = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        // Not by way of the writing thread: the process may end before that has its turn.
        if let Some(path) = &path {
            let at = chrono::Utc::now().to_rfc3339();
            let line = serde_json::json!({ "timestamp": at, "level": "ERROR", "panic": panic.to_string() });
            let mut log = Log { path: path.clone(), file: None, given_up: false };
            let _ = log.write(line.to_string().as_bytes());
        }
        before(panic);
    }));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_safe_and_the_file_is_ours_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("deep/toril.log");
        let mut log = Log { path: path.clone(), file: None, given_up: false };
        assert!(!path.exists());
        log.write_all("{\"m\":\"\u{1b}[2J\u{9b}\u{202e}é\"}\n".as_bytes()).unwrap();
        let text = fs::read_to_string(&path).unwrap();
        assert_eq!(text, "{\"m\":\"\\u001b[2J\\u009b\\u202e\\u00e9\"}\n");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
            let link = folder.path().join("link.log");
            std::os::unix::fs::symlink(&path, &link).unwrap();
            assert!(open(&link).is_err());
        }
        log.path = PathBuf::from("/proc/nowhere/toril.log");
        log.file = None;
        assert_eq!(log.write(b"x").unwrap(), 1);
        assert!(log.given_up);
    }
}
