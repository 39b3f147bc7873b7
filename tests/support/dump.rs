//! The whole key space as a sorted map, typed and printable.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use redis::{Connection, Value};

use super::Server;

/// What one key holds. Bytes that are no UTF-8 stand as `\xNN`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    /// A string.
    String(String),
    /// A list, head first.
    List(Vec<String>),
    /// A set.
    Set(BTreeSet<String>),
    /// A hash.
    Hash(BTreeMap<String, String>),
    /// A sorted set: members with their scores as the server prints them, in the set's order.
    Zset(Vec<(String, String)>),
    /// A stream: each entry's fields in order, without the entry's id.
    Stream(Vec<Vec<(String, String)>>),
    /// A type that no queue uses.
    Other(String),
}

/// One key's content and whether it expires.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// What it holds.
    pub content: Content,
    /// Whether it has a time to live.
    pub expires: bool,
}

/// More keys than these are not read in one script, which would hold the server up for too long.
const ATOMIC: usize = 20_000;

/// Each key with its type, its time to live and its content.
const SNAPSHOT: &str = r"
local read = {
    string = {'GET'}, list = {'LRANGE', 0, -1}, set = {'SMEMBERS'}, hash = {'HGETALL'},
    zset = {'ZRANGE', 0, -1, 'WITHSCORES'}, stream = {'XRANGE', '-', '+'},
}
local all = {}
for _, key in ipairs(redis.call('KEYS', '*')) do
    local kind = redis.call('TYPE', key).ok
    local with = read[kind] or {'TYPE'}
    local body = redis.call(with[1], key, unpack(with, 2))
    all[#all + 1] = {key, kind, redis.call('PTTL', key), body}
end
return all
";

/// A key space.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Dump(pub BTreeMap<String, Entry>);

impl Dump {
    /// Everything in database 0 of `server`.
    pub fn of(server: &Server) -> Self {
        Self::read(&mut server.connect())
    }

    /// Everything in the connection's database, as it was at one moment: what moves from key to
    /// key meanwhile stands in one of them. (More than [`ATOMIC`] keys are read one by one.)
    pub fn read(link: &mut Connection) -> Self {
        let keys: usize = redis::cmd("DBSIZE").query(link).expect("DBSIZE");
        if keys > ATOMIC {
            return Self::piecemeal(link);
        }
        let all: Vec<(Vec<u8>, String, i64, Value)> =
            redis::cmd("EVAL").arg(SNAPSHOT).arg(0).query(link).expect("the keys");
        let entries = all.into_iter().filter_map(|(key, kind, ttl, body)| {
            Some((text(&key), Entry { content: content(&kind, &body)?, expires: ttl >= 0 }))
        });
        Self(entries.collect())
    }

    fn piecemeal(link: &mut Connection) -> Self {
        let keys: Vec<Vec<u8>> = redis::cmd("KEYS").arg("*").query(link).expect("KEYS");
        let mut heads = redis::pipe();
        for key in &keys {
            heads.cmd("TYPE").arg(key).cmd("PTTL").arg(key);
        }
        let heads: Vec<(String, i64)> = heads.query(link).expect("TYPE and PTTL");
        let mut bodies = redis::pipe();
        for (key, (kind, _)) in keys.iter().zip(&heads) {
            let (command, rest) = read_with(kind);
            bodies.cmd(command).arg(key).arg(rest);
        }
        // A key that became another type meanwhile answers with an error of its own.
        bodies.ignore_errors();
        let bodies: Vec<redis::RedisResult<Value>> = bodies.query(link).expect("the keys");
        let entries = keys.iter().zip(heads).zip(bodies).filter_map(|((key, (kind, ttl)), body)| {
            let body = body.unwrap_or_else(|error| panic!("{kind} {}: {error}", text(key)));
            Some((text(key), Entry { content: content(&kind, &body)?, expires: ttl >= 0 }))
        });
        Self(entries.collect())
    }

    /// The keys.
    pub fn keys(&self) -> Vec<&str> {
        self.0.keys().map(String::as_str).collect()
    }

    /// What `key` holds, if it exists.
    pub fn get(&self, key: &str) -> Option<&Content> {
        self.0.get(key).map(|entry| &entry.content)
    }

    /// The number of elements in `key`; 0 where there is no such key.
    pub fn len(&self, key: &str) -> usize {
        match self.get(key) {
            None => 0,
            Some(Content::String(_) | Content::Other(_)) => 1,
            Some(Content::List(items)) => items.len(),
            Some(Content::Set(members)) => members.len(),
            Some(Content::Hash(fields)) => fields.len(),
            Some(Content::Zset(members)) => members.len(),
            Some(Content::Stream(entries)) => entries.len(),
        }
    }

    /// One field of the hash `key`.
    pub fn field(&self, key: &str, field: &str) -> Option<&str> {
        match self.get(key)? {
            Content::Hash(fields) => fields.get(field).map(String::as_str),
            _ => None,
        }
    }

    /// A list's items, or a set's or sorted set's members, in order.
    pub fn members(&self, key: &str) -> Vec<&str> {
        match self.get(key) {
            Some(Content::List(items)) => items.iter().map(String::as_str).collect(),
            Some(Content::Set(members)) => members.iter().map(String::as_str).collect(),
            Some(Content::Zset(members)) => members.iter().map(|(m, _)| m.as_str()).collect(),
            _ => Vec::new(),
        }
    }

    /// The values of `field` in the stream `key`, oldest first: `events("bull:q:events", "event")`.
    pub fn events(&self, key: &str, field: &str) -> Vec<&str> {
        let Some(Content::Stream(entries)) = self.get(key) else {
            return Vec::new();
        };
        let of = |entry: &'_ [(String, String)]| -> Option<usize> {
            entry.iter().position(|(name, _)| name == field)
        };
        entries.iter().filter_map(|entry| of(entry).map(|at| entry[at].1.as_str())).collect()
    }
}

/// The command that reads a whole key of this type.
fn read_with(kind: &str) -> (&'static str, &'static [&'static str]) {
    match kind {
        "string" => ("GET", &[]),
        "list" => ("LRANGE", &["0", "-1"]),
        "set" => ("SMEMBERS", &[]),
        "hash" => ("HGETALL", &[]),
        "zset" => ("ZRANGE", &["0", "-1", "WITHSCORES"]),
        "stream" => ("XRANGE", &["-", "+"]),
        _ => ("TYPE", &[]),
    }
}

/// `None` when the key went away between the list and the look.
fn content(kind: &str, body: &Value) -> Option<Content> {
    Some(match kind {
        "none" => return None,
        "string" => Content::String(flat(body).concat()),
        "list" => Content::List(flat(body)),
        "set" => Content::Set(flat(body).into_iter().collect()),
        "hash" => Content::Hash(pairs(body).into_iter().collect()),
        "zset" => Content::Zset(pairs(body)),
        "stream" => match body {
            Value::Array(entries) => Content::Stream(entries.iter().map(fields).collect()),
            other => panic!("XRANGE answers {other:?}"),
        },
        other => Content::Other(other.to_owned()),
    })
}

/// A stream entry is its id and its fields.
fn fields(entry: &Value) -> Vec<(String, String)> {
    match entry {
        Value::Array(parts) if parts.len() == 2 => pairs(&parts[1]),
        other => panic!("XRANGE answers {other:?}"),
    }
}

fn pairs(value: &Value) -> Vec<(String, String)> {
    let flat = flat(value);
    let (pairs, rest) = flat.as_chunks::<2>();
    assert!(rest.is_empty(), "an odd number of parts");
    pairs.iter().map(|[name, value]| (name.clone(), value.clone())).collect()
}

fn flat(value: &Value) -> Vec<String> {
    match value {
        Value::Nil => Vec::new(),
        Value::Array(values) | Value::Set(values) => values.iter().flat_map(flat).collect(),
        Value::Map(pairs) => pairs.iter().flat_map(|(k, v)| [flat(k), flat(v)].concat()).collect(),
        Value::BulkString(bytes) => vec![text(bytes)],
        Value::SimpleString(text) => vec![text.clone()],
        Value::Int(number) => vec![number.to_string()],
        Value::Double(number) => vec![number.to_string()],
        other => panic!("the server answers {other:?}"),
    }
}

fn text(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        out.push_str(chunk.valid());
        for byte in chunk.invalid() {
            let _ = write!(out, "\\x{byte:02x}");
        }
    }
    out
}
