//! How dialogs look, and that they stay readable where there is little room.

use rstest::rstest;
use toril::app::Msg;
use toril::app::effect::Answer;
use toril::operate::Preview;
use toril::text::Clean;
use toril::wire::{Era, JobId};

use super::{failing, pausing, preview, retrying};
use crate::support::{Console, hide_times, hostile, queue, snapshot};

/// The dialog with an answer to what it asked.
fn previewed(mut console: Console) -> Console {
    let ids = ["98412", "98377", "98371", "98360", "98355", "98354"];
    let effects = [
        "Looked at the first 100 of 1,180:",
        "7 jobs belong to flows whose parent has finished: they run alone, and nobody waits for what they return",
        "12 jobs have a priority, which they keep",
    ];
    let answer = Preview {
        matched: 1180,
        sample: ids.into_iter().map(JobId::new).collect(),
        effects: effects.into_iter().map(Clean::line).collect(),
        bytes: None,
    };
    // Whichever number it asked with: only a dialog takes a preview.
    for id in 0..console.app.ids.next() {
        console.send(Msg::Fetched(id, Ok(Answer::Preview(answer.clone()))));
    }
    console
}

fn retry_all(columns: u16, rows: u16) -> Console {
    let mut console = previewed(retrying(failing("payments", 1180), columns, rows));
    console.text("paym");
    console
}

fn pause_six(columns: u16, rows: u16) -> Console {
    let mut row = queue("payments");
    row.era = Era::V6;
    pausing(row, columns, rows)
}

/// All of a small terminal, which the dialog may cover; of a large one what it can cover.
fn shot(console: &Console) -> String {
    let grid = console.draw();
    if console.app.size.1 < 20 { grid.whole() } else { grid.body() }
}

#[rstest]
#[case(80, 24)]
#[case(40, 12)]
#[case(20, 5)]
fn retrying_many(#[case] columns: u16, #[case] rows: u16) {
    hide_times(|| {
        insta::assert_snapshot!(format!("retry_{columns}x{rows}"), shot(&retry_all(columns, rows)));
    });
}

#[rstest]
#[case(80, 24)]
#[case(40, 12)]
#[case(20, 5)]
fn pausing_where_the_fleet_is_not_known(#[case] columns: u16, #[case] rows: u16) {
    insta::assert_snapshot!(format!("pause_{columns}x{rows}"), shot(&pause_six(columns, rows)));
}

#[test]
fn hidden_characters_are_marked_and_counted() {
    let grid = retrying(failing("pay\u{202e}ments\u{200b}", 1180), 80, 24).draw();
    assert!(grid.contains("bull:pay<U+202E>ments<U+200B>"), "{}", grid.text());
    assert!(grid.contains("its name has 10 characters, hidden characters among them"), "{}", grid.text());
    assert!(grid.style_at("pay<U+202E>ments<U+200B>").contains("magenta"), "{}", grid.styles());
    hide_times(|| insta::assert_snapshot!("hidden_80x24", grid.body()));
}

#[test]
fn every_name_leaves_the_frame_whole_and_the_question_in_it() {
    for name in hostile::texts() {
        for (columns, rows) in [(80, 24), (40, 12), (33, 8), (20, 5), (200, 50)] {
            let grid = retrying(failing(&name, 1180), columns, rows).draw();
            let text = grid.text();
            assert!(text.contains('›'), "no field at {columns}x{rows} for {:?}:\n{text}", Clean::line(&name));
            if columns < 32 {
                continue;
            }
            let lines: Vec<&str> = text.lines().collect();
            let top = lines.iter().position(|line| line.contains('┌')).unwrap();
            let bottom = lines.iter().position(|line| line.contains('└')).unwrap();
            let left = column(lines[top], '┌');
            let right = column(lines[top], '┐');
            for y in top + 1..bottom {
                let y = u16::try_from(y).unwrap();
                assert_eq!(grid.symbol(left, y), "│", "left of row {y}:\n{text}");
                assert_eq!(grid.symbol(right, y), "│", "right of row {y}:\n{text}");
            }
        }
    }
}

/// The column at which a terminal shows a character.
fn column(row: &str, c: char) -> u16 {
    u16::try_from(toril::text::width(&row[..row.find(c).unwrap()])).unwrap()
}

#[test]
fn a_dialog_asks_for_its_preview_once() {
    let mut console = Console::showing(snapshot(vec![queue("payments")]), 80, 24);
    console.asked();
    console.keys("p");
    let id = preview(&mut console);
    let effects = vec![Clean::line("Workers finish what they run.")];
    let answer = Preview { matched: 1, sample: Vec::new(), effects, bytes: None };
    console.send(Msg::Fetched(id + 1, Ok(Answer::Preview(answer.clone()))));
    assert!(console.draw().contains("looking ..."), "an answer to something else is not taken");
    console.send(Msg::Fetched(id, Ok(Answer::Preview(answer))));
    assert!(console.draw().contains("Workers finish what they run."));
}
