//! Reaching a server, being told apart from what is none, and coming back.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::time::Duration;

use toril::conn::{Access, Conn, Endpoint, Kind, LinkState, Request, Value, Verb, text};

use super::{SOON, get, open, operator, options, ping, set, until, viewer};
use crate::support::Server;

#[tokio::test]
async fn tcp_unix_and_database() {
    let server = Server::builder().tcp().start();
    for url in
        [format!("redis://127.0.0.1:{}/3", server.port().unwrap()), format!("{}?db=3", server.socket_url())]
    {
        let conn = open(&url, Access::ReadWrite).await.unwrap();
        conn.call(set("k", "v")).await.unwrap();
        assert_eq!(text(&conn.call(get("k")).await.unwrap()), Some("v"));
        let clients = conn.call(Request::new(Verb::ClientList)).await.unwrap();
        let clients = text(&clients).unwrap().to_owned();
        assert!(clients.contains("name=toril-test") && clients.contains("db=3"), "{clients}");
        let link = conn.link().borrow().clone();
        assert_eq!((link.state, link.generation), (LinkState::Up, 1));
        let hello = link.server.unwrap();
        assert_eq!((hello.mode.as_str(), hello.role.as_str()), ("standalone", "master"));
        assert!(hello.version.as_str().contains('.'));
        assert!(link.round_trip.unwrap() < Duration::from_secs(1));
    }
    assert_eq!(
        open(&format!("{}?db=99", server.socket_url()), Access::ReadOnly).await.unwrap_err().kind,
        Kind::Reply
    );
}

#[tokio::test]
async fn one_round_trip_logs_in() {
    let server = Server::start();
    server.connect();
    let before = calls(&server);
    let conn = viewer(&server).await;
    let after = calls(&server);
    assert_eq!(after - before, 2, "HELLO and PING");
    assert_eq!(conn.traffic().commands, 2);
}

/// Commands that the server has run, this look not counted.
fn calls(server: &Server) -> i64 {
    let mut link = server.connect();
    let info: String = redis::cmd("INFO").arg("commandstats").query(&mut link).unwrap();
    info.lines()
        .filter(|line| {
            !["info", "client", "config"].iter().any(|c| line.starts_with(&format!("cmdstat_{c}")))
        })
        .filter_map(|line| line.split("calls=").nth(1)?.split(',').next()?.parse::<i64>().ok())
        .sum()
}

#[tokio::test]
async fn nobody_listens() {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let error = open(&format!("redis://:s3cret@127.0.0.1:{port}/2"), Access::ReadOnly).await.unwrap_err();
    assert_eq!(error.kind, Kind::Connect);
    assert_eq!(error.message.as_str(), format!("127.0.0.1:{port}/2 refuses the connection"));
    let error = open("redis+unix:///nowhere/redis.sock", Access::ReadOnly).await.unwrap_err();
    assert_eq!(error.message.as_str(), "/nowhere/redis.sock/0 does not exist");
    let error = open("redis://no.such.host.invalid", Access::ReadOnly).await.unwrap_err();
    assert_eq!(error.kind, Kind::Connect);
    assert!(error.message.as_str().contains("host name of no.such.host.invalid:6379/0"), "{error}");
}

#[tokio::test]
async fn something_else_listens() {
    for (answer, kind, said) in [
        (
            &b"HTTP/1.1 400 Bad Request\r\nServer: s3cret\r\n\r\n"[..],
            Kind::Unexpected,
            "it said: HTTP/1.1 400 Bad Request",
        ),
        (b"SSH-2.0-OpenSSH \x1b[31m s3cret\r\n", Kind::Unexpected, "SSH-2.0-OpenSSH ^[[31m ***"),
        (b"\x15\x03\x01\x00\x02\x02\x46", Kind::Tls, "answers in TLS"),
        (b"", Kind::Connect, "hung up on a plain connection"),
        (b"-ERR max number of clients reached\r\n", Kind::MaxClients, "max number of clients"),
        (b"-DENIED Redis is running in protected mode\r\n", Kind::Permission, "protected mode"),
        (b"$100000000000\r\n", Kind::Unexpected, "larger than 32 MB"),
    ] {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let fake = std::thread::spawn(move || {
            let (mut peer, _) = listener.accept().unwrap();
            let _ = peer.read(&mut [0; 1024]);
            let _ = peer.write_all(answer);
        });
        let error = open(&format!("redis://:s3cret@127.0.0.1:{port}"), Access::ReadOnly).await.unwrap_err();
        fake.join().unwrap();
        assert_eq!(error.kind, kind, "{error}");
        assert!(error.message.as_str().contains(said), "{error}");
        assert!(!format!("{error:?}").contains("s3cret"), "{error:?}");
    }
}

#[tokio::test]
async fn a_listener_that_says_nothing_is_given_up() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("redis://127.0.0.1:{}", listener.local_addr().unwrap().port());
    let started = std::time::Instant::now();
    let error = open(&url, Access::ReadOnly).await.unwrap_err();
    assert_eq!(error.kind, Kind::Timeout);
    assert!(started.elapsed() < Duration::from_secs(3));
}

#[tokio::test]
async fn a_restart_heals() {
    let mut server = Server::builder().tcp().start();
    let conn = operator(&server).await;
    conn.call(set("k", "v")).await.unwrap();
    let dedicated = conn.dedicated().await.unwrap();
    server.kill();
    // Noticed without a command.
    until(&conn, Duration::from_secs(2), |link| !link.state.is_connected()).await;
    assert_eq!(ping(&conn).await.unwrap_err().kind, Kind::Connect);
    drop(dedicated);
    server.start_again();
    until(&conn, SOON, |link| link.state == LinkState::Up && link.generation == 2).await;
    ping(&conn).await.unwrap();
}

#[tokio::test]
async fn the_user_need_not_wait_for_the_next_attempt() {
    let mut server = Server::builder().tcp().start();
    let conn = viewer(&server).await;
    server.kill();
    until(&conn, SOON, |link| {
        matches!(&link.state, LinkState::Down { retry_at, .. }
        if retry_at.saturating_duration_since(std::time::Instant::now()) > Duration::from_millis(1500))
    })
    .await;
    server.start_again();
    conn.reconnect_now();
    let took = until(&conn, SOON, |link| link.state == LinkState::Up).await;
    assert!(took < Duration::from_secs(1), "{took:?}");
    // On a link that is up it makes another.
    conn.reconnect_now();
    until(&conn, SOON, |link| link.generation == 3 && link.state == LinkState::Up).await;
}

#[tokio::test]
async fn the_last_clone_closes_the_socket() {
    let server = Server::start();
    let conn = viewer(&server).await;
    let other = conn.clone();
    drop(conn);
    ping(&other).await.unwrap();
    let dedicated = other.dedicated().await.unwrap();
    assert_eq!(ours(&server), 2);
    drop(dedicated);
    drop(other);
    for _ in 0..100 {
        if ours(&server) == 0 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("still connected");
}

fn ours(server: &Server) -> usize {
    let list: String = redis::cmd("CLIENT").arg("LIST").query(&mut server.connect()).unwrap();
    list.matches("name=toril-test").count()
}

#[tokio::test]
async fn a_call_before_the_first_connection_fails_at_once() {
    let conn = Conn::start(Endpoint::unix("/nowhere"), options(Access::ReadOnly));
    assert_eq!(ping(&conn).await.unwrap_err().kind, Kind::Connect);
}

#[tokio::test]
async fn big_replies_end_a_shared_connection_and_not_one_that_allows_them() {
    let server = Server::start();
    let mut link = server.connect();
    redis::cmd("SETRANGE").arg("big").arg(40_000_000).arg("x").exec(&mut link).unwrap();
    let conn = viewer(&server).await;
    let error = conn.call(get("big")).await.unwrap_err();
    assert_eq!(error.kind, Kind::Unexpected);
    assert!(error.message.as_str().contains("larger than 32 MB"), "{error}");
    until(&conn, SOON, |link| link.generation == 2 && link.state == LinkState::Up).await;
    let mut dedicated = conn.dedicated().await.unwrap().with_reply_max(64 << 20);
    let value = dedicated.call(get("big"), toril::conn::BIG).await.unwrap();
    assert!(matches!(value, Value::BulkString(bytes) if bytes.len() == 40_000_001));
}

#[tokio::test]
async fn a_server_that_hangs_up_at_once_is_not_stormed() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("redis://127.0.0.1:{}", listener.local_addr().unwrap().port());
    // Now it logs in and is cut off, now not even that.
    let (told, heard) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        for (number, peer) in listener.incoming().enumerate() {
            let mut peer = peer.unwrap();
            if number % 2 == 0 {
                let _ = peer.read(&mut [0; 1024]);
                let _ = peer.write_all(b"*2\r\n$4\r\nmode\r\n$10\r\nstandalone\r\n+PONG\r\n");
            }
            if told.send(()).is_err() {
                return;
            }
        }
    });
    let conn = Conn::start(Endpoint::parse(&url).unwrap(), options(Access::ReadOnly));
    tokio::time::sleep(Duration::from_secs(4)).await;
    drop(conn);
    let attempts = heard.try_iter().count();
    assert!((3..=8).contains(&attempts), "{attempts}");
}
