//! The Doctor screen: findings, what is looked at, repairs.

use rstest::rstest;
use toril::app::Msg;
use toril::app::effect::{Act, Answer, Effect, FetchId, Query, Slot};
use toril::app::screen::Screen;
use toril::engine::op::Repair;
use toril::engine::read::doctor::{
    DedupFacts, Fields, Hash, JobFacts, Judge, Lock, Look, Phase, Progress, QueueFacts, Text,
};
use toril::insight::doctor::{Doctor, Survey, sort};
use toril::wire::{Era, JobId, Prefix, QueueId, QueueName, Raw, State};

use crate::support::{Console, NOW, hide_times, hostile, queue, snapshot};

fn job(id: JobId, hash: Hash, places: &[State]) -> JobFacts {
    let places = places.iter().map(|state| (*state, 1, None)).collect();
    JobFacts { id, places, unsure: false, hash, lock: Lock::None, pending: 0 }
}

fn whole() -> Hash {
    Hash::Job(Fields { added_at: Some(NOW - 60_000), ..Fields::default() })
}

/// What is found in a queue with a ghost, a job in no state, and no check for stalled jobs.
pub fn survey(queues: &[(QueueId, Vec<JobId>)], complete: bool) -> Survey {
    let mut survey = Survey { complete, ..Survey::default() };
    for (queue, ids) in queues {
        let states: [&[State]; 3] = [&[State::Waiting], &[], &[State::Waiting, State::Delayed]];
        let jobs = ids.iter().enumerate().map(|(at, id)| {
            let hash = if at % 3 == 0 { Hash::None } else { whole() };
            job(id.clone(), hash, states[at % 3])
        });
        let check = Text { value: Raw::new("1795150144726"), ttl: None };
        let dedup = |id: &JobId| DedupFacts {
            id: Raw::new(id.as_bytes()),
            owner: id.clone(),
            ttl: None,
            alive: false,
        };
        let look = Look {
            queue: queue.clone(),
            era: Era::V6,
            at: NOW,
            facts: QueueFacts { stalled_check: Some(check), ..QueueFacts::default() },
            jobs: jobs.collect(),
            parents: Vec::new(),
            schedulers: Vec::new(),
            dedups: ids.iter().take(1).map(dedup).collect(),
            workers: None,
            complete,
        };
        survey.findings.extend(Doctor.judge(&look));
    }
    survey.more = sort(&mut survey.findings);
    survey.progress = Progress {
        phase: Phase::Done,
        queues: queues.len() as u64,
        of_queues: queues.len() as u64,
        jobs: 12_400,
        of_jobs: 1_200_000,
        keys: 100_000,
        suspects: 3,
    };
    survey
}

fn id(name: &str) -> QueueId {
    QueueId::new(Prefix::default(), QueueName::legacy(name))
}

fn found() -> Survey {
    let ids = |ids: &[&str]| ids.iter().map(JobId::new).collect();
    survey(&[(id("payments"), ids(&["98412", "98377", "98371"])), (id("email"), ids(&["7"]))], false)
}

/// The round that the screen asks for.
fn asked(console: &mut Console) -> Option<FetchId> {
    console.asked().into_iter().find_map(|effect| match effect {
        Effect::Fetch(Slot::Doctor, id, Query::Doctor(_)) => Some(id),
        _ => None,
    })
}

fn showing(found: Survey, columns: u16, rows: u16) -> Console {
    let mut console = Console::showing(snapshot(vec![queue("payments"), queue("email")]), columns, rows);
    console.keys("9");
    let id = asked(&mut console).expect("the first round begins by itself");
    console.send(Msg::Fetched(id, Ok(Answer::Survey(Box::new(found)))));
    console
}

#[rstest]
#[case(80, 24)]
#[case(40, 12)]
#[case(120, 36)]
#[case(200, 50)]
fn how_it_looks(#[case] columns: u16, #[case] rows: u16) {
    hide_times(|| {
        let console = showing(found(), columns, rows);
        insta::assert_snapshot!(format!("doctor_{columns}x{rows}"), console.draw().body());
    });
}

#[test]
fn what_is_under_way_is_said_and_can_be_stopped() {
    let mut console = Console::showing(snapshot(vec![queue("payments")]), 80, 24);
    console.keys("9");
    let id = asked(&mut console).unwrap();
    assert!(console.draw().contains("looking for damage"), "{}", console.draw().text());
    let progress = Progress { jobs: 12_400, of_jobs: 1_200_000, queues: 1, of_queues: 1, ..found().progress };
    let progress = Progress { phase: Phase::First, ..progress };
    console.send(Msg::Fetched(id, Ok(Answer::Looking(progress))));
    assert!(console.draw().contains("12,400 of 1,200,000 jobs"), "{}", console.draw().text());
    console.keys("c");
    assert!(console.asked().contains(&Effect::Cancel(Slot::Doctor)));
    assert!(console.draw().contains("stopped before anything was known"), "{}", console.draw().text());
    console.send(Msg::Fetched(id, Ok(Answer::Survey(Box::new(found())))));
    assert!(!console.draw().contains("payments"), "an answer that nobody waits for");
    console.keys("a");
    assert!(asked(&mut console).is_some());
}

#[test]
fn nothing_damaged_and_nothing_readable_are_said() {
    let sound = Survey { findings: Vec::new(), complete: true, ..found() };
    assert!(showing(sound.clone(), 80, 24).draw().contains("nothing is damaged"));
    let part = Survey { complete: false, ..sound };
    assert!(showing(part, 80, 24).draw().contains("nothing is damaged in what was looked at"));
    let mut console = Console::showing(snapshot(vec![queue("payments")]), 80, 24);
    console.keys("9");
    let id = asked(&mut console).unwrap();
    console.send(Msg::Fetched(id, Err("not permitted: CLIENT".into())));
    assert!(console.draw().contains("not permitted: CLIENT"), "{}", console.draw().text());
}

#[test]
fn a_repair_is_asked_about_and_its_queue_looked_at_again() {
    let mut console = showing(found(), 120, 36);
    console.asked();
    console.keys("f").wait(300);
    assert!(console.draw().contains("Repair "), "{}", console.draw().text());
    assert!(console.draw().contains("toril doctor "), "{}", console.draw().text());
    console.keys("y");
    let run = console.asked().into_iter().find_map(|effect| match effect {
        Effect::Run(id, Act::Repair { queue, repairs, .. }, _) => Some((id, queue, repairs)),
        _ => None,
    });
    let (run, queue, repairs) = run.expect("it is handed over");
    assert!(matches!(repairs.as_slice(), [(_, Repair::DropEndless { .. })]), "{repairs:?}");
    let mut report = toril::operate::Report::new(toril::operate::Action::Repair, queue.clone());
    (report.progress.matched, report.progress.done) = (1, 1);
    console.send(Msg::Done(run, Ok(report)));
    console.asked();
    console.wait(2_000);
    let again = console.asked().into_iter().find_map(|effect| match effect {
        Effect::Fetch(Slot::Doctor, id, Query::Doctor(round)) => Some((id, round)),
        _ => None,
    });
    let (again, round) = again.expect("its queue is looked at again");
    assert_eq!((round.queues.as_slice(), round.whole), ([queue.clone()].as_slice(), false));
    let left = Survey { findings: Vec::new(), ..found() };
    console.send(Msg::Fetched(again, Ok(Answer::Survey(Box::new(left)))));
    // Its findings are gone, those of the other queue stay.
    assert_eq!(queue, id("email"));
    let Screen::Doctor(screen) = console.app.stacks.current() else { panic!("another screen") };
    assert_eq!(screen.findings().len(), 5);
    assert!(screen.findings().iter().all(|finding| finding.queue == Some(id("payments"))));
}

#[test]
fn all_of_a_queue_are_repaired_together() {
    let mut console = showing(found(), 120, 36);
    console.keys("/");
    console.text("payments");
    console.keys("Enter F").wait(300);
    assert!(console.draw().contains("Make 5 repairs of payments"), "{}", console.draw().text());
    console.keys("n");
    assert!(console.said().iter().any(|said| said.contains("nothing was done")));
}

#[test]
fn enter_opens_the_job() {
    let mut console = showing(found(), 80, 24);
    console.keys("G k Enter");
    let opened = matches!(console.app.stacks.current(), Screen::Job(_) | Screen::Queue(_));
    assert!(opened, "{:?}", console.app.stacks.current());
    console.keys("Esc");
    assert!(matches!(console.app.stacks.current(), Screen::Doctor(_)));
}

#[test]
fn hostile_names_are_defused() {
    for text in hostile::texts() {
        let of = QueueId::new(Prefix::default(), QueueName::legacy(&text));
        let found = survey(&[(of, vec![JobId::new(&text), JobId::new(&text)])], true);
        for (columns, rows) in [(80, 24), (40, 12)] {
            let mut console = showing(found.clone(), columns, rows);
            console.draw();
            console.keys("j f").wait(300);
            console.draw();
        }
    }
}
