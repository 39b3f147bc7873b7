//! Commands as a closed set: what is not here cannot be sent.

/// What a command does to data, for the gate.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Class {
    /// Reads, or asks about the connection.
    Read,
    /// Reads and may wait: only on a [`super::Dedicated`] connection.
    Block,
    /// Writes.
    Write,
    /// Writes and may wait: only on a [`super::Dedicated`] connection that may write.
    BlockWrite,
}

impl Class {
    /// Whether it changes data.
    pub const fn writes(self) -> bool {
        matches!(self, Self::Write | Self::BlockWrite)
    }
}

macro_rules! verbs {
    ($($variant:ident $class:ident $first:literal $($second:literal)?;)*) => {
        /// A Redis command that may be sent. `KEYS`, `MONITOR`, `HGETALL`, `SMEMBERS`, `SORT`,
        /// `CONFIG`, `FLUSHALL` and the like are left out on purpose.
        #[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
        #[allow(missing_docs, reason = "each variant is the Redis command of its name")]
        pub enum Verb { $($variant),* }

        impl Verb {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// The words of the command.
            pub const fn words(self) -> (&'static str, Option<&'static str>) {
                match self { $(Self::$variant => ($first, verbs!(@second $($second)?))),* }
            }

            /// Its class.
            pub const fn class(self) -> Class {
                match self { $(Self::$variant => Class::$class),* }
            }
        }
    };
    (@second) => { None };
    (@second $second:literal) => { Some($second) };
}

verbs! {
    Ping Read "PING"; Info Read "INFO"; Time Read "TIME"; DbSize Read "DBSIZE";
    ClientList Read "CLIENT" "LIST"; ClientId Read "CLIENT" "ID"; AclWhoAmI Read "ACL" "WHOAMI";
    SlowLogGet Read "SLOWLOG" "GET"; LatencyLatest Read "LATENCY" "LATEST";
    Scan Read "SCAN"; Type Read "TYPE"; Exists Read "EXISTS"; Ttl Read "TTL"; PTtl Read "PTTL";
    MemoryUsage Read "MEMORY" "USAGE";
    Get Read "GET"; StrLen Read "STRLEN"; GetRange Read "GETRANGE";
    LLen Read "LLEN"; LRange Read "LRANGE"; LIndex Read "LINDEX"; LPos Read "LPOS";
    ZCard Read "ZCARD"; ZCount Read "ZCOUNT"; ZRange Read "ZRANGE"; ZRevRange Read "ZREVRANGE";
    ZRangeByScore Read "ZRANGEBYSCORE"; ZScore Read "ZSCORE"; ZRank Read "ZRANK"; ZRevRank Read "ZREVRANK";
    ZScan Read "ZSCAN";
    HGet Read "HGET"; HMGet Read "HMGET"; HLen Read "HLEN"; HKeys Read "HKEYS"; HExists Read "HEXISTS";
    HStrLen Read "HSTRLEN"; HScan Read "HSCAN";
    SCard Read "SCARD"; SIsMember Read "SISMEMBER"; SScan Read "SSCAN";
    XLen Read "XLEN"; XRange Read "XRANGE"; XRevRange Read "XREVRANGE"; XInfoStream Read "XINFO" "STREAM";
    XRead Read "XREAD";
    XReadBlock Block "XREAD"; BzPopMin BlockWrite "BZPOPMIN";
    EvalSha Write "EVALSHA"; Eval Write "EVAL"; ScriptLoad Write "SCRIPT" "LOAD";
    ClientSetName Read "CLIENT" "SETNAME"; ClientUnblock Read "CLIENT" "UNBLOCK";
    Set Write "SET"; Del Write "DEL"; PExpire Write "PEXPIRE"; Incr Write "INCR";
    Unlink Write "UNLINK";
}

impl Verb {
    /// Whether it asks about the server or its connections, not about keys.
    pub(super) const fn is_about_the_server(self) -> bool {
        matches!(
            self,
            Self::Info
                | Self::Time
                | Self::ClientList
                | Self::ClientId
                | Self::ClientSetName
                | Self::ClientUnblock
                | Self::AclWhoAmI
                | Self::SlowLogGet
                | Self::LatencyLatest
        )
    }
}

/// One command with its arguments.
#[derive(Clone, Debug)]
pub struct Request {
    pub(super) verb: Verb,
    pub(super) cmd: redis::Cmd,
}

impl Request {
    /// A command without arguments yet.
    pub fn new(verb: Verb) -> Self {
        let (first, second) = verb.words();
        let mut cmd = redis::cmd(first);
        if let Some(second) = second {
            cmd.arg(second);
        }
        Self { verb, cmd }
    }

    /// Adds an argument.
    #[must_use]
    pub fn arg(mut self, arg: impl redis::ToRedisArgs) -> Self {
        self.cmd.arg(arg);
        self
    }

    /// The arguments behind the words of the verb.
    pub(super) fn args(&self) -> impl Iterator<Item = &[u8]> + Clone {
        let words = 1 + usize::from(self.verb.words().1.is_some());
        self.cmd.args_iter().skip(words).map(|arg| match arg {
            redis::Arg::Simple(bytes) => bytes,
            // A placeholder of SCAN-like iterators of the client crate, which nothing here uses.
            _ => b"0",
        })
    }

    /// What accounting needs to know of it when its reply comes.
    pub(super) fn shape(&self) -> Shape {
        Shape::new(self.verb, self.args())
    }
}

/// A sent command, as far as accounting needs it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Shape {
    pub(super) verb: Verb,
    /// How many keys it names.
    pub(super) keys: u32,
}

impl Shape {
    fn new<'a>(verb: Verb, args: impl Iterator<Item = &'a [u8]>) -> Self {
        let keys = match verb {
            Verb::Exists => args.count(),
            Verb::XRead | Verb::XReadBlock => {
                args.skip_while(|arg| !arg.eq_ignore_ascii_case(b"STREAMS")).skip(1).count() / 2
            }
            _ => 1,
        };
        Self { verb, keys: u32::try_from(keys).unwrap_or(u32::MAX) }
    }
}

/// Commands for one round trip, packed as they come.
#[derive(Clone, Debug, Default)]
pub struct Batch {
    pub(super) packed: Vec<u8>,
    pub(super) shapes: Vec<Shape>,
    /// The first command that no connection would send.
    pub(super) refused: Option<super::ConnError>,
}

impl Batch {
    /// An empty batch.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a command; its reply stands at the same place in the answer.
    #[expect(clippy::needless_pass_by_value, reason = "callers build requests in place")]
    pub fn push(&mut self, request: Request) {
        if self.refused.is_none() {
            self.refused = super::gate::bounds(request.verb, request.args()).err();
        }
        self.shapes.push(request.shape());
        request.cmd.write_packed_command(&mut self.packed);
    }

    /// Adds a command without making a [`Request`] of it: for batches of many thousands a second.
    pub fn pack(&mut self, verb: Verb, args: &[&[u8]]) {
        if self.refused.is_none() {
            self.refused = super::gate::bounds(verb, args.iter().copied()).err();
        }
        self.shapes.push(Shape::new(verb, args.iter().copied()));
        let (first, second) = verb.words();
        let words = 1 + usize::from(second.is_some()) + args.len();
        number(&mut self.packed, b'*', words);
        let words = [Some(first), second].into_iter().flatten().map(str::as_bytes);
        for word in words.chain(args.iter().copied()) {
            number(&mut self.packed, b'$', word.len());
            self.packed.extend_from_slice(word);
            self.packed.extend_from_slice(b"\r\n");
        }
    }

    /// Takes all commands out; the room for them stays.
    pub fn clear(&mut self) {
        self.packed.clear();
        self.shapes.clear();
        self.refused = None;
    }

    /// How many commands.
    pub fn len(&self) -> usize {
        self.shapes.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.shapes.is_empty()
    }
}

/// `*3` or `$12`, and the end of the line.
fn number(out: &mut Vec<u8>, kind: u8, mut number: usize) {
    let mut digits = [0; 20];
    let mut at = digits.len();
    loop {
        at -= 1;
        digits[at] = b'0' + (number % 10) as u8;
        number /= 10;
        if number == 0 {
            break;
        }
    }
    out.push(kind);
    out.extend_from_slice(&digits[at..]);
    out.extend_from_slice(b"\r\n");
}

impl From<Request> for Batch {
    fn from(request: Request) -> Self {
        let mut batch = Self::new();
        batch.push(request);
        batch
    }
}
