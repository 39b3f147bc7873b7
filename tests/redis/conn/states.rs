//! The states in which a server refuses commands, each made for real: named, told apart from a
//! lost link, and over by themselves.

use std::time::{Duration, Instant};

use toril::conn::{Access, ConnError, Kind, Link, LinkState, Request, Script, Verb, text};

use super::{SOON, get, open, operator, ping, set, until, viewer};
use crate::support::Server;

fn config(server: &Server, name: &str, value: &str) {
    redis::cmd("CONFIG").arg("SET").arg(name).arg(value).exec(&mut server.connect()).unwrap();
}

fn impaired(kind: Kind) -> impl Fn(&Link) -> bool {
    move |link| matches!(&link.state, LinkState::Impaired(error) if error.kind == kind)
}

fn is_up(link: &Link) -> bool {
    link.state == LinkState::Up && link.generation == 1
}

/// The end of a state must show within this (reliability, F11).
const HEALED: Duration = Duration::from_secs(5);

#[tokio::test]
async fn loading() {
    let mut server = Server::builder()
        .tcp()
        .conf("enable-debug-command", "yes")
        .conf("appendonly", "yes")
        .conf("appendfsync", "no")
        .start();
    let mut link = server.connect();
    redis::cmd("DEBUG").arg("POPULATE").arg(20_000).exec(&mut link).unwrap();
    redis::cmd("BGREWRITEAOF").exec(&mut link).unwrap();
    let started = Instant::now();
    while !info(&server, "persistence").contains("aof_rewrite_in_progress:0\r\n") {
        assert!(started.elapsed() < SOON);
        std::thread::sleep(Duration::from_millis(20));
    }
    drop(link);
    // The harness waits for an answer to PING, so it must load slowly only when we say so.
    let conn = operator(&server).await;
    config(&server, "key-load-delay", "300");
    config(&server, "loading-process-events-interval-bytes", "1024");
    let reload = std::thread::spawn({
        let mut link = server.connect();
        move || redis::cmd("DEBUG").arg("LOADAOF").exec(&mut link)
    });
    let error = refused(&conn, || get("key:1")).await;
    assert_eq!(error.kind, Kind::Loading, "{error}");
    until(&conn, SOON, impaired(Kind::Loading)).await;
    // INFO goes on being answered, and that does not end the state.
    let text_of = conn.call(Request::new(Verb::Info).arg("persistence")).await.unwrap();
    assert!(text(&text_of).unwrap().contains("loading:1"));
    assert!(impaired(Kind::Loading)(&conn.link().borrow()));
    // One who comes now finds it connected, and knows.
    let other = open(&server.url(), Access::ReadOnly).await.unwrap();
    assert!(impaired(Kind::Loading)(&other.link().borrow()));
    config(&server, "key-load-delay", "0");
    let took = until(&conn, SOON, is_up).await;
    assert!(took < HEALED, "{took:?}");
    until(&other, SOON, is_up).await;
    reload.join().unwrap().unwrap();
    server.kill();
}

/// Asks until it is refused.
async fn refused(conn: &toril::conn::Conn, request: impl Fn() -> Request) -> ConnError {
    let started = Instant::now();
    loop {
        match conn.call_within(request(), SOON).await {
            Err(error) => return error,
            Ok(_) if started.elapsed() > SOON => panic!("never refused"),
            Ok(_) => tokio::time::sleep(Duration::from_millis(5)).await,
        }
    }
}

fn info(server: &Server, section: &str) -> String {
    redis::cmd("INFO").arg(section).query(&mut server.connect()).unwrap()
}

#[tokio::test]
async fn busy() {
    let server = Server::builder().tcp().conf("busy-reply-threshold", "50").start();
    let conn = viewer(&server).await;
    let mut killer = server.connect();
    let endless = std::thread::spawn({
        let mut link = server.connect();
        move || redis::cmd("EVAL").arg("while true do end").arg(0).exec(&mut link)
    });
    let error = refused(&conn, || get("k")).await;
    assert_eq!(error.kind, Kind::Busy, "{error}");
    until(&conn, SOON, impaired(Kind::Busy)).await;
    // One who comes now can log in all the same.
    let other = open(&server.url(), Access::ReadOnly).await.unwrap();
    assert!(impaired(Kind::Busy)(&other.link().borrow()));
    redis::cmd("SCRIPT").arg("KILL").exec(&mut killer).unwrap();
    endless.join().unwrap().unwrap_err();
    let took = until(&conn, SOON, is_up).await;
    assert!(took < HEALED, "{took:?}");
}

#[tokio::test]
async fn out_of_memory() {
    let server = Server::builder().tcp().start();
    let conn = operator(&server).await;
    conn.call(set("k", "v")).await.unwrap();
    config(&server, "maxmemory", "1");
    assert_eq!(conn.call(set("k", "w")).await.unwrap_err().kind, Kind::Oom);
    let script = Script::new("test", "return redis.call('SET', KEYS[1], 1)");
    assert_eq!(conn.eval(&script, &[b"k".to_vec()], &[]).await.unwrap_err().kind, Kind::Oom);
    // Reads go on, so the link is well.
    assert_eq!(text(&conn.call(get("k")).await.unwrap()), Some("v"));
    assert!(is_up(&conn.link().borrow()));
}

#[tokio::test]
async fn cannot_persist() {
    let server = Server::builder().tcp().conf("save", "3600 1000000").start();
    let conn = operator(&server).await;
    conn.call(set("k", "v")).await.unwrap();
    // A dump that cannot be put in place: a folder has its name.
    let dir = server.socket().parent().unwrap().join("dump.rdb");
    std::fs::create_dir(&dir).unwrap();
    redis::cmd("BGSAVE").exec(&mut server.connect()).unwrap();
    let error = refused(&conn, || Request::new(Verb::Ping)).await;
    assert_eq!(error.kind, Kind::Misconf, "{error}");
    until(&conn, SOON, impaired(Kind::Misconf)).await;
    assert_eq!(conn.call(set("k", "w")).await.unwrap_err().kind, Kind::Misconf);
    // Reads are answered, and that does not end the state.
    assert_eq!(text(&conn.call(get("k")).await.unwrap()), Some("v"));
    assert!(impaired(Kind::Misconf)(&conn.link().borrow()));
    std::fs::remove_dir(&dir).unwrap();
    redis::cmd("BGSAVE").exec(&mut server.connect()).unwrap();
    let took = until(&conn, SOON, is_up).await;
    assert!(took < HEALED, "{took:?}");
}

#[tokio::test]
async fn too_few_replicas() {
    let server = Server::builder().tcp().conf("min-replicas-to-write", "1").start();
    let conn = operator(&server).await;
    let error = conn.call(set("k", "v")).await.unwrap_err();
    assert_eq!(error.kind, Kind::Misconf);
    assert!(error.message.as_str().starts_with("NOREPLICAS"));
    assert!(is_up(&conn.link().borrow()));
}

#[tokio::test]
async fn a_replica_and_its_lost_master() {
    let mut master = Server::builder().tcp().conf("repl-diskless-sync-delay", "0").start();
    let replica = Server::builder().tcp().start();
    master.connect();
    let port = master.port().unwrap().to_string();
    redis::cmd("REPLICAOF").arg("127.0.0.1").arg(&port).exec(&mut replica.connect()).unwrap();
    let started = Instant::now();
    while !info(&replica, "replication").contains("master_link_status:up") {
        assert!(started.elapsed() < SOON);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let conn = operator(&replica).await;
    assert_eq!(conn.link().borrow().server.as_ref().unwrap().role.as_str(), "replica");
    assert_eq!(conn.call(set("k", "v")).await.unwrap_err().kind, Kind::ReadOnly);
    conn.call(get("k")).await.unwrap();
    assert!(is_up(&conn.link().borrow()));

    config(&replica, "replica-serve-stale-data", "no");
    master.kill();
    let error = refused(&conn, || get("k")).await;
    assert_eq!(error.kind, Kind::Loading, "{error}");
    assert!(error.message.as_str().starts_with("MASTERDOWN"));
    until(&conn, SOON, impaired(Kind::Loading)).await;
    conn.call(Request::new(Verb::Info)).await.unwrap();
    assert!(impaired(Kind::Loading)(&conn.link().borrow()));
    redis::cmd("REPLICAOF").arg("NO").arg("ONE").exec(&mut replica.connect()).unwrap();
    let took = until(&conn, SOON, is_up).await;
    assert!(took < HEALED, "{took:?}");
}

#[tokio::test]
async fn no_room_for_another_client() {
    let server = Server::builder().tcp().start();
    let conn = viewer(&server).await;
    config(&server, "maxclients", "1");
    let error = open(&server.url(), Access::ReadOnly).await.unwrap_err();
    assert_eq!(error.kind, Kind::MaxClients, "{error}");
    let late = toril::conn::Conn::start(
        toril::conn::Endpoint::parse(&server.url()).unwrap(),
        super::options(Access::ReadOnly),
    );
    until(&late, SOON, |link| {
        matches!(&link.state, LinkState::Down { error, retry_at } if error.kind == Kind::MaxClients
            && retry_at.saturating_duration_since(Instant::now()) > Duration::from_secs(6))
    })
    .await;
    ping(&conn).await.unwrap();
}

#[tokio::test]
async fn a_server_of_a_cluster() {
    let server = Server::builder().tcp().conf("cluster-enabled", "yes").start();
    let conn = operator(&server).await;
    assert_eq!(conn.link().borrow().server.as_ref().unwrap().mode.as_str(), "cluster");
    assert_eq!(conn.call(get("k")).await.unwrap_err().kind, Kind::Cluster);
    assert!(is_up(&conn.link().borrow()));
}

#[tokio::test]
async fn the_wrong_type_is_one_command_s_error() {
    let server = Server::start();
    let conn = operator(&server).await;
    conn.call(set("k", "v")).await.unwrap();
    let error = conn.call(Request::new(Verb::LLen).arg("k")).await.unwrap_err();
    assert_eq!(error.kind, Kind::Reply);
    assert!(!error.is_link() && is_up(&conn.link().borrow()));
}
