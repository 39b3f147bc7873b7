//! The Flow tab: the tree, what holds it up, and that only what is on screen is read.

use toril::app::effect::{Answer, Effect, FlowPart, FlowQuery, Query, Slot};
use toril::app::screen::Screen;
use toril::app::screen::job::{Job, Tab};
use toril::app::{Config, Msg};
use toril::engine::read::flow::{Member, Offspring, Survey};
use toril::engine::read::job::{Children, Field, JobDetail, Parent};
use toril::engine::read::page::Brief;
use toril::engine::read::{Child, ChildKind};
use toril::text::Clean;
use toril::wire::{JobId, Prefix, QueueId, QueueName, Raw, State};

use crate::support::{Console, NOW};

const MANY: usize = 2_000;

fn queue(name: &str) -> QueueId {
    QueueId::new(Prefix::default(), QueueName::legacy(name))
}

fn children(pending: u64) -> Children {
    Children { pending, processed: 1, ..Children::default() }
}

fn detail(pending: u64, parent: bool) -> JobDetail {
    let fields = [("name", "cut"), ("timestamp", "1795150100000")];
    let field = |(name, value): &(&str, &str)| Field {
        name: Raw::new(name),
        size: value.len() as u64,
        value: Some(Raw::new(value)),
    };
    let above =
        Parent { key: Raw::new("bull:top:root"), queue: Some(queue("top")), id: Some(JobId::new("root")) };
    JobDetail {
        queue: queue("mid"),
        id: JobId::new("here"),
        state: Some(State::WaitingChildren),
        field_count: 2,
        fields: fields.iter().map(field).collect(),
        logs: 0,
        lock: None,
        due_at: None,
        children: if pending > 0 { children(pending) } else { Children::default() },
        parent: parent.then_some(above),
    }
}

fn member(of: &str, id: &str, state: State, counts: Children) -> Member {
    Member {
        queue: queue(of),
        id: JobId::new(id),
        exists: true,
        state: Some(state),
        supposed: false,
        refused: false,
        name: Brief::Text(Clean::line(format!("name of {id}"))),
        reason: if state == State::Failed { Brief::Text(Clean::line("boom")) } else { Brief::Absent },
        progress: Brief::Text(Clean::line("40")),
        timestamp: Some(NOW - 60_000),
        processed_on: Some(NOW - 30_000),
        finished_on: None,
        children: counts,
        parent: None,
    }
}

fn child(n: usize, kind: ChildKind) -> Child {
    let id = format!("part-{n:04}");
    Child {
        key: Raw::new(format!("bull:parts:{id}")),
        kind,
        queue: Some(queue("parts")),
        id: Some(JobId::new(id)),
    }
}

/// What is asked of the flow, if anything; everything else is forgotten.
fn asked(console: &mut Console) -> Option<(u64, FlowQuery)> {
    console.asked().into_iter().rev().find_map(|effect| match effect {
        Effect::Fetch(Slot::Flow, id, Query::Flow(query)) => Some((id, query)),
        _ => None,
    })
}

/// Answers what is asked until nothing is; how many jobs were read.
fn answer(console: &mut Console, survey: &Survey) -> usize {
    let mut read = 0;
    while let Some((id, query)) = asked(console) {
        let part = match query {
            FlowQuery::Line(..) => FlowPart::Line(vec![
                member("top", "root", State::WaitingChildren, children(3)),
                member("mid", "here", State::WaitingChildren, children(MANY as u64)),
            ]),
            FlowQuery::Children(node, ..) => {
                let parts = (0..MANY).map(|n| child(n, ChildKind::Pending));
                let children = parts.chain([child(9_999, ChildKind::Failed)]).collect();
                FlowPart::Children(node, Offspring { children, next: None })
            }
            FlowQuery::Members(jobs) => {
                read += jobs.len();
                FlowPart::Members(
                    jobs.iter()
                        .map(|(of, id)| {
                            let failed = id.as_bytes() == b"part-9999";
                            let state = if failed { State::Failed } else { State::Active };
                            Member {
                                queue: of.clone(),
                                ..member("", &id.lossless(), state, Children::default())
                            }
                        })
                        .collect(),
                )
            }
            FlowQuery::Survey(..) => FlowPart::Survey(survey.clone()),
        };
        console.send(Msg::Fetched(id, Ok(Answer::Flow(Box::new(part)))));
    }
    read
}

fn open(detail: JobDetail, columns: u16, rows: u16) -> Console {
    let mut console = Console::with(Config::default(), columns, rows);
    let job = Job::new(queue("mid"), JobId::new("here"), Some(State::WaitingChildren));
    console.app.stacks.push(Screen::Job(Box::new(job)));
    console.send(Msg::Tick);
    let id = console.asked().into_iter().find_map(|effect| match effect {
        Effect::Fetch(Slot::Job, id, _) => Some(id),
        _ => None,
    });
    console.send(Msg::Fetched(id.unwrap(), Ok(Answer::Job(Some(Box::new(detail))))));
    while !matches!(console.app.stacks.current(), Screen::Job(job) if job.tab == Tab::Flow) {
        console.keys("Tab");
    }
    console
}

fn failed_below() -> Survey {
    let path = vec![
        (queue("top"), JobId::new("root")),
        (queue("mid"), JobId::new("here")),
        (queue("parts"), JobId::new("part-9999")),
    ];
    Survey { failed: Some(path), looked_at: 2_003, complete: true, ..Survey::default() }
}

#[test]
fn the_tree_is_shown_with_what_holds_it_up() {
    for (columns, rows) in [(80, 24), (120, 36), (200, 50)] {
        let mut console = open(detail(MANY as u64, true), columns, rows);
        answer(&mut console, &failed_below());
        let text = console.draw().text();
        for part in [
            "▲ parts › part-9999 failed and is still awaited: retry or remove it",
            "▾▲ ◇ waiting-children",
            "top › root",
            "▲     ✖ failed",
            "boom",
            "part-0003",
            "40%",
        ] {
            assert!(text.contains(part), "{part} is not in\n{text}");
        }
    }
}

#[test]
fn the_way_to_the_cause_is_unfolded_and_the_cursor_stays() {
    let mut console = open(detail(MANY as u64, true), 120, 36);
    let mut survey = failed_below();
    // Elsewhere in the flow, below a job that nobody unfolded.
    let job = |of: &str, id: &str| (queue(of), JobId::new(id));
    survey.failed = Some(vec![job("top", "root"), job("aside", "one"), job("deep", "two")]);
    answer(&mut console, &survey);
    let text = console.draw().text();
    let row = |part: &str| text.lines().position(|line| line.contains(part) && !line.contains("awaited"));
    let (root, one, two, here) =
        (row("top › root"), row("aside › one"), row("deep › two"), row("mid › here"));
    assert!(root.is_some() && root < one && one < two && two < here, "{text}");
    for part in ["aside › one", "deep › two"] {
        let line = text.lines().find(|line| line.contains(part) && !line.contains("awaited"));
        assert!(line.is_some_and(|line| line.contains('▲')), "{part} is not marked in\n{text}");
    }
    let cursor = text.lines().find(|line| line.starts_with('▌'));
    assert!(cursor.is_some_and(|line| line.contains("mid › here")), "{text}");
    // What is folded after that stays folded.
    console.keys("k k h");
    answer(&mut console, &survey);
    let text = console.draw().text();
    assert!(text.contains("aside › one") && text.matches("deep › two").count() == 1, "{text}");
}

#[test]
fn only_what_is_on_screen_is_read_and_all_of_it_scrolls() {
    let mut console = open(detail(MANY as u64, true), 120, 36);
    let read = answer(&mut console, &Survey { complete: true, ..Survey::default() });
    assert!(read <= 80, "{read} of {MANY} were read");
    console.keys("G");
    let more = answer(&mut console, &Survey::default());
    assert!((1..=80).contains(&more), "{more}");
    let text = console.draw().text();
    // The last of the root's children: the two that are not on the line are not listed yet.
    assert!(text.contains("part-1999") && text.contains("… 3 more: ↵ lists them"), "{text}");
    assert!(text.contains("nothing of it is awaited"), "{text}");
    console.keys("Enter");
    assert!(matches!(asked(&mut console), Some((_, FlowQuery::Children(0, ..)))));
}

#[test]
fn enter_opens_a_job_and_the_keys_fold() {
    let mut console = open(detail(MANY as u64, true), 120, 36);
    answer(&mut console, &failed_below());
    console.keys("h");
    assert!(!console.draw().text().contains("part-0"), "{}", console.draw().text());
    console.keys("l j Enter");
    match console.app.stacks.current() {
        Screen::Job(job) => {
            assert_eq!((job.id.clone(), job.state), (JobId::new("part-9999"), Some(State::Failed)));
        }
        other => panic!("{other:?}"),
    }
    console.keys("Esc g h");
    let text = console.draw().text();
    assert!(text.contains("top › root") && !text.contains("mid › here   "), "{text}");
}

#[test]
fn what_there_is_not_is_said() {
    let mut console = open(detail(0, false), 80, 24);
    let (id, _) = asked(&mut console).unwrap();
    assert!(console.draw().text().contains("reading ..."));
    let alone = member("mid", "here", State::Waiting, Children::default());
    console.send(Msg::Fetched(id, Ok(Answer::Flow(Box::new(FlowPart::Line(vec![alone]))))));
    assert!(console.draw().text().contains("belongs to no flow"), "{}", console.draw().text());
    // What is there stays while Redis does not answer, and the reason is named.
    let mut console = open(detail(3, true), 80, 24);
    answer(&mut console, &failed_below());
    console.wait(60_000);
    let (id, _) = asked(&mut console).unwrap();
    console.send(Msg::Fetched(id, Err(Clean::line("no answer for 5 s"))));
    let text = console.draw().text();
    assert!(text.contains("no answer for 5 s") && text.contains("part-9999"), "{text}");
}
