//! Secrets in payloads: masked on every tab and in every copy, shown one by one, and only what was
//! written down before.

use toril::app::action::Action;
use toril::app::effect::{Answer, Effect, Query, Slot};
use toril::app::screen::Screen;
use toril::app::screen::job::{Job, Tab};
use toril::app::{Config, Msg};
use toril::engine::read::job::{Children, Field, JobDetail, LogPage};
use toril::text::{Clean, Mask};
use toril::wire::{JobId, Prefix, QueueId, QueueName, Raw, State};

use crate::support::Console;

const SECRETS: [&str; 4] = ["hunter2", "s3cr3t", "t0k3n", "p1nc0de"];

fn queue() -> QueueId {
    QueueId::new(Prefix::default(), QueueName::legacy("mail"))
}

fn detail() -> JobDetail {
    let fields = [
        ("name", "send"),
        (
            "data",
            r#"{"to":"ann","auth":{"PASSWORD":"hunter2"},"body":"{\"token\":\"t0k3n\"}","tokenizer":"bpe"}"#,
        ),
        ("opts", r#"{"attempts":3,"headers":[["Authorization","Bearer s3cr3t"]]}"#),
        ("returnvalue", r#"{"secret":"s3cr3t"}"#),
        ("failedReason", "login failed: password=hunter2 at https://u:s3cr3t@host/x"),
        ("stacktrace", r#"["Error: password=hunter2\n    at login (src/a.ts:1:1)\n    token: 't0k3n'"]"#),
        ("progress", r#"{"token":"t0k3n"}"#),
        ("timestamp", "1795150100000"),
        ("finishedOn", "1795150110000"),
    ];
    let field = |(name, value): &(&str, &str)| Field {
        name: Raw::new(name),
        size: value.len() as u64,
        value: Some(Raw::new(value)),
    };
    JobDetail {
        queue: queue(),
        id: JobId::new("7"),
        state: Some(State::Failed),
        field_count: fields.len() as u64,
        fields: fields.iter().map(field).collect(),
        logs: 2,
        lock: None,
        due_at: None,
        children: Children::default(),
        parent: None,
    }
}

fn fetch(console: &mut Console, slot: Slot) -> (u64, Query) {
    let fetch = console.asked().into_iter().rev().find_map(|effect| match effect {
        Effect::Fetch(of, id, query) if of == slot => Some((id, query)),
        _ => None,
    });
    fetch.unwrap_or_else(|| panic!("{slot:?} is asked for"))
}

fn opened(mask: Mask) -> Console {
    let mut console = Console::with(Config { mask, ..Config::default() }, 140, 40);
    console.app.stacks.push(Screen::Job(Box::new(Job::new(queue(), JobId::new("7"), Some(State::Failed)))));
    console.send(Msg::Tick);
    let (id, _) = fetch(&mut console, Slot::Job);
    console.send(Msg::Fetched(id, Ok(Answer::Job(Some(Box::new(detail()))))));
    console
}

fn tab(console: &mut Console, tab: Tab) {
    loop {
        let Screen::Job(job) = console.app.stacks.current() else { panic!("the job is in front") };
        if job.tab == tab {
            return;
        }
        console.keys("Tab");
        for effect in console.asked() {
            if let Effect::Fetch(Slot::Logs, id, _) = effect {
                let lines = vec![Raw::new("starts"), Raw::new("{\"pwd\":\"p1nc0de\"}")];
                console.send(Msg::Fetched(id, Ok(Answer::Logs(LogPage { total: 2, offset: 0, lines }))));
            }
        }
    }
}

fn shown(console: &Console) -> String {
    console.draw().text()
}

fn found(text: &str) -> Vec<&'static str> {
    SECRETS.into_iter().filter(|secret| text.contains(secret)).collect()
}

fn reveal(console: &mut Console) -> String {
    console.keys("u");
    let (id, query) = fetch(console, Slot::Reveal);
    assert!(found(&shown(console)).is_empty(), "nothing is shown before it is written down");
    console.send(Msg::Fetched(id, Ok(Answer::Revealed(None))));
    let Query::Reveal(of, _, job, what) = query else { panic!("{query:?}") };
    assert_eq!((of, job), (queue(), JobId::new("7")));
    what
}

#[test]
fn every_tab_and_every_copy_is_masked() {
    let mut console = opened(Mask::default());
    for of in Tab::ALL {
        tab(&mut console, of);
        console.asked();
        console.keys("y");
        let copied = console.asked().into_iter().find_map(|effect| match effect {
            Effect::Copy(text) => Some(text),
            _ => None,
        });
        for text in [shown(&console), copied.unwrap_or_default()] {
            assert!(found(&text).is_empty(), "{of:?}: {text}");
        }
        // Folds too.
        console.keys("g l j l j l");
        assert!(found(&shown(&console)).is_empty(), "{of:?}: {}", shown(&console));
    }
    tab(&mut console, Tab::Data);
    let text = shown(&console);
    for part in
        [r#""PASSWORD": "***""#, r#"{\"token\":\"***\"}"#, r#""tokenizer": "bpe""#, "2 masked: u shows one"]
    {
        assert!(text.contains(part), "{part} is not in\n{text}");
    }
}

#[test]
fn one_value_is_shown_and_masked_again_when_it_is_left() {
    let mut console = opened(Mask::default());
    tab(&mut console, Tab::Data);
    console.keys("g j j j");
    assert_eq!(reveal(&mut console), "data, masked value 1 of 2");
    let text = shown(&console);
    assert_eq!(found(&text), ["hunter2"], "{text}");
    assert!(text.contains("one masked value is shown: u masks it"), "{text}");
    // The clipboard gets the mask all the same.
    console.keys("y");
    assert!(console.asked().iter().all(|effect| match effect {
        Effect::Copy(text) => found(text).is_empty(),
        _ => true,
    }));
    assert!(found(&shown(&console)).is_empty());
    reveal(&mut console);
    console.keys("u");
    assert!(found(&shown(&console)).is_empty(), "the key masks it again");
    reveal(&mut console);
    tab(&mut console, Tab::Result);
    tab(&mut console, Tab::Data);
    assert!(found(&shown(&console)).is_empty(), "another tab masks it again");
    reveal(&mut console);
    console.keys("5 1");
    tab(&mut console, Tab::Data);
    assert!(found(&shown(&console)).is_empty(), "another screen masks it again");
}

#[test]
fn failures_fields_and_log_lines_are_shown_by_themselves() {
    let mut console = opened(Mask::default());
    tab(&mut console, Tab::Error);
    assert_eq!(reveal(&mut console), "the failure");
    assert_eq!(found(&shown(&console)), ["hunter2", "s3cr3t", "t0k3n"]);
    tab(&mut console, Tab::Raw);
    console.keys("g j j j");
    assert_eq!(reveal(&mut console), "returnvalue");
    assert_eq!(found(&shown(&console)), ["s3cr3t"]);
    tab(&mut console, Tab::Logs);
    console.keys("G");
    assert_eq!(reveal(&mut console), "log line 2");
    assert_eq!(found(&shown(&console)), ["p1nc0de"]);
    console.keys("u k u");
    assert!(found(&shown(&console)).is_empty());
    assert!(console.said().contains(&"nothing is masked here"), "{:?}", console.said());
}

#[test]
fn what_may_not_be_written_down_is_not_shown() {
    let mut console = opened(Mask::default());
    tab(&mut console, Tab::Result);
    console.keys("g j u");
    let (id, _) = fetch(&mut console, Slot::Reveal);
    console.send(Msg::Fetched(id, Err(Clean::line("this environment requires a record"))));
    assert!(found(&shown(&console)).is_empty());
    assert!(console.said().contains(&"this environment requires a record"));
    assert!(!Action::Reveal.row().writes, "who may only read may look");
}

#[test]
fn the_list_decides() {
    let mut console = opened(Mask::of_list(&["to", "!token"]).unwrap());
    tab(&mut console, Tab::Data);
    let text = shown(&console);
    assert!(text.contains(r#""to": "***""#) && text.contains("t0k3n"), "{text}");
}
