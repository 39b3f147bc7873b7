//! The house rules that a compiler does not hold: layers, lengths, forbidden words.

use std::fs;
use std::path::{Path, PathBuf};

/// Layers from the bottom up; those on one level do not import each other, but for what is said
/// beside them.
const LAYERS: &[(&str, u8)] = &[
    ("text", 0),
    ("wire", 1),
    ("conn", 2),
    ("engine", 3),
    ("monitor", 4),
    ("operate", 4),
    // Analyses the read model, so it stands above the monitor.
    ("insight", 5),
    ("app", 6),
    ("view", 7),
    ("shell", 8),
    ("cli", 9),
];
const LONGEST: usize = 600;

fn sources() -> Vec<(PathBuf, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    let mut folders = vec![root.clone()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|ext| ext == "rs" || ext == "lua") {
                let text = fs::read_to_string(&path).unwrap();
                files.push((path.strip_prefix(&root).unwrap().to_owned(), text));
            }
        }
    }
    assert!(files.len() > 100, "the sources were found");
    files
}

fn layer_of(path: &Path) -> Option<(&'static str, u8)> {
    let first = path.components().next()?.as_os_str().to_str()?;
    let name = first.strip_suffix(".rs").unwrap_or(first);
    LAYERS.iter().find(|(layer, _)| *layer == name).copied()
}

/// The code of a file, without its unit tests: they may look anywhere.
fn code(text: &str) -> &str {
    text.split("#[cfg(test)]").next().unwrap_or(text)
}

#[test]
fn imports_run_one_way() {
    let mut upward = Vec::new();
    for (path, text) in sources() {
        let Some((layer, level)) = layer_of(&path) else { continue };
        for (line, content) in code(&text).lines().enumerate() {
            let mut rest = content;
            while let Some(at) = rest.find("crate::") {
                rest = &rest[at + "crate::".len()..];
                let name: String = rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
                let Some((other, height)) = LAYERS.iter().find(|(l, _)| *l == name) else { continue };
                if *other != layer && *height >= level && !content.trim_start().starts_with("//") {
                    upward.push(format!("{}:{}: {layer} uses {other}", path.display(), line + 1));
                }
            }
        }
    }
    assert!(upward.is_empty(), "imports that run up:\n{}", upward.join("\n"));
}

#[test]
fn files_stay_short() {
    let long: Vec<String> = sources()
        .iter()
        .filter(|(_, text)| text.lines().count() > LONGEST)
        .map(|(path, text)| format!("{}: {} lines", path.display(), text.lines().count()))
        .collect();
    assert!(long.is_empty(), "over {LONGEST} lines:\n{}", long.join("\n"));
}

#[test]
fn only_the_pen_writes_cells() {
    const FORBIDDEN: &[&str] =
        &["set_symbol", "set_char", "set_string", "Color::Rgb", "Span::raw", "Paragraph"];
    let mut found = Vec::new();
    for (path, text) in sources() {
        let name = path.to_string_lossy().into_owned();
        if name == "view/pen.rs"
            || !(name.starts_with("view") || name.starts_with("app") || name.starts_with("shell"))
        {
            continue;
        }
        for word in FORBIDDEN.iter().filter(|word| code(&text).contains(**word)) {
            found.push(format!("{name}: {word}"));
        }
    }
    assert!(found.is_empty(), "cells are written by the pen alone:\n{}", found.join("\n"));
}

#[test]
fn update_and_draw_read_no_clock() {
    const FORBIDDEN: &[&str] = &["Instant::now", "SystemTime::now", "thread::sleep", ".await", "tokio::"];
    let mut found = Vec::new();
    for (path, text) in sources() {
        let Some(("app" | "view" | "insight" | "wire" | "text", _)) = layer_of(&path) else { continue };
        let is_test = path.ends_with("tests.rs");
        if is_test {
            continue;
        }
        for (line, content) in code(&text).lines().enumerate() {
            let content = content.trim_start();
            if content.starts_with("//") {
                continue;
            }
            // `.awaited()` waits for nothing.
            let whole = |at: usize, word: &str| {
                let rest = &content[at + word.len()..];
                word.ends_with(':') || !rest.starts_with(|next: char| next.is_alphanumeric())
            };
            let holds = |word: &str| content.match_indices(word).any(|(at, _)| whole(at, word));
            for word in FORBIDDEN.iter().filter(|word| holds(word)) {
                found.push(format!("{}:{}: {word}", path.display(), line + 1));
            }
        }
    }
    assert!(found.is_empty(), "time and waiting belong to the shell:\n{}", found.join("\n"));
}

#[test]
fn redis_commands_that_hurt_are_not_even_known() {
    let (_, requests) = sources().into_iter().find(|(path, _)| path.ends_with("conn/request.rs")).unwrap();
    for command in [
        "\"KEYS\"",
        "\"MONITOR\"",
        "\"HGETALL\"",
        "\"SMEMBERS\"",
        "\"FLUSHALL\"",
        "\"FLUSHDB\"",
        "\"SORT\"",
        "\"CONFIG\"",
    ] {
        assert!(!requests.contains(command), "{command} can be sent");
    }
}
