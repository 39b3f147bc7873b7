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
}

macro_rules! verbs {
    ($($variant:ident $class:ident $first:literal $($second:literal)?;)*) => {
        /// A Redis command that may be sent. `KEYS`, `MONITOR`, `HGETALL`, `SMEMBERS`, `SORT`,
        /// `CONFIG`, `FLUSHALL` and the like are left out on purpose.
        #[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
        #[allow(missing_docs, reason = "each variant is the Redis command of its name")]
        pub enum Verb { $($variant),* }

        impl Verb {
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
    XReadBlock Block "XREAD"; BzPopMin Block "BZPOPMIN"; PSubscribe Block "PSUBSCRIBE";
    EvalSha Write "EVALSHA"; Eval Write "EVAL"; ScriptLoad Write "SCRIPT" "LOAD";
    ClientSetName Read "CLIENT" "SETNAME";
    Set Write "SET"; Del Write "DEL"; PExpire Write "PEXPIRE"; Incr Write "INCR";
    Unlink Write "UNLINK";
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
}

/// Commands for one round trip.
#[derive(Clone, Debug, Default)]
pub struct Batch {
    pub(super) pipeline: redis::Pipeline,
    pub(super) verbs: Vec<Verb>,
}

impl Batch {
    /// An empty batch.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a command; its reply stands at the same place in the answer.
    pub fn push(&mut self, request: Request) {
        self.verbs.push(request.verb);
        self.pipeline.add_command(request.cmd);
    }

    /// How many commands.
    pub fn len(&self) -> usize {
        self.verbs.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.verbs.is_empty()
    }
}
