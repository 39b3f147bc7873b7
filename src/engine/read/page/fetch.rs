//! Reading a page: the ids, then what the columns need of each, then the texts that are small.

use super::columns::{Columns, Score, Small, Text, columns};
use super::{Brief, JobRow, Order, Page, PageQuery};
use crate::conn::{Batch, Conn, ConnError, Request, Value, Verb, bytes, integer, items};
use crate::engine::read::overview::scored;
use crate::text::Clean;
use crate::wire::{Era, JobId, QueueId, State, number, score};

/// Texts above this size are not read unasked; their size is shown instead.
const SMALL: u64 = 4096;
/// Rows read in one round trip.
const ROWS: usize = 60;
/// Most rows of a page.
const MOST: u64 = 1000;

/// Reads a page of a state's jobs: three round trips for up to 60 rows, whatever the depth and the
/// size of the payloads, which are never read.
///
/// Wake-up markers are left out, so a page may hold fewer rows than asked. The call may be dropped
/// at any moment.
pub async fn page(conn: &Conn, era: Era, query: &PageQuery) -> Result<Page, ConnError> {
    let limit = query.limit.clamp(1, MOST);
    let ids = ids(conn, era, query, limit).await?;
    let mut rows = Vec::with_capacity(ids.found.len());
    for chunk in ids.found.chunks(ROWS) {
        rows.extend(fetch(conn, era, query, chunk).await?);
    }
    Ok(Page { query: query.clone(), total: ids.total, rows })
}

/// Reads the rows of jobs whose ids (and scores, in a sorted set) are known already.
pub async fn rows(
    conn: &Conn,
    era: Era,
    queue: &QueueId,
    state: State,
    ids: &[(JobId, Option<f64>)],
) -> Result<Vec<JobRow>, ConnError> {
    let query = PageQuery { queue: queue.clone(), state, offset: 0, limit: 0, order: Order::Natural };
    let mut rows = Vec::with_capacity(ids.len());
    for chunk in ids.chunks(ROWS) {
        rows.extend(fetch(conn, era, &query, chunk).await?);
    }
    Ok(rows)
}

struct Ids {
    total: u64,
    found: Vec<(JobId, Option<f64>)>,
}

/// The ids of the page and how many the state holds.
async fn ids(conn: &Conn, era: Era, query: &PageQuery, limit: u64) -> Result<Ids, ConnError> {
    let (first, last) = (query.offset, query.offset.saturating_add(limit - 1));
    let by_priority = query.state == State::Prioritized && era <= Era::V3;
    let suffix = if by_priority { "priority" } else { query.state.suffix() };
    let key = query.queue.key(suffix);
    let reversed = query.order == Order::Reversed;
    let mut batch = Batch::new();
    // Next to run first is the tail of a waiting list, newest start first the head of `active`.
    let from_tail = query.state.is_list() && ((query.state == State::Active) == reversed);
    if query.state.is_list() {
        batch.push(Request::new(Verb::LLen).arg(&key));
        let range = Request::new(Verb::LRange).arg(&key);
        batch.push(if from_tail {
            range.arg(format!("-{}", last.saturating_add(1))).arg(format!("-{}", first.saturating_add(1)))
        } else {
            range.arg(first).arg(last)
        });
        batch.push(Request::new(Verb::LIndex).arg(&key).arg(0));
        batch.push(Request::new(Verb::LIndex).arg(&key).arg(-1));
    } else {
        batch.push(Request::new(Verb::ZCard).arg(&key));
        let newest_first = query.state.is_finished() != reversed;
        let verb = if newest_first { Verb::ZRevRange } else { Verb::ZRange };
        let range = Request::new(verb).arg(&key).arg(first).arg(last);
        let scores = columns(query.state).score != Score::None;
        batch.push(if scores { range.arg("WITHSCORES") } else { range });
    }
    let mut replies = conn.batch(&batch).await?.into_iter();
    let mut next = || ConnError::check(replies.next().unwrap_or(Value::Nil));
    let total = integer(&next()?).and_then(|n| u64::try_from(n).ok()).unwrap_or(0);
    let range = next()?;
    if !query.state.is_list() {
        let found = if columns(query.state).score == Score::None {
            items(&range).iter().filter_map(bytes).map(|id| (JobId::new(id), None)).collect()
        } else {
            scored(&range).into_iter().map(|(id, score)| (JobId::new(id), Some(score))).collect()
        };
        return Ok(Ids { total, found });
    }
    let is_marker = |reply: &Value| bytes(reply).is_some_and(|id| JobId::new(id).is_marker());
    let (head, tail) = (is_marker(&next()?), is_marker(&next()?));
    let markers = if total > 1 { u64::from(head) + u64::from(tail) } else { u64::from(head) };
    let mut found: Vec<_> = items(&range).iter().filter_map(bytes).map(|id| (JobId::new(id), None)).collect();
    if from_tail {
        // Servers differ in what a range past the head gives: nothing, or the head again.
        let expected = total.saturating_sub(first).min(limit);
        found.truncate(usize::try_from(expected).unwrap_or(usize::MAX));
        found.reverse();
    }
    found.retain(|(id, _)| !id.is_marker());
    Ok(Ids { total: total.saturating_sub(markers), found })
}

async fn fetch(
    conn: &Conn,
    era: Era,
    query: &PageQuery,
    ids: &[(JobId, Option<f64>)],
) -> Result<Vec<JobRow>, ConnError> {
    let columns = columns(query.state);
    let small = small_fields(&columns, era);
    let mut batch = Batch::new();
    for (id, _) in ids.iter().filter(|(id, _)| !id.is_reserved()) {
        let key = query.queue.job(id);
        for text in columns.texts {
            batch.push(Request::new(Verb::HStrLen).arg(&key).arg(text.field()));
        }
        if columns.child {
            batch.push(Request::new(Verb::HStrLen).arg(&key).arg("parentKey"));
        }
        match small.as_slice() {
            [] => {}
            [(_, one)] => batch.push(Request::new(Verb::HGet).arg(&key).arg(*one)),
            many => {
                let names: Vec<&str> = many.iter().map(|(_, name)| *name).collect();
                batch.push(Request::new(Verb::HMGet).arg(&key).arg(&names[..]));
            }
        }
    }
    let mut rows = Vec::with_capacity(ids.len());
    let mut wanted: Vec<(usize, Vec<Text>)> = Vec::new();
    let mut replies = conn.batch(&batch).await?.into_iter();
    for (id, score) in ids {
        let mut row = blank(id);
        if id.is_reserved() {
            row.gone = true;
            rows.push(row);
            continue;
        }
        let mut any = false;
        let mut read = Vec::new();
        for text in columns.texts {
            let size = size(replies.next().as_ref());
            any |= size > 0;
            match size {
                0 => {}
                size if size > SMALL => *row.text(*text) = Brief::Large(size),
                _ => read.push(*text),
            }
        }
        if columns.child {
            row.child = size(replies.next().as_ref()) > 0;
        }
        let reply = if small.is_empty() { None } else { replies.next() };
        let values: Vec<Option<&[u8]>> = match &reply {
            Some(reply) if small.len() == 1 => vec![bytes(reply)],
            Some(reply) => items(reply).iter().map(bytes).collect(),
            None => Vec::new(),
        };
        for ((field, _), value) in small.iter().zip(values) {
            if let Some(value) = value {
                any = true;
                row.take(*field, value);
            }
        }
        row.take_score(columns.score, *score, era);
        row.gone = !any;
        if !read.is_empty() {
            wanted.push((rows.len(), read));
        }
        rows.push(row);
    }
    texts(conn, &query.queue, &mut rows, wanted).await?;
    Ok(rows)
}

/// Reads the texts that are small enough.
async fn texts(
    conn: &Conn,
    queue: &QueueId,
    rows: &mut [JobRow],
    wanted: Vec<(usize, Vec<Text>)>,
) -> Result<(), ConnError> {
    if wanted.is_empty() {
        return Ok(());
    }
    let mut batch = Batch::new();
    for (index, read) in &wanted {
        let key = queue.job(&rows[*index].id);
        batch.push(match read.as_slice() {
            [one] => Request::new(Verb::HGet).arg(key).arg(one.field()),
            many => {
                let names: Vec<&str> = many.iter().map(|text| text.field()).collect();
                Request::new(Verb::HMGet).arg(key).arg(&names[..])
            }
        });
    }
    let replies = conn.batch(&batch).await?;
    for ((index, read), reply) in wanted.into_iter().zip(replies) {
        let values = if read.len() == 1 { std::slice::from_ref(&reply) } else { items(&reply) };
        for (text, value) in read.into_iter().zip(values) {
            if let Some(value) = bytes(value) {
                *rows[index].text(text) = Brief::Text(Clean::line(value));
            }
        }
    }
    Ok(())
}

fn small_fields(columns: &Columns, era: Era) -> Vec<(Small, &'static str)> {
    let of_era = |field: &Small| {
        // From era 4 on a job with a priority is in `prioritized`.
        *field != Small::Priority || era <= Era::V3 || matches!(era, Era::Unknown | Era::Pro)
    };
    columns
        .small
        .iter()
        .filter(|field| of_era(field))
        .flat_map(|field| field.fields(era).iter().map(|name| (*field, *name)))
        .collect()
}

fn size(reply: Option<&Value>) -> u64 {
    reply.and_then(integer).and_then(|n| u64::try_from(n).ok()).unwrap_or(0)
}

fn blank(id: &JobId) -> JobRow {
    JobRow {
        id: id.clone(),
        shown_id: id.clean(),
        gone: false,
        name: Brief::Absent,
        reason: Brief::Absent,
        progress: Brief::Absent,
        timestamp: None,
        due_at: None,
        processed_on: None,
        finished_on: None,
        delay: None,
        priority: 0,
        attempts_made: 0,
        attempts_started: None,
        worker: None,
        child: false,
        // The id of a scheduler's job says so itself (spec 3.8).
        scheduled: id.as_bytes().starts_with(b"repeat:"),
    }
}

impl JobRow {
    fn text(&mut self, text: Text) -> &mut Brief {
        match text {
            Text::Name => &mut self.name,
            Text::Reason => &mut self.reason,
            Text::Progress => &mut self.progress,
        }
    }

    fn take(&mut self, field: Small, value: &[u8]) {
        let number = number::whole(value);
        match field {
            Small::Timestamp => self.timestamp = number,
            Small::ProcessedOn => self.processed_on = number,
            Small::Delay => self.delay = number,
            Small::Priority => self.priority = number.unwrap_or(0),
            // Both where both are there: each counts attempts of its own (spec 14.4).
            Small::Attempts => self.attempts_made += number.and_then(|n| u64::try_from(n).ok()).unwrap_or(0),
            Small::Started => self.attempts_started = number.and_then(|n| u64::try_from(n).ok()),
            Small::Worker => self.worker = Some(Clean::line(&value[..value.len().min(256)])),
        }
    }

    fn take_score(&mut self, kind: Score, value: Option<f64>, era: Era) {
        let Some(value) = value else { return };
        match kind {
            Score::None => {}
            Score::Due => self.due_at = Some(score::due_at(value)),
            Score::Finished => self.finished_on = Some(number::real(value)),
            Score::Priority if era <= Era::V3 => self.priority = number::real(value),
            Score::Priority => self.priority = score::priority(value),
        }
    }
}
