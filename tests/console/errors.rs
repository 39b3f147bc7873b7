//! The Errors screen: groups, how far reading is, and acting on one group.

use std::collections::HashSet;

use rstest::rstest;
use toril::app::Msg;
use toril::app::effect::{Act, Answer, Effect, FetchId, Query, Slot};
use toril::app::link::{LinkPhase, LinkView};
use toril::app::modal::Modal;
use toril::app::screen::Screen;
use toril::app::screen::errors::{News, Wanted};
use toril::app::stack::Root;
use toril::engine::read::failures::RECENT;
use toril::engine::read::walk::Coverage;
use toril::insight::errors::{Failure, Field, cause};
use toril::monitor::{FeedEvent, Snapshot};
use toril::operate::{Bulk, Selection};
use toril::text::{Clean, figure};
use toril::wire::{JobId, QueueId};

use crate::support::{Console, NOW, event, hide_times, hostile, queue, snapshot};

fn id(name: &str) -> QueueId {
    queue(name).id
}

fn failure(name: &str, job: u64, ago_ms: i64, reason: &str, frame: &str) -> Failure {
    let stack = serde_json::to_vec(&[format!("Error: {reason}\n    at {frame}")]).unwrap();
    let cause = cause(Field::Value(reason.as_bytes()), Field::Value(&stack)).into();
    Failure { queue: id(name), job: JobId::new(job.to_string()), at: NOW - ago_ms, cause }
}

/// Failures of four causes in two queues.
fn failures() -> Vec<Failure> {
    let connect = "Gateway.connect (/app/src/gateway.ts:88:11)";
    let mut all = Vec::new();
    for job in 0..118 {
        let reason = format!("ETIMEDOUT: connect to gateway.example:443 timed out after {} ms", 30_000 + job);
        all.push(failure("payments", job, 840_000 - job as i64 * 5000, &reason, connect));
    }
    for job in 200..212 {
        let reason = format!("mail to kim.{job}@example.org bounced");
        all.push(failure("email", job, 7_200_000, &reason, "deliver (/app/src/mail.ts:1:2)"));
    }
    for job in 300..303 {
        let reason = format!("no price for {job}");
        all.push(failure("payments", job, 60_000, &reason, "price (/app/src/cart.ts:1:2)"));
        all.push(failure("email", job, 50_000, &reason, "price (/app/src/cart.ts:1:2)"));
    }
    all.push(failure(
        "email",
        400,
        10_000,
        "Request failed with status code 404",
        "fetch (/app/src/crm.ts:3:4)",
    ));
    all
}

fn two() -> Snapshot {
    let (mut payments, mut email) = (queue("payments"), queue("email"));
    (payments.counts.failed, email.counts.failed) = (121, 16);
    snapshot(vec![payments, email])
}

fn wanted(console: &mut Console) -> Option<(FetchId, Wanted)> {
    console.asked().into_iter().find_map(|effect| match effect {
        Effect::Fetch(Slot::Errors, id, Query::Errors(wanted)) => Some((id, wanted)),
        _ => None,
    })
}

fn coverage(read: u64, total: u64) -> Coverage {
    Coverage { read, total, complete: read == total, ..Coverage::default() }
}

/// The screen with all read.
fn read(columns: u16, rows: u16) -> Console {
    let mut console = Console::showing(two(), columns, rows);
    console.keys("2");
    let (fetch, asked) = wanted(&mut console).expect("it reads");
    let Wanted::All(queues, _) = asked else { panic!("{asked:?}") };
    assert_eq!(queues.len(), 2);
    let news =
        News { failures: failures(), coverage: Some(coverage(137, 137)), complete: true, ..News::default() };
    console.send(Msg::Fetched(fetch, Ok(Answer::Errors(Box::new(news)))));
    console
}

#[rstest]
#[case(80, 24)]
#[case(120, 36)]
#[case(200, 50)]
#[case(40, 12)]
fn groups_are_listed_and_the_selected_one_is_told(#[case] columns: u16, #[case] rows: u16) {
    let console = read(columns, rows);
    assert_eq!(console.app.stacks.root(), Root::Errors);
    let grid = console.draw();
    hide_times(|| insta::assert_snapshot!(format!("groups_{columns}x{rows}"), grid.body()));
}

#[test]
fn reading_tells_how_far_it_is_and_stops_on_a_key() {
    let mut console = Console::showing(two(), 80, 24);
    console.keys("2");
    let (fetch, _) = wanted(&mut console).unwrap();
    let some = |from: usize, to: usize| failures()[from..to].to_vec();
    let part = |failures, read| News {
        failures,
        coverage: Some(coverage(read, 1_200_000)),
        per_second: 90_000.0,
        ..News::default()
    };
    console.send(Msg::Fetched(fetch, Ok(Answer::Errors(Box::new(part(some(0, 100), 12_400))))));
    assert!(console.draw().contains("12,400 of 1,200,000 read, newest first"), "{}", console.draw().text());
    // It comes in parts; the same jobs again change nothing.
    console.send(Msg::Fetched(fetch, Ok(Answer::Errors(Box::new(part(some(50, 118), 12_420))))));
    assert!(console.draw().contains("118 of 118"), "{}", console.draw().text());
    console.keys("x");
    assert!(console.asked().contains(&Effect::Cancel(Slot::Errors)));
    assert!(console.draw().contains("stopped: 12,420 of 1,200,000"));
    // What comes late belongs to nobody; nothing is asked until the person says so.
    console.send(Msg::Fetched(fetch, Ok(Answer::Errors(Box::new(part(some(118, 130), 13_000))))));
    assert!(console.draw().contains("118 of 118"));
    console.wait(5000);
    assert!(!matches!(wanted(&mut console), Some((_, Wanted::All(..)))));
    console.keys("x");
    assert!(matches!(wanted(&mut console), Some((_, Wanted::All(..)))));
}

#[test]
fn a_group_is_retried_at_once_up_to_a_hundred_jobs_and_asked_about_above() {
    let mut console = read(120, 36);
    // The largest has 118 jobs: its dialog opens, with the paces and the command.
    console.keys("r");
    let grid = console.draw();
    assert!(matches!(console.app.modal, Some(Modal::Confirm(_))));
    assert!(
        grid.contains("Retry 118 failed jobs of payments") && grid.contains("ETIMEDOUT"),
        "{}",
        grid.text()
    );
    assert!(grid.contains("toril retry payments --error"), "{}", grid.text());
    console.wait(300).keys("Esc").asked();
    // Six jobs in two queues: at once, an act for each queue, oldest first.
    console.keys("/").text("no price").keys("Enter r");
    assert!(console.app.modal.is_none());
    let runs: Vec<(QueueId, Vec<JobId>)> = console
        .asked()
        .into_iter()
        .filter_map(|effect| match effect {
            Effect::Run(_, Act::Bulk { queue, bulk: Bulk::Retry { .. }, only: Some(only), .. }, _) => {
                Some((queue, only.ids.clone()))
            }
            _ => None,
        })
        .collect();
    let ids: Vec<JobId> = ["300", "301", "302"].map(JobId::new).to_vec();
    assert_eq!(runs.len(), 2);
    assert!(runs.iter().all(|(_, found)| *found == ids), "{runs:?}");
    // Removing asks; the answer takes the group's jobs of one queue.
    console.keys("d");
    assert!(console.draw().contains("Remove 3 jobs of"), "{}", console.draw().text());
    console.wait(300).keys("y");
    let removed = console.asked().into_iter().find_map(|effect| match effect {
        Effect::Run(_, Act::Jobs { selection: Selection::Group(only), .. }, _) => Some(only.ids.len()),
        _ => None,
    });
    assert_eq!(removed, Some(3));
}

fn told(name: &str, what: &str, job: &str, at: i64, prev: Option<&str>) -> FeedEvent {
    let fields: Vec<(&str, &str)> = prev.map(|prev| ("prev", prev)).into_iter().collect();
    FeedEvent { at, ..event(name, 0, what, Some(job), &fields) }
}

#[test]
fn counts_follow_events_without_reading_all_again() {
    let mut console = read(120, 36);
    // A retried job leaves; an event from before its failure changes nothing.
    console.send(Msg::Feed(vec![
        told("payments", "waiting", "0", NOW + 10, Some("failed")),
        told("payments", "active", "1", NOW - 3_600_000, None),
    ]));
    console.send(Msg::Tick);
    assert!(console.draw().contains("117 of 136"), "{}", console.draw().text());
    // What fails is looked for by its time.
    console.asked();
    console.send(Msg::Feed(vec![told("email", "failed", "500", NOW + 20, None)]));
    console.wait(2000);
    let (fetch, asked) = wanted(&mut console).unwrap();
    assert_eq!(asked, Wanted::Recent(vec![(id("email"), NOW - 10_000)]));
    let new =
        failure("email", 500, -20, "Request failed with status code 500", "fetch (/app/src/crm.ts:3:4)");
    let news = News { failures: vec![new], complete: true, ..News::default() };
    console.send(Msg::Fetched(fetch, Ok(Answer::Errors(Box::new(news)))));
    assert!(console.draw().contains("5 groups"), "{}", console.draw().text());
    // More are known than there are: who is still there is asked, and only that.
    let mut fewer = two();
    let mut payments = queue("payments");
    payments.counts.failed = 2;
    fewer.queues = fewer.queues.iter().filter(|row| row.id != id("payments")).cloned().collect();
    fewer.queues.push(payments.into());
    console.send(Msg::Snapshot(fewer.into()));
    let mut asked = Vec::new();
    for _ in 0..8 {
        console.wait(2000);
        if let Some((fetch, wanted)) = wanted(&mut console) {
            let present = match &wanted {
                Wanted::Present(queue, at) if *queue == id("payments") => {
                    let there: HashSet<JobId> = ["300", "301"].map(JobId::new).into();
                    Some((queue.clone(), there, *at))
                }
                _ => None,
            };
            let news = News { present, complete: true, ..News::default() };
            console.send(Msg::Fetched(fetch, Ok(Answer::Errors(Box::new(news)))));
            asked.push(wanted);
        }
    }
    assert!(
        asked.iter().any(|wanted| matches!(wanted, Wanted::Present(queue, _) if *queue == id("payments")))
    );
    assert!(!asked.iter().any(|wanted| matches!(wanted, Wanted::All(..))), "{asked:?}");
    assert!(console.draw().contains("19 failed jobs"), "{}", console.draw().text());
}

#[test]
fn a_burst_is_read_to_its_end() {
    let mut console = read(120, 36);
    console.asked();
    console.send(Msg::Feed(vec![told("email", "failed", "500", NOW + 20, None)]));
    console.wait(2000);
    let mut from = NOW - 10_000;
    for n in 0..3 {
        let (fetch, asked) = wanted(&mut console).unwrap_or_else(|| panic!("look {n}"));
        assert_eq!(asked, Wanted::Recent(vec![(id("email"), from)]));
        // As many as one look takes in, twice; all of the last ones failed in the same moment.
        let count = if n < 2 { RECENT as u64 } else { 7 };
        let new =
            |job| failure("email", 1000 * (n + 1) + job, -20, "no route", "fetch (/app/src/crm.ts:3:4)");
        let failures: Vec<Failure> = (0..count).map(new).collect();
        let news = News { failures, complete: true, ..News::default() };
        console.send(Msg::Fetched(fetch, Ok(Answer::Errors(Box::new(news)))));
        from = NOW + 20 + i64::from(n > 0);
        console.wait(2000);
    }
    assert!(!matches!(wanted(&mut console), Some((_, Wanted::Recent(_)))), "it is at its end");
    assert!(console.draw().contains("1,007"), "{}", console.draw().text());
}

#[test]
fn what_most_failures_are_is_told_beside_the_queue() {
    let mut console = read(120, 36);
    console.keys("1 j");
    let grid = console.draw();
    assert!(grid.contains("118 of 121 failures are one error (2)"), "{}", grid.text());
    // When the counts are others, nothing is claimed of them.
    let mut more = two();
    let mut payments = queue("payments");
    payments.counts.failed = 200;
    more.queues = more.queues.iter().filter(|row| row.id != id("payments")).cloned().collect();
    more.queues.push(payments.into());
    console.send(Msg::Snapshot(more.into()));
    assert!(!console.draw().contains("are one error"), "{}", console.draw().text());
}

#[test]
fn what_is_new_comes_first_and_orders_change() {
    let mut console = read(120, 36);
    let first = |console: &Console| {
        let Screen::Errors(errors) = console.app.stacks.current() else { panic!() };
        let group = errors.groups.get(errors.shown[0]).unwrap();
        group.cause.message.as_str().to_owned()
    };
    assert!(first(&console).starts_with("ETIMEDOUT"));
    let typed = |console: &mut Console, line: &str| {
        console.keys("n");
        line.chars().for_each(|c| {
            console.keys(&c.to_string());
        });
        console.keys("Enter");
    };
    // Since it was opened nothing is new; within 15 minutes all but the old one is.
    typed(&mut console, "opened");
    assert!(console.draw().contains("new since this screen was opened"), "{}", console.draw().text());
    typed(&mut console, "soon");
    assert!(console.draw().contains("a moment is a duration"), "{}", console.draw().text());
    console.keys("Ctrl-U 1 5 m Enter");
    let since = format!("* new since {}", figure::time_of_day(NOW - 900_000));
    assert!(console.draw().contains(&since), "{}", console.draw().text());
    let Screen::Errors(errors) = console.app.stacks.current() else { panic!() };
    let news: Vec<bool> =
        errors.shown.iter().map(|id| errors.groups.get(*id).unwrap().is_new(NOW - 900_000)).collect();
    assert_eq!(news, [true, true, true, false], "what is new stands on top, most of it first");
    // Nothing typed takes it off.
    typed(&mut console, "");
    assert!(!console.draw().contains("new since"), "{}", console.draw().text());
    typed(&mut console, "15m");
    console.keys("s s");
    assert!(first(&console).contains("404"), "last seen first: {}", first(&console));
    console.keys("S");
    assert!(first(&console).starts_with("ETIMEDOUT") || first(&console).starts_with("no price"));
    console.keys("s s s");
    assert!(console.draw().contains("sort: rate") || console.draw().contains("sort: count"));
}

#[test]
fn the_jobs_of_a_group_open() {
    let mut console = read(80, 24);
    console.keys("Enter");
    let grid = console.draw();
    hide_times(|| insta::assert_snapshot!("members_80x24", grid.body()));
    console.keys("j Enter");
    let Screen::Job(job) = console.app.stacks.current() else { panic!("{}", console.draw().text()) };
    assert_eq!((&job.queue, &job.id), (&id("payments"), &JobId::new("116")));
    console.keys("Esc R");
    assert!(matches!(console.app.modal, Some(Modal::Confirm(_))), "{}", console.draw().text());
}

#[test]
fn each_state_without_rows_is_said() {
    let mut none = queue("payments");
    none.counts.failed = 0;
    let mut console = Console::showing(snapshot(vec![none]), 80, 24);
    console.keys("2");
    assert!(console.draw().contains("no job has failed"), "{}", console.draw().text());

    let mut console = Console::showing(two(), 80, 24);
    console.keys("2");
    assert!(console.draw().contains("reading failed jobs"), "{}", console.draw().text());
    let (fetch, _) = wanted(&mut console).unwrap();
    let why = Clean::line("NOPERM this user has no permissions to run the 'zrevrange' command");
    console.send(Msg::Fetched(fetch, Err(why)));
    assert!(console.draw().contains("NOPERM"), "{}", console.draw().text());
    // It is tried again, not at once.
    console.wait(1000);
    assert!(wanted(&mut console).is_none());
    console.wait(3000);
    assert!(wanted(&mut console).is_some());

    // The server is gone: the picture stays, with its age, and nothing is asked.
    let mut console = read(80, 24);
    let (why, hint) = (Clean::line("connection refused"), Clean::default());
    let state = LinkPhase::Down { why, hint, retry_at: NOW + 60_000 };
    console.send(Msg::Link(LinkView { state, ..LinkView::default() })).asked();
    console.wait(20_000);
    let grid = console.draw();
    assert!(grid.contains("ETIMEDOUT") && grid.contains("as it was 20s ago"), "{}", grid.text());
    assert!(wanted(&mut console).is_none());
}

#[test]
fn hostile_text_is_defused() {
    let mut console = Console::showing(two(), 120, 36);
    console.keys("2");
    let (fetch, _) = wanted(&mut console).unwrap();
    let failures = hostile::texts()
        .iter()
        .enumerate()
        .map(|(job, text)| {
            let cause = cause(Field::Value(text), Field::Value(text)).into();
            Failure { queue: id("payments"), job: JobId::new(text), at: NOW - job as i64, cause }
        })
        .collect();
    let news = News { failures, coverage: Some(coverage(9, 9)), complete: true, ..News::default() };
    console.send(Msg::Fetched(fetch, Ok(Answer::Errors(Box::new(news)))));
    // Drawing checks every cell.
    for _ in 0..hostile::texts().len() {
        console.keys("j").draw();
        console.keys("Enter").draw();
        console.keys("Esc");
    }
}
