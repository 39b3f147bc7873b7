//! Stack traces of Node (V8 and its kin), Python and Rust: the kind of the error, its message, and the first
//! frame of one's own code.

use super::frame::{Frame, Owner, file, owner, package};

/// Bytes of a stack that are looked at.
const LOOKED_AT: usize = 64 << 10;

/// What a stack says.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Stack<'a> {
    /// What stands above the frames: kind and message.
    pub(super) head: &'a str,
    /// The first frame of one's own code, or else of a library.
    pub(super) frame: Option<Frame>,
}

/// Reads a stack; a text without frames is all head.
pub(super) fn read(text: &str) -> Stack<'_> {
    let text = super::pattern::head(text, LOOKED_AT);
    if let Some(at) = text.rfind("Traceback (most recent call last):") {
        return python(text, at);
    }
    if text.contains("panicked at ") || text.contains("ack backtrace:") {
        return rust(text);
    }
    javascript(text)
}

/// The better of two frames: one's own before a library's, the earlier one of equals.
#[derive(Default)]
struct Best(Option<Frame>);

impl Best {
    /// Takes a frame into account; true once none can be better.
    fn take(&mut self, owner: Owner, frame: impl FnOnce() -> Frame) -> bool {
        match owner {
            Owner::Own if self.0.as_ref().is_none_or(|best| best.foreign) => self.0 = Some(frame()),
            Owner::Library if self.0.is_none() => self.0 = Some(Frame { foreign: true, ..frame() }),
            _ => {}
        }
        self.0.as_ref().is_some_and(|best| !best.foreign)
    }
}

fn javascript(text: &str) -> Stack<'_> {
    let mut at = 0;
    let mut head = None;
    let mut best = Best::default();
    for line in text.split_inclusive('\n') {
        let frame =
            line.trim_start().strip_prefix("at ").filter(|_| line.starts_with([' ', '\t']) || head.is_some());
        if let Some(frame) = frame {
            head.get_or_insert(at);
            if javascript_frame(frame.trim_end(), &mut best) {
                break;
            }
        }
        at += line.len();
    }
    Stack { head: text[..head.unwrap_or(text.len())].trim(), frame: best.0 }
}

/// Takes in `async Gateway.connect [as call] (/app/src/gateway.ts:88:11)`, `/app/src/x.ts:1:2`, ...
fn javascript_frame(frame: &str, best: &mut Best) -> bool {
    let frame = frame.strip_prefix("async ").unwrap_or(frame);
    // A path may have brackets; the function ends at the first that opens behind a space.
    let (function, place) = match (frame.split_once(" ("), frame.ends_with(')')) {
        (Some((function, place)), true) => (function, &place[..place.len() - 1]),
        _ => ("", frame),
    };
    let place = place
        .strip_prefix("eval at ")
        .and_then(|place| place.rsplit_once('('))
        .map_or(place, |(_, inner)| inner.split_once(')').map_or(inner, |(inner, _)| inner));
    let (path, line) = without_position(place);
    let owner = if path == place && !path.contains(['/', '\\', '.']) { Owner::Runtime } else { owner(path) };
    best.take(owner, || {
        let function = javascript_function(function);
        if owner == Owner::Library {
            return Frame { function, file: package(path).unwrap_or_else(|| file(path)), ..Frame::default() };
        }
        let place = if function.is_empty() { line.to_owned() } else { String::new() };
        Frame { function, file: file(path), place, foreign: false }
    })
}

/// A path without `:line:column`, and the line.
fn without_position(place: &str) -> (&str, &str) {
    let number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    match place.rsplit_once(':').filter(|(_, last)| number(last)) {
        None => (place, ""),
        Some((rest, last)) => match rest.rsplit_once(':').filter(|(_, line)| number(line)) {
            Some((path, line)) => (path, line),
            None => (rest, last),
        },
    }
}

/// The name that a function was given; none for `<anonymous>` and for what only says where it was put.
fn javascript_function(function: &str) -> String {
    let function = function.split(" [as ").next().unwrap_or_default();
    let function = function.strip_prefix("new ").map_or(function, |class| class);
    let function = function.strip_prefix("Object.").unwrap_or(function);
    match function.rsplit('.').next().unwrap_or_default() {
        // The library keeps the processor in a property: that is no name of one's own.
        "<anonymous>" | "processFn" | "callProcessJob" | "default" | "handler" | "" => String::new(),
        _ => function.to_owned(),
    }
}

fn python(text: &str, at: usize) -> Stack<'_> {
    let mut best = None;
    let mut end = at;
    let mut lines = text[at..].split_inclusive('\n').peekable();
    let mut offset = at;
    let mut head = text[text.len()..].trim();
    while let Some(line) = lines.next() {
        offset += line.len();
        let Some(rest) = line.trim_start().strip_prefix("File \"").filter(|_| line.starts_with(' ')) else {
            if end > at && !line.starts_with([' ', '\t']) && !line.trim().is_empty() {
                // Behind the frames: what was raised.
                head = text[offset - line.len()..].trim();
                break;
            }
            continue;
        };
        end = offset;
        let Some((path, rest)) = rest.split_once('"') else { continue };
        let function = rest.split_once(", in ").map_or("", |(_, function)| function.trim());
        let source = lines.peek().map(|line| line.trim()).filter(|line| !line.starts_with("File \""));
        let owner = owner(path);
        // The last call is the innermost: later frames win, one's own over a library's.
        let own = owner == Owner::Own;
        if own || owner == Owner::Library && best.as_ref().is_none_or(|best: &Frame| best.foreign) {
            let function = if function.starts_with('<') { String::new() } else { function.to_owned() };
            best = Some(if own {
                Frame { function, file: file(path), place: python_place(source, rest), foreign: false }
            } else {
                Frame {
                    function,
                    file: package(path).unwrap_or_else(|| file(path)),
                    foreign: true,
                    ..Frame::default()
                }
            });
        }
    }
    Stack { head, frame: best }
}

/// The source of a frame, which stays when lines move; its line, where the source is not there.
fn python_place(source: Option<&str>, rest: &str) -> String {
    if let Some(source) = source.filter(|source| !source.is_empty() && !source.starts_with(['~', '^'])) {
        // A space marks it as source.
        return format!(" {}", super::pattern::head(source, 160));
    }
    let line = rest.trim_start_matches(", line ");
    line[..super::chunk::digits(line)].to_owned()
}

fn rust(text: &str) -> Stack<'_> {
    let trace = text.find("ack backtrace:").map_or(text.len(), |at| at.saturating_sub(2));
    let (mut head, mut panicked) = (text[..floor(text, trace)].trim(), None);
    if let Some(at) = head.find("panicked at ") {
        let rest = &head[at + "panicked at ".len()..];
        if let Some(quoted) = rest.strip_prefix('\'') {
            // Up to Rust 1.72: panicked at 'message', src/main.rs:4:5
            let (message, place) = quoted.rsplit_once("', ").unwrap_or((quoted, ""));
            (head, panicked) = (message, Some(place.lines().next().unwrap_or_default()));
        } else {
            let (place, message) = rest.split_once('\n').unwrap_or((rest, ""));
            (head, panicked) = (message.trim(), Some(place.trim_end_matches(':')));
        }
        // `note: run with RUST_BACKTRACE=1 ...`
        head = head.split("\nnote: ").next().unwrap_or(head).trim();
    }
    let mut best = Best::default();
    let mut lines = text[floor(text, trace)..].lines().peekable();
    while let Some(line) = lines.next() {
        let Some((number, symbol)) = line.trim_start().split_once(": ") else { continue };
        if number.is_empty() || !number.bytes().all(|byte| byte.is_ascii_digit()) {
            continue;
        }
        let path = lines
            .peek()
            .and_then(|line| line.trim_start().strip_prefix("at "))
            .map(|place| without_position(place.trim()));
        let (path, line) = path.unwrap_or_default();
        if rust_frame(symbol.trim(), path, line, &mut best) {
            break;
        }
    }
    if best.0.as_ref().is_none_or(|best| best.foreign)
        && let Some((path, line)) =
            panicked.map(without_position).filter(|(path, _)| !path.is_empty() && owner(path) == Owner::Own)
    {
        best.0 = Some(Frame { file: file(path), place: line.to_owned(), ..Frame::default() });
    }
    Stack { head, frame: best.0 }
}

fn floor(text: &str, at: usize) -> usize {
    (0..=at.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0)
}

/// Crates that are in every stack, by the beginning of their symbols.
const CRATES: &[&str] = &[
    "__libc_start_main",
    "__rustc",
    "_start",
    "alloc",
    "anyhow",
    "backtrace",
    "color_eyre",
    "core",
    "eyre",
    "futures",
    "futures_util",
    "rust_begin_unwind",
    "rust_panic",
    "start_thread",
    "std",
    "tokio",
    "toril",
    "tracing",
    "rayon",
    "async_std",
    "miette",
    "clap",
    "serde",
    "hyper",
    "tower",
];

fn rust_frame(symbol: &str, path: &str, line: &str, best: &mut Best) -> bool {
    let symbol = symbol
        .split_once(" - ")
        .filter(|(address, _)| address.starts_with("0x"))
        .map_or(symbol, |(_, symbol)| symbol);
    let symbol = symbol
        .rsplit_once("::h")
        .filter(|(_, hash)| hash.len() == 16 && hash.bytes().all(|b| b.is_ascii_hexdigit()))
        .map_or(symbol, |(symbol, _)| symbol);
    let root =
        symbol.trim_start_matches(['<', '&', '(', '[']).trim_start_matches("dyn ").trim_start_matches("mut ");
    let root = root.split(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap_or_default();
    let by_symbol = CRATES.contains(&root)
        || root.starts_with("__")
        || matches!(symbol, "main" | "clone" | "clone3" | "<unknown>");
    let owner = match path {
        "" if by_symbol => Owner::Runtime,
        "" => Owner::Own,
        path => match owner(path) {
            Owner::Own if by_symbol => Owner::Runtime,
            owner => owner,
        },
    };
    best.take(owner, || {
        let function = rust_function(symbol);
        if owner == Owner::Library {
            return Frame { function, file: package(path).unwrap_or_default(), ..Frame::default() };
        }
        let closure = symbol.contains("{{closure}}") || symbol.contains("{closure");
        let place =
            if closure && !path.is_empty() && function.is_empty() { line.to_owned() } else { String::new() };
        Frame { function, file: file(path), place, foreign: false }
    })
}

/// A symbol without the compiler's own parts.
fn rust_function(symbol: &str) -> String {
    symbol
        .split("::")
        .filter(|part| {
            !part.starts_with("{{") && !part.starts_with("{closure") && !part.starts_with("{async")
        })
        .collect::<Vec<_>>()
        .join("::")
}
