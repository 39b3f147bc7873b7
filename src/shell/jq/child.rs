//! The child: reads an expression and jobs, says which match.

use std::io::{self, BufRead as _, Write as _};

use jaq_core::load::{Arena, File, Loader};
use jaq_core::{Compiler, Ctx, Vars, data, unwrap_valr};
use jaq_json::Val;

/// Bytes that are read and answered in one go.
const BUFFER: usize = 128 << 10;
/// Longest explanation that is answered.
const WHY: usize = 400;

/// Answers until its input ends.
pub fn main() -> u8 {
    limit();
    // Ends when the parent goes away: its end of a pipe closes.
    u8::from(serve().is_err())
}

/// A gigabyte of memory, and no core dump: the jobs would be in it.
#[cfg(unix)]
fn limit() {
    use rustix::process::{Resource, Rlimit, setrlimit};
    const MEMORY: u64 = 1 << 30;
    for (resource, most) in [(Resource::As, MEMORY), (Resource::Core, 0)] {
        let _ = setrlimit(resource, Rlimit { current: Some(most), maximum: Some(most) });
    }
}

#[cfg(not(unix))]
fn limit() {}

fn serve() -> io::Result<()> {
    let mut input = io::BufReader::with_capacity(BUFFER, io::stdin().lock());
    let mut out = io::BufWriter::with_capacity(BUFFER, io::stdout().lock());
    let mut line = Vec::new();
    if input.read_until(b'\n', &mut line)? == 0 {
        return Ok(());
    }
    let expression: String = serde_json::from_slice(&line).map_err(io::Error::other)?;

    let defs = jaq_core::defs().chain(jaq_std::defs()).chain(jaq_json::defs());
    let funs = jaq_core::funs().chain(jaq_std::funs()).chain(jaq_json::funs());
    let arena = Arena::default();
    let modules = Loader::new(defs).load(&arena, File { code: expression.as_str(), path: () });
    let modules = match modules {
        Ok(modules) => modules,
        Err(errors) => return refuse(&mut out, &parse_trouble(&errors)),
    };
    let filter = match Compiler::default().with_funs(funs).compile(modules) {
        Ok(filter) => filter,
        Err(errors) => {
            let names: Vec<_> =
                errors.iter().flat_map(|(_, list)| list).map(|(name, _)| (*name).to_owned()).collect();
            return refuse(&mut out, &format!("{} is not defined", names.join(", ")));
        }
    };
    writeln!(out, "1")?;
    out.flush()?;

    loop {
        line.clear();
        if input.read_until(b'\n', &mut line)? == 0 {
            return out.flush();
        }
        match jaq_json::read::parse_single(&line) {
            Err(_) => writeln!(out, "!the job is not JSON")?,
            Ok(job) => {
                let context = Ctx::<data::JustLut<Val>>::new(&filter.lut, Vars::new([]));
                answer(&mut out, filter.id.run((context, job)).map(unwrap_valr))?;
            }
        }
        // Whoever asks waits only once no other whole question is here.
        if !input.buffer().contains(&b'\n') {
            out.flush()?;
        }
    }
}

/// True anywhere among the outputs matches; an error after that counts no more.
fn answer<E: std::fmt::Display>(
    out: &mut impl io::Write,
    outputs: impl Iterator<Item = Result<Val, E>>,
) -> io::Result<()> {
    let mut other = false;
    for output in outputs {
        match output {
            Ok(Val::Bool(true)) => return writeln!(out, "1"),
            Ok(Val::Bool(false) | Val::Null) => {}
            Ok(_) => other = true,
            Err(error) => return refuse(out, &error.to_string()),
        }
    }
    writeln!(out, "{}", if other { '?' } else { '0' })
}

fn refuse(out: &mut impl io::Write, why: &str) -> io::Result<()> {
    let why: String = why.chars().map(|c| if c.is_control() { ' ' } else { c }).take(WHY).collect();
    writeln!(out, "!{why}")?;
    out.flush()
}

fn parse_trouble<P>(errors: &jaq_core::load::Errors<&str, P>) -> String {
    use jaq_core::load::Error;
    let (expected, found) = match errors.first() {
        Some((_, Error::Lex(list))) => match list.first() {
            Some((expected, found)) => (expected.as_str(), *found),
            None => return String::new(),
        },
        Some((_, Error::Parse(list))) => match list.first() {
            Some((expected, found)) => (expected.as_str(), *found),
            None => return String::new(),
        },
        Some((_, Error::Io(_))) => return "it includes a file".to_owned(),
        None => return String::new(),
    };
    format!("expected {expected} at {}", place(found))
}

fn place(found: &str) -> String {
    if found.is_empty() {
        "its end".to_owned()
    } else {
        format!("\"{}\"", found.chars().take(40).collect::<String>())
    }
}
