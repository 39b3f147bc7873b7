//! The scripts a worker calls, with their arguments and their answers.

use std::sync::atomic::{AtomicU64, Ordering};

use serde::Serialize;
use uuid::Uuid;

use super::super::op::Code;
use super::super::script::script;
use super::end::End;
use super::{ActiveJob, WorkError, WorkerOptions};
use crate::conn::{BIG, Conn, Request, Script, Value, Verb, bytes, integer, items};
use crate::wire::{JobId, QueueId, Raw, Token};

/// Why there are no (more) jobs, as far as the server knows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(clippy::struct_field_names, reason = "the unit belongs to the name")]
pub(super) struct Idle {
    /// The rate limit holds for so many ms; 0 is none.
    pub limited_ms: i64,
    /// The first delayed job is due in so many ms (negative: it is overdue); `None`: there is none.
    pub due_in_ms: Option<i64>,
    /// The server's time, ms since the epoch.
    pub now_ms: i64,
}

/// How one job's end went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Ended {
    /// It is done.
    Done,
    /// It was done already, by a call whose answer was lost.
    Before,
    /// No child is pending; the job is still active.
    NotPending,
    /// It failed, and is in the dead-letter queue under this id.
    Buried(JobId),
    /// It failed, and is not in the dead-letter queue, because of this.
    NotBuried(Code),
}

/// What one call gave.
#[derive(Debug)]
pub(super) struct Turn {
    /// One for each job that was to end, in order.
    pub ended: Vec<Result<Ended, WorkError>>,
    /// The jobs that were taken.
    pub jobs: Vec<ActiveJob>,
    pub idle: Idle,
    /// Why none was taken, where the queue is not one for us.
    pub refused: Option<WorkError>,
}

/// What a call is to take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Take {
    pub jobs: usize,
    /// The tokens of their locks are numbered from here.
    pub first: u64,
    pub look: Look,
}

/// The largest data of a job that is read: what Redis lets a string have, with some room.
const DATA_MAX: usize = 600 * 1024 * 1024;

/// Whether to look at the evidence that the queue is one for us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Look {
    /// It was looked at just before.
    No,
    /// Where there is something to take.
    IfAny,
    /// In any case.
    Yes,
}

/// A worker's connection, queue and identity.
#[derive(Debug)]
pub(super) struct Calls {
    pub conn: Conn,
    pub queue: QueueId,
    pub options: WorkerOptions,
    prefix: String,
    tokens: AtomicU64,
    keys: [Vec<u8>; 1],
}

impl Calls {
    pub(super) fn new(conn: Conn, queue: QueueId, options: WorkerOptions) -> Self {
        let keys = [queue.key("meta")];
        let options = options.in_bounds();
        let prefix = format!("{}:", Uuid::new_v4());
        Self { conn, queue, options, prefix, tokens: AtomicU64::new(0), keys }
    }

    async fn eval(&self, script: &Script, args: &[Vec<u8>]) -> Result<Value, WorkError> {
        Ok(self.conn.eval(script, &self.keys, args).await?)
    }

    /// Numbers for the tokens of `jobs` locks; no other take has them.
    pub(super) fn take(&self, jobs: usize, look: Look) -> Take {
        Take { jobs, first: self.tokens.fetch_add(jobs as u64, Ordering::Relaxed), look }
    }

    fn token(&self, number: u64) -> Token {
        Token::new(format!("{}{number}", self.prefix))
    }

    /// Ends jobs and takes others, in one step of Redis.
    pub(super) async fn work(&self, ends: &[End], take: Take, at: Option<i64>) -> Result<Turn, WorkError> {
        let limiter = self.options.limiter;
        let mut args = Vec::with_capacity(10 + ends.len() * 5);
        args.extend([
            decimal(at),
            self.options.lock.as_millis().max(1).to_string().into_bytes(),
            self.options.name.clone().into_bytes(),
            self.options.metrics.to_string().into_bytes(),
            decimal(limiter.map(|limiter| limiter.max)),
            decimal(limiter.map(|limiter| limiter.duration.as_millis())),
            take.jobs.to_string().into_bytes(),
            self.prefix.clone().into_bytes(),
            take.first.to_string().into_bytes(),
            match take.look {
                Look::No => Vec::new(),
                Look::IfAny => b"2".to_vec(),
                Look::Yes => b"1".to_vec(),
            },
        ]);
        for end in ends {
            end.encode(&mut args);
        }
        let script = script!(
            "client",
            "work",
            [
                "event",
                "lock",
                "fetch",
                "rarely_begin",
                "undecided",
                "push",
                "delay",
                "store",
                "job",
                "flow",
                "parent",
                "dead_letter",
                "finish",
                "due",
                "parked",
                "leave",
                "rarely_end",
                "conclude"
            ]
        );
        let reply = self.eval(script, &args).await?;
        self.turn(ends, take, items(&reply))
    }

    fn turn(&self, ends: &[End], take: Take, reply: &[Value]) -> Result<Turn, WorkError> {
        let number = |place: usize| reply.get(place).and_then(integer).ok_or(WorkError::Reply);
        let refused = WorkError::check(number(0)?).err();
        let (limited_ms, due, now) = (number(1)?, number(2)?, number(3)?);
        let codes = items(reply.get(4).ok_or(WorkError::Reply)?);
        if codes.len() != ends.len() {
            return Err(WorkError::Reply);
        }
        let ended = codes.iter().zip(ends).map(|(code, end)| ended(code, end.repeated)).collect();
        let rows = reply.get(5..).unwrap_or_default().chunks_exact(2);
        let jobs = rows
            .zip(take.first..)
            .map(|(row, n)| ActiveJob::parse(row, now, self.token(n)).ok_or(WorkError::Reply))
            .collect::<Result<_, _>>()?;
        let idle = Idle { limited_ms, due_in_ms: (due > 0).then_some(due - now), now_ms: now };
        Ok(Turn { ended, jobs, idle, refused })
    }

    /// Jobs that a call took whose answer was lost: those in `active` whose locks have its tokens.
    /// Their locks last anew.
    pub(super) async fn recover_taken(&self, take: Take) -> Result<Vec<ActiveJob>, WorkError> {
        let args = [
            self.options.lock.as_millis().max(1).to_string().into_bytes(),
            self.prefix.clone().into_bytes(),
            take.first.to_string().into_bytes(),
            take.jobs.to_string().into_bytes(),
        ];
        let reply = self.eval(script!("client", "recover", ["event", "fetch"]), &args).await?;
        items(&reply)
            .chunks_exact(4)
            .map(|row| {
                let [number, started, row @ ..] = row else { return Err(WorkError::Reply) };
                let number = integer(number).ok_or(WorkError::Reply)?;
                let started = integer(started).unwrap_or(0);
                let job =
                    ActiveJob::parse(row, started, self.token(number as u64)).ok_or(WorkError::Reply)?;
                // Its start is counted in the hash already.
                Ok(ActiveJob { attempts_started: job.attempts_started.saturating_sub(1), ..job })
            })
            .collect()
    }

    /// The data of a job, over a connection of its own: for jobs too large for the reply that took them.
    pub(super) async fn data(&self, id: &JobId) -> Result<Raw, WorkError> {
        let mut line = self.conn.dedicated().await?.with_reply_max(DATA_MAX);
        let ask = Request::new(Verb::HGet).arg(self.queue.job(id)).arg("data");
        let reply = line.call(ask, BIG).await?;
        Ok(Raw::new(bytes(&reply).unwrap_or_default()))
    }

    /// Wakes another worker if the queue has jobs that one may take now, and tells when the first
    /// delayed one is due: for a worker that takes no more.
    pub(super) async fn wake_others(&self) -> Result<(), WorkError> {
        self.eval(script!("client", "wake", ["undecided", "event", "push"]), &[]).await.map(drop)
    }

    /// Renews locks; returns the jobs whose lock is lost.
    pub(super) async fn renew(&self, held: &[(JobId, Token)]) -> Result<Vec<JobId>, WorkError> {
        let mut args = vec![self.options.lock.as_millis().max(1).to_string().into_bytes()];
        for (id, token) in held {
            args.push(id.as_bytes().to_vec());
            args.push(token.as_bytes().to_vec());
        }
        let reply = self.eval(script!("client", "renew", []), &args).await?;
        Ok(items(&reply).iter().filter_map(bytes).map(JobId::new).collect())
    }

    /// Puts back the jobs of dead workers; returns them.
    pub(super) async fn recover_stalled(&self, at: Option<i64>) -> Result<Vec<JobId>, WorkError> {
        let mut args = [
            decimal(at),
            self.options.stalled_interval.as_millis().max(1).to_string().into_bytes(),
            self.options.max_stalled.to_string().into_bytes(),
            Vec::new(),
        ];
        let mut recovered = Vec::new();
        loop {
            let script = script!("client", "stalled", ["undecided", "event", "push"]);
            let reply = match self.eval(script, &args).await {
                // What is left of the suspects is looked at with the next interval.
                Err(error) if !recovered.is_empty() => {
                    tracing::warn!(queue = %self.queue.clean(), %error, "stalled jobs not looked for to the end");
                    return Ok(recovered);
                }
                reply => reply?,
            };
            if let Some(code) = integer(&reply) {
                WorkError::check(code)?;
            }
            let [more, ids @ ..] = items(&reply) else { return Err(WorkError::Reply) };
            recovered.extend(ids.iter().filter_map(bytes).map(JobId::new));
            if integer(more) != Some(1) {
                return Ok(recovered);
            }
            args[3] = b"1".to_vec();
        }
    }

    pub(super) async fn progress(&self, id: &JobId, progress: &impl Serialize) -> Result<(), WorkError> {
        let args = [id.as_bytes().to_vec(), json(progress)?];
        let reply = self.eval(script!("client", "progress", ["event"]), &args).await?;
        WorkError::check(integer(&reply).ok_or(WorkError::Reply)?).map(|_| ())
    }

    pub(super) async fn clear_logs(&self, id: &JobId, keep: u64) -> Result<(), WorkError> {
        let args = [id.as_bytes().to_vec(), keep.to_string().into_bytes()];
        self.eval(script!("client", "cut_log", []), &args).await.map(drop)
    }

    /// Returns how many lines there are.
    pub(super) async fn log(&self, job: &ActiveJob, line: &[u8]) -> Result<u64, WorkError> {
        let args = [job.id.as_bytes().to_vec(), line.to_vec(), decimal(job.ending.keep_logs)];
        let reply = self.eval(script!("client", "log", []), &args).await?;
        WorkError::check(integer(&reply).ok_or(WorkError::Reply)?).map(|lines| lines as u64)
    }
}

/// What `work.lua` says of one job.
fn ended(code: &Value, repeated: bool) -> Result<Ended, WorkError> {
    if let [why, id] = items(code) {
        // A dead letter: its new id, or the code of the queue's refusal.
        return match integer(why) {
            Some(0) => bytes(id).map(|id| Ended::Buried(JobId::new(id))).ok_or(WorkError::Reply),
            Some(code) => Code::refusal(code).map(Ended::NotBuried).ok_or(WorkError::Code(code)),
            None => Err(WorkError::Reply),
        };
    }
    let Some(number) = integer(code) else {
        let text = bytes(code).map(|text| crate::text::Clean::line(text).as_str().to_owned());
        return Err(WorkError::Step(text.unwrap_or_default()));
    };
    match (WorkError::check(number), number) {
        (Ok(_), 0) => Ok(Ended::Done),
        (Ok(_), 1) => Ok(Ended::Before),
        (Ok(_), 2) => Ok(Ended::NotPending),
        // Removed when it finished, as its options say.
        (Err(WorkError::Missing), _) if repeated => Ok(Ended::Before),
        (Err(error), _) => Err(error),
        (Ok(_), _) => Err(WorkError::Code(number)),
    }
}

/// JSON text of a value; what serde calls a unit is `null`, as Node writes `undefined`.
pub(super) fn json(value: &impl Serialize) -> Result<Vec<u8>, WorkError> {
    serde_json::to_vec(value).map_err(|error| WorkError::Json(error.to_string()))
}

fn decimal(number: Option<impl ToString>) -> Vec<u8> {
    number.map(|number| number.to_string().into_bytes()).unwrap_or_default()
}
