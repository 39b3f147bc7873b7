//! What holds for a whole queue: pause, limits, deduplication ids.

use super::Queue;
use crate::conn::{ConnError, Request, Verb, bytes, integer, items};
use crate::engine::add::LIBRARY;
use crate::engine::op::{
    Code, LimitOp, OpError, QueueOp, QueueOutcome, Target, release_deduplication, run_limit, run_queue,
};
use crate::engine::script::script;
use crate::wire::meta::Meta;
use crate::wire::{Fleet, JobId, WriteEra};

/// What BullMQ counts as more starts than any limit allows: the queue rests (spec 12.2).
const HELD: u64 = 9_007_199_254_740_991;

impl Queue {
    /// Says who we are in the queue's `meta`, as the first add does, and whether the queue may be
    /// written: it is one of BullMQ 5 or 6, or a new one.
    pub async fn open(&self) -> Result<(), OpError> {
        let script = script!("client", "open", ["undecided", "event", "push", "delay", "store"]);
        let reply = self.conn.eval(script, &[self.id.key("meta")], &[LIBRARY.into()]).await?;
        match integer(&reply) {
            Some(1) => Ok(()),
            Some(code) => Err(Code::refusal(code)
                .map_or(OpError::UnknownAnswer { script: script.name, answer: code }, OpError::Refused)),
            None => Err(OpError::Shape { script: script.name }),
        }
    }

    /// Stops workers from starting jobs; what runs ends. In the way that loses least whoever resumes,
    /// which moves the waiting ids aside (`docs/pausing.md`).
    pub async fn pause(&self) -> Result<QueueOutcome, OpError> {
        self.pause_in(Fleet::Mixed).await
    }

    /// Pauses a queue all of whose clients are known: those of a fleet of BullMQ 6 alone leave the ids
    /// where they are.
    pub async fn pause_in(&self, fleet: Fleet) -> Result<QueueOutcome, OpError> {
        run_queue(&self.conn, &self.target().await?, QueueOp::Pause { fleet }).await
    }

    /// Lets workers start jobs again, whoever paused; no id is lost.
    pub async fn resume(&self) -> Result<QueueOutcome, OpError> {
        run_queue(&self.conn, &self.target().await?, QueueOp::Resume).await
    }

    /// At most so many jobs at once, over all workers; 1 or more.
    pub async fn set_global_concurrency(&self, most: u32) -> Result<(), OpError> {
        self.limit(LimitOp::SetConcurrency(most)).await
    }

    /// As many jobs at once as the workers take.
    pub async fn remove_global_concurrency(&self) -> Result<(), OpError> {
        self.limit(LimitOp::RemoveConcurrency).await
    }

    /// At most `max` starts in `duration_ms`, over all workers.
    pub async fn set_global_rate_limit(&self, max: u32, duration_ms: u64) -> Result<(), OpError> {
        self.limit(LimitOp::SetRateLimit { max, duration_ms }).await
    }

    /// No limit of the starts but the workers' own.
    pub async fn remove_global_rate_limit(&self) -> Result<(), OpError> {
        self.limit(LimitOp::RemoveRateLimit).await
    }

    /// The global concurrency, if one is set.
    pub async fn global_concurrency(&self) -> Result<Option<u64>, ConnError> {
        Ok(self.meta().await?.concurrency)
    }

    /// The global rate limit, if one is set: starts, and the ms in which they count.
    pub async fn global_rate_limit(&self) -> Result<Option<(u64, u64)>, ConnError> {
        let meta = self.meta().await?;
        Ok(meta.max.zip(meta.duration))
    }

    /// Lets no job start for so many ms. Only workers with a limiter of their own heed it, or all where
    /// a global rate limit is set: so it is in BullMQ (quirk 16.11).
    pub async fn rate_limit(&self, ms: u64) -> Result<(), OpError> {
        self.open().await?;
        let key = self.id.key("limiter");
        let set = Request::new(Verb::Set).arg(key).arg(HELD).arg("PX").arg(ms.max(1));
        self.conn.call(set).await?;
        Ok(())
    }

    /// For how many ms yet no job may start, by a limiter of `max` starts, else by the global limit.
    /// Where there is neither, what is left of the time that is counted, -2 when none is.
    pub async fn rate_limit_ttl(&self, max: Option<u64>) -> Result<i64, ConnError> {
        let key = self.id.key("limiter");
        let ttl = integer(&self.conn.call(Request::new(Verb::PTtl).arg(&key)).await?).unwrap_or(-2);
        let Some(max) = max.or(self.meta().await?.max) else { return Ok(ttl) };
        let started = self.conn.call(Request::new(Verb::Get).arg(&key)).await?;
        let started = integer(&started).unwrap_or(0);
        Ok(if started >= i64::try_from(max).unwrap_or(i64::MAX) { ttl.max(0) } else { 0 })
    }

    /// Ends the wait of a rate limit now.
    pub async fn remove_rate_limit_key(&self) -> Result<(), OpError> {
        self.limit(LimitOp::ReleaseRateLimit).await
    }

    /// The job that owns a deduplication id.
    pub async fn deduplication_owner(&self, id: &str) -> Result<Option<JobId>, ConnError> {
        let reply = self.conn.call(Request::new(Verb::Get).arg(self.dedup_key(id))).await?;
        Ok(bytes(&reply).map(JobId::new))
    }

    /// Frees a deduplication id, whoever owns it: the next add of this id is a new job. Whether it was
    /// taken.
    pub async fn remove_deduplication_key(&self, id: &str) -> Result<bool, ConnError> {
        let reply = self.conn.call(Request::new(Verb::Del).arg(self.dedup_key(id))).await?;
        Ok(integer(&reply) == Some(1))
    }

    /// Frees a deduplication id where this job owns it. Whether it did.
    pub async fn remove_deduplication_key_of(&self, id: &str, owner: &JobId) -> Result<bool, OpError> {
        let target = self.target().await?;
        let code = release_deduplication(&self.conn, &target, id.as_bytes(), owner).await?;
        Ok(code.is_done())
    }

    fn dedup_key(&self, id: &str) -> Vec<u8> {
        self.id.key(format!("de:{id}"))
    }

    async fn limit(&self, op: LimitOp) -> Result<(), OpError> {
        match run_limit(&self.conn, &self.target().await?, op).await? {
            Code::Done => Ok(()),
            code => Err(OpError::Refused(code)),
        }
    }

    pub(super) async fn meta(&self) -> Result<Meta, ConnError> {
        let mut ask = Request::new(Verb::HMGet).arg(self.id.key("meta"));
        for field in Meta::FIELDS {
            ask = ask.arg(field);
        }
        let reply = self.conn.call(ask).await?;
        Ok(Meta::decode(&items(&reply).iter().map(bytes).collect::<Vec<_>>()))
    }

    /// The queue as operations want it. A new one is begun; which library it is of is checked.
    async fn target(&self) -> Result<Target, OpError> {
        self.open().await?;
        let meta = self.meta().await?;
        let is_5 = meta.semver().is_some_and(|(_, [major, ..])| major < 6);
        let era = if is_5 { WriteEra::V5 } else { WriteEra::V6 };
        Ok(Target { queue: self.id.clone(), era })
    }
}
