//! Lines of `CLIENT LIST` and the names that workers give their connections (spec 3.14).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::{QueueId, era::Waits};

/// What of a `CLIENT LIST` line tells about workers.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct ClientLine<'a> {
    /// `id`: never used twice while the server runs.
    pub id: u64,
    /// `db`, where the server tells it.
    pub db: Option<i64>,
    /// `name`.
    pub name: &'a str,
    /// `addr`.
    pub addr: &'a str,
    /// `cmd`: the last command.
    pub command: &'a str,
    /// `age`: seconds since it connected.
    pub age_s: u64,
    /// `idle`: seconds since its last command.
    pub idle_s: u64,
    /// `flags`: `b` is blocked.
    pub flags: &'a str,
    /// `omem`: bytes of answers that it has not read, beyond a first small buffer.
    pub unread: u64,
}

impl<'a> ClientLine<'a> {
    /// Reads a line; fields that are not there stay empty.
    pub fn parse(line: &'a str) -> Self {
        let mut client = Self::default();
        for field in line.split(' ') {
            let Some((key, value)) = field.split_once('=') else { continue };
            match key {
                "id" => client.id = value.parse().unwrap_or(0),
                "db" => client.db = value.parse().ok(),
                "name" => client.name = value,
                "addr" => client.addr = value,
                "cmd" => client.command = value,
                "flags" => client.flags = value,
                "age" => client.age_s = value.parse().unwrap_or(0),
                "omem" => client.unread = value.parse().unwrap_or(0),
                "idle" => client.idle_s = value.parse().unwrap_or(0),
                _ => {}
            }
        }
        client
    }

    /// What the client waits in, if it is a worker that waits for work.
    pub fn waits(&self) -> Option<Waits> {
        match self.command {
            "bzpopmin" => Some(Waits::BzPopMin),
            "brpoplpush" | "blmove" => Some(Waits::BRPopLPush),
            _ => None,
        }
    }

    /// The part of the name before `:w:`, `:qe` or `:qs`, and the role.
    pub fn role(&self) -> (&'a str, Role<'a>) {
        if let Some(base) = self.name.strip_suffix(":qe") {
            return (base, Role::Listener);
        }
        if let Some(base) = self.name.strip_suffix(":qs") {
            return (base, Role::Scheduler);
        }
        // A worker's name may contain colons; the queue is before the first mark.
        match self.name.split_once(":w:") {
            Some((base, worker)) => (base, Role::Worker(Some(worker))),
            None => (self.name, Role::Worker(None)),
        }
    }
}

/// What a connection is for, by its name.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Role<'a> {
    /// A worker, perhaps with a name.
    Worker(Option<&'a str>),
    /// `QueueEvents`.
    Listener,
    /// `QueueScheduler` of BullMQ 1.
    Scheduler,
}

impl QueueId {
    /// The names that workers of this queue give their connections: with the queue in base64 (the
    /// Node libraries) and plain (Elixir, .NET, Python).
    pub fn client_names(&self) -> [Vec<u8>; 2] {
        let mut coded = self.prefix.as_bytes().to_vec();
        coded.push(b':');
        coded.extend_from_slice(STANDARD.encode(self.name.as_bytes()).as_bytes());
        [coded, self.qualified()]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::{Prefix, QueueName};

    #[test]
    fn a_waiting_worker_is_read() {
        let line = "id=7 addr=127.0.0.1:5000 laddr=127.0.0.1:1 fd=9 name=bull:cTE=:w:mail:er age=12 idle=3 \
                    flags=b db=0 cmd=bzpopmin user=default";
        let client = ClientLine::parse(line);
        assert_eq!((client.age_s, client.idle_s, client.flags), (12, 3, "b"));
        assert_eq!(client.waits(), Some(Waits::BzPopMin));
        assert_eq!(client.role(), ("bull:cTE=", Role::Worker(Some("mail:er"))));
        assert_eq!(ClientLine { name: "bull:cTE=:qe", ..client }.role().1, Role::Listener);
    }

    #[test]
    fn names_are_coded_as_the_libraries_do() {
        let queue = QueueId::new(Prefix::default(), QueueName::legacy("q1"));
        assert_eq!(queue.client_names(), [b"bull:cTE=".to_vec(), b"bull:q1".to_vec()]);
    }

    #[test]
    fn nonsense_is_harmless() {
        assert_eq!(ClientLine::parse("").role(), ("", Role::Worker(None)));
        assert_eq!(ClientLine::parse("name= cmd age=x").age_s, 0);
    }
}
