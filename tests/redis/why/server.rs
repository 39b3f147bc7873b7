//! The server as the cause: full, dropping keys, a replica, unable to save, slow, busy, far away; and what may
//! not be read.

use std::io::{Read as _, Write as _};
use std::os::unix::net::{UnixListener, UnixStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::json;
use toril::conn::{Conn, Endpoint, Options};
use toril::insight::why::diagnose;
use toril::monitor::why::Sight;

use super::scene::{Scene, queue};
use crate::cli::run::json as ask;
use crate::support::{Lib, Server};

#[test]
fn a_server_that_is_full_drops_keys_is_a_replica_or_cannot_save() {
    let mut scene = Scene::start(Lib::BullMq6);
    let worker = scene.worker("q", json!({}));
    scene.call(json!({"op": "add", "queue": "q", "data": {}}));
    scene.call(json!({"op": "waitIdle", "queue": "q"}));
    scene.redis("CONFIG SET maxmemory 900000");
    let found = scene.named("q", "memory-full");
    assert!(found["usedBytes"].as_u64() > found["maxBytes"].as_u64(), "{found}");
    assert_eq!((&found["maxBytes"], &found["policy"]), (&json!(900_000), &json!("noeviction")));
    scene.redis("CONFIG SET maxmemory 0");
    scene.healthy("q");

    let used = found["usedBytes"].as_u64().unwrap();
    scene.redis(&format!("CONFIG SET maxmemory {}", used + 600_000));
    scene.redis("CONFIG SET maxmemory-policy volatile-lru");
    let mut link = scene.server.connect();
    for n in 0..2000 {
        let value = "x".repeat(1000);
        redis::cmd("SET").arg(format!("session:{n}")).arg(value).arg("EX").arg(600).exec(&mut link).unwrap();
    }
    let found = scene.named("q", "evictions");
    assert!(found["evicted"].as_u64().unwrap() > 100 && found["policy"] == "volatile-lru", "{found}");
    scene.redis("CONFIG SET maxmemory 0");
    scene.redis("CONFIG SET maxmemory-policy noeviction");
    scene.healthy("q");

    scene.redis("REPLICAOF 127.0.0.1 1");
    let found = scene.named("q", "replica");
    assert_eq!((&found["masterLink"], &found["master"]), (&json!("down"), &json!("127.0.0.1:1")));
    scene.redis("REPLICAOF NO ONE");
    scene.healthy("q");

    // A job waits behind one that hangs when the disk goes away.
    scene.call(json!({"op": "add", "queue": "q", "data": {"do": "hang"}}));
    scene.call(json!({"op": "waitHanging", "handle": worker}));
    scene.call(json!({"op": "add", "queue": "q", "data": {}}));
    redis::cmd("CONFIG").arg(&["SET", "save", "3600 1000000"]).exec(&mut link).unwrap();
    // A dump that cannot be put in place: a folder has its name.
    let dump = scene.server.socket().parent().unwrap().join("dump.rdb");
    std::fs::create_dir(&dump).unwrap();
    scene.redis("BGSAVE");
    let found = scene.named("q", "not-saved");
    assert_eq!(found["failed"], "the last snapshot");
    std::fs::remove_dir(&dump).unwrap();
    scene.redis("BGSAVE");
    scene.cured("q", "not-saved");
    scene.call(json!({"op": "release", "handle": worker}));
    scene.healthy("q");
    // What was refused here were the worker's writes.
}

/// Between two slow scripts.
const PAUSE: Duration = Duration::from_millis(50);

/// Runs a script again and again, with a pause in between, until it is told to stop.
fn burn(server: &Server, script: &'static str, pause: Duration) -> impl FnOnce() + use<> {
    let stop = Arc::new(AtomicBool::new(false));
    let (seen, mut link) = (stop.clone(), server.connect());
    let thread = thread::spawn(move || {
        while !seen.load(Ordering::Relaxed) {
            // One that is killed is an error.
            let _ = redis::cmd("EVAL").arg(script).arg(0).exec(&mut link);
            thread::sleep(pause);
        }
    });
    move || {
        stop.store(true, Ordering::Relaxed);
        thread.join().unwrap();
    }
}

#[test]
fn slow_commands_and_a_script_that_does_not_end() {
    let mut scene = Scene::start(Lib::BullMq6);
    scene.worker("q", json!({}));
    scene.call(json!({"op": "add", "queue": "q", "data": {}}));
    scene.call(json!({"op": "waitIdle", "queue": "q"}));
    let slow = "local t = redis.call('TIME') local from = t[1] * 1e6 + t[2] \
        repeat t = redis.call('TIME') until t[1] * 1e6 + t[2] - from > 300000";
    let stop = burn(&scene.server, slow, PAUSE);
    let found = scene.named("q", "slow-command");
    assert!(found["worstMs"].as_i64().unwrap() >= 300, "{found}");
    assert!(found["command"].as_str().unwrap().starts_with("EVAL local t"), "{found}");
    stop();
    scene.healthy("q");

    // The connection is there before.
    scene.redis("CONFIG SET lua-time-limit 50");
    let stop = burn(&scene.server, "while true do end", PAUSE);
    let found = scene.named("q", "slow-script");
    assert!(found["error"].as_str().unwrap().contains("BUSY"), "{found}");
    let document = ask(&scene.server, &["why", "q"]);
    assert_eq!((&document["moving"], &document["causes"][0]["id"]), (&json!(false), &json!("slow-script")));
    let ended = Arc::new(AtomicBool::new(false));
    let (seen, mut link) = (ended.clone(), scene.server.connect());
    let killer = thread::spawn(move || {
        while !seen.load(Ordering::Relaxed) {
            // Where none runs it is an error.
            let _ = redis::cmd("SCRIPT").arg("KILL").exec(&mut link);
            thread::sleep(Duration::from_millis(20));
        }
    });
    stop();
    ended.store(true, Ordering::Relaxed);
    killer.join().unwrap();
    scene.healthy("q");
}

#[test]
fn a_core_that_is_busy_all_the_time() {
    let mut scene = Scene::start(Lib::BullMq6);
    // More comes in than one place takes.
    let live = json!({"op": "live", "queue": "q", "kind": "busy", "pauseMs": 20, "opts": {"concurrency": 1}});
    scene.call(live);
    // Scripts of some ms, none of them slow, one behind the other.
    let short = "local t = redis.call('TIME') local from = t[1] * 1e6 + t[2] \
        repeat t = redis.call('TIME') until t[1] * 1e6 + t[2] - from > 5000";
    let stops = [burn(&scene.server, short, Duration::ZERO), burn(&scene.server, short, Duration::ZERO)];
    let end = Instant::now() + Duration::from_secs(30);
    let mut before = scene.look("q", None);
    loop {
        thread::sleep(Duration::from_millis(700));
        let now = scene.look("q", Some(&before));
        let found = diagnose(&queue("q"), Some(&before), &now);
        let (Sight::Queue(then), Sight::Queue(look)) = (&before, &now) else { panic!("{now:?}") };
        let share = (look.server.cpu_s - then.server.cpu_s) / ((look.at - then.at) as f64 / 1000.0);
        let waits = then.ready() > 0 && look.ready() > 0;
        let grows = found.in_per_s > found.out_per_s;
        let first = found.causes.first().map(|cause| cause.id);
        if share >= 0.95 && waits && grows {
            // Where the machine holds a script up it is a slow one.
            assert!(matches!(first, Some("redis-busy" | "slow-command")), "{share}: {found:#?}");
        }
        if first == Some("redis-busy") {
            let cpu = found.causes[0].evidence()["cpu"].as_f64().unwrap();
            assert!((cpu - share.min(1.0)).abs() < 0.01 && cpu >= 0.95, "{share}: {found:#?}");
            break;
        }
        if Instant::now() > end {
            // Others have its core: then it is not at its own end, and nothing may say so.
            println!("this machine leaves Redis {share} of a core");
            break;
        }
        before = now;
    }
    for stop in stops {
        stop();
    }
    scene.cured("q", "redis-busy");
    scene.permitted();
}

#[test]
fn a_server_that_loads_its_data() {
    let server = Server::builder().conf("enable-debug-command", "yes").conf("appendonly", "yes").start();
    let mut scene = Scene::on(server, Lib::BullMq6);
    scene.call(json!({"op": "add", "queue": "q", "data": {}}));
    scene.redis("DEBUG POPULATE 20000");
    scene.redis("BGREWRITEAOF");
    let persistence = |scene: &Scene| -> String {
        redis::cmd("INFO").arg("persistence").query(&mut scene.server.connect()).unwrap()
    };
    let end = Instant::now() + Duration::from_secs(30);
    while !persistence(&scene).contains("aof_rewrite_in_progress:0") {
        assert!(Instant::now() < end);
        thread::sleep(Duration::from_millis(20));
    }
    scene.named("q", "no-worker");
    // It loads for as long as each key takes its time, and answers in between.
    scene.redis("CONFIG SET key-load-delay 5000");
    scene.redis("CONFIG SET loading-process-events-interval-bytes 1024");
    let mut link = scene.server.connect();
    let loads = thread::spawn(move || redis::cmd("DEBUG").arg("LOADAOF").exec(&mut link));
    let found = scene.named("q", "loading");
    assert!(found["error"].as_str().unwrap().contains("LOADING"), "{found}");
    let document = ask(&scene.server, &["why", "q"]);
    assert_eq!((&document["state"], &document["causes"][0]["id"]), (&json!("stands"), &json!("loading")));
    scene.redis("CONFIG SET key-load-delay 0");
    scene.cured("q", "loading");
    loads.join().unwrap().unwrap();
    // What was added is there again.
    let found = scene.named("q", "no-worker");
    assert_eq!(found["ready"], 1);
    scene.worker("q", json!({}));
    scene.healthy("q");
}

/// A way to the server on which each piece takes its time.
fn far(server: &Server, delay: Duration) -> (tempfile::TempDir, Endpoint) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("far.sock");
    let listener = UnixListener::bind(&path).unwrap();
    let home = server.socket().to_owned();
    thread::spawn(move || {
        for near in listener.incoming().map_while(Result::ok) {
            let Ok(there) = UnixStream::connect(&home) else { return };
            carry(near.try_clone().unwrap(), there.try_clone().unwrap(), delay);
            carry(there, near, delay);
        }
    });
    (folder, Endpoint::unix(path))
}

fn carry(mut from: UnixStream, mut to: UnixStream, delay: Duration) {
    thread::spawn(move || {
        let mut bytes = vec![0; 65536];
        while let Ok(n @ 1..) = from.read(&mut bytes) {
            thread::sleep(delay);
            if to.write_all(&bytes[..n]).is_err() {
                return;
            }
        }
    });
}

#[test]
fn a_long_way_and_rights_that_are_missing() {
    let mut scene = Scene::start(Lib::BullMq6);
    scene.worker("q", json!({}));
    scene.call(json!({"op": "add", "queue": "q", "data": {}, "opts": {"delay": 45_000}}));
    scene.healthy("q");
    let near = scene.conn.clone();
    let (_folder, endpoint) = far(&scene.server, Duration::from_millis(130));
    scene.conn = scene.runtime.block_on(Conn::open(endpoint, Options::default())).unwrap();
    let found = scene.named("q", "latency");
    assert!(found["roundTripMs"].as_i64().unwrap() >= 250, "{found}");
    scene.conn = near;
    scene.healthy("q");

    // An account that may not list clients accuses no worker, and says what it does not know.
    scene.redis("ACL SETUSER acting -client|list -info -slowlog|get");
    scene.add_old("alone", 20_000, json!({}), json!({}));
    let found = scene.until("alone", "not taken", |found| {
        found.causes.first().is_some_and(|cause| cause.id == "not-taken")
    });
    let told: Vec<&str> = found.not_known.iter().map(toril::text::Clean::as_str).collect();
    assert!(told.iter().any(|what| what.contains("CLIENT LIST")), "{told:?}");
    assert!(told.iter().any(|what| what.contains("INFO")), "{told:?}");
    assert_eq!(found.causes[0].evidence()["workers"], "not known");
    scene.worker("alone", json!({}));
    scene.healthy("alone");
}
