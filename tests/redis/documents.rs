//! What the documents claim is tested: each row names a test, and each such test exists.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// The names of all tests below a folder of this crate.
fn tests(folder: &Path, found: &mut BTreeSet<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() && !path.ends_with("node_modules") {
            tests(&path, found);
        } else if path.extension().is_some_and(|ext| ext == "rs") {
            let mut marked = false;
            for line in fs::read_to_string(&path).unwrap().lines().map(str::trim_start) {
                marked |= ["#[test]", "#[rstest]", "#[tokio::test"].iter().any(|mark| line.starts_with(mark));
                let line = line.trim_start_matches("pub ").trim_start_matches("async ");
                if let Some(rest) = line.strip_prefix("fn ") {
                    let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap();
                    if std::mem::take(&mut marked) {
                        found.insert(rest[..end].to_owned());
                    }
                }
            }
        }
    }
}

fn all_tests() -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for folder in ["tests", "src"] {
        tests(&Path::new(env!("CARGO_MANIFEST_DIR")).join(folder), &mut found);
    }
    assert!(found.len() > 500, "the tests were found");
    found
}

/// The rows of the tables whose last column is `shown by`, without their frames.
fn rows(document: &str) -> Vec<Vec<&str>> {
    let mut rows = Vec::new();
    let mut shown = false;
    for line in document.lines() {
        let cells: Vec<&str> = line.strip_prefix('|').map_or(Vec::new(), |line| {
            line.trim_end().trim_end_matches('|').split(" | ").map(str::trim).collect()
        });
        match cells.last() {
            None => shown = false,
            Some(&"shown by") => shown = true,
            Some(cell) if shown && !cell.contains("--") => rows.push(cells),
            Some(_) => {}
        }
    }
    rows
}

/// What stands between backticks in a cell, without file names.
fn names(cell: &str) -> Vec<&str> {
    cell.split('`').skip(1).step_by(2).filter(|name| !name.contains('.')).collect()
}

#[test]
fn every_row_names_a_test_that_exists() {
    let tests = all_tests();
    for (document, least) in
        [(include_str!("../../docs/differences.md"), 60), (include_str!("../../docs/engine.md"), 50)]
    {
        let rows = rows(document);
        assert!(rows.len() >= least, "{}", rows.len());
        for row in rows {
            let shown_by = row.last().unwrap();
            if *shown_by == "not promised" {
                continue;
            }
            assert!(!names(shown_by).is_empty(), "{row:?}");
            for name in names(shown_by) {
                assert!(tests.contains(name), "{name}");
            }
        }
    }
}

/// The list of cases that are compared with BullMQ has 70.
#[test]
fn every_case_has_a_test() {
    let tests = all_tests();
    for case in 1..=70 {
        let name = format!("case_{case:02}_");
        assert!(tests.iter().any(|test| test.starts_with(&name)), "{name}");
    }
}
