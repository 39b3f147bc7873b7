//! Data that no sane server would send, made from one number.

use std::collections::HashSet;
use std::sync::Arc;

use toril::app::effect::{Answer, FlowPart, FlowQuery, Hunt, JournalRead, Logged, Query, ScanResult, Taken};
use toril::app::link::{LinkPhase, LinkView};
use toril::app::screen::errors;
use toril::app::screen::{schedulers, workers};
use toril::conn::{Sent, Verb, What};
use toril::engine::read::failures::Part as Stretch;
use toril::engine::read::flow::{Member, Offspring, Survey};
use toril::engine::read::job::{Children, Field, JobDetail, LogPage, Parent};
use toril::engine::read::page::{Brief, JobRow, Page, PageQuery};
use toril::engine::read::running::Running;
use toril::engine::read::schedulers::{Generation, Scheduler};
use toril::engine::read::walk::{Cost as WalkCost, Coverage};
use toril::engine::read::{Child, ChildKind, FieldValue, NextRun, Roster, Standing};
use toril::insight::errors::{self as causes, Failure, cause};
use toril::insight::find::{Found, Hit, Phase};
use toril::insight::scheduler::judge;
use toril::insight::workers::{Usual, Usuals};
use toril::monitor::marks::{Happened, Mark, Marks};
use toril::monitor::redis::{Clients, HealthPoint, Memory, Persistence, SlowEntry};
use toril::monitor::snapshot::{Cost, Discovery, RatePoint};
use toril::monitor::workers::Connected;
use toril::monitor::{Drain, FeedEvent, QueueRow, RedisHealth, Snapshot, Workers};
use toril::operate::Preview;
use toril::operate::journal::{Confirmed, Intent, JournalId, Kept, Outcome, Part, Place, Who};
use toril::text::Clean;
use toril::wire::{Era, JobId, Prefix, QueueId, QueueName, Raw, State, Token};

use super::{NOW, hostile};

/// A source of numbers that depends on its seed alone.
pub struct Chaos {
    state: u64,
    texts: Vec<Vec<u8>>,
}

impl Chaos {
    pub fn new(seed: u64) -> Self {
        Self { state: seed | 1, texts: hostile::texts() }
    }

    /// The next number (xorshift).
    fn number(&mut self) -> u64 {
        self.state ^= self.state << 13;
        self.state ^= self.state >> 7;
        self.state ^= self.state << 17;
        self.state
    }

    pub fn below(&mut self, n: usize) -> usize {
        usize::try_from(self.number() % n.max(1) as u64).unwrap()
    }

    pub fn coin(&mut self) -> bool {
        self.number().is_multiple_of(2)
    }

    pub fn pick<T: Clone>(&mut self, of: &[T]) -> T {
        of[self.below(of.len())].clone()
    }

    /// Mostly small, sometimes as large as it gets. What is added up is divided by 4,096: no server
    /// holds so many that their sum would be too large.
    pub fn count(&mut self) -> u64 {
        match self.below(8) {
            0 | 1 => 0,
            2..=4 => self.number() % 100,
            5 | 6 => self.number() % 10_000_000,
            _ => u64::MAX / (1 + self.number() % 5),
        }
    }

    pub fn rate(&mut self) -> f64 {
        match self.below(10) {
            0 | 1 => 0.0,
            2 => f64::NAN,
            3 => f64::INFINITY,
            4 => -1.0,
            5 => 1e300,
            _ => (self.number() % 100_000) as f64 / 7.0,
        }
    }

    /// A moment: about now, long ago, never, or nonsense.
    pub fn moment(&mut self) -> i64 {
        match self.below(6) {
            0 => 0,
            // As far as a number that was read can go.
            1 => 1 << 53,
            2 => -(1 << 53),
            3 => NOW + (self.number() % 100_000_000) as i64,
            _ => NOW - (self.number() % 100_000_000) as i64,
        }
    }

    pub fn maybe<T>(&mut self, make: impl FnOnce(&mut Self) -> T) -> Option<T> {
        if self.coin() { Some(make(self)) } else { None }
    }

    pub fn some<T>(&mut self, most: usize, mut make: impl FnMut(&mut Self) -> T) -> Vec<T> {
        (0..self.below(most + 1)).map(|_| make(self)).collect()
    }

    /// Hostile bytes: one of the known kinds, two of them, or plain noise.
    pub fn bytes(&mut self) -> Vec<u8> {
        match self.below(4) {
            0 | 1 => {
                let texts = std::mem::take(&mut self.texts);
                let text = self.pick(&texts);
                self.texts = texts;
                text
            }
            2 => {
                let (mut a, b) = (self.bytes(), self.bytes());
                a.extend(b);
                a
            }
            _ => self.some(40, |chaos| chaos.number().to_le_bytes()[3]),
        }
    }

    /// One of the known kinds of hostile bytes.
    pub fn texts_at(&self, at: usize) -> Vec<u8> {
        self.texts[at].clone()
    }

    pub fn clean(&mut self) -> Clean {
        Clean::line(self.bytes())
    }

    fn raw(&mut self) -> Raw {
        Raw::new(self.bytes())
    }

    pub fn marks(&mut self) -> Marks {
        let mark = |chaos: &mut Self| {
            let n = chaos.count();
            let what = chaos.pick(&[
                Happened::Failures(n),
                Happened::WorkersCame(n),
                Happened::WorkersLeft(n),
                Happened::Paused,
                Happened::Evicted(n),
                Happened::FailedOver,
            ]);
            Mark { at: NOW - i64::try_from(chaos.count() % 400_000).unwrap(), what }
        };
        self.some(6, mark).into()
    }

    fn member(&mut self, queue: &QueueId, id: &JobId) -> Member {
        let text = |chaos: &mut Self| Brief::Text(chaos.clean());
        Member {
            queue: queue.clone(),
            id: id.clone(),
            exists: self.coin(),
            state: self.maybe(|chaos| chaos.pick(&State::ALL)),
            supposed: self.coin(),
            refused: self.coin(),
            name: text(self),
            reason: text(self),
            progress: text(self),
            timestamp: None,
            processed_on: Some(NOW),
            finished_on: self.maybe(|_| NOW),
            children: Children { pending: self.count() / 4096, ..Children::default() },
            parent: None,
        }
    }

    fn queue_id(&mut self) -> QueueId {
        let prefix = if self.coin() { Prefix::default() } else { Prefix::new(self.bytes()) };
        QueueId::new(prefix, QueueName::legacy(self.bytes()))
    }

    fn era(&mut self) -> Era {
        use Era::{Bull3, Bull4, Pro, Unknown, V1, V2, V3, V4, V5, V6};
        self.pick(&[Bull3, Bull4, V1, V2, V3, V4, V5, V5, V6, V6, Pro, Unknown])
    }

    pub fn link(&mut self) -> LinkView {
        let (why, hint) = (self.clean(), self.clean());
        let state = match self.below(6) {
            0 => LinkPhase::Connecting,
            1 => LinkPhase::Impaired { why, hint },
            2 => LinkPhase::Down { why, hint, retry_at: NOW + (self.number() % 60_000) as i64 },
            3 => LinkPhase::Refused { why, hint },
            _ => LinkPhase::Up,
        };
        let waiting_since = self.maybe(|chaos| NOW - (chaos.number() % 100_000) as i64);
        LinkView { state, round_trip_us: self.maybe(Self::count), waiting_since, ..LinkView::default() }
    }

    pub fn snapshot(&mut self) -> Snapshot {
        let mut queues = self.some(60, Self::queue);
        queues.sort_by(|a, b| a.name.cmp(&b.name));
        let connected = self.connected(&queues);
        Snapshot {
            marks: self.marks(),
            connected,
            generation: self.number(),
            queues: queues.into_iter().map(Arc::new).collect(),
            discovery: Discovery {
                prefixes: self.some(3, |chaos| Prefix::new(chaos.bytes())),
                scanned: self.count(),
                keys: self.count(),
                complete: self.coin(),
                remembered: self.coin(),
                refused: self.coin(),
            },
            redis: self.maybe(Self::health).map(Arc::new),
            cost: Cost { commands_per_s: self.rate(), bytes_per_s: self.rate(), cpu: self.maybe(Self::rate) },
            clock_offset_ms: (self.number() % 10_000) as i64 - 5000,
            refused: self.some(3, Self::clean),
            slowed: self.maybe(Self::clean),
        }
    }

    fn connected(&mut self, queues: &[QueueRow]) -> Connected {
        let mut list = Vec::new();
        for (at, row) in queues.iter().enumerate() {
            for one in 0..self.below(4) {
                list.extend(
                    format!("id={at}{one} addr=10.0.0.{one}:{at} age={} name=", self.count()).bytes(),
                );
                list.extend(row.id.client_names()[0].iter());
                if self.coin() {
                    let name: Vec<u8> = self.bytes().into_iter().filter(|byte| *byte > b' ').collect();
                    list.extend(b":w:".iter().chain(&name));
                }
                list.extend(format!(" cmd={}\n", self.pick(&["bzpopmin", "brpoplpush", "evalsha"])).bytes());
            }
        }
        match self.below(5) {
            0 => Connected::Unknown,
            1 => Connected::NotPermitted,
            _ => {
                let roster = Arc::new(Roster::parse(&String::from_utf8_lossy(&list), 0));
                Connected::Known { at: self.moment(), roster }
            }
        }
    }

    fn queue(&mut self) -> QueueRow {
        let mut row = QueueRow::found(self.queue_id());
        row.era = self.era();
        row.counts.waiting = self.count();
        row.counts.paused = self.count() / 4096;
        row.counts.prioritized = self.count() / 4096;
        row.counts.active = self.count() / 4096;
        row.counts.delayed = self.count() / 4096;
        row.counts.waiting_children = self.count() / 4096;
        row.counts.completed = self.count() / 4096;
        row.counts.failed = self.count() / 4096;
        row.counts.waiting /= 4096;
        row.backlog = self.count() / 4096;
        row.paused = self.coin();
        row.split = self.below(4) == 0;
        row.concurrency = self.maybe(Self::count);
        row.rate = self.maybe(|chaos| (chaos.count(), chaos.count() / 4));
        row.limited_ms = self.maybe(Self::moment);
        row.schedulers = self.count();
        row.workers = match self.below(4) {
            0 => Workers::Unknown,
            1 => Workers::NotPermitted,
            _ => Workers::Count(self.below(3) as u32),
        };
        row.in_per_s = self.maybe(Self::rate);
        row.out_per_s = self.maybe(Self::rate);
        row.failure_share = self.maybe(Self::rate);
        row.oldest_at = self.maybe(Self::moment);
        row.next_due_at = self.maybe(Self::moment);
        row.oldest_active_at = self.maybe(Self::moment);
        row.drain = match self.below(5) {
            0 => Drain::Unknown,
            1 => Drain::Empty,
            2 => Drain::In(self.rate()),
            3 => Drain::Growing,
            _ => Drain::Still,
        };
        let points = self.some(40, |chaos| RatePoint {
            at: chaos.moment(),
            added: chaos.rate() as f32,
            finished: chaos.rate() as f32,
            failed: chaos.rate() as f32,
            backlog: chaos.number() as u32,
        });
        row.history = points.into();
        row.changed_at = row.changed_at.map(|_| NOW - (self.number() % 3000) as i64);
        row.sampled_at = if self.coin() { NOW } else { 0 };
        row.error = if self.below(5) == 0 { Some(self.clean()) } else { None };
        row.era_note.version = self.maybe(Self::clean);
        row.era_note.evidence = self.some(4, Self::clean);
        row
    }

    fn health(&mut self) -> RedisHealth {
        if self.below(5) == 0 {
            return RedisHealth::default();
        }
        RedisHealth {
            at: NOW - (self.number() % 60_000) as i64,
            version: self.clean(),
            flavour: self.clean(),
            mode: self.clean(),
            role: if self.coin() { Clean::line("slave") } else { self.clean() },
            uptime_s: self.count(),
            memory: Memory {
                used: self.count(),
                peak: self.count(),
                max: self.count(),
                system: self.count(),
                rss: self.count(),
                fragmentation: self.rate(),
                policy: self.clean(),
                full_in_s: self.maybe(Self::count),
            },
            clients: Clients { connected: self.count(), blocked: self.count(), max: self.count() },
            hit_rate: self.maybe(Self::rate),
            ops_per_s: self.maybe(Self::rate),
            hits: self.count(),
            misses: self.count(),
            evicted: self.count(),
            evicted_per_s: self.rate(),
            expired: self.count(),
            expired_per_s: self.rate(),
            net_in_per_s: self.rate(),
            net_out_per_s: self.rate(),
            cpu: self.maybe(Self::rate),
            keys: self.count(),
            expiring_keys: self.count(),
            persistence: Persistence {
                aof: self.coin(),
                aof_ok: self.coin(),
                rdb_ok: self.coin(),
                last_save_s: self.moment() / 1000,
                changes: self.count(),
                loading: self.coin(),
            },
            slow_log: self.maybe(|chaos| {
                chaos.some(40, |chaos| SlowEntry {
                    at_s: chaos.moment() / 1000,
                    took_us: chaos.count(),
                    command: chaos.clean(),
                    client: chaos.clean(),
                })
            }),
            command_mix: self.some(12, |chaos| (chaos.clean(), chaos.rate())),
            history: self.history(),
            missing: self.some(3, Self::clean),
            ..RedisHealth::default()
        }
    }

    fn history(&mut self) -> Vec<HealthPoint> {
        let mut at = NOW - 3_600_000;
        self.some(400, |chaos| {
            at += (chaos.number() % 10_000) as i64;
            HealthPoint {
                at,
                used: chaos.count(),
                hit_rate: chaos.maybe(Self::rate),
                ops_per_s: chaos.rate(),
                clients: chaos.count(),
                evicted_per_s: chaos.rate(),
                expired_per_s: chaos.rate(),
                net_in_per_s: chaos.rate(),
                net_out_per_s: chaos.rate(),
                cpu: chaos.rate(),
            }
        })
    }

    pub(super) fn standing(&mut self) -> Standing {
        let chaos = self;
        let patterns = ["0 9 * * 1-5", "* * * * *", "61 * * * *", ""];
        Standing {
            scheduler: Scheduler {
                key: chaos.raw(),
                generation: chaos.pick(&[Generation::Legacy, Generation::Repeatable, Generation::Scheduler]),
                next_at: chaos.moment(),
                name: chaos.clean(),
                pattern: chaos.maybe(|chaos| {
                    if chaos.coin() { chaos.clean() } else { Clean::line(chaos.pick(&patterns)) }
                }),
                every: chaos.maybe(Self::count),
                zone: chaos.maybe(
                    |chaos| {
                        if chaos.coin() { chaos.clean() } else { Clean::line("Europe/Berlin") }
                    },
                ),
                iterations: chaos.maybe(Self::count),
                limit: chaos.maybe(Self::count),
                end_at: chaos.maybe(Self::moment),
                offset: chaos.maybe(Self::moment),
                start_at: chaos.maybe(Self::moment),
            },
            run: NextRun {
                held: chaos.coin(),
                unsure: chaos.coin(),
                id: chaos.maybe(|chaos| JobId::new(chaos.bytes())),
                exists: chaos.coin(),
                state: chaos.maybe(|chaos| chaos.pick(&State::ALL)),
                timestamp: chaos.maybe(Self::moment),
                processed_on: chaos.maybe(Self::moment),
                finished_on: chaos.maybe(Self::moment),
                count: chaos.maybe(Self::count),
                limit: chaos.maybe(Self::count),
            },
        }
    }

    fn schedulers_of(&mut self, queue: &QueueId) -> schedulers::OfQueue {
        let found = self.some(3, Self::standing);
        let found = if self.below(6) == 0 { Err(self.clean()) } else { Ok(found) };
        let judged = found
            .map(|found| found.into_iter().map(|one: Standing| (one.clone(), judge(&one, NOW))).collect());
        schedulers::OfQueue { queue: queue.clone(), total: self.count(), found: judged }
    }

    fn running_in(&mut self, queue: &QueueId) -> workers::OfQueue {
        let found = self.some(4, |chaos| Running {
            row: chaos.job_row(),
            lock: chaos.maybe(|chaos| Token::new(chaos.bytes())),
            lock_ttl_ms: chaos.maybe(Self::moment),
        });
        let found = if self.below(6) == 0 { Err(self.clean()) } else { Ok(found) };
        workers::OfQueue { queue: queue.clone(), total: self.count(), found, at: self.moment() }
    }

    fn usuals(&mut self) -> Usuals {
        let one = |chaos: &mut Self| {
            let usual =
                Usual { median_ms: chaos.moment(), longest_ms: chaos.moment(), jobs: chaos.below(100) };
            (chaos.clean(), usual)
        };
        self.some(5, |chaos| one(chaos)).into_iter().collect()
    }

    pub fn events(&mut self) -> Vec<FeedEvent> {
        const NAMES: [&str; 10] = [
            "added",
            "waiting",
            "active",
            "completed",
            "failed",
            "progress",
            "delayed",
            "stalled",
            "retries-exhausted",
            "removed",
        ];
        const FIELDS: [&str; 7] = ["prev", "failedReason", "returnvalue", "data", "delay", "name", "jobId"];
        let queues: Vec<QueueId> = (0..3).map(|_| self.queue_id()).collect();
        self.some(80, |chaos| FeedEvent {
            at: chaos.moment(),
            entry: chaos.clean(),
            queue: chaos.pick(&queues),
            event: if chaos.below(4) == 0 { chaos.clean() } else { Clean::line(chaos.pick(&NAMES)) },
            job: chaos.maybe(|chaos| JobId::new(chaos.bytes())),
            fields: chaos.some(4, |chaos| {
                let name = if chaos.below(4) == 0 { chaos.raw() } else { Raw::new(chaos.pick(&FIELDS)) };
                (name, chaos.raw())
            }),
        })
    }

    /// An answer to a question.
    pub fn answer(&mut self, query: &Query) -> Result<Answer, Clean> {
        if self.below(8) == 0 {
            return Err(self.clean());
        }
        Ok(match query {
            Query::Page(_, query) => Answer::Page(self.page(query)),
            Query::Job(_, queue, id, state) => {
                let (queue, id, state) = (queue.clone(), id.clone(), *state);
                Answer::Job(self.maybe(|chaos| Box::new(chaos.job(queue, id, state))))
            }
            Query::Flow(FlowQuery::Line(queue, id)) => {
                Answer::Flow(Box::new(FlowPart::Line(vec![self.member(queue, id), self.member(queue, id)])))
            }
            Query::Flow(FlowQuery::Children(node, queue, ..)) => {
                let child = |chaos: &mut Self| Child {
                    key: chaos.raw(),
                    kind: ChildKind::Pending,
                    queue: (chaos.below(4) > 0).then(|| queue.clone()),
                    id: Some(JobId::new(chaos.raw().as_bytes())),
                };
                let count = self.below(60);
                let children = (0..count).map(|_| child(self)).collect();
                Answer::Flow(Box::new(FlowPart::Children(*node, Offspring { children, next: None })))
            }
            Query::Flow(FlowQuery::Members(jobs)) => {
                let members = jobs.iter().map(|(queue, id)| self.member(queue, id)).collect();
                Answer::Flow(Box::new(FlowPart::Members(members)))
            }
            Query::Flow(FlowQuery::Survey(queue, id, _)) => {
                let path = vec![(queue.clone(), id.clone())];
                let gone = (self.below(2) == 0).then_some(path);
                Answer::Flow(Box::new(FlowPart::Survey(Survey { gone, ..Survey::default() })))
            }
            Query::Reveal(..) => Answer::Revealed((self.below(3) == 0).then(|| Clean::line("no folder"))),
            Query::Field(..) | Query::Draft(..) => Answer::Field(match self.below(4) {
                0 => FieldValue::Absent,
                1 => FieldValue::TooLarge(self.count()),
                _ => FieldValue::Value(self.raw()),
            }),
            Query::Logs(_, _, from, _) => Answer::Logs(LogPage {
                total: self.count(),
                offset: from.unwrap_or_default(),
                lines: self.some(60, Self::raw),
            }),
            Query::Scan { query, .. } => Answer::Scan(ScanResult {
                rows: self.page(query).rows,
                scanned: self.count(),
                total: self.count(),
                complete: self.coin(),
                note: self.coin().then(|| self.clean()),
                ..ScanResult::default()
            }),
            Query::Find(hunt) => Answer::Find(Box::new(self.found(hunt))),
            Query::Export(_) => Answer::Exported(self.count()),
            Query::Preview(_) => Answer::Preview(Preview {
                matched: self.count(),
                sample: self.some(10, |chaos| JobId::new(chaos.bytes())),
                effects: self.some(6, Self::clean),
                bytes: self.coin().then(|| self.count()),
            }),
            Query::Errors(wanted) => Answer::Errors(Box::new(self.errors(wanted))),
            Query::Onsets(..) => Answer::Onsets(
                self.some(30, |chaos| {
                    let failures = chaos.errors(&errors::Wanted::Recent(Vec::new())).failures;
                    failures.into_iter().map(|failure| (Stretch::Last, failure)).collect::<Vec<_>>()
                })
                .concat(),
            ),
            Query::Journal(_) => Answer::Journal(self.coin().then(|| self.journal())),
            Query::Schedulers(queues) => Answer::Schedulers(schedulers::Read {
                of: queues.len(),
                complete: self.below(4) > 0,
                queues: queues.iter().take(4).map(|(_, queue)| self.schedulers_of(queue)).collect(),
            }),
            Query::Workers(wanted) => Answer::Workers(workers::Read {
                complete: self.below(4) > 0,
                queues: wanted.queues.iter().take(6).map(|(_, queue)| self.running_in(queue)).collect(),
                usuals: wanted.usual.iter().map(|queue| (queue.clone(), self.usuals())).collect(),
            }),
            Query::Doctor(round) => {
                let queues = round.queues.iter().take(20);
                let queues: Vec<_> =
                    queues.map(|queue| (queue.clone(), self.some(5, |c| JobId::new(c.bytes())))).collect();
                let complete = self.coin();
                Answer::Survey(Box::new(crate::doctor::survey(&queues, complete)))
            }
            Query::Why(queue, _) => Answer::Why(Box::new(self.sight(queue))),
            Query::Owner(..) => Answer::Owner(self.coin().then(|| JobId::new(self.bytes()))),
            Query::Sent(after) => Answer::Sent(self.sent(*after)),
            Query::Undoable(_) | Query::Resumable(..) => Answer::Undoable(Box::new(Taken {
                id: JournalId(self.count()),
                word: self.clean(),
                at: NOW,
                queue: self.queue_id(),
                jobs: self.count(),
                sample: self.some(10, |chaos| JobId::new(chaos.bytes())),
                keys: self.count(),
                bytes: self.count(),
                edits: self.some(2, Self::clean),
            })),
        })
    }

    fn errors(&mut self, wanted: &errors::Wanted) -> errors::News {
        let queues: Vec<QueueId> = (0..3).map(|_| self.queue_id()).collect();
        let failures = self.some(60, |chaos| {
            let (reason, stack) = (chaos.bytes(), chaos.bytes());
            let cause = cause(causes::Field::Value(&reason), causes::Field::Value(&stack)).into();
            Failure { queue: chaos.pick(&queues), job: JobId::new(chaos.bytes()), at: chaos.moment(), cause }
        });
        let present = match wanted {
            errors::Wanted::Present(queue, at) => Some((queue.clone(), HashSet::new(), *at)),
            _ => None,
        };
        let (read, total) = (self.count(), self.count());
        let coverage = self.coin().then(|| Coverage { read, total, ..Coverage::default() });
        errors::News { failures, coverage, per_second: self.below(9) as f64, present, complete: self.coin() }
    }

    fn journal(&mut self) -> JournalRead {
        let acts = self.some(40, |chaos| {
            let word = |chaos: &mut Self| String::from_utf8_lossy(&chaos.bytes()).into_owned();
            let intent = Intent {
                who: Who { user: Some(word(chaos)), pid: 7, ..Who::default() },
                place: Place { endpoint: word(chaos), ..Place::default() },
                action: word(chaos),
                queue: word(chaos),
                prefix: word(chaos),
                era: word(chaos),
                selector: word(chaos),
                matched: chaos.coin().then(|| chaos.count()),
                confirmed: Confirmed::Typed,
                command: word(chaos),
                plan: serde_json::Value::Null,
                version: word(chaos),
            };
            let counts = Part { done: chaos.count(), changed: chaos.count(), failed: chaos.count() };
            let ids = chaos.some(9, word);
            let outcome = Outcome {
                ended: word(chaos),
                counts,
                reason: Some(word(chaos)),
                ids,
                undoable: chaos.coin(),
            };
            let end = chaos.coin().then_some((NOW, outcome));
            let act = Kept { id: JournalId(chaos.count()), at: NOW - 1000, intent, part: None, end };
            Logged { act, bytes: chaos.coin().then(|| chaos.count()), runs: chaos.coin() }
        });
        let broken = self.some(2, |_| 7);
        JournalRead { size: self.count(), acts, broken }
    }

    fn sent(&mut self, after: u64) -> Vec<Sent> {
        let whats: Vec<What> = self.some(60, |chaos| {
            if chaos.coin() {
                return What::Act(chaos.clean());
            }
            What::Commands {
                verb: Verb::HGet,
                script: None,
                key: Some(chaos.clean()),
                count: 3,
                took: std::time::Duration::from_micros(chaos.count()),
                failed: chaos.coin(),
            }
        });
        let numbers = after.saturating_add(1)..;
        whats.into_iter().zip(numbers).map(|(what, number)| Sent { number, at: NOW, what }).collect()
    }

    fn found(&mut self, hunt: &Hunt) -> Found {
        let queues = hunt.queues.clone();
        let hits = self.some(80, |chaos| {
            let (queue, era) = chaos.pick(&queues);
            let state = chaos.pick(&hunt.states);
            Hit {
                queue,
                era,
                state,
                id: JobId::new(chaos.bytes()),
                name: chaos.clean(),
                at: chaos.coin().then(|| NOW - chaos.count() as i64),
                due_at: None,
                score: None,
                place: chaos.pick(&[None, Some("id"), Some("data"), Some("failedReason")]),
                excerpt: chaos.clean(),
            }
        });
        let phase = match self.below(4) {
            0 => Phase::Waiting(self.clean()),
            1 => Phase::Over,
            2 => Phase::Enough,
            _ => Phase::Reading,
        };
        let coverage = Coverage { read: self.count(), total: self.count(), ..Coverage::default() };
        let cost = WalkCost { bytes: self.count(), per_second: self.count() as f64, ..WalkCost::default() };
        Found { hits, coverage, cost, phase, note: self.coin().then(|| self.clean()) }
    }

    fn page(&mut self, query: &PageQuery) -> Page {
        let rows = self.some(60, Self::job_row);
        Page { query: query.clone(), total: self.count(), rows }
    }

    fn brief(&mut self) -> Brief {
        match self.below(4) {
            0 => Brief::Absent,
            1 => Brief::Large(self.count()),
            _ => Brief::Text(self.clean()),
        }
    }

    fn job_row(&mut self) -> JobRow {
        let id = JobId::new(self.bytes());
        JobRow {
            shown_id: id.clean(),
            id,
            gone: self.below(6) == 0,
            name: self.brief(),
            reason: self.brief(),
            progress: self.brief(),
            timestamp: self.maybe(Self::moment),
            due_at: self.maybe(Self::moment),
            processed_on: self.maybe(Self::moment),
            finished_on: self.maybe(Self::moment),
            delay: self.maybe(Self::moment),
            priority: self.number() as i64,
            attempts_made: self.count(),
            attempts_started: self.maybe(Self::count),
            worker: self.maybe(Self::clean),
            child: self.coin(),
            scheduled: self.coin(),
        }
    }

    fn job(&mut self, queue: QueueId, id: JobId, state: Option<State>) -> JobDetail {
        const NAMES: [&str; 16] = [
            "name",
            "data",
            "opts",
            "timestamp",
            "delay",
            "priority",
            "processedOn",
            "finishedOn",
            "atm",
            "ats",
            "attemptsMade",
            "failedReason",
            "stacktrace",
            "returnvalue",
            "progress",
            "pb",
        ];
        let mut fields: Vec<Field> = Vec::new();
        for name in NAMES {
            if self.coin() {
                fields.push(self.field(Raw::new(name)));
            }
        }
        fields.extend(self.some(4, |chaos| {
            let name = chaos.raw();
            chaos.field(name)
        }));
        JobDetail {
            queue,
            id,
            state,
            field_count: fields.len() as u64 + self.count() % 3,
            fields,
            logs: self.count(),
            lock: self.maybe(|chaos| (Token::new(chaos.bytes()), chaos.maybe(Self::moment))),
            due_at: self.maybe(Self::moment),
            children: Children {
                processed: self.count() / 4096,
                pending: self.count() / 4096,
                failed: self.count() / 4096,
                ignored: self.count() / 4096,
            },
            parent: self.maybe(|chaos| Parent {
                key: chaos.raw(),
                queue: chaos.maybe(Self::queue_id),
                id: chaos.maybe(|chaos| JobId::new(chaos.bytes())),
            }),
        }
    }

    fn field(&mut self, name: Raw) -> Field {
        const JSON: [&str; 6] = [
            "{\"a\":{\"b\":[1,2,{\"c\":\"\\u001b[31m\\u202e\"}]},\"d\":null}",
            "[\"Error: boom\\n    at f (a.ts:1:2)\\n    at g\",\"Error: boom\\n    at f (a.ts:1:2)\"]",
            "1700000000000",
            "42",
            "\"text\"",
            "[[[[[[[[[[",
        ];
        let value = if self.coin() { Raw::new(self.pick(&JSON)) } else { self.raw() };
        let size = value.as_bytes().len() as u64;
        match self.below(5) {
            0 => Field { name, size: self.count(), value: None },
            _ => Field { name, size, value: Some(value) },
        }
    }
}
