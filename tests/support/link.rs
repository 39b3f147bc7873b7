//! Our own connections.

use toril::conn::{Access, Conn, Endpoint, Options, Secret};
use toril::engine::acl::{Role, Version, rule};

use super::Server;

/// A connection of ours that may write.
pub async fn writer(server: &Server) -> Conn {
    let options = Options { access: Access::ReadWrite, ..Options::default() };
    Conn::open(Endpoint::unix(server.socket()), options).await.expect("a connection")
}

/// The same under exactly the rights that `toril acl` prints for a role: nothing that is done over it
/// needs more.
pub async fn account(server: &Server, role: Role) -> Conn {
    let endpoint = login(server, role);
    let access = if role == Role::Viewer { Access::ReadOnly } else { Access::ReadWrite };
    Conn::open(endpoint, Options { access, ..Options::default() }).await.expect("a connection")
}

/// Makes the account; returns where it logs in.
pub fn login(server: &Server, role: Role) -> Endpoint {
    let mut link = server.connect();
    let info: String = redis::cmd("INFO").arg("server").query(&mut link).expect("INFO");
    let version = info.lines().find_map(|line| line.strip_prefix("redis_version:")).expect("a version");
    let rule = rule(role, "acting", &[b"bull".to_vec()], Version::parse(version)).expect("accounts");
    let mut words = rule.split(' ');
    let mut cmd = redis::cmd(words.next().expect("a word"));
    for word in words {
        cmd.arg(if word == ">PASSWORD" { ">secret" } else { word });
    }
    cmd.exec(&mut link).expect("the rule is taken");
    let mut endpoint = Endpoint::unix(server.socket());
    endpoint.user = Some("acting".to_owned());
    endpoint.password = Some(Secret::new("secret".to_owned()));
    endpoint
}

/// Commands that the server refused for want of rights.
pub fn refused(server: &Server) -> Vec<String> {
    let mut link = server.connect();
    let text: String = redis::cmd("INFO").arg("commandstats").query(&mut link).expect("INFO");
    let refused = |line: &&str| line.contains("rejected_calls=") && !line.contains("rejected_calls=0");
    text.lines().filter(refused).map(str::to_owned).collect()
}
