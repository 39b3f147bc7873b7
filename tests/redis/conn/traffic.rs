//! Our own count against the server's, on a server that serves nobody else.

use std::time::Duration;

use redis::Connection;
use rstest::rstest;
use toril::conn::{Batch, Conn, Request, Traffic, Verb};

use super::{operator, viewer};
use crate::support::Server;

fn seed(server: &Server) -> Connection {
    let mut link = server.connect();
    for words in [
        &["SET", "s", "text"][..],
        &["RPUSH", "l", "a", "b"],
        &["ZADD", "z", "1", "a", "2", "b"],
        &["HSET", "h", "f", "v", "g", "w"],
        &["SADD", "t", "a"],
        &["XADD", "x", "1-0", "f", "v"],
        &["XADD", "y", "1-0", "f", "v"],
    ] {
        redis::cmd(words[0]).arg(&words[1..]).exec(&mut link).unwrap();
    }
    link
}

/// What the server counted: hits, misses.
fn counted(link: &mut Connection) -> (u64, u64) {
    let info: String = redis::cmd("INFO").arg("stats").query(link).unwrap();
    let get = |name: &str| {
        info.lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))
            .unwrap()
            .trim()
            .parse()
            .unwrap()
    };
    (get("keyspace_hits"), get("keyspace_misses"))
}

fn request(verb: Verb, args: &str) -> Request {
    args.split(' ').filter(|arg| !arg.is_empty()).fold(Request::new(verb), Request::arg)
}

/// Every read with a key that is there, and the same with one that is not.
const READS: &[(Verb, &str, &str)] = &[
    (Verb::Type, "s", "-"),
    (Verb::Exists, "s", "-"),
    (Verb::Exists, "s l s", "s - -"),
    (Verb::Ttl, "s", "-"),
    (Verb::PTtl, "s", "-"),
    (Verb::MemoryUsage, "s", "-"),
    (Verb::Get, "s", "-"),
    (Verb::StrLen, "s", "-"),
    (Verb::GetRange, "s 0 1", "- 0 1"),
    (Verb::LLen, "l", "-"),
    (Verb::LRange, "l 0 9", "- 0 9"),
    (Verb::LIndex, "l 0", "- 0"),
    (Verb::LPos, "l a", "- a"),
    (Verb::ZCard, "z", "-"),
    (Verb::ZCount, "z -inf +inf", "- -inf +inf"),
    (Verb::ZRange, "z 0 9 WITHSCORES", "- 0 9 WITHSCORES"),
    (Verb::ZRevRange, "z 0 9", "- 0 9"),
    (Verb::ZRangeByScore, "z 0 9 LIMIT 0 1", "- 0 9 LIMIT 0 1"),
    (Verb::ZScore, "z a", "- a"),
    (Verb::ZRank, "z b", "- b"),
    (Verb::ZRevRank, "z a", "- a"),
    (Verb::ZScan, "z 0", "- 0"),
    (Verb::HGet, "h f", "- f"),
    (Verb::HMGet, "h f none", "- f none"),
    (Verb::HLen, "h", "-"),
    (Verb::HKeys, "h", "-"),
    (Verb::HExists, "h f", "- f"),
    (Verb::HStrLen, "h f", "- f"),
    (Verb::HScan, "h 0", "- 0"),
    (Verb::SCard, "t", "-"),
    (Verb::SIsMember, "t a", "- a"),
    (Verb::SScan, "t 0", "- 0"),
    (Verb::XLen, "x", "-"),
    (Verb::XRange, "x - + COUNT 5", "- - + COUNT 5"),
    (Verb::XRevRange, "x + - COUNT 5", "- + - COUNT 5"),
    (Verb::XInfoStream, "x", "-"),
    (Verb::XRead, "COUNT 5 STREAMS x 0", "COUNT 5 STREAMS - 0"),
    (Verb::XRead, "STREAMS x y x 0 0 0", "STREAMS x - - 0 0 0"),
    (Verb::XRead, "STREAMS x y 0 0", "STREAMS - $"),
    // Not of the type: found all the same.
    (Verb::LLen, "s", "-"),
    // None of these looks a key up.
    (Verb::Ping, "", ""),
    (Verb::Info, "", ""),
    (Verb::Time, "", ""),
    (Verb::DbSize, "", ""),
    (Verb::ClientList, "", ""),
    (Verb::ClientId, "", ""),
    (Verb::AclWhoAmI, "", ""),
    (Verb::SlowLogGet, "1", "1"),
    (Verb::LatencyLatest, "", ""),
    (Verb::Scan, "0 COUNT 5", "0 COUNT 5"),
    // Writes look up without being counted.
    (Verb::Set, "w 1", "w2 1"),
    (Verb::Incr, "w", "w3"),
    (Verb::PExpire, "w 100000", "- 1"),
    (Verb::Del, "w", "-"),
    (Verb::Unlink, "w2", "-"),
];

#[tokio::test]
async fn every_verb_is_counted_as_redis_counts_it() {
    let server = Server::start();
    let conn = operator(&server).await;
    let mut link = seed(&server);
    let mut wrong = Vec::new();
    for (verb, there, absent) in READS {
        for args in [there, absent] {
            let (ours, theirs) = (conn.traffic(), counted(&mut link));
            let _ = conn.call(request(*verb, args)).await;
            let (ours, after) = (conn.traffic() - ours, counted(&mut link));
            let theirs = (after.0 - theirs.0, after.1 - theirs.1);
            // Where a reply does not tell, the sum is right and the share may be off.
            let off = ours.hits.abs_diff(theirs.0);
            if ours.hits + ours.misses != theirs.0 + theirs.1 || off > ours.unsure || ours.commands != 1 {
                wrong.push(format!("{verb:?} {args}: {ours:?}, server {theirs:?}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let (ours, theirs) = (conn.traffic(), counted(&mut link));
    assert_eq!(ours.hits + ours.misses, theirs.0 + theirs.1);
    println!("{ours:?} {theirs:?}");
}

/// How many lookups Redis counts for an `XREAD`: two a stream, whatever comes; from 7.2 on twice
/// that where it was woken. The accounting rests on it.
#[rstest]
#[case(1)]
#[case(20)]
#[case(60)]
#[tokio::test]
async fn an_xread_looks_each_stream_up_twice(#[case] streams: usize) {
    let server = Server::start();
    let conn = viewer(&server).await;
    let mut link = seed(&server);
    for i in 0..streams {
        redis::cmd("XADD").arg(format!("e{i}")).arg("1-0").arg("f").arg("v").exec(&mut link).unwrap();
    }
    let names: Vec<String> = (0..streams).map(|i| format!("e{i}")).collect();
    for (id, block, wake) in [
        ("0", None, false),
        ("5-0", None, false),
        ("$", None, false),
        ("$", Some(20), false),
        ("0", Some(20), false),
        ("$", Some(5000), true),
    ] {
        let mut request = Request::new(if block.is_some() { Verb::XReadBlock } else { Verb::XRead });
        if let Some(block) = block {
            request = request.arg("BLOCK").arg(block);
        }
        let request = request.arg("STREAMS").arg(&names).arg(vec![id; streams]);
        let mut dedicated = conn.dedicated().await.unwrap();
        let (ours, theirs) = (conn.traffic(), counted(&mut link));
        let read = dedicated.call(request, Duration::from_secs(10));
        let write = async {
            if wake {
                tokio::time::sleep(Duration::from_millis(100)).await;
                redis::cmd("XADD").arg("e0").arg("*").arg("f").arg("v").exec(&mut link).unwrap();
            }
        };
        let (answer, ()) = tokio::join!(read, write);
        answer.unwrap();
        let (ours, after) = (conn.traffic() - ours, counted(&mut link));
        let theirs = (after.0 - theirs.0, after.1 - theirs.1);
        println!(
            "{streams} streams from {id}, block {block:?}, wake {wake}: server {theirs:?}, ours {ours:?}"
        );
        assert_eq!((ours.hits, ours.misses), theirs);
    }
}

#[tokio::test]
async fn bytes_are_those_that_redis_sent() {
    let server = Server::start();
    let conn = viewer(&server).await;
    let mut link = seed(&server);
    let sent = |link: &mut Connection| -> u64 {
        let list: String = redis::cmd("INFO").arg("stats").query(link).unwrap();
        list.lines().find_map(|l| l.strip_prefix("total_net_output_bytes:")).unwrap().trim().parse().unwrap()
    };
    // What two looks of the witness differ by.
    let (first, second) = (sent(&mut link), sent(&mut link));
    let look = second - first;
    let before = conn.traffic();
    let mut batch = Batch::new();
    for _ in 0..100 {
        batch.push(request(Verb::HMGet, "h f g none"));
        batch.push(request(Verb::LRange, "l 0 9"));
    }
    conn.batch(&batch).await.unwrap();
    let ours = (conn.traffic() - before).reply_bytes;
    let theirs = sent(&mut link) - second - look;
    assert!(ours.abs_diff(theirs) <= 20, "{ours} {theirs}");
}

#[tokio::test]
async fn a_dedicated_connection_counts_for_its_owner() {
    let server = Server::start();
    let conn: Conn = viewer(&server).await;
    let mut link = seed(&server);
    let before: Traffic = conn.traffic();
    let mut dedicated = conn.dedicated().await.unwrap();
    dedicated.call(request(Verb::Get, "s"), Duration::from_secs(1)).await.unwrap();
    let more = conn.traffic() - before;
    assert_eq!((more.commands, more.hits), (3, 1));
    assert!(counted(&mut link).0 >= 1);
}
