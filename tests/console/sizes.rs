//! Whatever is read, whatever is pressed, whatever the size: a frame is drawn, and it holds (see
//! `Grid::check`: nothing hidden in a cell, nothing under a wide character, nothing outside).

use proptest::prelude::*;
use toril::app::action::TABLE;
use toril::app::effect::Effect;
use toril::app::key::{Code, Key};
use toril::app::{Config, Msg};
use toril::text::Clean;
use toril::view::theme::{Depth, Theme};

use crate::support::Console;
use crate::support::chaos::Chaos;

/// Sizes that people have, and that window managers make.
const SIZES: [(u16, u16); 12] = [
    (80, 24),
    (120, 36),
    (200, 50),
    (300, 120),
    (40, 12),
    (20, 5),
    (1, 1),
    (2, 2),
    (3, 120),
    (300, 1),
    (79, 10),
    (81, 9),
];

/// One thing that happens.
fn happen(console: &mut Console, chaos: &mut Chaos) {
    match chaos.below(16) {
        0 => {
            console.send(Msg::Snapshot(chaos.snapshot().into()));
        }
        1 => {
            console.send(Msg::Link(chaos.link()));
        }
        2 => {
            console.send(Msg::Feed(chaos.events()));
        }
        3 => {
            console.send(Msg::Note(chaos.clean()));
        }
        4 => {
            console.send(Msg::Paste(String::from_utf8_lossy(&chaos.bytes()).into_owned()));
        }
        5 => {
            let (columns, rows) = (chaos.below(320) as u16, chaos.below(130) as u16);
            console.send(Msg::Click(columns, rows, chaos.coin()));
        }
        6 => {
            console.send(Msg::Scroll(chaos.below(9) as i32 - 4));
        }
        7 => {
            console.wait(chaos.below(5000) as i64);
        }
        8 => {
            let key = Key::char(char::from(b' ' + chaos.below(95) as u8));
            console.send(Msg::Key(key));
        }
        // Into screens, dialogs and tabs more often than out of them.
        9 | 10 => {
            let key = chaos.pick(&[Code::Enter, Code::Enter, Code::Tab, Code::Down, Code::Char('l')]);
            console.send(Msg::Key(Key::code(key)));
        }
        _ => {
            let row = &TABLE[chaos.below(TABLE.len())];
            if let Some(key) = row.keys.first() {
                console.send(Msg::Key(*key));
            }
        }
    }
    // Most of what is asked is answered, sooner or later.
    for effect in console.asked() {
        if let Effect::Fetch(_, id, query) = effect
            && chaos.below(5) > 0
        {
            let answer = chaos.answer(&query);
            console.send(Msg::Fetched(id, answer));
        }
    }
}

fn theme(chaos: &mut Chaos) -> Theme {
    let depth = if chaos.coin() { Depth::Sixteen } else { Depth::None };
    Theme { depth, ascii: chaos.below(4) == 0 }
}

fn live_through(seed: u64, columns: u16, rows: u16, steps: usize) {
    let mut chaos = Chaos::new(seed);
    let config = Config {
        label: chaos.maybe(Chaos::clean),
        endpoint: chaos.clean(),
        protected: chaos.coin(),
        read_only: chaos.below(6) == 0,
        ..Config::default()
    };
    let mut console = Console::with(config, columns, rows);
    console.theme = theme(&mut chaos);
    console.send(Msg::Snapshot(chaos.snapshot().into()));
    let root = chaos.pick(&["1", "3", "4", "5", "6"]);
    console.keys(root).draw();
    if chaos.below(4) == 0 {
        console.keys(":").text("find a").keys("Enter").draw();
    }
    for _ in 0..steps {
        happen(&mut console, &mut chaos);
    }
    console.draw();
    // The same state at another size, before and after it was told.
    let (columns, rows) = chaos.pick(&SIZES);
    console.resize(columns, rows).draw();
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_happens_a_frame_holds(
        seed in any::<u64>(),
        columns in 1u16..=300,
        rows in 1u16..=120,
        steps in 0usize..60,
    ) {
        live_through(seed, columns, rows, steps);
    }
}

#[test]
fn every_screen_holds_at_every_size_that_people_have() {
    for (i, (columns, rows)) in SIZES.into_iter().enumerate() {
        for seed in 0..6 {
            live_through(0x9e37_79b9 * (seed + 1) + i as u64, columns, rows, 25);
        }
    }
}

#[test]
fn hostile_names_hold_on_every_screen() {
    use crate::support::{event, hostile, queue, snapshot};
    for (columns, rows) in [(80, 24), (120, 36), (200, 50), (40, 12)] {
        let queues: Vec<_> = hostile::texts().into_iter().map(queue).collect();
        let mut console = Console::showing(snapshot(queues), columns, rows);
        let events = hostile::texts().into_iter().enumerate().map(|(i, text)| {
            let shown = String::from_utf8_lossy(&text).into_owned();
            event(&shown, i as i64, "failed", Some(&shown), &[("failedReason", &shown), ("prev", &shown)])
        });
        console.send(Msg::Feed(events.collect()));
        for text in hostile::texts() {
            console.send(Msg::Note(Clean::line(text)));
        }
        for keys in ["1", "5", "6", "1 G", "5 G", "6 G", "1 Enter", "1 p", "5 Enter", "?", ":"] {
            console.keys(keys).draw();
            console.wait(200).keys("Esc Esc");
        }
    }
}
