//! Pages at any depth, whatever the payloads, at a price that is known.

use toril::engine::read::page;
use toril::engine::read::page::{Brief, Order, Page, PageQuery};
use toril::wire::{Era, State};

use super::seed::{conn, queue};
use crate::support::Server;

fn info(link: &mut redis::Connection, section: &str, field: &str) -> u64 {
    let text: String = redis::cmd("INFO").arg(section).query(link).unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix(&format!("{field}:"))).unwrap().to_owned();
    line.trim().parse().unwrap()
}

/// Microseconds of all commands but those that only measure.
fn spent(link: &mut redis::Connection) -> u64 {
    let text: String = redis::cmd("INFO").arg("commandstats").query(link).unwrap();
    text.lines()
        .filter(|line| line.starts_with("cmdstat_") && !line.starts_with("cmdstat_info"))
        .map(|line| {
            let usec = line.split("usec=").nth(1).unwrap();
            usec.split(',').next().unwrap().parse::<u64>().unwrap()
        })
        .sum()
}

#[tokio::test]
async fn a_page_of_large_jobs_costs_little_at_any_depth() {
    let server = Server::start();
    let mut link = server.connect();
    let payload = "p".repeat(200_000);
    let deep = 150_000_u64;
    for chunk in 0..deep / 10_000 {
        let mut pipe = redis::pipe();
        for n in chunk * 10_000..(chunk + 1) * 10_000 {
            pipe.cmd("ZADD").arg("bull:mail:failed").arg(1_795_150_000_000_u64 + n).arg(n).ignore();
        }
        pipe.exec(&mut link).unwrap();
    }
    for n in (deep - 50..deep).chain(50_000..50_050) {
        let name = if n == 50_007 { payload.as_str() } else { "charge" };
        redis::cmd("HSET")
            .arg(format!("bull:mail:{n}"))
            .arg(&[
                "name",
                name,
                "data",
                &payload,
                "failedReason",
                "boom",
                "stacktrace",
                &payload,
                "atm",
                "3",
            ])
            .exec(&mut link)
            .unwrap();
    }
    let conn = conn(&server).await;
    for (offset, first) in [(0, deep - 1), (deep - 50_050, 50_049)] {
        let query = PageQuery {
            queue: queue("mail"),
            state: State::Failed,
            offset,
            limit: 50,
            order: Order::Natural,
        };
        let (bytes, usec) = (info(&mut link, "stats", "total_net_output_bytes"), spent(&mut link));
        let own = info(&mut link, "stats", "total_net_output_bytes");
        let page = page(&conn, Era::V6, &query).await.unwrap();
        let after = info(&mut link, "stats", "total_net_output_bytes");
        // The answers to our own questions are counted too.
        let (bytes, usec) = (after - own - (own - bytes) / 2, spent(&mut link) - usec);
        println!("page at {offset}: about {bytes} B, {usec} us");
        assert_eq!(page.rows.len(), 50);
        assert_eq!(page.rows[0].id.lossless(), first.to_string());
        assert!(page.rows.iter().all(|row| row.attempts_made == 3));
        assert!(bytes < 12_000, "{bytes} B");
        let large = page.rows.iter().filter(|row| row.name == Brief::Large(200_000)).count();
        assert_eq!(large, usize::from(offset > 0));
    }
}

#[tokio::test]
async fn markers_are_skipped_and_ranges_past_the_end_are_empty() {
    let server = Server::start();
    let mut link = server.connect();
    redis::cmd("RPUSH")
        .arg("bull:mail:wait")
        .arg(&["3", "2", "1", "0:1795151109075"])
        .exec(&mut link)
        .unwrap();
    for n in 1..=3 {
        redis::cmd("HSET").arg(format!("bull:mail:{n}")).arg(&["name", "n"]).exec(&mut link).unwrap();
    }
    let conn = conn(&server).await;
    let at =
        |offset, order| PageQuery { queue: queue("mail"), state: State::Waiting, offset, limit: 3, order };
    let ids = |page: &Page| page.rows.iter().map(|row| row.id.lossless().into_owned()).collect::<Vec<_>>();
    let first = page(&conn, Era::V4, &at(0, Order::Natural)).await.unwrap();
    assert_eq!((ids(&first), first.total), (vec!["1".to_owned(), "2".to_owned()], 3));
    let second = page(&conn, Era::V4, &at(3, Order::Natural)).await.unwrap();
    assert_eq!(ids(&second), ["3"]);
    assert!(page(&conn, Era::V4, &at(9, Order::Natural)).await.unwrap().rows.is_empty());
    assert_eq!(ids(&page(&conn, Era::V4, &at(0, Order::Reversed)).await.unwrap()), ["3", "2", "1"]);
}

#[tokio::test]
async fn ghosts_and_hostile_ids_are_shown_as_what_they_are() {
    let server = Server::start();
    let mut link = server.connect();
    let ids: [&[u8]; 5] = [b"gone", b"meta", b"a\x1b[2Jb", b"x\0y", b"wait"];
    redis::cmd("RPUSH").arg("bull:mail:wait").arg(&ids[..]).exec(&mut link).unwrap();
    redis::cmd("HSET").arg("bull:mail:meta").arg(&["name", "not a job"]).exec(&mut link).unwrap();
    redis::cmd("HSET").arg(b"bull:mail:x\0y").arg(&["name", "fine\x1b]0;t\x07"]).exec(&mut link).unwrap();
    let conn = conn(&server).await;
    let query = PageQuery {
        queue: queue("mail"),
        state: State::Waiting,
        offset: 0,
        limit: 9,
        order: Order::Reversed,
    };
    let page = page(&conn, Era::V6, &query).await.unwrap();
    let gone: Vec<bool> = page.rows.iter().map(|row| row.gone).collect();
    assert_eq!(gone, [true, true, true, false, true]);
    assert_eq!(page.rows[2].shown_id.as_str(), "a^[[2Jb");
    assert_eq!(page.rows[3].name, Brief::Text("fine\x1b]0;t\x07".into()));
}
