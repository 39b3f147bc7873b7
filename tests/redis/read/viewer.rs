//! Everything that is read works under the printed viewer rule, which has no scripting.

use rstest::rstest;
use serde_json::json;
use toril::conn::{Conn, Endpoint, Options, Secret};
use toril::engine::read::page::{Order, PageQuery};
use toril::engine::read::{counts, flow, job, logs, page, schedulers, workers};
use toril::wire::State;

use super::seed::{era, id, queue, seed};
use crate::support::{Lib, Node, Server};

/// Reliability, part 2.
pub const VIEWER: &str = "reset on >secret %R~bull:* -@all \
    +ping +hello +client|setname +client|id +client|getname +client|list +info +time +dbsize +select +acl|whoami \
    +scan +type +exists +ttl +pttl +memory|usage +object|encoding \
    +get +strlen +getrange +llen +lrange +lindex +lpos \
    +zcard +zcount +zrange +zscore +zmscore +zrank +zrevrank +zrevrange +zrangebyscore +zscan \
    +hget +hmget +hlen +hkeys +hexists +hstrlen +hscan +scard +sismember +smismember +sscan \
    +xlen +xrange +xrevrange +xinfo|stream +xread";

pub fn account(server: &Server) -> Endpoint {
    let mut link = server.connect();
    let mut cmd = redis::cmd("ACL");
    cmd.arg("SETUSER").arg("bq-viewer");
    for word in VIEWER.split_whitespace() {
        cmd.arg(word);
    }
    cmd.exec(&mut link).unwrap();
    let mut endpoint = Endpoint::unix(server.socket());
    endpoint.user = Some("bq-viewer".to_owned());
    endpoint.password = Some(Secret::new("secret".to_owned()));
    endpoint
}

/// Commands that the server refused for want of rights.
pub fn refused(server: &Server) -> Vec<String> {
    let mut link = server.connect();
    let text: String = redis::cmd("INFO").arg("commandstats").query(&mut link).unwrap();
    text.lines()
        .filter(|line| line.contains("rejected_calls=") && !line.contains("rejected_calls=0"))
        .map(str::to_owned)
        .collect()
}

#[rstest]
#[tokio::test]
async fn a_viewer_reads_everything(#[values(Lib::Bull4, Lib::BullMq4, Lib::BullMq5, Lib::BullMq6)] lib: Lib) {
    let server = Server::start();
    let mut node = Node::start(lib, &server);
    seed(&mut node, false);
    let conn = Conn::open(account(&server), Options::default()).await.unwrap();
    let mail = queue("mail");
    let (found, _, _) = counts(&conn, std::slice::from_ref(&mail)).await.unwrap().remove(0);
    assert_eq!(found.error, None);
    for state in State::ALL {
        let query = PageQuery { queue: mail.clone(), state, offset: 0, limit: 50, order: Order::Natural };
        for row in page(&conn, era(lib), &query).await.unwrap().rows {
            assert!(job(&conn, era(lib), &mail, &row.id, None).await.unwrap().is_some());
        }
    }
    logs(&conn, &mail, &id("1"), None, 10).await.unwrap();
    flow::offspring(&conn, &mail, &id("1"), None).await.unwrap();
    flow::members(&conn, &[(mail.clone(), id("1"))]).await.unwrap();
    flow::survey(&conn, &mail, &id("1"), 100).await.unwrap();
    schedulers(&conn, &mail, 0, 10).await.unwrap();
    workers(&conn, &[mail]).await.unwrap();
    assert_eq!(refused(&server), Vec::<String>::new());
    node.call(json!({"op": "ping"}));
}
