//! The fleet and who kills its workers.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use serde_json::json;

use super::audit::Audit;
use super::producer::{Random, produce};
use crate::engine::ours::Ours;
use crate::faults::child::{Child, Order};
use crate::support::{Dump, Lib, Server};
use toril::engine::schedule::{Repeat, Template};

const LOCK: u64 = 2000;
const STALLED: u64 = 700;
/// Jobs at a time of each worker.
const CONCURRENCY: usize = 8;
/// Events that the stream keeps: all.
const ALL: u64 = 100_000_000;
/// Between two runs of each scheduler, in ms.
const EVERY: u64 = 300;
/// Until everything has come to rest after the last add.
const SETTLE: Duration = Duration::from_secs(40);

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Five,
    Six,
    Ours,
}

const FLEET: [Kind; 6] = [Kind::Five, Kind::Six, Kind::Ours, Kind::Ours, Kind::Six, Kind::Five];

fn start(kind: Kind, server: &Server, number: usize) -> Child {
    let name = format!("{kind:?}-{number}");
    let (lock, stalled) = (Duration::from_millis(LOCK), Duration::from_millis(STALLED));
    let node = json!({
        "role": "worker", "queue": "q", "name": name, "concurrency": CONCURRENCY,
        "opts": { "lockDuration": LOCK, "stalledInterval": STALLED, "maxStalledCount": 1000 },
    });
    match kind {
        Kind::Five => Child::node(Lib::BullMq5, server, &node),
        Kind::Six => Child::node(Lib::BullMq6, server, &node),
        Kind::Ours => {
            let order = Order {
                name,
                concurrency: CONCURRENCY,
                lock,
                stalled,
                max_stalled: 1000,
                ..Order::default()
            };
            Child::ours(&server.socket_url(), &order)
        }
    }
}

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

fn seconds() -> u64 {
    let whole = std::env::var("TORIL_TEST_WHOLE").is_ok_and(|value| value == "1");
    number("TORIL_SOAK_SECONDS").unwrap_or(if whole { 300 } else { 60 })
}

/// What the processes of the fleet said, dead ones included.
#[derive(Default)]
struct Said {
    runs: BTreeMap<String, usize>,
    by_kind: BTreeMap<Kind, usize>,
    lost: Vec<String>,
    kills: BTreeMap<Kind, usize>,
}

impl Said {
    fn heard(&mut self, kind: Kind, child: &Child) {
        for (id, runs) in child.runs() {
            *self.runs.entry(id).or_default() += runs;
            *self.by_kind.entry(kind).or_default() += runs;
        }
        self.lost.extend(child.facts("L "));
    }
}

fn at_rest(server: &Server) -> bool {
    let mut link = server.connect();
    let mut pipe = redis::pipe();
    for list in ["wait", "active"] {
        pipe.cmd("LLEN").arg(format!("bull:q:{list}"));
    }
    for set in ["delayed", "prioritized", "waiting-children"] {
        pipe.cmd("ZCARD").arg(format!("bull:q:{set}"));
    }
    let sizes: Vec<u64> = pipe.query(&mut link).unwrap();
    sizes.iter().all(|size| *size == 0)
}

/// Plays the soak and judges it.
pub fn soak() {
    let nanos = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_nanos();
    let seed = number("TORIL_SOAK_SEED").unwrap_or(nanos as u64 % 1_000_000);
    println!("TORIL_SOAK_SEED={seed}");
    let mut random = Random::new(seed);
    let server = Server::start();
    redis::cmd("HSET")
        .arg("bull:q:meta")
        .arg("opts.maxLenEvents")
        .arg(ALL)
        .exec(&mut server.connect())
        .unwrap();
    let length = Duration::from_secs(seconds());
    let mut said = Said::default();
    let mut fleet: Vec<(Kind, Child)> =
        FLEET.iter().enumerate().map(|(n, kind)| (*kind, start(*kind, &server, n))).collect();

    let order = |n: u64| {
        json!({
            "role": "producer", "queue": "q", "seed": seed + n, "ms": length.as_millis() as u64, "pause": 60,
            "maxLen": ALL, "every": EVERY,
        })
    };
    let producers =
        [Child::node(Lib::BullMq5, &server, &order(1)), Child::node(Lib::BullMq6, &server, &order(2))]
            .map(Child::ready);
    let ours = Ours::on(&server);
    let end = Instant::now() + length;
    let queue = ours.queue("q");
    let again = || Template { data: json!({ "ms": 3 }), ..Template::named("again") };
    let every = Repeat::every(Duration::from_millis(EVERY));
    ours.wait(queue.upsert_scheduler("of-toril", every, again())).unwrap();
    let produced = ours.runtime.spawn(produce(ours.conn.clone(), "q", seed + 3, end, 60));

    let mut number = FLEET.len();
    while Instant::now() < end {
        std::thread::sleep(Duration::from_millis(600 + random.below(1800)));
        let place = random.below(FLEET.len() as u64) as usize;
        let (kind, mut child) = fleet.swap_remove(place);
        child.kill();
        said.heard(kind, &child);
        *said.kills.entry(kind).or_default() += 1;
        number += 1;
        fleet.push((kind, start(kind, &server, number)));
    }
    let mut acknowledged: BTreeSet<String> =
        ours.wait(produced).unwrap().iter().map(|id| id.lossless().into_owned()).collect();
    assert_eq!(ours.wait(queue.remove_scheduler("of-toril")), Ok(true));
    let settling = Instant::now();
    while !(producers.iter().all(|one| !one.facts("D").is_empty()) && at_rest(&server)) {
        assert!(producers.iter().all(|one| one.facts("X").is_empty()), "{:?}", producers[0].facts("X"));
        if settling.elapsed() > SETTLE {
            break;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    let settled = settling.elapsed();
    for (kind, mut child) in fleet {
        child.kill();
        said.heard(kind, &child);
    }
    for producer in &producers {
        acknowledged.extend(producer.facts("A "));
    }
    let kills: usize = said.kills.values().sum();
    println!(
        "at rest after {settled:?}; killed {:?}; ran {:?}; lost {}",
        said.kills,
        said.by_kind,
        said.lost.len()
    );
    let audit = Audit::of(Dump::of(&server), "q");
    let again = ["bullmq-5", "bullmq-6", "toril"].map(|of| audit.count(&format!("repeat:of-{of}:")));
    let totals = audit.judge(&acknowledged, &said.runs);
    println!("{totals:?}; {} acknowledged", acknowledged.len());
    assert!(totals.jobs >= acknowledged.len());
    assert!(said.by_kind.len() == 3, "every kind runs jobs: {:?}", said.by_kind);
    println!("runs of schedulers {again:?}");
    // Whoever runs a scheduler's job adds the next, and a job that a kill has held up comes late.
    let expected = length.as_millis() as u64 / EVERY;
    assert!(again.iter().all(|runs| *runs as u64 >= expected / 4), "{again:?} of {expected}");
    // What stalled was in the hands of a worker that was killed, or that said that it lost it.
    assert!(
        totals.stalls <= kills * CONCURRENCY + said.lost.len(),
        "{} stalls, {kills} kills, {:?}",
        totals.stalls,
        said.lost
    );
}
