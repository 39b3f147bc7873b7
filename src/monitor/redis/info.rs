//! From `INFO` to health.

use std::collections::HashMap;

use super::{Clients, Memory, Persistence, RedisHealth, Replication};
use crate::text::Clean;
use crate::wire::number;

/// The text of `INFO`, by field.
#[derive(Debug, Default)]
pub(crate) struct Info<'a>(HashMap<&'a str, &'a str>);

impl<'a> Info<'a> {
    /// Reads the text; lines of another shape are skipped.
    pub fn parse(text: &'a str) -> Self {
        Self(text.lines().filter_map(|line| line.trim_end().split_once(':')).collect())
    }

    fn text(&self, field: &str) -> &'a str {
        self.0.get(field).copied().unwrap_or_default()
    }

    fn clean(&self, field: &str) -> Clean {
        Clean::line(self.text(field))
    }

    /// A whole number; 0 where there is none.
    pub fn number(&self, field: &str) -> u64 {
        self.text(field).parse().unwrap_or(0)
    }

    fn real(&self, field: &str) -> f64 {
        self.text(field).parse::<f64>().ok().filter(|n| n.is_finite()).unwrap_or(0.0)
    }

    fn is(&self, field: &str, value: &str) -> bool {
        self.text(field) == value
    }

    /// Keys of a database, and those that expire.
    fn keyspace(&self, db: i64) -> (u64, u64) {
        let line = self.text(&format!("db{db}"));
        let part = |name: &str| {
            let value = line.split(',').find_map(|part| part.strip_prefix(name)?.strip_prefix('='));
            value.and_then(|value| value.parse().ok()).unwrap_or(0)
        };
        (part("keys"), part("expires"))
    }

    /// Seconds of CPU that the server took.
    pub fn cpu_s(&self) -> f64 {
        self.real("used_cpu_sys") + self.real("used_cpu_user")
    }

    /// Calls by command (`commandstats`), where they were asked for.
    pub fn calls(&self) -> HashMap<&'a str, u64> {
        let calls = |value: &str| {
            value.split(',').find_map(|part| part.strip_prefix("calls=")).and_then(|n| n.parse().ok())
        };
        self.0
            .iter()
            .filter_map(|(key, value)| Some((key.strip_prefix("cmdstat_")?, calls(value)?)))
            .collect()
    }

    /// What one answer alone tells.
    pub fn health(&self, db: i64) -> RedisHealth {
        let flavour = match self.text("server_name") {
            "" => "redis",
            name => name,
        };
        let version = match self.text("valkey_version") {
            "" => self.clean("redis_version"),
            valkey => Clean::line(valkey),
        };
        let (keys, expiring_keys) = self.keyspace(db);
        RedisHealth {
            version,
            flavour: Clean::line(flavour),
            mode: self.clean("redis_mode"),
            role: self.clean("role"),
            run_id: self.clean("run_id"),
            uptime_s: self.number("uptime_in_seconds"),
            memory: Memory {
                used: self.number("used_memory"),
                peak: self.number("used_memory_peak"),
                max: self.number("maxmemory"),
                system: self.number("total_system_memory"),
                rss: self.number("used_memory_rss"),
                fragmentation: self.real("mem_fragmentation_ratio"),
                policy: self.clean("maxmemory_policy"),
                full_in_s: None,
            },
            clients: Clients {
                connected: self.number("connected_clients"),
                blocked: self.number("blocked_clients"),
                max: self.number("maxclients"),
            },
            hits: self.number("keyspace_hits"),
            misses: self.number("keyspace_misses"),
            evicted: self.number("evicted_keys"),
            expired: self.number("expired_keys"),
            keys,
            expiring_keys,
            persistence: Persistence {
                aof: self.is("aof_enabled", "1"),
                aof_ok: !self.is("aof_last_write_status", "err"),
                rdb_ok: !self.is("rdb_last_bgsave_status", "err"),
                last_save_s: number::whole(self.text("rdb_last_save_time").as_bytes()).unwrap_or(0),
                changes: self.number("rdb_changes_since_last_save"),
                loading: self.is("loading", "1"),
            },
            replication: Replication {
                replicas: self.number("connected_slaves"),
                master_link_up: self.is("master_link_status", "up"),
                master: match self.text("master_host") {
                    "" => Clean::default(),
                    host => Clean::line(format!("{host}:{}", self.text("master_port"))),
                },
            },
            ..RedisHealth::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "# Server\r\nredis_version:7.0.15\r\nredis_mode:standalone\r\nrun_id:abc\r\n\
        # Memory\r\nused_memory:1000\r\nmaxmemory:4000\r\nmaxmemory_policy:noeviction\r\n\
        mem_fragmentation_ratio:1.5\r\n# Stats\r\nkeyspace_hits:90\r\nkeyspace_misses:10\r\n\
        # Replication\r\nrole:slave\r\nmaster_host:10.0.0.1\r\nmaster_port:6380\r\nmaster_link_status:down\r\n\
        # CPU\r\nused_cpu_sys:1.5\r\nused_cpu_user:2.5\r\n# Commandstats\r\n\
        cmdstat_get:calls=10,usec=20,usec_per_call=2.00\r\ncmdstat_client|list:calls=3,usec=9\r\n\
        # Keyspace\r\ndb0:keys=7,expires=2,avg_ttl=0\r\ndb1:keys=9,expires=0,avg_ttl=0\r\n";

    #[test]
    fn an_answer_reads() {
        let info = Info::parse(TEXT);
        let health = info.health(1);
        assert_eq!(health.version.as_str(), "7.0.15");
        assert_eq!(health.flavour.as_str(), "redis");
        assert_eq!((health.memory.used, health.memory.max), (1000, 4000));
        assert_eq!((health.keys, health.expiring_keys), (9, 0));
        assert_eq!(health.replication.master.as_str(), "10.0.0.1:6380");
        assert!(!health.replication.master_link_up);
        assert!(health.persistence.rdb_ok && !health.persistence.aof);
        assert!((info.cpu_s() - 4.0).abs() < 1e-9);
        assert_eq!(info.calls().get("get"), Some(&10));
        assert_eq!(info.calls().get("client|list"), Some(&3));
    }

    #[test]
    fn valkey_names_itself() {
        let health = Info::parse("server_name:valkey\nredis_version:7.2.4\nvalkey_version:8.0.1\n").health(0);
        assert_eq!((health.flavour.as_str(), health.version.as_str()), ("valkey", "8.0.1"));
    }

    #[test]
    fn nonsense_is_harmless() {
        let health = Info::parse("\0\x1b[2J\nused_memory:many\n:::\ndb0:keys=x").health(0);
        assert_eq!((health.memory.used, health.keys), (0, 0));
    }
}
