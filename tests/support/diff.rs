//! Two key spaces side by side, as far as they differ.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use super::{Content, Dump, Entry};

/// Ends the test unless both key spaces are the same, and prints the keys that differ.
#[track_caller]
pub fn assert_same(a: &Dump, b: &Dump) {
    if let Some(diff) = diff(a, b) {
        panic!("the key spaces differ (- first, + second):\n{diff}");
    }
}

/// What differs, or `None`.
pub fn diff(a: &Dump, b: &Dump) -> Option<String> {
    let keys: BTreeSet<&String> = a.0.keys().chain(b.0.keys()).collect();
    let mut out = String::new();
    for key in keys {
        match (a.0.get(key), b.0.get(key)) {
            (Some(one), Some(two)) if one == two => {}
            (one, two) => {
                let _ = writeln!(out, "{key}");
                entry(&mut out, one, two);
            }
        }
    }
    (!out.is_empty()).then_some(out)
}

fn entry(out: &mut String, a: Option<&Entry>, b: Option<&Entry>) {
    let (Some(a), Some(b)) = (a, b) else {
        for (sign, one) in [('-', a), ('+', b)] {
            for line in one.map(lines).unwrap_or_default() {
                let _ = writeln!(out, "  {sign} {line}");
            }
        }
        return;
    };
    if a.expires != b.expires {
        let _ = writeln!(out, "  - expires: {}\n  + expires: {}", a.expires, b.expires);
    }
    if let (Content::Hash(a), Content::Hash(b)) = (&a.content, &b.content) {
        return hash(out, a, b);
    }
    sequence(out, &lines_of(&a.content), &lines_of(&b.content));
}

fn hash(out: &mut String, a: &BTreeMap<String, String>, b: &BTreeMap<String, String>) {
    let names: BTreeSet<&String> = a.keys().chain(b.keys()).collect();
    for name in names {
        if a.get(name) != b.get(name) {
            for (sign, value) in [('-', a.get(name)), ('+', b.get(name))] {
                if let Some(value) = value {
                    let _ = writeln!(out, "  {sign} {name}: {value}");
                }
            }
        }
    }
}

/// Leaves out what both have at the beginning and at the end.
fn sequence(out: &mut String, a: &[String], b: &[String]) {
    let head = a.iter().zip(b).take_while(|(a, b)| a == b).count();
    let (a, b) = (&a[head..], &b[head..]);
    let tail = a.iter().rev().zip(b.iter().rev()).take_while(|(a, b)| a == b).count();
    let (a, b) = (&a[..a.len() - tail], &b[..b.len() - tail]);
    if head > 0 {
        let _ = writeln!(out, "    ({head} the same)");
    }
    for (sign, lines) in [('-', a), ('+', b)] {
        for line in lines {
            let _ = writeln!(out, "  {sign} {line}");
        }
    }
    if tail > 0 {
        let _ = writeln!(out, "    ({tail} the same)");
    }
}

fn lines(entry: &Entry) -> Vec<String> {
    let mut lines = lines_of(&entry.content);
    if entry.expires {
        lines.push("(expires)".to_owned());
    }
    lines
}

fn lines_of(content: &Content) -> Vec<String> {
    match content {
        Content::String(text) => vec![format!("string {text:?}")],
        Content::Other(kind) => vec![format!("a {kind}")],
        Content::List(items) => items.iter().map(|item| format!("list {item:?}")).collect(),
        Content::Set(members) => members.iter().map(|item| format!("set {item:?}")).collect(),
        Content::Hash(fields) => fields.iter().map(|(k, v)| format!("{k}: {v}")).collect(),
        Content::Zset(members) => {
            members.iter().map(|(member, score)| format!("zset {score} {member:?}")).collect()
        }
        Content::Stream(entries) => entries
            .iter()
            .map(|fields| {
                let fields: Vec<_> = fields.iter().map(|(k, v)| format!("{k}={v}")).collect();
                format!("entry {}", fields.join(" "))
            })
            .collect(),
    }
}
