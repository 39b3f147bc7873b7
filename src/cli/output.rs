//! What goes to stdout and stderr.

use std::borrow::Cow;
use std::fmt::{self, Write as _};
use std::io::{self, BufWriter, IsTerminal as _, StdoutLock, Write as _};

use serde::Serialize;

use super::args::ColorWhen;
use super::failure::Failure;
use crate::text::{Clean, ascii_json};

/// Standard output, buffered. What a program reads is JSON, what a person reads is [`Clean`].
pub struct Out {
    stdout: BufWriter<StdoutLock<'static>>,
    color: bool,
}

impl Out {
    /// Takes stdout.
    pub fn new(color: ColorWhen) -> Self {
        let stdout = io::stdout().lock();
        let color = match color {
            ColorWhen::Always => true,
            ColorWhen::Never => false,
            ColorWhen::Auto => {
                stdout.is_terminal() && std::env::var_os("TERM").is_none_or(|term| term != "dumb")
            }
        };
        Self { stdout: BufWriter::new(stdout), color }
    }

    /// Whether colours are wanted.
    pub const fn color(&self) -> bool {
        self.color
    }

    /// Writes a line that is safe to show.
    pub fn line(&mut self, line: impl fmt::Display) -> io::Result<()> {
        writeln!(self.stdout, "{line}")
    }

    /// Writes a JSON document on a line of its own.
    ///
    /// Characters that a terminal would act on or not show stand in it as `\uNNNN`: to a program the
    /// same, and harmless where a person looks at it.
    pub fn json(&mut self, document: &impl Serialize) -> Result<(), Failure> {
        let text = serde_json::to_string(document)?;
        self.stdout.write_all(harmless_json(&text).as_bytes())?;
        self.stdout.write_all(b"\n")?;
        Ok(())
    }

    /// Hands on what is buffered.
    pub fn flush(&mut self) -> io::Result<()> {
        self.stdout.flush()
    }
}

/// JSON with its hidden characters escaped; they can stand in strings only.
fn harmless_json(json: &str) -> Cow<'_, str> {
    if json.bytes().all(|byte| (b' '..=b'~').contains(&byte)) {
        return Cow::Borrowed(json);
    }
    let mut out = String::with_capacity(json.len() + 64);
    let mut utf8 = [0; 4];
    for c in json.chars() {
        if (' '..='~').contains(&c) || (!c.is_ascii() && Clean::line(c.encode_utf8(&mut utf8)).hidden() == 0)
        {
            out.push(c);
        } else {
            for unit in c.encode_utf16(&mut [0; 2]) {
                let _ = write!(out, "\\u{unit:04x}");
            }
        }
    }
    Cow::Owned(out)
}

/// Writes a line to stderr; a closed stderr is nobody's problem.
pub fn say(line: impl fmt::Display) {
    let _ = writeln!(io::stderr().lock(), "{line}");
}

/// Writes over the line of stderr that was written so before; for a terminal.
pub fn over(line: &Clean) {
    let mut stderr = io::stderr().lock();
    let _ = write!(stderr, "\r{line}\x1b[K");
    let _ = stderr.flush();
}

/// Says why a command stopped.
pub fn report(failure: &Failure, json: bool) {
    let Failure::Said { kind, message, hint, .. } = failure else { return };
    say(format_args!("toril: {message}"));
    if !hint.is_empty() {
        say(format_args!("  try: {hint}"));
    }
    if json {
        report_json(kind, message.as_str(), hint.as_str());
    }
}

/// The error as a document, on a line of its own on stderr.
pub fn report_json(kind: &str, message: &str, hint: &str) {
    let document = serde_json::json!({ "error": { "kind": kind, "message": message, "hint": hint } });
    say(ascii_json(&document.to_string()));
}

/// Asks on the terminal; `None` where nobody can be asked.
pub fn ask(question: &Clean) -> Option<String> {
    if !io::stdin().is_terminal() || !io::stderr().is_terminal() {
        return None;
    }
    let _ = write!(io::stderr().lock(), "{question} ");
    let mut answer = String::new();
    match io::stdin().read_line(&mut answer) {
        Ok(_) => Some(answer.trim_end_matches(['\r', '\n']).to_owned()),
        Err(_) => None,
    }
}
