//! A server that is stopped: said soon, nothing piles up, and all is well at once when it goes on.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use toril::conn::{Access, Conn, Endpoint, Kind, LinkState, Request, Verb, integer, text};

use super::{SOON, get, open, operator, options, ping, set, until, viewer};
use crate::support::Server;

const MS: fn(u64) -> Duration = Duration::from_millis;

fn commands(server: &Server) -> i64 {
    let info: String = redis::cmd("INFO").arg("stats").query(&mut server.connect()).unwrap();
    info.lines().find_map(|l| l.strip_prefix("total_commands_processed:")).unwrap().trim().parse().unwrap()
}

#[tokio::test]
async fn silence_is_said_and_over_at_once() {
    let server = Server::builder().tcp().start();
    let conn = viewer(&server).await;
    conn.call(get("k")).await.unwrap();
    let before = commands(&server);
    server.stop();
    let stopped = Instant::now();
    // As a monitor does: one refresh after the other.
    let poll = async {
        let mut refused = 0_u32;
        while stopped.elapsed() < MS(4500) {
            let asked = Instant::now();
            let error = ping(&conn).await.unwrap_err();
            assert_eq!(error.kind, Kind::Timeout, "{error}");
            assert!(asked.elapsed() < MS(1500), "{:?}", asked.elapsed());
            refused += u32::from(asked.elapsed() < MS(50));
            tokio::time::sleep(MS(100)).await;
        }
        refused
    };
    let said = async {
        let took = until(&conn, SOON, |link| link.waiting_since.is_some()).await;
        assert!(took < MS(1500), "{took:?}");
        let since = conn.link().borrow().waiting_since.unwrap();
        assert!(since >= stopped && since < stopped + MS(200));
    };
    let (refused, ()) = tokio::join!(poll, said);
    assert!(refused > 20, "after a second calls fail at once: {refused}");
    assert_eq!(conn.link().borrow().generation, 1, "the socket is kept");
    assert_eq!(conn.link().borrow().state, LinkState::Up);

    server.cont();
    let going_on = Instant::now();
    until(&conn, SOON, |link| link.waiting_since.is_none()).await;
    assert_eq!(text(&ping(&conn).await.unwrap()), Some("PONG"));
    println!("first good answer {:?} after SIGCONT", going_on.elapsed());
    assert!(going_on.elapsed() < MS(300), "{:?}", going_on.elapsed());
    // The one refresh that was on its way, a PING of the keeper, what tried a second connection.
    let more = commands(&server) - before;
    assert!(more < 15, "{more} commands piled up");
}

#[tokio::test]
async fn silence_is_noticed_while_nobody_asks() {
    let server = Server::builder().tcp().start();
    let conn = viewer(&server).await;
    server.stop();
    let took = until(&conn, SOON, |link| link.waiting_since.is_some()).await;
    // A second of rest, then a PING that is not answered.
    assert!(took > MS(900) && took < MS(3500), "{took:?}");
    server.cont();
    until(&conn, SOON, |link| link.waiting_since.is_none()).await;
}

#[tokio::test]
async fn late_answers_reach_nobody_else() {
    let server = Server::builder().tcp().start();
    let conn = operator(&server).await;
    for i in 0..8 {
        conn.call(set(&format!("k{i}"), &format!("v{i}"))).await.unwrap();
    }
    server.stop();
    for i in 0..4 {
        let error = conn.call_within(get(&format!("k{i}")), MS(50)).await.unwrap_err();
        assert_eq!(error.kind, Kind::Timeout);
    }
    let waiting = conn.call_within(get("k4"), SOON);
    let (answer, ()) = tokio::join!(waiting, async {
        tokio::time::sleep(MS(300)).await;
        server.cont();
    });
    assert_eq!(text(&answer.unwrap()), Some("v4"));
    for i in 5..8 {
        assert_eq!(text(&conn.call(get(&format!("k{i}"))).await.unwrap()), Some(&*format!("v{i}")));
    }
}

#[tokio::test]
async fn a_write_without_an_answer_is_unknown_and_not_sent_again() {
    let server = Server::builder().tcp().start();
    let conn = operator(&server).await;
    let incr = || Request::new(Verb::Incr).arg("n");
    server.stop();
    let error = conn.call(incr()).await.unwrap_err();
    assert_eq!(error.kind, Kind::UnknownOutcome, "{error}");
    // Silent for a second by now: this one does not leave, and says so.
    let error = conn.call(incr()).await.unwrap_err();
    assert_eq!(error.kind, Kind::Timeout);
    assert!(error.message.as_str().contains("nothing was sent"), "{error}");
    server.cont();
    until(&conn, SOON, |link| link.waiting_since.is_none()).await;
    assert_eq!(integer(&conn.call(get("n")).await.unwrap()), Some(1));

    // The same when the connection breaks.
    server.stop();
    let (error, ()) = tokio::join!(conn.call_within(incr(), SOON), async {
        tokio::time::sleep(MS(100)).await;
        conn.reconnect_now();
    });
    assert_eq!(error.unwrap_err().kind, Kind::UnknownOutcome);
    server.cont();
    until(&conn, SOON, |link| link.state == LinkState::Up).await;
    assert_eq!(integer(&conn.call(get("n")).await.unwrap()), Some(2));
}

#[tokio::test]
async fn a_server_that_is_silent_from_the_start() {
    let server = Server::builder().tcp().start();
    server.stop();
    let endpoint = Endpoint::parse(&server.url()).unwrap();
    let conn = Conn::start(endpoint, options(Access::ReadOnly));
    let took = until(&conn, SOON, |link| link.waiting_since.is_some()).await;
    assert!(took < MS(1000), "{took:?}");
    until(
        &conn,
        SOON,
        |link| matches!(&link.state, LinkState::Down { error, .. } if error.kind == Kind::Timeout),
    )
    .await;
    tokio::time::sleep(MS(4000)).await;
    server.cont();
    let took = until(&conn, SOON, |link| link.state == LinkState::Up && link.waiting_since.is_none()).await;
    assert!(took < MS(2000), "{took:?}");
}

/// A proxy that can swallow what connections made until then send and receive, as a firewall that
/// forgot them does.
struct Proxy {
    port: u16,
    hole: Arc<AtomicUsize>,
    ended: Arc<AtomicBool>,
}

impl Proxy {
    fn to(port: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let (hole, ended) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicBool::new(false)));
        let proxy =
            Self { port: listener.local_addr().unwrap().port(), hole: hole.clone(), ended: ended.clone() };
        std::thread::spawn(move || {
            for (number, peer) in listener.incoming().enumerate() {
                if ended.load(Ordering::Relaxed) {
                    return;
                }
                let (peer, server) = (peer.unwrap(), TcpStream::connect(("127.0.0.1", port)).unwrap());
                pump(peer.try_clone().unwrap(), server.try_clone().unwrap(), number, hole.clone());
                pump(server, peer, number, hole.clone());
            }
        });
        proxy
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::Relaxed);
        let _ = TcpStream::connect(("127.0.0.1", self.port));
    }
}

fn pump(mut from: TcpStream, mut to: TcpStream, number: usize, hole: Arc<AtomicUsize>) {
    std::thread::spawn(move || {
        let mut buffer = [0; 4096];
        while let Ok(size @ 1..) = from.read(&mut buffer) {
            if number >= hole.load(Ordering::Relaxed) && to.write_all(&buffer[..size]).is_err() {
                break;
            }
        }
        let _ = to.shutdown(Shutdown::Both);
    });
}

#[tokio::test]
async fn a_connection_lost_without_a_word_is_replaced() {
    let server = Server::builder().tcp().start();
    let proxy = Proxy::to(server.port().unwrap());
    let conn = open(&format!("redis://127.0.0.1:{}", proxy.port), Access::ReadOnly).await.unwrap();
    ping(&conn).await.unwrap();
    // Nothing of the first connection passes any more; new ones work.
    proxy.hole.store(1, Ordering::Relaxed);
    assert_eq!(ping(&conn).await.unwrap_err().kind, Kind::Timeout);
    let took = until(&conn, SOON, |link| link.generation == 2 && link.waiting_since.is_none()).await;
    assert!(took < MS(5500), "{took:?}");
    ping(&conn).await.unwrap();
}
