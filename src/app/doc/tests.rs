use super::*;
use crate::app::list::Move;

fn read(mut doc: Doc) -> Doc {
    while doc.advance(STEP) {}
    doc
}

fn json(text: &str) -> Doc {
    read(Doc::json(Raw::new(text)))
}

fn line(doc: &Doc, line: u32, cells: usize) -> String {
    doc.spans(line, cells, None, 0).iter().map(|span| span.text.as_str()).collect()
}

fn shown(doc: &Doc) -> Vec<String> {
    (0..doc.rows()).map(|row| line(doc, doc.line_at(row), 200)).collect()
}

#[test]
fn values_are_laid_out_and_kept_byte_for_byte() {
    let doc =
        json(r#"{"a":12345678901234567890123,"a":1e999, "b" : [ true,{}, [ ] ,"x\n\"{"],"c":{"d":null}}"#);
    assert_eq!(doc.notice(), None);
    let lines = shown(&doc);
    assert_eq!(
        lines,
        [
            "{",
            r#"  "a": 12345678901234567890123,"#,
            r#"  "a": 1e999,"#,
            r#"  "b": ["#,
            "    true,",
            "    {},",
            "    [],",
            r#"    "x\n\"{""#,
            "  ],",
            r#"  "c": {"#,
            r#"    "d": null"#,
            "  }",
            "}",
        ]
    );
    let kinds: Vec<Kind> = doc.spans(1, 80, None, 0).iter().map(|span| span.kind).collect();
    assert_eq!(kinds, [Kind::Dim, Kind::Key, Kind::Punctuation, Kind::Literal, Kind::Punctuation]);
}

#[test]
fn scalars_and_empty_blocks_are_whole_values() {
    for text in ["5", "-0.5e+3", "null", r#""str""#, "{}", " [ ] ", "\u{feff}true"] {
        let doc = json(text);
        assert_eq!(doc.rows(), 1, "{text}");
        assert!(doc.notice().is_none_or(|notice| notice.as_str().contains("byte order")), "{text}");
    }
}

#[test]
fn what_is_not_json_is_shown_as_it_is() {
    for text in [
        "",
        "{",
        "NaN",
        "01",
        "1.",
        "{\"a\" 1}",
        "[1,]",
        "{\"a\":1,}",
        "1 2",
        "'a'",
        "\"open",
        "[1}",
        "-",
        "tru",
    ] {
        let doc = json(text);
        assert!(doc.notice().is_some_and(|notice| notice.as_str().starts_with("not JSON")), "{text}");
        assert_eq!(shown(&doc).concat(), text);
    }
    let doc = json("one\ntwo\r\nthree\n");
    assert_eq!(shown(&doc), ["one", "two", "three"]);
}

#[test]
fn depth_is_no_danger() {
    for depth in [100_000, 1_000_000] {
        let doc = json(&("[".repeat(depth) + "1" + &"]".repeat(depth)));
        assert_eq!(doc.notice(), None);
        assert_eq!(doc.rows(), 2 * depth as u64 + 1);
        let deep = line(&doc, depth as u32, 80);
        assert!(deep.trim_start().ends_with("⋯ 1"), "{deep}");
    }
    let broken = json(&"[".repeat(100_000));
    assert_eq!(broken.rows(), 1);
}

#[test]
fn a_frame_of_something_huge_costs_what_is_shown() {
    let long = format!("{{\"a\":\"{}\",\"b\":1}}", "x".repeat(10 << 20));
    let doc = json(&long);
    assert_eq!(doc.rows(), 4);
    let many = json(&format!("[{}1]", "1,".repeat(1_000_000)));
    assert_eq!(many.rows(), 1_000_003);
    // What a line gives is bounded by the screen, not by the line.
    let shown = line(&doc, 1, 200);
    assert!(crate::text::width(&shown) >= 200 && shown.len() < 2000, "{}", shown.len());
    assert_eq!(line(&many, many.line_at(500_000), 200), "  1,");
}

#[test]
fn folds_hide_lines_and_rows_find_them() {
    let mut doc = json(r#"{"a":{"b":[1,2,3],"c":4},"d":[5,6],"e":7}"#);
    let all = doc.rows();
    // Fold the inner array, then what is around it.
    assert_eq!(doc.fold(2), 2);
    assert_eq!(line(&doc, 2, 80), r#"    "b": […], 3 elements"#);
    assert_eq!(doc.rows(), all - 4);
    assert_eq!(doc.fold(2), 1);
    assert_eq!(line(&doc, 1, 80), r#"  "a": {…}, 2 keys"#);
    assert_eq!(
        shown(&doc).join("\n"),
        "{\n  \"a\": {…}, 2 keys\n  \"d\": [\n    5,\n    6\n  ],\n  \"e\": 7\n}"
    );
    for row in 0..doc.rows() {
        assert_eq!(doc.row_of(doc.line_at(row)), row);
    }
    assert_eq!(doc.row_of(4), 1);
    doc.reveal(4);
    assert_eq!(doc.rows(), all);
    // A scalar folds what is around it.
    let last = doc.index.last_line();
    assert_eq!(doc.fold(last - 1), 0);
    assert_eq!(doc.rows(), 1);
    assert!(doc.set_fold(0, false));
    assert_eq!(doc.rows(), all);
}

#[test]
fn hidden_characters_are_set_apart() {
    let doc = json("{\"a\":\"pay\u{202e}load\u{1b}[31m\"}");
    let spans = doc.spans(1, 80, None, 0);
    let hidden: Vec<&str> =
        spans.iter().filter(|span| span.kind == Kind::Hidden).map(|span| span.text.as_str()).collect();
    assert_eq!(hidden, ["<U+202E>", "^["]);
    let bad = read(Doc::json(Raw::new(b"\"a\xff\xfeb\"")));
    assert_eq!(line(&bad, 0, 80), "\"a<ff><fe>b\"");
    let tabs = read(Doc::text(Raw::new("a\tb")));
    assert_eq!(line(&tabs, 0, 80), "a   b");
}

#[test]
fn places_are_found_in_any_case_and_shown_where_they_are() {
    let text = format!("[\"Äpfel\",\"x\",\"{}NEEDLE\",\"needle\"]", "-".repeat(5_000));
    let mut pager = Pager::new(json(&text));
    pager.look_for("needle", 10);
    let search = pager.search.as_ref().unwrap();
    assert_eq!((search.count(pager.doc.bytes()), search.current()), ((2, false), Some(1)));
    assert_eq!(pager.line, 3);
    let spans = pager.doc.spans(3, 80, pager.search.as_ref(), 0);
    assert!(spans.iter().any(|span| span.kind == Kind::Hit && span.text.as_str() == "NEEDLE"));
    pager.next_place(false, 10);
    assert_eq!(pager.line, 4);
    pager.next_place(false, 10);
    assert_eq!(pager.line, 3);
    pager.next_place(true, 10);
    assert_eq!(pager.line, 4);
    pager.look_for("äPFEL", 10);
    assert_eq!(pager.line, 1);
    pager.look_for("", 10);
    assert!(pager.search.is_none());
}

#[test]
fn a_long_line_can_be_walked_along() {
    let mut pager = Pager::new(json(&format!("{{\"a\":\"{}END\"}}", "é".repeat(200))));
    pager.step(Move::By(1), 10);
    let shown = |pager: &Pager| -> String {
        pager.doc.spans(1, 60, None, pager.pan).iter().map(|span| span.text.as_str()).collect()
    };
    for _ in 0..20 {
        pager.unfold(10, 60);
    }
    assert!(shown(&pager).contains("END"), "{}", shown(&pager));
    assert!(!shown(&pager).contains('<'));
    for _ in 0..20 {
        pager.fold(10, 60);
    }
    // Back at its beginning, and only then is the block around it folded.
    assert_eq!((pager.pan, pager.doc.rows()), (0, 1));
}

#[test]
fn a_search_goes_into_folds_and_beyond_one_step() {
    let text = format!("{{\"a\":[{}\"here\"]}}", "1,".repeat(STEP));
    let mut pager = Pager::new(json(&text));
    pager.doc.set_fold(1, true);
    pager.look_for("here", 20);
    while pager.advance(20) {}
    assert_eq!(pager.doc.folded(1), Some(false));
    assert_eq!(pager.row(), STEP as u64 + 2);
    assert!(pager.top <= pager.row() && pager.row() < pager.top + 20);
}

#[test]
fn pages_turn_far_beyond_what_sixteen_bits_count() {
    let mut pager = Pager::new(read(Doc::text(Raw::new("line\n".repeat(100_000)))));
    pager.step(Move::Bottom, 50);
    assert_eq!((pager.row(), pager.top), (99_999, 99_950));
    pager.step(Move::HalfPages(-2), 50);
    assert_eq!((pager.row(), pager.top), (99_949, 99_900));
    pager.step(Move::Top, 50);
    assert_eq!((pager.row(), pager.top), (0, 0));
    let mut empty = Pager::new(read(Doc::text(Raw::new(""))));
    empty.step(Move::Bottom, 50);
    assert_eq!(empty.doc.rows(), 0);
}

#[test]
fn built_texts_have_labels_links_and_folds() {
    let mut text = Builder::new(10);
    text.pair(Kind::Text, "name", "charge\ncard").text(Kind::Dim, "frames").block(true, |text| {
        text.text(Kind::Dim, "one\ntwo").link(7);
    });
    text.text(Kind::Text, "end");
    let mut doc = text.finish();
    assert_eq!(shown(&doc), ["name      charge", "frames", "end"]);
    assert_eq!(doc.folded(1), Some(true));
    doc.set_fold(1, false);
    assert_eq!(doc.rows(), 5);
    assert_eq!((doc.link(3), doc.link(0)), (Some(7), None));
}

#[test]
fn stacks_are_decoded_whatever_they_hold() {
    let stacks = strings(br#" ["a\nb","\u00e9\ud83d\ude00\ud800","\u12","\/\\"] "#).unwrap();
    assert_eq!(stacks[0], b"a\nb");
    assert_eq!(stacks[1], "é😀\\ud800".as_bytes());
    assert_eq!(stacks[2], b"\\u12");
    assert_eq!(stacks[3], b"/\\");
    assert_eq!(strings(b"[]").unwrap().len(), 0);
    for bad in [&b"{}"[..], b"[1]", b"[\"a\"", b"", b"[\"a\" \"b\"]"] {
        assert!(strings(bad).is_none());
    }
}

proptest::proptest! {
    #[test]
    fn no_bytes_break_it(bytes in proptest::collection::vec(proptest::sample::select(b"{}[]\",:\\ \n1ae-\xff\x1b".to_vec()), 0..200)) {
        let mut pager = Pager::new(read(Doc::json(Raw::new(&bytes))));
        pager.look_for("1", 10);
        for by in [Move::Bottom, Move::By(-3), Move::Top, Move::HalfPages(1)] {
            pager.step(by, 10);
            pager.unfold(10, 20);
            pager.fold(10, 20);
            for row in 0..pager.doc.rows() {
                for span in pager.doc.spans(pager.doc.line_at(row), 20, pager.search.as_ref(), pager.pan) {
                    assert!(!span.text.as_str().chars().any(char::is_control));
                }
            }
        }
    }
}
