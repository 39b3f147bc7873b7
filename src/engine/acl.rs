//! The rights that this program needs of Redis, by role: the rule for `ACL SETUSER`.
//!
//! A rule is made of what is really sent: the closed set of [`Verb`]s, and the commands in our
//! scripts, which run with the rights of their caller. Tests read the scripts and compare, and run the
//! program under exactly these rules.
//!
//! ```
//! use toril::engine::acl::{Role, Version, rule};
//!
//! let rule = rule(Role::Viewer, "watcher", &[b"bull".to_vec()], Version(7, 0, 15)).unwrap();
//! assert!(rule.starts_with("ACL SETUSER watcher reset on >PASSWORD %R~bull:* -@all +ping"));
//! ```

use crate::conn::{Class, Verb};

/// Whose rights.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Hash)]
pub enum Role {
    /// Reads, without scripts: for the console of whoever only looks, and for monitoring.
    Viewer,
    /// And does every operation on jobs and queues.
    Operator,
    /// Adds jobs and runs them, and reads what `toril` shows of them.
    Worker,
}

/// A server's version: major, minor, patch.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Version(pub u32, pub u32, pub u32);

impl Version {
    /// Reads `7.2.4`; parts that are left out, or are no number, count as 0.
    pub fn parse(text: &str) -> Self {
        let mut parts = text.trim().split('.').map(|part| part.parse().unwrap_or(0));
        let mut next = || parts.next().unwrap_or(0);
        Self(next(), next(), next())
    }
}

/// Commands of a login, which no [`Verb`] names.
const LOGIN: [&str; 3] = ["hello", "select", "client|setname"];

/// Commands in the scripts of operations, in those of schedulers and of adding jobs, and in those that put
/// back what an operation took; beside those that a viewer may send.
const OPERATOR: [&str; 26] = [
    "hdel",
    "hincrby",
    "hset",
    "hsetnx",
    "linsert",
    "lpop",
    "lpush",
    "lrem",
    "lset",
    "ltrim",
    "persist",
    "publish",
    "rename",
    "rpop",
    "rpush",
    "sadd",
    "setnx",
    "smembers",
    "srem",
    "xadd",
    "xtrim",
    "zadd",
    "zmscore",
    "zrem",
    "zremrangebyrank",
    "zrevrangebyscore",
];

/// The same of the scripts of producers and workers.
const WORKER: [&str; 24] = [
    "hdel",
    "hincrby",
    "hset",
    "incrby",
    "linsert",
    "lpush",
    "lrem",
    "ltrim",
    "mget",
    "persist",
    "publish",
    "rename",
    "rpoplpush",
    "rpush",
    "sadd",
    "smembers",
    "spop",
    "srem",
    "xadd",
    "xtrim",
    "zadd",
    "zrem",
    "zremrangebyrank",
    "zrevrangebyscore",
];

/// What a role may send, in lower case with `|` before a subcommand, for a server of this version.
pub fn commands(role: Role, version: Version) -> Vec<String> {
    let mut out = Vec::new();
    let mut put = |name: String| {
        if since(&name) <= version && !out.contains(&name) {
            out.push(name);
        }
    };
    let wanted = |verb: &Verb| match (verb.class(), role) {
        // Nobody else wakes a connection of its own.
        _ if *verb == Verb::ClientUnblock => role == Role::Worker,
        (Class::Read | Class::Block, _) => true,
        (Class::Write, role) => role != Role::Viewer,
        (Class::BlockWrite, role) => role == Role::Worker,
    };
    for verb in Verb::ALL.iter().filter(|verb| wanted(verb)) {
        put(match verb.words() {
            (first, None) => first.to_ascii_lowercase(),
            (first, Some(second)) => format!("{first}|{second}").to_ascii_lowercase(),
        });
    }
    for name in LOGIN {
        put(name.to_owned());
    }
    let scripts: &[&str] = match role {
        Role::Viewer => &[],
        Role::Operator => &OPERATOR,
        Role::Worker => &WORKER,
    };
    for name in scripts {
        put((*name).to_owned());
    }
    out
}

/// The first version that knows a command: one unknown name makes the whole `ACL SETUSER` fail.
fn since(name: &str) -> Version {
    match name {
        "lpos" => Version(6, 0, 6),
        "zmscore" => Version(6, 2, 0),
        _ => Version(6, 0, 0),
    }
}

/// The whole line for a role; `None`: the server is older than 6 and knows no accounts. `PASSWORD` stands
/// for whatever the person puts there.
///
/// `SCAN` is not limited by key patterns: names of foreign keys are seen, their values are not.
pub fn rule(role: Role, user: &str, prefixes: &[Vec<u8>], version: Version) -> Option<String> {
    if version < Version(6, 0, 0) {
        return None;
    }
    let mut words = vec![format!("ACL SETUSER {} reset on >PASSWORD", quoted(user))];
    for prefix in prefixes {
        let pattern = pattern(prefix);
        let kind = if role == Role::Viewer && version >= Version(7, 0, 0) { "%R" } else { "" };
        words.push(quoted(&format!("{kind}~{pattern}:*")));
        // Bull tells its listeners by channels.
        if role != Role::Viewer && version >= Version(6, 2, 0) {
            words.push(quoted(&format!("&{pattern}:*")));
        }
    }
    words.push("-@all".to_owned());
    words.extend(commands(role, version).into_iter().map(|name| format!("+{name}")));
    Some(words.join(" "))
}

/// A prefix as a glob that only it matches.
fn pattern(prefix: &[u8]) -> String {
    let mut out = String::new();
    for c in String::from_utf8_lossy(prefix).chars() {
        if matches!(c, '*' | '?' | '[' | ']' | '\\') {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

/// As `redis-cli` reads it.
fn quoted(word: &str) -> String {
    if !word.is_empty() && word.chars().all(|c| c.is_ascii_graphic() && !matches!(c, '"' | '\'' | '\\')) {
        return word.to_owned();
    }
    format!("\"{}\"", word.replace('\\', "\\\\").replace('"', "\\\""))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::fs;
    use std::path::{Path, PathBuf};

    use super::*;

    fn sources(folder: &Path, out: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                sources(&path, out);
            } else if path.extension().is_some_and(|ext| ext == "rs") {
                out.push(path);
            }
        }
    }

    /// Every script with its ground and all of its Lua, as the macro joins it.
    fn scripts() -> Vec<(String, String, String)> {
        let engine = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/engine");
        let mut files = Vec::new();
        sources(&engine, &mut files);
        let mut found = Vec::new();
        for file in files.iter().filter(|file| !file.ends_with("acl.rs") && !file.ends_with("script.rs")) {
            let text = fs::read_to_string(file).unwrap();
            for (at, _) in text.match_indices("script!(") {
                let rest = &text[at..];
                // A script that stands alone has no shared parts.
                let alone = rest.starts_with("script!(\"alone\"");
                let end = rest.find(if alone { ')' } else { ']' });
                let call = &rest[..end.map_or(rest.len(), |end| end + 1)];
                let words: Vec<&str> = call.split('"').skip(1).step_by(2).collect();
                let [ground, name, parts @ ..] = words.as_slice() else { panic!("{call} in {file:?}") };
                let mut lua = String::new();
                for part in ["codes", ground, "queue"].iter().chain(parts).filter(|_| !alone) {
                    lua += &fs::read_to_string(engine.join(format!("lua/lib/{part}.lua"))).unwrap();
                }
                lua += &fs::read_to_string(engine.join(format!("lua/{name}.lua"))).unwrap();
                found.push(((*ground).to_owned(), (*name).to_owned(), lua));
            }
        }
        assert!(found.len() > 40, "{}", found.len());
        found
    }

    /// Words in capitals that stand in quotes and are commands: also those that a variable carries to
    /// `redis.call`.
    fn commands_in(lua: &str) -> BTreeSet<String> {
        let no_commands =
            ["NX", "PX", "EX", "XX", "LIMIT", "WITHSCORES", "BEFORE", "AFTER", "MAXLEN", "COUNT", "MINID"];
        let code: String = lua
            .lines()
            .map(|line| line.split("--").next().unwrap_or_default())
            .collect::<Vec<_>>()
            .join("\n");
        code.split('\'')
            .skip(1)
            .step_by(2)
            .filter(|word| word.len() > 1 && word.bytes().all(|byte| byte.is_ascii_uppercase()))
            .filter(|word| !no_commands.contains(word))
            .map(str::to_ascii_lowercase)
            .collect()
    }

    /// Scripts of the `client` ground that an operator runs as well.
    const OPERATORS_TOO: [&str; 4] = ["restore_key", "upsert_scheduler", "add", "open"];

    fn needed(role: Role) -> BTreeSet<String> {
        let of_role = |ground: &str, name: &str| match role {
            Role::Viewer => false,
            Role::Operator => ground == "operation" || OPERATORS_TOO.contains(&name),
            Role::Worker => ground == "client" && name != "restore_key",
        };
        let mut needed = BTreeSet::new();
        for (ground, name, lua) in scripts() {
            if of_role(&ground, &name) {
                needed.extend(commands_in(&lua));
            }
        }
        needed
    }

    #[test]
    fn a_rule_has_what_the_scripts_call_and_nothing_more() {
        let viewer: BTreeSet<String> = commands(Role::Viewer, Version(8, 0, 0)).into_iter().collect();
        for role in [Role::Operator, Role::Worker] {
            let needed = needed(role);
            let given: BTreeSet<String> = commands(role, Version(8, 0, 0)).into_iter().collect();
            let missing: Vec<_> = needed.difference(&given).collect();
            assert!(missing.is_empty(), "{role:?} lacks {missing:?}");
            let verbs: BTreeSet<String> =
                Verb::ALL.iter().map(|verb| verb.words().0.to_ascii_lowercase()).collect();
            let more: Vec<_> = given
                .iter()
                .filter(|name| !needed.contains(*name) && !viewer.contains(*name))
                .filter(|name| !verbs.contains(name.split('|').next().unwrap()))
                .collect();
            assert!(more.is_empty(), "{role:?} needs no {more:?}");
        }
    }

    #[test]
    fn no_rule_has_what_can_harm_others() {
        for role in [Role::Viewer, Role::Operator, Role::Worker] {
            let given = commands(role, Version(8, 0, 0));
            for never in [
                "keys",
                "monitor",
                "flushall",
                "flushdb",
                "config",
                "debug",
                "shutdown",
                "sort",
                "acl",
                "client|kill",
            ] {
                assert!(!given.iter().any(|name| name == never), "{role:?} {never}");
            }
        }
        let viewer = commands(Role::Viewer, Version(8, 0, 0));
        for never in ["eval", "evalsha", "script|load", "set", "del", "hset", "bzpopmin", "client|unblock"] {
            assert!(!viewer.iter().any(|name| name == never), "{never}");
        }
    }

    #[test]
    fn old_servers_get_what_they_know() {
        let bull = [b"bull".to_vec()];
        assert_eq!(rule(Role::Viewer, "v", &bull, Version(5, 0, 14)), None);
        let old = rule(Role::Viewer, "v", &bull, Version(6, 0, 0)).unwrap();
        assert!(old.contains(" ~bull:* ") && !old.contains("lpos") && !old.contains('%'), "{old}");
        let old = rule(Role::Operator, "o", &bull, Version(6, 0, 16)).unwrap();
        assert!(!old.contains('&') && old.contains("+lpos"), "{old}");
        let new = rule(Role::Operator, "o", &bull, Version(7, 0, 15)).unwrap();
        assert!(new.contains(" ~bull:* &bull:* -@all "), "{new}");
        let odd = rule(Role::Viewer, "v", &[b"a*b c".to_vec()], Version(7, 0, 0)).unwrap();
        assert!(odd.contains(r#""%R~a\\*b c:*""#), "{odd}");
        assert_eq!(Version::parse("7.2.4"), Version(7, 2, 4));
        assert_eq!(Version::parse("255.255.255"), Version(255, 255, 255));
    }
}
