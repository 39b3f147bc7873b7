//! The gate refuses before a byte is sent: the server's own statistics are the witness.

use std::time::Duration;

use toril::conn::{Access, Batch, Kind, Request, Script, Verb, integer};

use super::{get, open, operator, set, viewer};
use crate::support::Server;

fn stats(server: &Server) -> String {
    redis::cmd("INFO").arg("commandstats").query(&mut server.connect()).unwrap()
}

#[tokio::test]
async fn no_write_leaves_a_read_only_connection() {
    let server = Server::start();
    let conn = viewer(&server).await;
    let mut dedicated = conn.dedicated().await.unwrap();
    let script = Script::new("test", "return redis.call('SET', KEYS[1], 1)");
    let second = Duration::from_secs(1);
    for verb in [
        Verb::Set,
        Verb::Del,
        Verb::Unlink,
        Verb::Incr,
        Verb::PExpire,
        Verb::Eval,
        Verb::EvalSha,
        Verb::ScriptLoad,
        Verb::BzPopMin,
    ] {
        let request = || Request::new(verb).arg("k").arg("1").arg("2");
        assert_eq!(conn.call(request()).await.unwrap_err().kind, Kind::ReadOnly, "{verb:?}");
        assert_eq!(dedicated.call(request(), second).await.unwrap_err().kind, Kind::ReadOnly, "{verb:?}");
        // Not even the reads in the same batch.
        let mut batch = Batch::new();
        batch.push(get("k"));
        batch.push(request());
        assert_eq!(conn.batch(&batch).await.unwrap_err().kind, Kind::ReadOnly);
        assert_eq!(dedicated.batch(&batch, second).await.unwrap_err().kind, Kind::ReadOnly);
    }
    let run = [(vec![b"k".to_vec()], vec![])];
    assert_eq!(conn.eval(&script, &run[0].0, &[]).await.unwrap_err().kind, Kind::ReadOnly);
    assert_eq!(conn.eval_many(&script, &run).await.unwrap_err().kind, Kind::ReadOnly);
    assert_eq!(dedicated.eval(&script, &run[0].0, &[], second).await.unwrap_err().kind, Kind::ReadOnly);
    assert_eq!(
        conn.call(Request::new(Verb::LRange).arg("l").arg(0).arg(-1)).await.unwrap_err().kind,
        Kind::Unexpected
    );
    let stats = stats(&server);
    for word in [
        "set",
        "del",
        "unlink",
        "incr",
        "pexpire",
        "eval",
        "evalsha",
        "script|load",
        "bzpopmin",
        "get",
        "lrange",
    ] {
        assert!(!stats.contains(&format!("cmdstat_{word}:")), "{word} was sent: {stats}");
    }
}

#[tokio::test]
async fn blocking_needs_a_connection_of_ones_own() {
    let server = Server::start();
    let conn = operator(&server).await;
    let block = || Request::new(Verb::XReadBlock).arg(&["BLOCK", "100", "STREAMS", "s", "$"][..]);
    assert_eq!(conn.call(block()).await.unwrap_err().kind, Kind::Unexpected);
    assert_eq!(
        conn.call(Request::new(Verb::BzPopMin).arg("z").arg(1)).await.unwrap_err().kind,
        Kind::Unexpected
    );
    let viewer = open(&server.url(), Access::ReadOnly).await.unwrap();
    let mut dedicated = viewer.dedicated().await.unwrap();
    assert_eq!(dedicated.call(block(), Duration::from_secs(2)).await.unwrap(), toril::conn::Value::Nil);
    // Nobody else waits behind it.
    let mut dedicated = conn.dedicated().await.unwrap();
    let pop = dedicated.call(Request::new(Verb::BzPopMin).arg("z").arg(5), Duration::from_secs(10));
    let push = async {
        tokio::time::sleep(Duration::from_millis(50)).await;
        conn.call(set("k", "v")).await.unwrap();
        redis::cmd("ZADD").arg("z").arg(7).arg("m").exec(&mut server.connect()).unwrap();
    };
    let (popped, ()) = tokio::join!(pop, push);
    assert_eq!(integer(&toril::conn::items(&popped.unwrap())[2]), Some(7));
}

#[tokio::test]
async fn a_dropped_blocking_call_takes_nothing_with_it() {
    let server = Server::start();
    let conn = operator(&server).await;
    let mut dedicated = conn.dedicated().await.unwrap();
    let error = dedicated
        .call(Request::new(Verb::BzPopMin).arg("z").arg(0), Duration::from_millis(100))
        .await
        .unwrap_err();
    assert_eq!(error.kind, Kind::UnknownOutcome);
    // The deadline closed the socket, so the server forgets who waited.
    assert!(dedicated.call(Request::new(Verb::Ping), Duration::from_secs(1)).await.is_err());
    tokio::time::sleep(Duration::from_millis(100)).await;
    redis::cmd("ZADD").arg("z").arg(1).arg("m").exec(&mut server.connect()).unwrap();
    assert_eq!(integer(&conn.call(Request::new(Verb::ZCard).arg("z")).await.unwrap()), Some(1));
}
