//! How attempts end.

use std::time::Duration;

use rstest::rstest;
use serde_json::{Value, json};
use toril::engine::{Backoff, Backoffs, JobError, JobOptions, WorkError, WorkerOptions};

use super::fetch::{Hands, named};
use super::pair::{Pair, finished, plain};
use crate::engine::ours::until;
use crate::support::{Dump, Lib, Options, assert_same};

#[rstest]
#[case(Lib::BullMq5, 1)]
#[case(Lib::BullMq6, 1)]
#[case(Lib::BullMq6, 50)]
fn case_25_values_of_every_kind_are_kept_and_drained_is_told(#[case] lib: Lib, #[case] batch: usize) {
    let mut pair = Pair::new(lib);
    for value in [json!({"sent": [1, "ü/"]}), Value::Null, json!("text"), json!(1.5), json!(false)] {
        pair.add("job", &json!({"return": value}), &json!({}), plain());
    }
    pair.run(&json!({}), WorkerOptions { batch, ..named() }, |dump| finished(dump, 5));
    pair.compare();
    let dump = Dump::of(&pair.servers[1]);
    assert_eq!(dump.events("bull:q:events", "event").last(), Some(&"drained"));
    assert_eq!(dump.field("bull:q:2", "returnvalue"), Some("null"));
}

#[rstest]
#[case(Lib::BullMq5)]
#[case(Lib::BullMq6)]
fn case_28_failures_are_tried_again_as_often_and_as_late(#[case] lib: Lib) {
    let fail = json!({"do": "fail", "message": "no route"});
    let ms = Duration::from_millis;
    let kinds: [(Value, JobOptions); 4] = [
        (json!({"attempts": 1}), JobOptions { attempts: 1, ..plain() }),
        (json!({"attempts": 3}), JobOptions { attempts: 3, ..plain() }),
        (
            json!({"attempts": 3, "backoff": {"type": "fixed", "delay": 60}}),
            JobOptions { attempts: 3, backoff: Some(Backoff::fixed(ms(60))), ..plain() },
        ),
        (
            json!({"attempts": 3, "backoff": {"type": "exponential", "delay": 40}}),
            JobOptions { attempts: 3, backoff: Some(Backoff::exponential(ms(40))), ..plain() },
        ),
    ];
    for (opts, options) in kinds {
        let mut pair = Pair::new(lib);
        pair.add("fails", &fail, &opts, options);
        // Alone: what runs between two delayed attempts is chance.
        if opts["backoff"].is_null() {
            pair.add("behind", &json!({}), &json!({}), plain());
        }
        let jobs = 1 + usize::from(opts["backoff"].is_null());
        pair.run(&json!({}), named(), |dump| finished(dump, jobs));
        pair.compare();
    }
}

/// The first failure of a job with this back-off: how long it waits.
fn first_wait(pair: &mut Pair, hands: &Hands, opts: &Value, options: JobOptions) -> [u64; 2] {
    pair.add("job", &json!({}), opts, options);
    let job = hands.take(pair).unwrap();
    hands.node(pair, json!({"op": "fail", "job": job.id.lossless(), "message": "boom"}));
    pair.ours.wait(hands.manual.fail(&job, &JobError::new("boom"), None)).unwrap();
    let key = format!("bull:q:{}", job.id.lossless());
    [0, 1].map(|side| Dump::of(&pair.servers[side]).field(&key, "delay").unwrap().parse().unwrap())
}

#[rstest]
#[case(Lib::BullMq5)]
#[case(Lib::BullMq6)]
fn case_29_jitter_stays_within_its_share(#[case] lib: Lib) {
    let mut pair = Pair::new(lib);
    let hands = Hands::of(&mut pair, &json!({}), named());
    let delay = Duration::from_secs(100);
    let options = JobOptions { attempts: 2, backoff: Some(Backoff::Fixed { delay, jitter: 0.5 }), ..plain() };
    let opts = json!({"attempts": 2, "backoff": {"type": "fixed", "delay": 100_000, "jitter": 0.5}});
    let waits: Vec<[u64; 2]> =
        (0..30).map(|_| first_wait(&mut pair, &hands, &opts, options.clone())).collect();
    for side in 0..2 {
        let of = |wait: &[u64; 2]| wait[side];
        let (least, most) = (waits.iter().map(of).min().unwrap(), waits.iter().map(of).max().unwrap());
        assert!(least >= 50_000 && most <= 100_000, "{least} {most}");
        // With 30 draws a spread below a half of the range has a chance of one in ten million.
        assert!(most - least > 25_000, "{least} {most}");
    }
}

#[rstest]
#[case(Lib::BullMq5)]
#[case(Lib::BullMq6)]
fn case_29_a_strategy_of_ones_own_says_when_and_whether(#[case] lib: Lib) {
    // After the first attempt at once, after the second in 50 ms, after the third no more.
    let waits = [Some(0), Some(50), None];
    let mut pair = Pair::new(lib);
    let opts = json!({"attempts": 9, "backoff": {"type": "own", "delay": 7}});
    let data = json!({"do": "fail"});
    for side in &pair.servers {
        // Both through the same producer: an option of the application's own is for the worker alone.
        let mut node = crate::support::Node::start(lib, side);
        node.call(json!({"op": "add", "queue": "q", "name": "job", "data": data, "opts": opts}));
    }
    let request = json!({"op": "backoffWorker", "queue": "q", "name": "w", "waits": [0, 50, -1]});
    let theirs = pair.node.call(request);
    let strategy = move |failed: toril::engine::Failed<'_>| {
        waits[failed.attempt as usize - 1].map(Duration::from_millis)
    };
    let ours = pair
        .ours
        .worker("q", WorkerOptions { backoffs: Backoffs::default().with("own", strategy), ..named() });
    for server in &pair.servers {
        until(|| finished(&Dump::of(server), 1) && Dump::of(server).get("bull:q:marker").is_none());
    }
    pair.compare();
    let dump = Dump::of(&pair.servers[1]);
    assert_eq!((dump.field("bull:q:1", "atm"), dump.len("bull:q:failed")), (Some("3"), 1));
    pair.node.call(json!({"op": "workerStop", "handle": theirs}));
    pair.ours.stop(ours);
}

/// BullMQ's worker reports an error and leaves the job to the stalled check; ours tries it again.
#[rstest]
#[case(Lib::BullMq5)]
#[case(Lib::BullMq6)]
fn case_29_a_strategy_that_nobody_knows(#[case] lib: Lib) {
    let mut pair = Pair::new(lib);
    for (n, opts) in [json!({"type": "own", "delay": 60_000}), json!({"type": "own"})].iter().enumerate() {
        let opts = json!({"attempts": 2, "backoff": opts});
        let options = JobOptions::parse(opts.as_object().unwrap()).unwrap();
        pair.add("job", &json!({"do": "fail"}), &opts, options);
        let id = (n + 1).to_string();
        let handle = pair.node.call(json!({"op": "worker", "queue": "q", "manual": true}));
        pair.node.call(json!({"op": "take", "handle": handle, "queue": "q"}));
        let fails = json!({"op": "fail", "handle": handle, "queue": "q", "job": id, "message": "boom"});
        let refused = pair.node.try_call(fails).unwrap_err();
        assert!(refused.contains("Unknown backoff strategy own"), "{refused}");
        let dump = Dump::of(&pair.servers[0]);
        assert!(dump.members("bull:q:active").contains(&&*id), "it stays active");
        let manual = pair.ours.manual("q", named());
        let job = pair.ours.wait(manual.fetch(None)).unwrap().unwrap();
        pair.ours.wait(manual.fail(&job, &JobError::new("boom"), None)).unwrap();
        let dump = Dump::of(&pair.servers[1]);
        let state = ["bull:q:delayed", "bull:q:wait"][n];
        assert_eq!((dump.members(state), dump.len("bull:q:active")), (vec![&*id], 0));
        assert_eq!(dump.field(&format!("bull:q:{id}"), "atm"), Some("1"));
    }
}

#[rstest]
#[case(Lib::BullMq5)]
#[case(Lib::BullMq6)]
fn case_30_an_unrecoverable_failure_is_not_exhaustion(#[case] lib: Lib) {
    let mut pair = Pair::new(lib);
    let data = json!({"do": "fail", "unrecoverable": true, "message": "no such account"});
    pair.add("job", &data, &json!({"attempts": 5}), JobOptions { attempts: 5, ..plain() });
    pair.run(&json!({}), named(), |dump| finished(dump, 1));
    pair.compare();
    let dump = Dump::of(&pair.servers[1]);
    assert!(!dump.events("bull:q:events", "event").contains(&"retries-exhausted"));
}

#[rstest]
#[case(Lib::BullMq5)]
#[case(Lib::BullMq6)]
fn case_31_stack_traces_are_kept_up_to_their_limit(#[case] lib: Lib) {
    let mut pair = Pair::new(lib);
    for limit in [Some(0), Some(1), None] {
        let mut opts = json!({"attempts": 3});
        if let Some(limit) = limit {
            opts["stackTraceLimit"] = json!(limit);
        }
        let options = JobOptions { attempts: 3, stack_trace_limit: limit, ..plain() };
        pair.add("job", &json!({"do": "fail"}), &opts, options);
    }
    pair.run(&json!({}), named(), |dump| finished(dump, 3));
    pair.compare();
    let dump = Dump::of(&pair.servers[1]);
    let kept = |id: usize| -> usize {
        let traces = dump.field(&format!("bull:q:{id}"), "stacktrace").unwrap();
        serde_json::from_str::<Vec<String>>(traces).unwrap().len()
    };
    assert_eq!([kept(1), kept(2), kept(3)], [0, 1, 3]);
}

/// Both sides without what depends on how long a step took: `delay` of a moved job.
#[track_caller]
fn compare_but_delay(pair: &Pair) {
    let options = Options::default().ignore_field("", "delay");
    let [theirs, ours] = &pair.servers;
    assert_same(&Dump::of(theirs).normalised(&options), &Dump::of(ours).normalised(&options));
}

#[rstest]
#[case(Lib::BullMq5)]
#[case(Lib::BullMq6)]
fn case_36_a_job_that_delays_itself_has_made_no_attempt(#[case] lib: Lib) {
    let mut pair = Pair::new(lib);
    let data = json!({"do": "delay", "ms": 100, "return": "later"});
    pair.add("job", &data, &json!({"attempts": 2}), JobOptions { attempts: 2, ..plain() });
    pair.run(&json!({}), named(), |dump| finished(dump, 1));
    compare_but_delay(&pair);
    let dump = Dump::of(&pair.servers[1]);
    let field = |name| dump.field("bull:q:1", name);
    assert_eq!((field("atm"), field("ats"), field("failedReason")), (Some("1"), Some("2"), None));
}

#[rstest]
#[case(Lib::BullMq5, 0)]
#[case(Lib::BullMq6, 0)]
#[case(Lib::BullMq5, 3)]
#[case(Lib::BullMq6, 3)]
fn case_37_a_job_that_goes_back_is_the_next_one(#[case] lib: Lib, #[case] priority: u32) {
    let mut pair = Pair::new(lib);
    let opts = if priority > 0 { json!({"priority": priority}) } else { json!({}) };
    for data in [json!({"do": "wait"}), json!({})] {
        pair.add("job", &data, &opts, JobOptions { priority, ..plain() });
    }
    pair.run(&json!({}), named(), |dump| finished(dump, 2));
    pair.compare();
    let dump = Dump::of(&pair.servers[1]);
    assert_eq!((dump.field("bull:q:1", "atm"), dump.field("bull:q:1", "ats")), (Some("1"), Some("2")));
    let starts: Vec<&str> = dump.members("bull:q:completed");
    assert_eq!(starts.len(), 2);
}

#[rstest]
#[case(Lib::BullMq5)]
#[case(Lib::BullMq6)]
fn case_47_progress_of_any_kind_is_kept_and_told(#[case] lib: Lib) {
    let mut pair = Pair::new(lib);
    pair.add("job", &json!({}), &json!({}), plain());
    let hands = Hands::of(&mut pair, &json!({}), named());
    let job = hands.take(&mut pair).unwrap();
    for progress in [json!(42), json!({"step": "half"}), json!("text")] {
        hands.node(&mut pair, json!({"op": "updateProgress", "job": "1", "progress": progress}));
        pair.ours.wait(hands.manual.progress(&job, &progress)).unwrap();
        pair.compare();
    }
    for server in &pair.servers {
        redis::cmd("DEL").arg("bull:q:1").exec(&mut server.connect()).unwrap();
    }
    let request =
        json!({"op": "updateProgress", "handle": hands.handle, "queue": "q", "job": "1", "progress": 1});
    assert!(pair.node.try_call(request).unwrap_err().contains("Missing key"));
    assert_eq!(pair.ours.wait(hands.manual.progress(&job, &1)), Err(WorkError::Missing));
    pair.compare();
}

#[rstest]
#[case(Lib::BullMq5)]
#[case(Lib::BullMq6)]
fn case_48_log_lines_are_kept_up_to_their_limit_and_cleared(#[case] lib: Lib) {
    let mut pair = Pair::new(lib);
    pair.add("kept", &json!({}), &json!({"keepLogs": 2}), JobOptions { keep_logs: Some(2), ..plain() });
    pair.add("all", &json!({}), &json!({}), plain());
    let hands = Hands::of(&mut pair, &json!({}), named());
    let jobs = [hands.take(&mut pair).unwrap(), hands.take(&mut pair).unwrap()];
    for (at, job) in jobs.iter().enumerate() {
        for line in ["one", "two ü", "three"] {
            let count = hands.node(
                &mut pair,
                json!({"op": "jobCall", "job": job.id.lossless(), "method": "log", "args": [line]}),
            );
            let ours = pair.ours.wait(hands.manual.log(job, line)).unwrap();
            assert_eq!(count, json!(ours), "job {at}");
            pair.compare();
        }
    }
    for keep in [Some(1), None] {
        for job in &jobs {
            let args = keep.map_or_else(|| json!([]), |keep| json!([keep]));
            hands.node(
                &mut pair,
                json!({"op": "jobCall", "job": job.id.lossless(), "method": "clearLogs", "args": args}),
            );
            pair.ours.wait(hands.manual.clear_logs(job, keep.unwrap_or(0))).unwrap();
            pair.compare();
        }
    }
}
