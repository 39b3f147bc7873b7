//! The server itself.

use super::{Fact, Finding, Kind};
use crate::engine::acl::Version;
use crate::engine::read::workers::Hoarder;
use crate::insight::server::{Level, clients_level, memory_level, policy_level};
use crate::monitor::RedisHealth;
use crate::text::Clean;
use crate::wire::Raw;

/// This host may disagree with Redis so much, ms.
const SKEW_MS: i64 = 1_000;
/// A client's unread answers above this are worth a word, bytes.
const UNREAD: u64 = 50 << 20;
const CONFIGURE: &str = "The server's configuration is its operator's: toril changes nothing of it.";

/// What was seen of the server beside its health.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Host {
    /// How far this host's clock is ahead of Redis's, ms.
    pub ahead_ms: Option<i64>,
    /// The client with the most unread answers.
    pub hoarder: Option<Hoarder>,
}

/// What is wrong with the server. `ServerUnsaved` is told where neither the append-only file nor snapshots are on.
pub fn server(health: &RedisHealth, host: &Host) -> Vec<Finding> {
    let mut found = Vec::new();
    let mut add = |kind: Kind, why: &'static str, evidence: Vec<(&'static str, Fact)>| {
        let mut finding = Finding::of_server(kind, Err(why));
        finding.evidence = evidence;
        found.push(finding);
    };
    let text = |clean: &Clean| Fact::Text(Raw::new(clean.as_str()));
    let memory = &health.memory;
    if policy_level(memory) > Level::Fine {
        add(
            Kind::ServerPolicy,
            CONFIGURE,
            vec![("policy", text(&memory.policy)), ("limit", Fact::Bytes(memory.max))],
        );
    }
    if memory.max > 0 && memory_level(memory) == Level::Danger {
        let then = if policy_level(memory) > Level::Fine { "keys are dropped" } else { "writes fail" };
        let evidence = vec![
            ("used", Fact::Bytes(memory.used)),
            ("limit", Fact::Bytes(memory.max)),
            ("once it is full", Fact::Word(then)),
        ];
        add(Kind::ServerMemory, "Remove finished jobs, keep fewer of them, or raise the limit.", evidence);
    }
    if health.evicted > 0 {
        let why =
            "Nobody knows what was lost: look for jobs without a hash, and set the policy to noeviction.";
        add(Kind::ServerEvicted, why, vec![("dropped since its start", Fact::count(health.evicted))]);
    }
    if !health.persistence.aof {
        let evidence = vec![
            ("append-only file", Fact::Word("off")),
            ("changes since the last save", Fact::count(health.persistence.changes)),
        ];
        add(Kind::ServerUnsaved, CONFIGURE, evidence);
    }
    if !health.persistence.rdb_ok || (health.persistence.aof && !health.persistence.aof_ok) {
        let word = |fine: bool| Fact::Word(if fine { "ok" } else { "failed" });
        let evidence = vec![
            ("last save", word(health.persistence.rdb_ok)),
            ("last write of the append-only file", word(health.persistence.aof_ok)),
        ];
        add(Kind::ServerSave, "Is its disk full? Its log says why; toril changes nothing of it.", evidence);
    }
    if health.role.as_str() == "slave" {
        let why = "Connect to its master.";
        add(Kind::ServerReplica, why, vec![("master", text(&health.replication.master))]);
    }
    if is_vulnerable(health) {
        add(Kind::ServerRelease, "Update the server.", vec![("version", text(&health.version))]);
    }
    let clients = &health.clients;
    if clients_level(clients) > Level::Fine {
        add(
            Kind::ServerClients,
            CONFIGURE,
            vec![("connected", Fact::count(clients.connected)), ("allowed", Fact::count(clients.max))],
        );
    }
    if let Some(Hoarder { address, name, bytes }) =
        host.hoarder.as_ref().filter(|hoarder| hoarder.bytes > UNREAD)
    {
        let evidence =
            vec![("address", text(address)), ("name", text(name)), ("unread", Fact::Bytes(*bytes))];
        add(
            Kind::ServerHoarder,
            "Whose it is must be stopped there: closing it here loses what it was told.",
            evidence,
        );
    }
    if let Some(ahead) = host.ahead_ms.filter(|ahead| ahead.abs() > SKEW_MS) {
        let evidence = vec![("this host is ahead by ms", Fact::Count(ahead))];
        add(Kind::ClockSkew, "Set both clocks by NTP.", evidence);
    }
    found
}

/// Releases with CVE-2025-49844: before 6.2.20, 7.2.11, 7.4.6, 8.0.4, 8.2.2. Only Redis's own numbers are judged.
fn is_vulnerable(health: &RedisHealth) -> bool {
    if health.flavour.as_str() != "redis" || health.version.is_empty() {
        return false;
    }
    let version = Version::parse(health.version.as_str());
    let fixed = match (version.0, version.1) {
        (6, 2) => Version(6, 2, 20),
        (7, 2) => Version(7, 2, 11),
        (7, 4) => Version(7, 4, 6),
        (8, 0) => Version(8, 0, 4),
        (8, 2) => Version(8, 2, 2),
        (..=7, _) => return true,
        _ => return false,
    };
    version < fixed
}
