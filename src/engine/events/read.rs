//! Reading a stream page by page, in bounded replies, without losing the place.

use std::time::Duration;

use super::super::read::stream::streams;
use super::super::script::script;
use super::event::QueueEvent;
use super::{EventKind, EventsError, EventsOptions, StartAt, StreamId};
use crate::conn::{
    Access, Batch, Conn, ConnError, Dedicated, Kind, Request, Value, Verb, bytes, field, integer, items,
};
use crate::wire::event::Entry;
use crate::wire::{JobId, QueueId, Raw};

/// How long an answer may take beyond the time for which the server was asked to wait.
const SLACK: Duration = Duration::from_secs(3);
/// Entries of the first reply: nothing is known of their size yet.
const FIRST: usize = 10;
/// Part of the largest reply that a page aims at, since the next entries may be larger.
const AIM: usize = 8;
/// Smallest limit of a reply that makes sense.
const REPLY_MIN: usize = 64 * 1024;
/// Longest name of an event that is told of an entry which is too large.
const NAME_MAX: usize = 256;

/// What stands in the stream behind which nothing is missing, and how that is found out.
#[derive(Clone, Copy, Debug)]
enum Anchor {
    /// Nothing was read yet that could have been trimmed.
    None,
    /// A place that the caller named: the oldest entry must not be later.
    Place,
    /// An entry that was read. As long as it is there nothing behind it was trimmed, because streams are
    /// trimmed from their beginning.
    Entry(StreamId),
}

/// A stream and a place in it.
#[derive(Debug)]
pub(super) struct Reader {
    conn: Conn,
    queue: QueueId,
    key: Vec<u8>,
    options: EventsOptions,
    socket: Option<Dedicated>,
    cursor: StreamId,
    anchor: Anchor,
    /// How many entries the stream had up to the cursor in all its life, where that is known.
    position: Option<u64>,
    /// Entries to ask for.
    count: usize,
}

/// What `XINFO STREAM` tells of a stream.
#[derive(Clone, Copy, Debug)]
struct About {
    /// The id of the newest entry there ever was.
    newest: StreamId,
    /// Entries there ever were (Redis 7.0).
    added: Option<u64>,
    /// Entries that are there.
    length: u64,
}

impl Reader {
    pub(super) async fn open(
        conn: Conn,
        queue: QueueId,
        options: EventsOptions,
    ) -> Result<Self, EventsError> {
        let options = EventsOptions {
            block: options.block.max(Duration::from_millis(1)),
            page: options.page.clamp(1, 10_000),
            reply_max: options.reply_max.max(REPLY_MIN),
            ..options
        };
        let (key, count) = (queue.key("events"), FIRST.min(options.page));
        let (cursor, anchor) = (StreamId::ZERO, Anchor::None);
        let mut reader =
            Self { conn, queue, key, options, socket: None, cursor, anchor, position: None, count };
        match options.start {
            StartAt::Beginning => {
                reader.socket().await?;
            }
            StartAt::After(id) => {
                reader.socket().await?;
                reader.cursor = id;
                reader.anchor = if id == StreamId::ZERO { Anchor::None } else { Anchor::Place };
            }
            StartAt::Now => reader.find_end().await?,
        }
        Ok(reader)
    }

    pub(super) fn queue(&self) -> &QueueId {
        &self.queue
    }

    pub(super) fn cursor(&self) -> StreamId {
        self.cursor
    }

    /// The place behind the last entry.
    async fn find_end(&mut self) -> Result<(), EventsError> {
        match self.about().await {
            Ok(Some(about)) => {
                (self.cursor, self.position) = (about.newest, about.added);
                self.anchor = if about.length > 0 { Anchor::Entry(about.newest) } else { Anchor::None };
            }
            // Whatever comes is new.
            Ok(None) => {}
            // The last entry is too large to be looked at: what came in this millisecond may come again.
            Err(EventsError::Conn(error)) if error.kind == Kind::Unexpected => {
                let time = self.call(Request::new(Verb::Time)).await?;
                let part = |place: usize| {
                    items(&time).get(place).and_then(integer).and_then(|n| u64::try_from(n).ok())
                };
                let (Some(s), Some(us)) = (part(0), part(1)) else { return Err(EventsError::Reply) };
                self.cursor = StreamId { ms: s * 1000 + us / 1000, seq: 0 }.before();
            }
            Err(error) => return Err(error),
        }
        Ok(())
    }

    /// What the server tells of the stream, with its first and its last entry, whose size nobody knows;
    /// `None` where there is no stream.
    async fn about(&mut self) -> Result<Option<About>, EventsError> {
        let about = match self.call(Request::new(Verb::XInfoStream).arg(&self.key)).await {
            Ok(about) => about,
            Err(EventsError::Conn(error)) if error.message.as_str().contains("no such key") => {
                return Ok(None);
            }
            Err(error) => return Err(error),
        };
        let number = |name| field(&about, name).and_then(integer).and_then(|n| u64::try_from(n).ok());
        let newest = field(&about, "last-generated-id").and_then(bytes).and_then(StreamId::parse);
        let (Some(newest), Some(length)) = (newest, number("length")) else { return Err(EventsError::Reply) };
        Ok(Some(About { newest, added: number("entries-added"), length }))
    }

    /// The connection, made anew where there is none.
    async fn socket(&mut self) -> Result<&mut Dedicated, EventsError> {
        let socket = match self.socket.take() {
            Some(socket) => socket,
            None => connect(&self.conn, &self.queue, self.options.reply_max).await?,
        };
        Ok(self.socket.insert(socket))
    }

    async fn batch(&mut self, batch: &Batch, wait: Duration) -> Result<Vec<Value>, EventsError> {
        let answer = self.socket().await?.batch(batch, wait + SLACK).await;
        Ok(answer.inspect_err(|_| self.socket = None)?)
    }

    async fn call(&mut self, request: Request) -> Result<Value, EventsError> {
        let replies = self.batch(&Batch::from(request), Duration::ZERO).await?;
        Ok(ConnError::check(replies.into_iter().next().unwrap_or(Value::Nil))?)
    }

    /// The next events; empty when none came in the time that a read waits.
    pub(super) async fn page(&mut self) -> Result<Vec<QueueEvent>, EventsError> {
        let mut batch = Batch::new();
        batch.push(
            Request::new(Verb::XReadBlock)
                .arg("COUNT")
                .arg(self.count)
                .arg("BLOCK")
                .arg(u64::try_from(self.options.block.as_millis()).unwrap_or(1))
                .arg("STREAMS")
                .arg(&self.key)
                .arg(self.cursor.to_string()),
        );
        // Looked at after the read: what is still there then was there during it.
        let look = match self.anchor {
            Anchor::None => None,
            Anchor::Place => Some(("-".to_owned(), "+".to_owned())),
            Anchor::Entry(id) => Some((id.to_string(), id.to_string())),
        };
        if let Some((from, to)) = look {
            batch.push(Request::new(Verb::XRange).arg(&self.key).arg(from).arg(to).arg("COUNT").arg(1));
        }
        let replies = match self.batch(&batch, self.options.block).await {
            Ok(replies) => replies,
            Err(EventsError::Conn(error)) if error.kind == Kind::Unexpected => return self.too_large().await,
            Err(error) => return Err(error),
        };
        let mut replies = replies.into_iter();
        let found = ConnError::check(replies.next().unwrap_or(Value::Nil))?;
        let looked = replies.next().map(ConnError::check).transpose()?;
        let entries: Vec<Entry<'_>> = streams(&found).into_iter().flat_map(|(_, entries)| entries).collect();
        if entries.is_empty() {
            return self.idle().await;
        }
        let missed = match (self.anchor, &looked) {
            (Anchor::Place, Some(oldest)) => first_id(oldest).is_none_or(|oldest| oldest > self.cursor),
            (Anchor::Entry(_), Some(kept)) if items(kept).is_empty() => self.is_behind(&entries).await?,
            _ => false,
        };
        let mut page = Vec::with_capacity(entries.len() + 1);
        if missed {
            page.push(QueueEvent::gap(self.cursor, self.cursor));
            self.position = None;
        }
        page.extend(entries.iter().filter_map(QueueEvent::read));
        self.advance(&entries);
        Ok(page)
    }

    /// Goes on behind what was read.
    fn advance(&mut self, entries: &[Entry<'_>]) {
        let Some(last) = entries.last().and_then(|entry| StreamId::parse(entry.id)) else { return };
        self.cursor = last;
        let read = u64::try_from(entries.len()).unwrap_or(u64::MAX);
        self.position = self.position.map(|position| position.saturating_add(read));
        // Any of them will do; the smallest is the cheapest to look at.
        let smallest = entries.iter().min_by_key(|entry| entry.size());
        self.anchor = Anchor::Entry(smallest.and_then(|entry| StreamId::parse(entry.id)).unwrap_or(last));
        let largest = entries.iter().map(Entry::size).max().unwrap_or(0).max(1);
        let fitting = (self.options.reply_max / AIM / largest).max(1);
        self.count = (self.count * 2).min(fitting).min(self.options.page);
    }

    /// Whether entries between the cursor and those that were just read were trimmed away, now that the one
    /// which we held on to is gone.
    async fn is_behind(&mut self, entries: &[Entry<'_>]) -> Result<bool, EventsError> {
        let oldest = Request::new(Verb::XRange).arg(&self.key).arg("-").arg("+").arg("COUNT").arg(1);
        let looked = match self.call(oldest).await {
            Ok(reply) if first_id(&reply).is_some_and(|oldest| oldest <= self.cursor) => return Ok(false),
            Ok(_) => self.about().await,
            Err(error) => Err(error),
        };
        let about = match looked {
            Ok(about) => about,
            // Too large to be looked at.
            Err(EventsError::Conn(error)) if error.kind == Kind::Unexpected => None,
            Err(error) => return Err(error),
        };
        // The entry before ours is gone too. Perhaps it was the last one to go: the server has counted.
        let last = entries.last().and_then(|entry| StreamId::parse(entry.id));
        let read = u64::try_from(entries.len()).unwrap_or(u64::MAX);
        let (Some(About { newest, added: Some(added), length }), Some(position)) = (about, self.position)
        else {
            return Ok(true);
        };
        Ok(if Some(newest) == last {
            added != position.saturating_add(read)
        } else {
            added < position || added.saturating_sub(length) > position
        })
    }

    /// Nothing came. A stream that was deleted, or lost with its server, may have begun anew with ids that
    /// we take for old ones.
    async fn idle(&mut self) -> Result<Vec<QueueEvent>, EventsError> {
        // Such a place is a time, and no entry's: the stream may well end before it.
        if self.cursor == StreamId::ZERO || self.cursor.seq == u64::MAX {
            return Ok(Vec::new());
        }
        let about = match self.about().await {
            Ok(Some(about)) => about,
            Ok(None) => return Ok(Vec::new()),
            // Its ends are too large to be looked at.
            Err(EventsError::Conn(error)) if error.kind == Kind::Unexpected => return Ok(Vec::new()),
            Err(error) => return Err(error),
        };
        if about.newest == self.cursor {
            self.position = about.added;
        }
        if about.newest >= self.cursor {
            return Ok(Vec::new());
        }
        let after = std::mem::replace(&mut self.cursor, StreamId::ZERO);
        (self.anchor, self.position) = (Anchor::None, None);
        Ok(vec![QueueEvent::gap(after, StreamId::ZERO)])
    }

    /// A reply was larger than what is read: asks for fewer entries, in the end for what a single one is.
    async fn too_large(&mut self) -> Result<Vec<QueueEvent>, EventsError> {
        if self.count > 1 {
            self.count = (self.count / 4).max(1);
            return Ok(Vec::new());
        }
        if !matches!(self.anchor, Anchor::None) {
            // It may have been what is looked at for gaps.
            self.anchor = Anchor::None;
            return Ok(Vec::new());
        }
        if self.conn.access() == Access::ReadOnly {
            return Err(EventsError::TooLarge);
        }
        let args = [self.cursor.next().to_string().into_bytes(), NAME_MAX.to_string().into_bytes()];
        let keys = [self.queue.key("meta")];
        let socket = self.socket().await?;
        let reply = socket.eval(script!("client", "peek_event", []), &keys, &args, SLACK).await;
        let reply = reply.inspect_err(|_| self.socket = None)?;
        let part = |place: usize| items(&reply).get(place);
        let Some(id) = part(0).and_then(bytes).and_then(StreamId::parse) else { return Ok(Vec::new()) };
        let text = |place: usize| part(place).and_then(bytes).unwrap_or_default();
        let size = part(3).and_then(integer).and_then(|size| u64::try_from(size).ok()).unwrap_or(0);
        if usize::try_from(size).is_ok_and(|size| size < self.options.reply_max / 2) {
            // The large one was trimmed away meanwhile.
            return Ok(Vec::new());
        }
        let job = Some(text(2)).filter(|job| !job.is_empty()).map(JobId::new);
        let kind = EventKind::TooLarge { name: Raw::new(text(1)), job, bytes: size };
        (self.cursor, self.anchor, self.position) = (id, Anchor::None, None);
        Ok(vec![QueueEvent { id, kind, fields: Vec::new() }])
    }
}

/// A connection for events, named so that it is not counted among the workers (spec 5.2).
pub(super) async fn connect(
    conn: &Conn,
    queue: &QueueId,
    reply_max: usize,
) -> Result<Dedicated, EventsError> {
    let mut socket = conn.dedicated().await?.with_reply_max(reply_max);
    let [mut name, _] = queue.client_names();
    name.extend_from_slice(b":qe");
    match socket.call(Request::new(Verb::ClientSetName).arg(name), SLACK).await {
        // Some hosted servers refuse the command.
        Ok(_) => Ok(socket),
        Err(error) if !error.is_link() => Ok(socket),
        Err(error) => Err(error.into()),
    }
}

/// The id of the first entry of a reply of `XRANGE`.
fn first_id(reply: &Value) -> Option<StreamId> {
    StreamId::parse(bytes(items(items(reply).first()?).first()?)?)
}
