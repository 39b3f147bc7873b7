//! The Job screen: what it shows of a job, and what its keys do.

use std::sync::Arc;

use ratatui::buffer::Buffer;
use toril::app::effect::{Act, Answer, Effect, FetchId, Query, Slot};
use toril::app::key::{Code, Key};
use toril::app::keymap::Keymap;
use toril::app::screen::Screen;
use toril::app::screen::job::{Job, Tab};
use toril::app::{App, Config, Msg, update};
use toril::engine::op::JobOp;
use toril::engine::read::FieldValue;
use toril::engine::read::job::{Children, Field, JobDetail, LogPage, Parent};
use toril::monitor::{QueueRow, Snapshot};
use toril::view;
use toril::view::theme::{Depth, Theme};
use toril::wire::{Era, JobId, Prefix, QueueId, QueueName, Raw, State, Token};

const NOW: i64 = 1_795_150_200_000;
const HOSTILE: &str = "\u{1b}[31mred\u{1b}]52;c;AAAA\u{7} \u{202e}evil\u{2066}\u{200b} \u{9b}31m 日本語 👩\u{200d}🔬 e\u{301}\u{301}\u{301}\u{301}\u{301}\u{301}\u{301}\0\r\n\ttab";
const SIZES: [(u16, u16); 4] = [(80, 24), (120, 40), (40, 12), (20, 5)];

fn queue() -> QueueId {
    QueueId::new(Prefix::default(), QueueName::legacy("payments"))
}

fn field(name: &str, value: impl AsRef<[u8]>) -> Field {
    let value = value.as_ref();
    Field { name: Raw::new(name), size: value.len() as u64, value: Some(Raw::new(value)) }
}

fn unread(name: &str, size: u64) -> Field {
    Field { name: Raw::new(name), size, value: None }
}

fn json(text: &str) -> String {
    serde_json::to_string(text).unwrap()
}

/// A job that failed three times, the last two in the same way.
fn failed() -> JobDetail {
    let library =
        "    at Worker.run (/srv/node_modules/bullmq/dist/worker.js:1:2)\n    at next (node:internal/x:3:4)";
    let stack = format!("TypeError: timed out\n    at Gateway.connect (src/gateway.ts:88:11)\n{library}");
    let first = format!("Error: refused\n    at main (src/main.ts:1:1)\n{library}");
    let stacks = serde_json::to_string(&[&first, &stack, &stack]).unwrap();
    JobDetail {
        queue: queue(),
        id: JobId::new("98412"),
        state: Some(State::Failed),
        fields: vec![
            field("name", "charge-card"),
            field(
                "data",
                r#"{"order":12345678901234567890123,"method":{"brand":"visa","tags":["a","b"]},"order":1e999}"#,
            ),
            field(
                "opts",
                r#"{"attempts":3,"kl":100,"backoff":{"type":"exponential","delay":1000},"fpof":true}"#,
            ),
            field("timestamp", (NOW - 900_000).to_string()),
            field("processedOn", (NOW - 870_000).to_string()),
            field("finishedOn", (NOW - 840_000).to_string()),
            field("atm", "3"),
            field("ats", "3"),
            field("pb", "pay-2"),
            field("failedReason", "timed out"),
            field("stacktrace", stacks),
            unread("returnvalue", 1_468_006),
        ],
        field_count: 12,
        logs: 12,
        lock: None,
        due_at: None,
        children: Children { processed: 3, pending: 2, ..Children::default() },
        parent: Some(Parent {
            key: Raw::new("bull:orders:7"),
            queue: Some(queue()),
            id: Some(JobId::new("7")),
        }),
    }
}

fn hostile() -> JobDetail {
    let stack = format!(
        "Error: {HOSTILE}\n    at {HOSTILE} (src/{HOSTILE}:1)\n    at x (node_modules/{HOSTILE}/y.js)"
    );
    let names = ["pb", "rjk", "deid", "progress", "defa", "failedReason", "name", "unknown\u{202e}field"];
    let mut fields: Vec<Field> = names.iter().map(|name| field(name, HOSTILE)).collect();
    fields.push(field("data", format!("{{{}:[\"{HOSTILE}\"]}}", json(HOSTILE))));
    fields.push(field("returnvalue", [b"\xff\xfe{", HOSTILE.as_bytes()].concat()));
    fields.push(field("opts", format!("{{\"{HOSTILE}\":\"{HOSTILE}\",\"kl\":1}}")));
    fields.push(field("stacktrace", serde_json::to_string(&[&stack, &stack]).unwrap()));
    fields.push(field("timestamp", "not a number"));
    JobDetail {
        id: JobId::new(HOSTILE),
        state: Some(State::Active),
        fields,
        lock: Some((Token::new(HOSTILE), Some(30_000))),
        parent: Some(Parent { key: Raw::new(HOSTILE), queue: None, id: None }),
        ..failed()
    }
}

struct Console {
    app: App,
    now: i64,
    effects: Vec<Effect>,
}

impl Console {
    fn new(size: (u16, u16), id: &JobId, state: Option<State>) -> Self {
        let mut app = App::new(Config::default(), Keymap::default(), size);
        app.stacks.push(Screen::Job(Box::new(Job::new(queue(), id.clone(), state))));
        let mut console = Self { app, now: NOW, effects: Vec::new() };
        console.touch(1);
        console
    }

    fn of(size: (u16, u16), detail: &JobDetail) -> Self {
        let mut console = Self::new(size, &detail.id, detail.state);
        console.answer_job(Some(detail.clone()));
        console
    }

    fn tell(&mut self, msg: Msg) {
        let effects = update(&mut self.app, msg, self.now);
        self.effects.extend(effects);
    }

    fn touch(&mut self, touched: u64) {
        let row = QueueRow { era: Era::V6, touched, sampled_at: 1, ..QueueRow::found(queue()) };
        self.tell(Msg::Snapshot(Arc::new(Snapshot { queues: vec![Arc::new(row)], ..Snapshot::default() })));
    }

    /// The fetch of a slot that was asked for last; all effects are forgotten.
    fn asked(&mut self, slot: Slot) -> Option<(FetchId, Query)> {
        let effects = std::mem::take(&mut self.effects);
        effects.into_iter().rev().find_map(|effect| match effect {
            Effect::Fetch(of, id, query) if of == slot => Some((id, query)),
            _ => None,
        })
    }

    fn answer_job(&mut self, detail: Option<JobDetail>) {
        let (id, _) = self.asked(Slot::Job).expect("the job is asked for");
        self.tell(Msg::Fetched(id, Ok(Answer::Job(detail.map(Box::new)))));
    }

    fn key(&mut self, c: char) {
        self.tell(Msg::Key(Key::char(c)));
    }

    fn code(&mut self, code: Code) {
        self.tell(Msg::Key(Key::code(code)));
    }

    fn job(&self) -> &Job {
        match self.app.stacks.current() {
            Screen::Job(job) => job,
            other => panic!("{other:?} is in front"),
        }
    }

    fn open(&mut self, tab: Tab) {
        while self.job().tab != tab {
            self.code(Code::Tab);
        }
        if tab == Tab::Logs
            && let Some((id, Query::Logs(_, _, start, _))) = self.asked(Slot::Logs)
        {
            let lines: Vec<Raw> = (0..12).map(|n| Raw::new(format!("line {n} {HOSTILE}"))).collect();
            assert_eq!(start, None);
            self.tell(Msg::Fetched(id, Ok(Answer::Logs(LogPage { total: 12, offset: 0, lines }))));
        }
    }

    fn buffer(&self, ascii: bool) -> Buffer {
        let (width, height) = self.app.size;
        let mut buffer = Buffer::empty(ratatui::layout::Rect::new(0, 0, width, height));
        view::draw(&self.app, &Theme { depth: Depth::Sixteen, ascii }, self.now, &mut buffer);
        buffer
    }

    fn rows(&self) -> Vec<String> {
        rows(&self.buffer(false))
    }

    fn text(&self) -> String {
        self.rows().join("\n")
    }
}

fn rows(buffer: &Buffer) -> Vec<String> {
    let area = buffer.area;
    (0..area.height)
        .map(|y| (0..area.width).map(|x| buffer[(x, y)].symbol()).collect::<String>().trim_end().to_owned())
        .collect()
}

/// What a terminal would interpret, or not show.
fn bad(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200b}'..='\u{200c}' | '\u{200e}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

#[test]
fn hostile_text_shows_in_every_tab_and_breaks_nothing() {
    for size in SIZES {
        for tab in Tab::ALL {
            let mut console = Console::of(size, &hostile());
            console.open(tab);
            for _ in 0..4 {
                for ascii in [false, true] {
                    let buffer = console.buffer(ascii);
                    for cell in buffer.content() {
                        assert!(!cell.symbol().chars().any(bad), "{tab:?} {size:?}: {:?}", cell.symbol());
                        assert!(!ascii || cell.symbol().is_ascii(), "{tab:?}: {:?}", cell.symbol());
                    }
                    if size.1 >= 10 {
                        let rule = if ascii { "-" } else { "─" }.repeat(usize::from(size.0));
                        let rows = rows(&buffer);
                        assert_eq!(rows[1], rule, "{tab:?} {size:?}");
                        assert_eq!(rows[usize::from(size.1) - 2], rule, "{tab:?} {size:?}");
                    }
                }
                // Other lines, folds and the search too.
                console.code(Code::Enter);
                console.key('j');
                console.key('/');
                console.key('e');
                console.code(Code::Enter);
            }
        }
    }
}

#[test]
fn any_size_is_drawn() {
    for (width, height) in [(1, 1), (3, 2), (10, 3), (10, 6), (30, 9), (79, 13), (300, 120)] {
        for tab in Tab::ALL {
            let mut console = Console::of((width, height), &failed());
            console.open(tab);
            console.tell(Msg::Resize(width, height));
            console.buffer(false);
        }
    }
}

#[test]
fn a_failed_job_opens_on_its_error() {
    let console = Console::of((100, 30), &failed());
    let text = console.text();
    for part in [
        "payments › failed › 98412",
        "BullMQ 6 · writable",
        "✖ failed   charge-card   attempt 3 of 3",
        "ran 30.0s",
        "(14m ago)   by pay-2",
        "parent payments › 7   children 3 of 5 done",
        "Result 1.4M",
        "Logs 12",
        "▌  timed out",
        "attempt 3 ",
        "30.0s   TypeError",
        "     at Gateway.connect (src/gateway.ts:88:11)",
        "◀ yours",
        "⋯ 2 frames of node_modules and node (bullmq)",
        "attempt 2    the same stack",
        "attempt 1    Error: refused",
        "at main (src/main.ts:1:1)",
    ] {
        assert!(text.contains(part), "{part} is not in\n{text}");
    }
    assert!(!text.contains("Worker.run"), "frames of libraries are folded");
    assert!(!text.contains("↵ open"), "Enter does not open here");
}

#[test]
fn json_is_shown_as_it_was_written() {
    let mut console = Console::of((100, 30), &failed());
    console.open(Tab::Data);
    let text = console.text();
    for part in [r#"     "order": 12345678901234567890123,"#, r#" ▾   "method": {"#, r#"     "order": 1e999"#]
    {
        assert!(text.contains(part), "{part} is not in\n{text}");
    }
    console.open(Tab::Options);
    let text = console.text();
    assert!(text.contains(r#""keepLogs": 100"#) && text.contains(r#""failParentOnFailure": true"#), "{text}");
    console.open(Tab::Raw);
    assert!(console.text().contains(r#"81B  {"attempts":3,"kl":100"#), "{}", console.text());
    assert!(console.text().contains("1.4M not loaded"), "{}", console.text());
}

#[test]
fn left_and_right_fold_and_only_escape_leaves() {
    let mut console = Console::of((100, 30), &failed());
    console.open(Tab::Data);
    for _ in 0..2 {
        console.key('j');
    }
    console.key('h');
    assert!(console.text().contains(r#"▌▸   "method": {…}, 2 keys"#), "{}", console.text());
    console.code(Code::Right);
    assert!(console.text().contains(r#""brand": "visa""#));
    console.code(Code::Enter);
    assert!(!console.text().contains(r#""brand": "visa""#));
    for _ in 0..5 {
        console.key('h');
        console.code(Code::Left);
    }
    assert!(console.text().contains("▌▸ {…} 3 keys"), "{}", console.text());
    console.code(Code::Esc);
    assert!(console.app.stacks.at_root());
}

#[test]
fn a_search_marks_its_places_and_escape_ends_it_first() {
    let mut console = Console::of((100, 30), &failed());
    console.open(Tab::Data);
    console.key('/');
    for c in "ORDER".chars() {
        console.key(c);
    }
    console.code(Code::Enter);
    assert!(console.text().contains("/ORDER: 1 of 2 places"), "{}", console.text());
    console.key('n');
    assert!(console.text().contains("2 of 2 places") && console.text().contains(r#"▌    "order": 1e999"#));
    // Another tab has a search of its own.
    console.open(Tab::Options);
    assert!(!console.text().contains("places"));
    console.open(Tab::Data);
    console.code(Code::Esc);
    assert!(!console.text().contains("places"));
    assert!(!console.app.stacks.at_root());
}

#[test]
fn a_large_value_is_read_only_when_asked_for() {
    let mut console = Console::of((100, 30), &failed());
    console.open(Tab::Result);
    assert!(console.text().contains("1.4M not loaded: ↵ loads it"), "{}", console.text());
    assert_eq!(console.asked(Slot::Field), None);
    console.code(Code::Enter);
    assert!(console.text().contains("loading 1.4M ..."));
    let (id, query) = console.asked(Slot::Field).unwrap();
    assert_eq!(query, Query::Field(queue(), JobId::new("98412"), Raw::new("returnvalue")));
    // The seconds count while it takes long.
    let wake = console.app.wake_at(console.now).unwrap();
    assert!(wake <= console.now + 1000);
    console.now += 2000;
    console.tell(Msg::Tick);
    assert!(console.text().contains("loading 1.4M ... 2s"));
    let value = format!("[\"{}\"]", "x".repeat(1_468_002));
    console.tell(Msg::Fetched(id, Ok(Answer::Field(FieldValue::Value(Raw::new(value))))));
    assert!(console.text().contains("   \"xxxxxx") && console.text().contains('…'), "{}", console.text());
    // What was loaded stays while the job is read again and its size is the same.
    console.now += 1000;
    console.touch(2);
    console.answer_job(Some(failed()));
    assert!(console.text().contains("   \"xxxxxx"), "{}", console.text());
    // It is too large for the clipboard.
    console.key('y');
    assert!(!console.effects.iter().any(|effect| matches!(effect, Effect::Copy(_))));
    assert!(console.text().contains("too large for the clipboard"));
}

#[test]
fn a_value_of_many_megabytes_is_laid_out_in_steps() {
    let mut detail = failed();
    let big = format!("[{}1]", "123,".repeat(2_000_000));
    detail.fields[1] = field("data", &big);
    let mut console = Console::of((100, 30), &detail);
    console.open(Tab::Data);
    assert!(console.text().contains("laying out"), "{}", console.text());
    let mut steps = 0;
    while console.text().contains("laying out") {
        assert_eq!(console.app.wake_at(console.now), Some(console.now + 1));
        console.now += 1;
        console.tell(Msg::Tick);
        steps += 1;
    }
    assert!(steps >= 1, "{steps}");
    console.key('G');
    assert!(console.text().contains("2,000,003 of 2,000,003 lines"), "{}", console.text());
    let begun = std::time::Instant::now();
    for _ in 0..10 {
        console.buffer(false);
    }
    assert!(begun.elapsed().as_millis() < 500, "ten frames took {:?}", begun.elapsed());
}

#[test]
fn acts_know_the_jobs_state() {
    let mut console = Console::of((100, 30), &failed());
    console.effects.clear();
    console.key('r');
    let run = console.effects.iter().find_map(|effect| match effect {
        Effect::Run(_, Act::Jobs { op, .. }, _) => Some(*op),
        _ => None,
    });
    assert_eq!(run, Some(JobOp::Retry { from: State::Failed, reset_attempts: false }));
    console.key('P');
    assert!(console.text().contains("only a delayed job can be promoted"), "{}", console.text());
    console.open(Tab::Data);
    console.key('y');
    let copied = console.effects.iter().find_map(|effect| match effect {
        Effect::Copy(text) => Some(text.as_str()),
        _ => None,
    });
    assert!(copied.is_some_and(|text| text.starts_with(r#"{"order":12345678901234567890123,"#)));
}

#[test]
fn the_parent_is_one_key_away() {
    let mut console = Console::of((100, 40), &failed());
    console.open(Tab::Timeline);
    assert!(console.text().contains("parent          payments › 7   ↵ opens it"), "{}", console.text());
    while !console.text().contains("▌  parent") {
        console.key('j');
    }
    console.code(Code::Enter);
    assert_eq!(console.job().id, JobId::new("7"));
    assert!(console.text().contains("reading ..."));
    console.code(Code::Esc);
    assert_eq!(console.job().id, JobId::new("98412"));
}

#[test]
fn a_running_job_is_read_again_and_its_log_followed() {
    let mut detail = failed();
    detail.state = Some(State::Active);
    detail.lock = Some((Token::new("t"), Some(30_000)));
    detail.fields.push(field("progress", "50"));
    let mut console = Console::of((100, 30), &detail);
    assert!(console.text().contains("lock 30s left   ▰▰▰▰▰▰▰▰▱▱▱▱▱▱▱▱ 50%"), "{}", console.text());
    console.now += 1000;
    console.tell(Msg::Tick);
    assert!(console.text().contains("lock 29s left"));
    assert_eq!(console.asked(Slot::Job), None);
    // No event tells of lock and log: every two seconds.
    console.now += 1000;
    console.tell(Msg::Tick);
    assert!(console.asked(Slot::Job).is_some());

    console.effects.clear();
    console.open(Tab::Logs);
    assert!(console.text().contains("▌12  line 11") && console.text().contains("follows the end"));
    assert!(console.text().contains(" ↵ "), "an entry of two lines is one row: {}", console.text());
    console.now += 1000;
    console.tell(Msg::Tick);
    let (id, _) = console.asked(Slot::Logs).expect("its end is read again");
    let lines = (0..300).map(|n| Raw::new(format!("line {n}"))).skip(100).collect();
    console.tell(Msg::Fetched(id, Ok(Answer::Logs(LogPage { total: 300, offset: 100, lines }))));
    assert!(console.text().contains("▌300  line 299"), "{}", console.text());
    // Away from the end it stays; what is above is read when it comes into view.
    console.key('g');
    assert!(console.text().contains("F follows the end"));
    let (id, query) = console.asked(Slot::Logs).expect("its beginning is read");
    assert!(matches!(query, Query::Logs(_, _, Some(0), _)), "{query:?}");
    let lines = (0..100).map(|n| Raw::new(format!("line {n}"))).collect();
    console.tell(Msg::Fetched(id, Ok(Answer::Logs(LogPage { total: 300, offset: 0, lines }))));
    assert!(console.text().contains("▌  1  line 0"), "{}", console.text());
    console.key('F');
    assert!(console.text().contains("▌300  line 299"), "{}", console.text());
}

#[test]
fn what_cannot_be_shown_is_said() {
    let id = JobId::new("1");
    let mut console = Console::new((80, 24), &id, None);
    assert!(console.text().contains("reading ..."));
    let (fetch, _) = console.asked(Slot::Job).unwrap();
    console.tell(Msg::Fetched(fetch, Err("NOPERM: not this account".into())));
    assert!(console.text().contains("NOPERM: not this account"));
    // Asked again after a while, not at once.
    assert_eq!(console.asked(Slot::Job), None);
    console.now += 5000;
    console.tell(Msg::Tick);
    console.answer_job(None);
    assert!(console.text().contains("this job is gone"));
    // A job that goes while it is looked at stays on screen as it was.
    let mut console = Console::of((80, 24), &failed());
    console.now += 1000;
    console.touch(9);
    console.answer_job(None);
    assert!(console.text().contains("✖ gone") && console.text().contains("timed out"), "{}", console.text());
    // Neither it nor one that is over is read at the pace of a busy queue.
    console.now += 200;
    console.touch(10);
    assert_eq!(console.asked(Slot::Job), None);
}

#[test]
fn what_is_no_json_is_shown_as_it_is() {
    let mut detail = failed();
    detail.fields[1] = field("data", "{\"a\":NaN}\nsecond");
    let mut console = Console::of((100, 30), &detail);
    console.open(Tab::Data);
    let text = console.text();
    assert!(text.contains("▌  {\"a\":NaN}") && text.contains("   second"), "{text}");
    assert!(text.contains("not JSON (no value at byte 5): shown as it is"), "{text}");
}
