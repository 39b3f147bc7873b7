//! The connection layer against real servers and real faults.

mod gate;
mod login;
mod open;
mod scripts;
mod silence;
mod states;
mod tls;
mod traffic;

use std::time::{Duration, Instant};

use toril::conn::{Access, Conn, ConnError, Endpoint, Link, Options, Request, Value, Verb};

use crate::support::Server;

fn options(access: Access) -> Options {
    Options { access, client_name: "toril-test".to_owned() }
}

async fn viewer(server: &Server) -> Conn {
    open(&server.url(), Access::ReadOnly).await.unwrap()
}

async fn operator(server: &Server) -> Conn {
    open(&server.url(), Access::ReadWrite).await.unwrap()
}

async fn open(url: &str, access: Access) -> Result<Conn, ConnError> {
    Conn::open(Endpoint::parse(url)?, options(access)).await
}

fn get(key: &str) -> Request {
    Request::new(Verb::Get).arg(key)
}

fn set(key: &str, value: &str) -> Request {
    Request::new(Verb::Set).arg(key).arg(value)
}

async fn ping(conn: &Conn) -> Result<Value, ConnError> {
    conn.call(Request::new(Verb::Ping)).await
}

/// Waits until the link is as wanted; fails after `limit`. Returns how long it took.
async fn until(conn: &Conn, limit: Duration, wanted: impl Fn(&Link) -> bool) -> Duration {
    let started = Instant::now();
    let mut link = conn.link();
    match tokio::time::timeout(limit, link.wait_for(wanted)).await {
        Ok(Ok(_)) => started.elapsed(),
        _ => panic!("not within {limit:?}: {:?}", conn.link().borrow()),
    }
}

const SOON: Duration = Duration::from_secs(10);
