//! Who logs in, and that a refused login is the end of it.

use std::time::Duration;

use rstest::rstest;
use toril::conn::{Access, Conn, Endpoint, Kind, LinkState, Options, Request, Verb, text};

use super::{SOON, get, open, options, ping, set, until};
use crate::support::Server;

fn acl(server: &Server, rule: &str) {
    let words: Vec<&str> = rule.split(' ').collect();
    redis::cmd("ACL").arg("SETUSER").arg(words).exec(&mut server.connect()).unwrap();
}

fn url(server: &Server, login: &str) -> String {
    format!("redis://{login}127.0.0.1:{}", server.port().unwrap())
}

#[rstest]
#[case("", "NOAUTH")]
#[case(":wr0ngsecret@", "WRONGPASS")]
#[case("ann:wr0ngsecret@", "WRONGPASS")]
#[case("nobody:wr0ngsecret@", "WRONGPASS")]
#[case("nobody@", "WRONGPASS")]
#[tokio::test]
async fn a_wrong_login_is_final(#[case] login: &str, #[case] code: &str) {
    let server = Server::builder().tcp().password("right").start();
    acl(&server, "ann on >annsecret ~* +@all");
    let conn = Conn::start(Endpoint::parse(&url(&server, login)).unwrap(), options(Access::ReadWrite));
    until(&conn, SOON, |link| matches!(link.state, LinkState::Refused(_))).await;
    let error = ping(&conn).await.unwrap_err();
    assert_eq!(error.kind, Kind::Auth);
    assert!(error.message.as_str().contains(code), "{error}");
    assert!(!format!("{error:?} {conn:?}").contains("wr0ngsecret"));
    // No further attempt.
    let attempts = connections(&server);
    tokio::time::sleep(Duration::from_millis(700)).await;
    assert_eq!(connections(&server), attempts + 1, "only our own look");
}

#[rstest]
#[case("ann:wr0ngsecret@")]
#[case(":wr0ngsecret@")]
#[tokio::test]
async fn never_as_the_default_user_instead(#[case] login: &str) {
    // The default user of this server is open and may do everything.
    let server = Server::builder().tcp().start();
    let conn = Conn::start(Endpoint::parse(&url(&server, login)).unwrap(), options(Access::ReadWrite));
    until(&conn, SOON, |link| matches!(link.state, LinkState::Refused(_))).await;
    assert_eq!(conn.call(set("k", "v")).await.unwrap_err().kind, Kind::Auth);
    assert!(conn.dedicated().await.is_err());
    let keys: i64 = redis::cmd("DBSIZE").query(&mut server.connect()).unwrap();
    assert_eq!(keys, 0);
}

fn connections(server: &Server) -> i64 {
    let info: String = redis::cmd("INFO").arg("stats").query(&mut server.connect()).unwrap();
    info.lines().find_map(|l| l.strip_prefix("total_connections_received:")).unwrap().trim().parse().unwrap()
}

#[tokio::test]
async fn a_right_login_is_who_was_asked_for() {
    let server = Server::builder().tcp().password("p@ss w:rd").start();
    acl(&server, "ann on >annsecret ~* +@all");
    for (login, user) in
        [("ann:annsecret@", "ann"), (":p%40ss%20w%3Ard@", "default"), ("default:p%40ss%20w%3Ard@", "default")]
    {
        let conn = open(&url(&server, login), Access::ReadOnly).await.unwrap();
        assert_eq!(text(&conn.call(Request::new(Verb::AclWhoAmI)).await.unwrap()), Some(user));
    }
}

#[tokio::test]
async fn a_login_that_is_taken_away_is_final_until_the_user_asks_again() {
    let server = Server::builder().tcp().start();
    acl(&server, "ann on >annsecret ~* +@all");
    let conn = open(&url(&server, "ann:annsecret@"), Access::ReadOnly).await.unwrap();
    acl(&server, "ann off");
    redis::cmd("CLIENT").arg("KILL").arg("USER").arg("ann").exec(&mut server.connect()).unwrap();
    until(&conn, SOON, |link| matches!(link.state, LinkState::Refused(_))).await;
    acl(&server, "ann on");
    conn.reconnect_now();
    until(&conn, SOON, |link| link.state == LinkState::Up).await;
}

#[tokio::test]
async fn what_the_account_may_not_do_is_said_and_the_rest_lives() {
    let server = Server::builder().tcp().start();
    acl(&server, "eve on >evesecret %R~bull:* -@all +get");
    let conn = open(&url(&server, "eve:evesecret@"), Access::ReadOnly).await.unwrap();
    conn.call(get("bull:q:id")).await.unwrap();
    for request in [get("other"), Request::new(Verb::Info), Request::new(Verb::Ping)] {
        let error = conn.call(request).await.unwrap_err();
        assert_eq!(error.kind, Kind::Permission, "{error}");
        assert!(!error.is_link());
    }
    assert_eq!(conn.link().borrow().state, LinkState::Up);
}

#[tokio::test]
async fn a_server_without_hello_is_reached_too() {
    // As those older than 6.
    let server = Server::builder().tcp().password("right").conf("rename-command", "HELLO none").start();
    let url = |login: &str| url(&server, login);
    let conn = open(&url(":right@"), Access::ReadOnly).await.unwrap();
    let clients = conn.call(Request::new(Verb::ClientList)).await.unwrap();
    assert!(text(&clients).unwrap().contains("name=toril-test"));
    assert_eq!(conn.link().borrow().server, None);
    for login in ["", ":wr0ng@", "ann:right@"] {
        let error = open(&url(login), Access::ReadOnly).await.unwrap_err();
        assert_eq!(error.kind, Kind::Auth, "{login}: {error}");
    }
}

#[tokio::test]
async fn the_name_is_one_that_redis_takes() {
    let server = Server::start();
    let name = toril::conn::client_name("toril");
    let options = Options { access: Access::ReadOnly, client_name: name.clone() };
    let conn = Conn::open(Endpoint::parse(&server.url()).unwrap(), options).await.unwrap();
    let clients = conn.call(Request::new(Verb::ClientList)).await.unwrap();
    assert!(text(&clients).unwrap().contains(&format!("name={name} ")));
}
