//! Bulk acts on a real server: what is counted, what stops them, and what they leave to others.

use redis::Connection;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use toril::conn::{Conn, Endpoint, Options};
use toril::engine::op::{JobOp, QueueOp, Target};
use toril::operate::{Action, End, Plan, Progress, Report, Selection, act, preview, preview_act, run};
use toril::wire::{Fleet, JobId, Prefix, QueueId, QueueName, State, WriteEra};

use crate::support::{Server, writer};

const RETRY: JobOp = JobOp::Retry { from: State::Failed, reset_attempts: false };

fn target() -> Target {
    Target { queue: QueueId::new(Prefix::default(), QueueName::legacy("q")), era: WriteEra::V5 }
}

fn all(state: State, until: i64) -> Selection {
    Selection::All { state, until }
}

/// `count` jobs in `state` that were added at `at` (ms), the sooner the lower their number.
fn seed(link: &mut Connection, state: State, count: usize, at: i64) {
    let mut pipe = redis::pipe();
    pipe.cmd("HSET").arg("bull:q:meta").arg("opts.maxLenEvents").arg(10000).ignore();
    pipe.cmd("INCRBY").arg("bull:q:id").arg(count).ignore();
    for n in 1..=count {
        let fields = [("name", "n"), ("data", "{}"), ("opts", "{}"), ("priority", "0")];
        pipe.cmd("HSET").arg(format!("bull:q:{n}")).arg(&fields).arg("timestamp").arg(at).ignore();
        let key = format!("bull:q:{}", state.suffix());
        if state.is_list() {
            pipe.cmd("LPUSH").arg(key).arg(n).ignore();
        } else {
            pipe.cmd("ZADD").arg(key).arg(at + i64::try_from(n).unwrap()).arg(n).ignore();
        }
    }
    pipe.exec(link).unwrap();
}

async fn done(conn: &Conn, op: JobOp, selection: Selection) -> Report {
    let plan = Plan { target: target(), op, selection };
    run(conn, &plan, &watch::Sender::new(Progress::default()), &CancellationToken::new()).await
}

fn length(link: &mut Connection, state: State) -> usize {
    let command = if state.is_list() { "LLEN" } else { "ZCARD" };
    redis::cmd(command).arg(format!("bull:q:{}", state.suffix())).query(link).unwrap()
}

#[tokio::test]
async fn all_of_a_state_is_what_was_there_by_the_moment() {
    let server = Server::start();
    let mut link = server.connect();
    seed(&mut link, State::Failed, 500, 1000);
    let report = done(&writer(&server).await, RETRY, all(State::Failed, 1400)).await;
    assert_eq!((report.progress.matched, report.progress.done), (400, 400));
    assert!(report.is_complete());
    assert_eq!((length(&mut link, State::Failed), length(&mut link, State::Waiting)), (100, 400));
    // The longest failed ones run first.
    let next: String = redis::cmd("LINDEX").arg("bull:q:wait").arg(-1).query(&mut link).unwrap();
    assert_eq!(next, "1");
}

#[tokio::test]
async fn every_state_can_be_emptied_and_what_came_later_stays() {
    for state in State::ALL {
        let server = Server::start();
        let mut link = server.connect();
        seed(&mut link, state, 250, 1000);
        let late = ("bull:q:late", [("name", "n"), ("data", "{}"), ("timestamp", "9000")]);
        redis::cmd("HSET").arg(late.0).arg(&late.1).exec(&mut link).unwrap();
        let key = format!("bull:q:{}", state.suffix());
        if state.is_list() {
            redis::cmd("RPUSH").arg(key).arg("late").exec(&mut link).unwrap();
        } else {
            redis::cmd("ZADD").arg(key).arg(9000).arg("late").exec(&mut link).unwrap();
        }
        let report = done(&writer(&server).await, JobOp::Remove { children: true }, all(state, 5000)).await;
        assert_eq!(report.progress.done, 250, "{state:?}: {report:?}");
        assert_eq!(report.end, End::Finished);
        assert_eq!(length(&mut link, state), 1, "{state:?}");
    }
}

#[tokio::test]
async fn refused_jobs_are_named_and_stepped_over() {
    let server = Server::start();
    let mut link = server.connect();
    seed(&mut link, State::Failed, 300, 1000);
    for n in [1, 2, 3, 150] {
        redis::cmd("SET").arg(format!("bull:q:{n}:lock")).arg("t").exec(&mut link).unwrap();
    }
    redis::cmd("DEL").arg("bull:q:7").exec(&mut link).unwrap();
    let report = done(&writer(&server).await, RETRY, all(State::Failed, 5000)).await;
    let counts = report.progress;
    assert_eq!((counts.done, counts.failed, counts.changed), (295, 4, 1));
    assert_eq!(counts.matched, 300);
    assert_eq!(report.end, End::Finished);
    let named: Vec<_> = report.failures.iter().map(|f| (f.id.clone().unwrap(), f.code)).collect();
    let expected = [1, 2, 3, 150].map(|n| (JobId::new(n.to_string()), "locked"));
    assert_eq!(named, expected);
}

#[tokio::test]
async fn marked_rows_are_each_acted_on_once() {
    let server = Server::start();
    let mut link = server.connect();
    seed(&mut link, State::Failed, 3, 1000);
    let ids = ["1", "none", "1", "meta", "3"].map(JobId::new).to_vec();
    let report = done(&writer(&server).await, RETRY, Selection::Ids(ids)).await;
    let counts = report.progress;
    assert_eq!((counts.matched, counts.done, counts.changed, counts.failed), (4, 2, 1, 1));
    let codes: Vec<_> = report.failures.iter().map(|failure| failure.code).collect();
    assert_eq!(codes, ["gone", "reserved"]);
    assert_eq!(report.failures[0].message.as_str(), "The job no longer exists.");
}

#[tokio::test]
async fn a_run_can_be_cancelled_and_tells_how_far_it_came() {
    let server = Server::start();
    let mut link = server.connect();
    seed(&mut link, State::Failed, 5000, 1000);
    let conn = writer(&server).await;
    let (progress, mut seen) = watch::channel(Progress::default());
    let cancel = CancellationToken::new();
    let stop = cancel.clone();
    let watcher = tokio::spawn(async move {
        while seen.changed().await.is_ok() {
            if seen.borrow().done >= 100 {
                stop.cancel();
            }
        }
    });
    let plan = Plan { target: target(), op: RETRY, selection: all(State::Failed, 90_000) };
    let report = run(&conn, &plan, &progress, &cancel).await;
    drop(progress);
    watcher.await.unwrap();
    assert_eq!(report.end, End::Cancelled);
    assert_eq!(report.progress.matched, 5000);
    let retried = usize::try_from(report.progress.done).unwrap();
    assert!((100..5000).contains(&retried), "{retried}");
    assert_eq!(length(&mut link, State::Waiting), retried);
}

#[tokio::test]
async fn a_lost_answer_ends_the_run_and_is_not_sent_again() {
    let server = Server::start();
    let mut link = server.connect();
    seed(&mut link, State::Failed, 50, 1000);
    let conn = writer(&server).await;
    // Warm: the script is known to the server.
    done(&conn, RETRY, Selection::Ids(vec![JobId::new("50")])).await;
    let ids: Vec<_> = (1..=5).map(|n: u32| JobId::new(n.to_string())).collect();
    server.stop();
    let report = done(&conn, RETRY, Selection::Ids(ids.clone())).await;
    server.cont();
    let End::Unknown { ids: unknown, error } = report.end else {
        panic!("{:?}", report.end);
    };
    assert!(error.is_unknown_outcome());
    assert_eq!(unknown, ids);
    assert_eq!(report.progress.done, 0);
}

#[tokio::test]
async fn a_queue_of_another_era_stops_the_run_at_once() {
    let server = Server::start();
    let mut link = server.connect();
    seed(&mut link, State::Failed, 500, 1000);
    redis::cmd("SET").arg("bull:q:meta-paused").arg(1).exec(&mut link).unwrap();
    let report = done(&writer(&server).await, RETRY, all(State::Failed, 5000)).await;
    assert!(matches!(report.end, End::Failed(_)), "{:?}", report.end);
    assert_eq!(report.progress.done, 0);
    assert_eq!(report.failures[0].code, "wrong-era");
    assert_eq!(length(&mut link, State::Failed), 500);
}

#[tokio::test]
async fn a_read_only_connection_does_nothing() {
    let server = Server::start();
    seed(&mut server.connect(), State::Failed, 3, 1000);
    let conn = Conn::open(Endpoint::unix(server.socket()), Options::default()).await.unwrap();
    let report = done(&conn, RETRY, all(State::Failed, 5000)).await;
    let End::Failed(error) = &report.end else {
        panic!("{:?}", report.end);
    };
    assert_eq!(error.to_string(), "this session is read-only");
    assert!(report.failures.is_empty());
    assert_eq!(length(&mut server.connect(), State::Failed), 3);
}

#[tokio::test]
async fn a_preview_tells_what_will_be_refused() {
    let server = Server::start();
    let mut link = server.connect();
    seed(&mut link, State::Failed, 120, 1000);
    redis::cmd("SET").arg("bull:q:1:lock").arg("t").exec(&mut link).unwrap();
    redis::cmd("HSET").arg("bull:q:2").arg("priority").arg(4).exec(&mut link).unwrap();
    redis::cmd("HSET").arg("bull:q:3").arg("parentKey").arg("bull:q:4").exec(&mut link).unwrap();
    redis::cmd("HSET").arg("bull:q:4").arg("finishedOn").arg(1).exec(&mut link).unwrap();
    redis::cmd("SADD").arg("bull:q:5:dependencies").arg("bull:q:6").exec(&mut link).unwrap();
    let conn = writer(&server).await;
    let told = async |op, selection| {
        let plan = Plan { target: target(), op, selection };
        let preview = preview(&conn, &plan).await.unwrap();
        let effects: Vec<String> = preview.effects.iter().map(|text| text.as_str().to_owned()).collect();
        (preview.matched, preview.sample.len(), effects)
    };
    let (matched, sample, effects) = told(RETRY, all(State::Failed, 5000)).await;
    assert_eq!((matched, sample), (120, 10));
    assert_eq!(
        effects,
        [
            "Looked at the first 100 of 120:",
            "1 is being run and will be refused",
            "1 keeps its priority",
            "1 is a child: its parent waits for it again",
            "1 belongs to a flow whose parent has finished",
        ]
    );
    let iteration = "repeat:daily:1700000000000";
    let fields = [("name", "n"), ("data", "{}"), ("timestamp", "1"), ("rjk", "daily")];
    redis::cmd("HSET").arg(format!("bull:q:{iteration}")).arg(&fields).exec(&mut link).unwrap();
    redis::cmd("ZADD").arg("bull:q:repeat").arg(1_700_000_000_000_i64).arg("daily").exec(&mut link).unwrap();
    let ids = ["5", "3", iteration, "none"].map(JobId::new).to_vec();
    let (matched, _, effects) = told(JobOp::Remove { children: true }, Selection::Ids(ids)).await;
    assert_eq!(matched, 4);
    assert_eq!(
        effects,
        [
            "1 is the next run of a scheduler and will be refused",
            "1 has children, which are removed with it",
            "1 is a child: a parent that waits for nothing else will run",
            "1 no longer exists",
        ]
    );
    let before: usize = redis::cmd("DBSIZE").query(&mut link).unwrap();
    assert_eq!(
        told(JobOp::Promote, Selection::Ids(vec![JobId::new("1")])).await.2,
        ["1 is not delayed and will be left alone"]
    );
    assert_eq!(redis::cmd("DBSIZE").query::<usize>(&mut link).unwrap(), before);
}

#[tokio::test]
async fn acts_on_queues_have_the_same_reports() {
    let server = Server::start();
    let mut link = server.connect();
    seed(&mut link, State::Waiting, 3, 1000);
    let conn = writer(&server).await;
    let pause = QueueOp::Pause { fleet: Fleet::Mixed };
    let told = preview_act(&conn, &target(), pause).await.unwrap();
    assert_eq!(told[0].as_str(), "3 jobs will wait until the queue is resumed.");
    let report = act(&conn, &target(), pause).await;
    assert_eq!((report.action, report.progress.done, report.moved), (Action::Pause, 1, 3));
    redis::cmd("SET").arg("bull:q:meta-paused").arg(1).exec(&mut link).unwrap();
    let report = act(&conn, &target(), QueueOp::Resume).await;
    assert_eq!((report.progress.failed, report.failures[0].code), (1, "wrong-era"));
    assert_eq!(report.end, End::Finished);
}

/// Nine seconds of a million jobs would be too much; this is enough to see that others get their turn.
#[tokio::test]
async fn redis_stays_with_its_workers() {
    let server = Server::start();
    let mut link = server.connect();
    seed(&mut link, State::Failed, 3000, 1000);
    let conn = writer(&server).await;
    let busy = |link: &mut Connection| -> f64 {
        let info: String = redis::cmd("INFO").arg("commandstats").query(link).unwrap();
        let line = info.lines().find(|line| line.starts_with("cmdstat_evalsha:"));
        let usec = line.and_then(|line| line.split("usec=").nth(1)?.split(',').next()?.parse().ok());
        usec.unwrap_or(0.0)
    };
    let (from, before) = (std::time::Instant::now(), busy(&mut link));
    let report = done(&conn, RETRY, all(State::Failed, 90_000)).await;
    let took = from.elapsed();
    assert_eq!(report.progress.done, 3000);
    let share = (busy(&mut link) - before) / took.as_secs_f64() / 1e6;
    assert!(share < 0.2, "{share:.2} of Redis over {took:?}");
}
