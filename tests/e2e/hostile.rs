//! Names and payloads that attack the terminal: nothing outside our own grammar reaches it.

use serde_json::json;

use crate::support::{Lib, Node, Server};
use crate::terminal::Terminal;

const NASTY: &[&str] = &[
    "a\u{1b}[2Jb",
    "a\u{1b}]52;c;AAAA\u{7}b",
    "a\u{1b}]0;pwned\u{7}b",
    "a\u{9b}31mb",
    "a\u{0}\u{8}\u{7f}b",
    "a\u{202e}gpj.exe\u{202c}b",
    "a\u{200b}\u{feff}\u{ad}b",
    "a\u{e0041}\u{2028}\u{2029}b",
    "a\nb\rc\td",
    "e\u{301}\u{302}\u{303}\u{304}\u{305}\u{306}\u{307}",
    "👩\u{200d}🔬 日本語 ✈\u{fe0f} 🇪🇸",
    "\u{1b}c\u{1b}[?1049l\u{1b}[?1000h",
];

#[test]
fn hostile_text_is_shown_and_not_obeyed() {
    let server = Server::start();
    let mut node = Node::start(Lib::BullMq6, &server);
    for (i, nasty) in NASTY.iter().enumerate() {
        // Node refuses `:` in names; everything else is taken.
        let queue = format!("q{i}{}", nasty.replace(':', ""));
        node.call(json!({"op": "add", "queue": queue, "name": nasty, "data": {"do": "ok"}}));
        let data = json!({"do": "fail", "message": nasty, "log": [nasty], nasty.to_string(): nasty});
        node.call(json!({"op": "add", "queue": "victim", "name": nasty, "data": data}));
    }
    let worker = node.call(json!({"op": "worker", "queue": "victim"}));
    node.call(json!({"op": "waitIdle", "queue": "victim"}));
    node.call(json!({"op": "workerStop", "handle": worker}));
    let mut terminal = Terminal::toril(&["-u", &server.url()]);
    terminal.wait_for("victim");
    terminal.wait_for("<U+202E>");
    terminal.press("/victim\r");
    terminal.wait_until("the filter", |s| s.contains("/ victim"));
    terminal.press("\r");
    terminal.wait_for("^[");
    for _ in 0..3 {
        terminal.press("\r");
        std::thread::sleep(std::time::Duration::from_millis(150));
        for _ in 0..7 {
            terminal.press("\t");
            std::thread::sleep(std::time::Duration::from_millis(60));
        }
        terminal.press("\x1b");
        std::thread::sleep(std::time::Duration::from_millis(100));
        terminal.press("j");
    }
    terminal.press("5");
    std::thread::sleep(std::time::Duration::from_millis(200));
    terminal.press("6?");
    std::thread::sleep(std::time::Duration::from_millis(200));
    terminal.press("\x03");
    assert_eq!(terminal.wait_for_end(), 0);
    let raw = terminal.raw();
    let bad = outside_grammar(&raw);
    assert!(
        bad.is_empty(),
        "{} bytes outside the grammar, the first: {:?}",
        bad.len(),
        &bad[..bad.len().min(5)]
    );
}

/// Places in a stream that are neither text nor a sequence that this program may write. Written
/// apart from the program's own guard, so that one mistake cannot hide in both.
fn outside_grammar(raw: &[u8]) -> Vec<(usize, String)> {
    let sequence = regex_lite();
    let mut bad = Vec::new();
    let text = String::from_utf8_lossy(raw);
    let mut rest: &str = &text;
    let mut at = 0;
    while let Some(c) = rest.chars().next() {
        let taken = match c {
            '\u{1b}' => sequence(rest).unwrap_or_else(|| {
                bad.push((at, rest.chars().take(12).collect()));
                1
            }),
            '\0'..='\u{1f}'
            | '\u{7f}'..='\u{9f}'
            | '\u{200b}'
            | '\u{200e}'
            | '\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{feff}'
            | '\u{ad}'
            | '\u{fffd}'
            | '\u{e0000}'..='\u{e0fff}' => {
                bad.push((at, rest.chars().take(12).collect()));
                c.len_utf8()
            }
            _ => c.len_utf8(),
        };
        rest = &rest[taken..];
        at += taken;
    }
    bad
}

/// The length of an allowed sequence at the beginning of a text.
fn regex_lite() -> impl Fn(&str) -> Option<usize> {
    const MODES: [&str; 4] = ["25", "1049", "2004", "2026"];
    |text: &str| {
        let rest = text.strip_prefix("\u{1b}[")?;
        if let Some(mode) = rest.strip_prefix('?') {
            let end = mode.find(['h', 'l'])?;
            return MODES.contains(&&mode[..end]).then_some(3 + end + 1);
        }
        let end = rest.find(|c: char| !(c.is_ascii_digit() || c == ';' || c == ':'))?;
        matches!(rest.as_bytes()[end], b'H' | b'm' | b'J' | b'K' | b'G' | b'A' | b'B' | b'C' | b'D')
            .then_some(2 + end + 1)
    }
}
