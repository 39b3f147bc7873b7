//! The kinds of damage of the server itself: each is made on a real one, found, and gone with its cure.

use std::io::Write as _;
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use redis::Connection;
use toril::conn::Conn;
use toril::engine::acl::Role;
use toril::engine::read::doctor::Scope;
use toril::insight::doctor::{Finding, Kind, Severity};
use toril::monitor::Clock;
use toril::shell::survey::survey;
use toril::text::Mask;

use crate::support::{Server, account};

/// A server alone, and who looks at it with a viewer's rights.
struct Host {
    runtime: tokio::runtime::Runtime,
    looks: Conn,
    link: Connection,
    server: Server,
}

impl Host {
    fn new() -> Self {
        let server = Server::start();
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let looks = runtime.block_on(account(&server, Role::Viewer));
        Self { runtime, looks, link: server.connect(), server }
    }

    #[track_caller]
    fn set(&mut self, name: &str, value: impl redis::ToRedisArgs) {
        redis::cmd("CONFIG").arg("SET").arg(name).arg(value).exec(&mut self.link).unwrap();
    }

    #[track_caller]
    fn info(&mut self, name: &str) -> String {
        let info: String = redis::cmd("INFO").arg("everything").query(&mut self.link).unwrap();
        let found = info.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        found.unwrap_or_else(|| panic!("{name} is not in {info}")).to_owned()
    }

    fn look(&self, clock: Clock) -> Vec<Finding> {
        let scope = Scope { jobs: 1, keys: 0, again: Duration::ZERO, share: 1.0 };
        let mask = Mask::default();
        let round = survey(&self.looks, &[], scope, true, clock, &mask, |_| {});
        let found = self.runtime.block_on(round).unwrap();
        for finding in &found.findings {
            assert!(finding.queue.is_none() && finding.kind.severity() == Severity::Risk, "{finding:?}");
            assert!(finding.repair.is_err() && !finding.evidence.is_empty(), "{finding:?}");
        }
        found.findings
    }

    fn finding(&self, kind: Kind) -> Option<Finding> {
        self.look(Clock::start()).into_iter().find(|finding| finding.kind == kind)
    }

    /// It is found, within a while (some figures of the server are renewed ten times a second); its evidence.
    #[track_caller]
    fn found(&self, kind: Kind) -> String {
        let end = Instant::now() + Duration::from_secs(30);
        loop {
            if let Some(finding) = self.finding(kind) {
                return finding.evidence_line().to_string();
            }
            assert!(Instant::now() < end, "{kind:?} is not found: {:?}", self.look(Clock::start()));
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    #[track_caller]
    fn gone(&self, kind: Kind) {
        let end = Instant::now() + Duration::from_secs(30);
        while let Some(finding) = self.finding(kind) {
            assert!(Instant::now() < end, "it does not go: {finding:?}");
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

#[test]
fn a_server_that_may_lose_jobs_is_found() {
    let mut host = Host::new();
    host.gone(Kind::ServerPolicy);
    host.set("maxmemory-policy", "allkeys-lru");
    assert!(host.found(Kind::ServerPolicy).contains("policy allkeys-lru"));
    host.set("maxmemory-policy", "noeviction");
    host.gone(Kind::ServerPolicy);

    assert!(host.found(Kind::ServerUnsaved).contains("append-only file off"));
    host.set("appendonly", "yes");
    host.gone(Kind::ServerUnsaved);

    // A folder stands where the snapshot should.
    let mut setting = |name: &str| -> String {
        let (_, value): (String, String) =
            redis::cmd("CONFIG").arg("GET").arg(name).query(&mut host.link).unwrap();
        value
    };
    let dump = std::path::Path::new(&setting("dir")).join(setting("dbfilename"));
    std::fs::create_dir(&dump).unwrap();
    std::fs::write(dump.join("full"), "").unwrap();
    let save = |host: &mut Host| {
        let end = Instant::now() + Duration::from_secs(30);
        while redis::cmd("BGSAVE").exec(&mut host.link).is_err() {
            assert!(Instant::now() < end, "no snapshot begins");
            std::thread::sleep(Duration::from_millis(50));
        }
    };
    host.gone(Kind::ServerSave);
    save(&mut host);
    assert!(host.found(Kind::ServerSave).contains("last save failed"));
    std::fs::remove_dir_all(&dump).unwrap();
    save(&mut host);
    host.gone(Kind::ServerSave);
}

#[test]
fn a_full_server_is_found_and_what_it_dropped() {
    let mut host = Host::new();
    redis::cmd("SET").arg("ballast").arg(vec![b'x'; 20 << 20]).exec(&mut host.link).unwrap();
    host.gone(Kind::ServerMemory);
    let used: u64 = host.info("used_memory").parse().unwrap();
    host.set("maxmemory", used + used / 50);
    assert!(host.found(Kind::ServerMemory).contains("once it is full writes fail"));
    host.gone(Kind::ServerEvicted);
    host.set("maxmemory-policy", "allkeys-random");
    assert!(host.found(Kind::ServerMemory).contains("once it is full keys are dropped"));
    for n in 0..40 {
        redis::cmd("SET").arg(format!("key-{n}")).arg(vec![b'x'; 1 << 20]).exec(&mut host.link).unwrap();
    }
    assert!(host.found(Kind::ServerEvicted).contains("dropped since its start"));
    host.set("maxmemory", 0);
    host.gone(Kind::ServerMemory);
}

#[test]
fn clients_that_are_too_many_or_do_not_read_are_found() {
    let mut host = Host::new();
    host.gone(Kind::ServerClients);
    let many: Vec<Connection> = (0..10).map(|_| host.server.connect()).collect();
    // Redis keeps 32 files for itself; what is set is what counts.
    host.set("maxclients", 14);
    assert!(host.found(Kind::ServerClients).contains("allowed 14"));
    drop(many);
    host.gone(Kind::ServerClients);

    host.gone(Kind::ServerHoarder);
    redis::cmd("SET").arg("large").arg(vec![b'x'; 1 << 20]).exec(&mut host.link).unwrap();
    let mut deaf = UnixStream::connect(host.server.socket()).unwrap();
    deaf.write_all(b"CLIENT SETNAME deaf:token=s3cr3t\r\n").unwrap();
    deaf.write_all("GET large\r\n".repeat(70).as_bytes()).unwrap();
    let evidence = host.found(Kind::ServerHoarder);
    assert!(evidence.contains("name deaf:token=***") && evidence.contains("unread"), "{evidence}");
    drop(deaf);
    host.gone(Kind::ServerHoarder);
}

#[test]
fn a_replica_and_an_old_release_are_found() {
    let mut host = Host::new();
    host.gone(Kind::ServerReplica);
    redis::cmd("REPLICAOF").arg("127.0.0.1").arg("1").exec(&mut host.link).unwrap();
    assert!(host.found(Kind::ServerReplica).contains("master 127.0.0.1:1"));
    redis::cmd("REPLICAOF").arg("NO").arg("ONE").exec(&mut host.link).unwrap();
    host.gone(Kind::ServerReplica);

    let version = host.info("redis_version");
    let parts: Vec<u32> = version.split('.').map(|part| part.parse().unwrap()).collect();
    let fixed = match (parts[0], parts[1]) {
        (6, 2) => parts[2] >= 20,
        (7, 2) => parts[2] >= 11,
        (7, 4) => parts[2] >= 6,
        (8, 0) => parts[2] >= 4,
        (8, 2) => parts[2] >= 2,
        (..=7, _) => false,
        _ => true,
    };
    assert_eq!(host.finding(Kind::ServerRelease).is_none(), fixed, "{version}");
}

#[test]
fn clocks_that_disagree_are_found() {
    let host = Host::new();
    let of = |off: i64| {
        let clock = Clock::starting_at(Clock::start().now_ms() + off);
        host.look(clock).into_iter().find(|finding| finding.kind == Kind::ClockSkew)
    };
    // An answer that took too long tells nothing: then it is asked again.
    let end = Instant::now() + Duration::from_secs(30);
    for (off, sign) in [(3_600_000, ""), (-3_600_000, "-")] {
        let found = loop {
            if let Some(found) = of(off) {
                break found;
            }
            assert!(Instant::now() < end, "{off} ms are not found");
        };
        let said = found.evidence_line().to_string();
        assert!(said.starts_with(&format!("this host is ahead by ms {sign}3")), "{said}");
    }
    assert_eq!(of(0), None);
}
