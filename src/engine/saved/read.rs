//! Reading whole jobs, sizes first.

use std::collections::{HashMap, HashSet};

use super::place::{neighbours, places};
use super::{Bytes, Dedup, Saved, Tie};
use crate::conn::{Batch, Conn, ConnError, Dedicated, Request, Value, Verb, bytes, integer, items};
use crate::engine::op::Target;
use crate::wire::parent::{ParentField, split_job_key};
use crate::wire::{JobId, QueueId, State, WriteEra};

/// Most children, log lines or fields of one job that are read.
const MOST: i64 = 100_000;
/// Most descendants of one job: what a removal refuses is not saved either.
const DESCENDANTS: usize = 1_000;
/// Elements in one reply.
const PAGE: i64 = 1_000;
/// Fields that are all weighed by `MEMORY USAGE`.
const FEW_FIELDS: i64 = 100;
/// Bytes of job data in one round trip, about.
const ROUND: u64 = 4 << 20;
/// Above this a reply goes over a connection of its own.
const OWN_CONNECTION: u64 = 256 << 10;
/// Longest reply there.
const REPLY: usize = 256 << 20;
/// How long a round may take.
pub(super) const PATIENCE: std::time::Duration = std::time::Duration::from_secs(30);

/// Why jobs were not saved.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum SaveError {
    /// The server.
    #[error(transparent)]
    Conn(#[from] ConnError),
    /// More bytes than may be kept.
    #[error("{bytes} bytes are more than the {limit} that may be saved")]
    TooBig {
        /// What the jobs take.
        bytes: u64,
        /// What was allowed.
        limit: u64,
    },
    /// A job with more parts than are read.
    #[error("job {id} has {count} {what}, more than are saved")]
    TooMany {
        /// Which job.
        id: String,
        /// Of what.
        what: &'static str,
        /// How many.
        count: i64,
    },
}

/// What is to be saved.
#[derive(Clone, Copy, Debug)]
pub struct Saving {
    /// Where the jobs are, if that is known.
    pub state: Option<State>,
    /// Whether their descendants go with them.
    pub children: bool,
    /// Bytes that may be kept of these jobs.
    pub limit: u64,
}

/// Reads jobs that are about to go, in the order in which they will; a job that is not there is
/// left out. Returns them with the bytes that they take.
pub async fn save(
    conn: &Conn,
    target: &Target,
    ids: &[JobId],
    saving: Saving,
) -> Result<(Vec<Saved>, u64), SaveError> {
    let mut out = Vec::new();
    let mut used = 0;
    let mut going: Vec<(QueueId, JobId)> = Vec::new();
    let mut seen: HashSet<Vec<u8>> = HashSet::new();
    for id in ids {
        if seen.insert(target.queue.job(id)) {
            going.push((target.queue.clone(), id.clone()));
        }
    }
    let roots = read_all(conn, target.era, &going, saving.state, &mut used, saving.limit).await?;
    for root in roots {
        let family = if saving.children {
            descendants(conn, target, &root, &mut seen, &mut used, saving.limit).await?
        } else {
            Vec::new()
        };
        out.push(root);
        out.extend(family);
    }
    neighbours(&mut out);
    Ok((out, used))
}

async fn descendants(
    conn: &Conn,
    target: &Target,
    root: &Saved,
    seen: &mut HashSet<Vec<u8>>,
    used: &mut u64,
    limit: u64,
) -> Result<Vec<Saved>, SaveError> {
    let mut family = Vec::new();
    let mut level = children(root, seen);
    while !level.is_empty() {
        if family.len() + level.len() > DESCENDANTS {
            let count = i64::try_from(family.len() + level.len()).unwrap_or(i64::MAX);
            let id = String::from_utf8_lossy(&root.id.0).into_owned();
            return Err(SaveError::TooMany { id, what: "descendants", count });
        }
        let mut found = read_all(conn, target.era, &level, None, used, limit).await?;
        level = found.iter().flat_map(|saved| children(saved, seen)).collect();
        for saved in &mut found {
            saved.descendant = true;
        }
        family.extend(found);
    }
    Ok(family)
}

fn children(parent: &Saved, seen: &mut HashSet<Vec<u8>>) -> Vec<(QueueId, JobId)> {
    let near = parent.queue();
    let pairs =
        parent.processed.iter().chain(&parent.ignored).chain(&parent.unsuccessful).map(|(key, _)| key);
    pairs
        .chain(&parent.dependencies)
        .filter(|key| seen.insert(key.0.clone()))
        .filter_map(|key| split_job_key(&key.0, None, &near))
        .collect()
}

/// Sizes and scores of one job.
struct Look {
    sizes: [i64; 6],
    bytes: u64,
}

async fn read_all(
    conn: &Conn,
    era: WriteEra,
    jobs: &[(QueueId, JobId)],
    state: Option<State>,
    used: &mut u64,
    limit: u64,
) -> Result<Vec<Saved>, SaveError> {
    let mut out = Vec::new();
    let mut rest = jobs;
    while !rest.is_empty() {
        let (some, later) = rest.split_at(rest.len().min(100));
        rest = later;
        let looks = look(conn, some).await?;
        for ((_, id), look) in some.iter().zip(&looks) {
            *used += look.bytes;
            if *used > limit {
                return Err(SaveError::TooBig { bytes: *used, limit });
            }
            for (count, what) in look.sizes.into_iter().zip([
                "fields",
                "log lines",
                "children",
                "results",
                "failures",
                "failures",
            ]) {
                if count > MOST {
                    return Err(SaveError::TooMany { id: id.lossless().into_owned(), what, count });
                }
            }
        }
        let mut places = places(conn, era, some, state).await?.into_iter();
        let mut reader = Reader::new(conn);
        for (hash, (queue, id), look) in reader.hashes(some, &looks).await? {
            let (place, rank) = places.next().unwrap_or_default();
            *used += weight(&hash).saturating_sub(look.bytes);
            if *used > limit {
                return Err(SaveError::TooBig { bytes: *used, limit });
            }
            if let Some(mut saved) = reader.whole(queue, id, look, hash).await? {
                saved.place = place;
                saved.rank = rank;
                saved.dedup = dedup(conn, queue, &saved).await?;
                saved.parent = tie(conn, queue, &saved).await?;
                out.push(saved);
            }
        }
    }
    Ok(out)
}

/// How much there is of each job. Three cheap questions tell that of the usual one: a hash with few fields,
/// without a log and without children.
async fn look(conn: &Conn, jobs: &[(QueueId, JobId)]) -> Result<Vec<Look>, SaveError> {
    let mut batch = Batch::new();
    for (queue, id) in jobs {
        let job = queue.job(id);
        batch.push(Request::new(Verb::HLen).arg(&job));
        let hanging = ["logs", "dependencies", "processed", "failed", "unsuccessful"];
        let satellites = hanging.iter().map(|suffix| queue.satellite(id, suffix));
        batch.push(satellites.fold(Request::new(Verb::Exists), Request::arg));
        batch.push(Request::new(Verb::MemoryUsage).arg(&job).arg("SAMPLES").arg(FEW_FIELDS));
    }
    let replies = conn.batch(&batch).await?;
    let looks: Vec<Option<Look>> = replies.chunks_exact(3).map(usual).collect();
    let unusual = jobs.iter().zip(&looks).filter(|(_, look)| look.is_none()).map(|(job, _)| job);
    let mut others = look_closely(conn, unusual.collect()).await?.into_iter();
    Ok(looks.into_iter().filter_map(|look| look.or_else(|| others.next())).collect())
}

/// What the three answers tell; `None`: not enough.
fn usual(replies: &[Value]) -> Option<Look> {
    let [fields, hanging, bytes] = replies else { return None };
    let fields = integer(fields).filter(|fields| (0..=FEW_FIELDS).contains(fields))?;
    // A job that is not there takes nothing.
    let bytes = if fields == 0 { 0 } else { u64::try_from(integer(bytes)?).ok()? };
    (integer(hanging) == Some(0)).then_some(Look { sizes: [fields, 0, 0, 0, 0, 0], bytes })
}

/// The same of any job.
async fn look_closely(conn: &Conn, jobs: Vec<&(QueueId, JobId)>) -> Result<Vec<Look>, SaveError> {
    const ASKED: [(Verb, &str); 5] = [
        (Verb::LLen, "logs"),
        (Verb::SCard, "dependencies"),
        (Verb::HLen, "processed"),
        (Verb::HLen, "failed"),
        (Verb::ZCard, "unsuccessful"),
    ];
    const WEIGHED: [&str; 6] = ["data", "returnvalue", "opts", "stacktrace", "failedReason", "progress"];
    const EACH: usize = 1 + ASKED.len() + WEIGHED.len() + 1;
    if jobs.is_empty() {
        return Ok(Vec::new());
    }
    let mut batch = Batch::new();
    for (queue, id) in jobs {
        batch.push(Request::new(Verb::HLen).arg(queue.job(id)));
        for (verb, suffix) in ASKED {
            batch.push(Request::new(verb).arg(queue.satellite(id, suffix)));
        }
        for field in WEIGHED {
            batch.push(Request::new(Verb::HStrLen).arg(queue.job(id)).arg(field));
        }
        batch.push(Request::new(Verb::MemoryUsage).arg(queue.satellite(id, "logs")).arg("SAMPLES").arg(5));
    }
    let replies = conn.batch(&batch).await?;
    let number = |reply: &Value| integer(reply).unwrap_or(0);
    Ok(replies
        .chunks_exact(EACH)
        .map(|replies| {
            let mut sizes = [0; 6];
            for (size, reply) in sizes.iter_mut().zip(replies) {
                *size = number(reply);
            }
            let weighed: i64 = replies[sizes.len()..].iter().map(number).sum();
            let parts: i64 = sizes.iter().skip(2).sum();
            Look { sizes, bytes: u64::try_from(weighed + sizes[0] * 16 + parts * 64).unwrap_or(0) }
        })
        .collect())
}

fn weight(fields: &[(Bytes, Bytes)]) -> u64 {
    fields.iter().map(|(name, value)| (name.0.len() + value.0.len()) as u64).sum()
}

/// The fields of a hash.
type Fields = Vec<(Bytes, Bytes)>;

/// Reads over the shared connection, or over one of its own once replies may be big.
pub(super) struct Reader<'a> {
    conn: &'a Conn,
    own: Option<Dedicated>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(conn: &'a Conn) -> Self {
        Self { conn, own: None }
    }

    async fn batch(&mut self, batch: &Batch, size: u64) -> Result<Vec<Value>, SaveError> {
        if size <= OWN_CONNECTION {
            return Ok(self.conn.batch_within(batch, PATIENCE).await?);
        }
        let own = match &mut self.own {
            Some(own) => own,
            none => none.insert(self.conn.dedicated().await?.with_reply_max(REPLY)),
        };
        Ok(own.batch(batch, PATIENCE).await?)
    }

    async fn ask(&mut self, request: Request, size: u64) -> Result<Value, SaveError> {
        let mut replies = self.batch(&Batch::from(request), size).await?;
        Ok(ConnError::check(replies.pop().unwrap_or(Value::Nil))?)
    }

    /// The hashes of some jobs, in few round trips that each stay below [`ROUND`] where they can.
    async fn hashes<'j>(
        &mut self,
        jobs: &'j [(QueueId, JobId)],
        looks: &'j [Look],
    ) -> Result<Vec<(Fields, &'j (QueueId, JobId), &'j Look)>, SaveError> {
        let mut out = Vec::with_capacity(jobs.len());
        let mut rest: Vec<(&(QueueId, JobId), &Look)> = jobs.iter().zip(looks).collect();
        while !rest.is_empty() {
            let mut batch = Batch::new();
            let mut size = 0;
            for ((queue, id), look) in &rest {
                if !batch.is_empty() && size + look.bytes > ROUND {
                    break;
                }
                size += look.bytes;
                batch.push(scan(Verb::HScan, &queue.job(id), b"0"));
            }
            let later = rest.split_off(batch.len());
            let replies = self.batch(&batch, size).await?;
            for ((job, look), reply) in rest.into_iter().zip(replies) {
                // A key of another type is no job.
                let fields = match ConnError::check(reply) {
                    Ok(reply) => self.hash_from(&job.0.job(&job.1), &reply, look.bytes).await?,
                    Err(_) => Vec::new(),
                };
                out.push((fields, job, look));
            }
            rest = later;
        }
        Ok(out)
    }

    /// A hash whose first page is there; of a field seen twice the last value counts.
    async fn hash_from(&mut self, key: &[u8], first: &Value, size: u64) -> Result<Fields, SaveError> {
        let mut out = Fields::new();
        let mut at: HashMap<Vec<u8>, usize> = HashMap::new();
        let mut reply = first.clone();
        loop {
            let parts = items(&reply);
            for pair in parts.get(1).map(items).unwrap_or_default().chunks_exact(2) {
                let (Some(name), Some(value)) = (bytes(&pair[0]), bytes(&pair[1])) else { continue };
                if let Some(&at) = at.get(name) {
                    out[at].1 = value.into();
                } else {
                    at.insert(name.to_vec(), out.len());
                    out.push((name.into(), value.into()));
                }
            }
            let cursor = parts.first().and_then(bytes).unwrap_or(b"0").to_vec();
            if cursor == b"0" {
                return Ok(out);
            }
            reply = self.ask(scan(Verb::HScan, key, &cursor), size).await?;
        }
    }

    pub(super) async fn hash(&mut self, key: &[u8], size: i64) -> Result<Fields, SaveError> {
        if size <= 0 {
            return Ok(Fields::new());
        }
        // Results of children: their size is not known before.
        let first = self.ask(scan(Verb::HScan, key, b"0"), ROUND).await?;
        self.hash_from(key, &first, ROUND).await
    }

    /// What hangs off a job; `None` where it has no hash.
    async fn whole(
        &mut self,
        queue: &QueueId,
        id: &JobId,
        look: &Look,
        fields: Fields,
    ) -> Result<Option<Saved>, SaveError> {
        if fields.is_empty() {
            return Ok(None);
        }
        let [_, logs, pending, processed, ignored, unsuccessful] = look.sizes;
        let key = |suffix| queue.satellite(id, suffix);
        Ok(Some(Saved {
            prefix: queue.prefix.as_bytes().into(),
            queue: queue.name.as_bytes().into(),
            id: id.as_bytes().into(),
            fields,
            logs: self.list(&key("logs"), logs, look.bytes).await?,
            dependencies: self.set(&key("dependencies"), pending).await?,
            processed: self.hash(&key("processed"), processed).await?,
            ignored: self.hash(&key("failed"), ignored).await?,
            unsuccessful: self.sorted(&key("unsuccessful"), unsuccessful).await?,
            place: None,
            rank: None,
            dedup: None,
            parent: None,
            descendant: false,
        }))
    }

    async fn set(&mut self, key: &[u8], size: i64) -> Result<Vec<Bytes>, SaveError> {
        let mut out = Vec::new();
        let mut seen = HashSet::new();
        let mut cursor = b"0".to_vec();
        if size <= 0 {
            return Ok(out);
        }
        loop {
            let reply = self.ask(scan(Verb::SScan, key, &cursor), 0).await?;
            let reply = items(&reply);
            let members = reply.get(1).map(items).unwrap_or_default().iter().filter_map(bytes);
            out.extend(members.filter(|member| seen.insert(member.to_vec())).map(Bytes::from));
            cursor = reply.first().and_then(bytes).unwrap_or(b"0").to_vec();
            if cursor == b"0" {
                return Ok(out);
            }
        }
    }

    pub(super) async fn list(&mut self, key: &[u8], size: i64, weight: u64) -> Result<Vec<Bytes>, SaveError> {
        let mut out = Vec::new();
        let mut at = 0;
        while at < size {
            let page = Request::new(Verb::LRange).arg(key).arg(at).arg(at + PAGE - 1);
            let reply = self.ask(page, weight).await?;
            out.extend(items(&reply).iter().filter_map(bytes).map(Bytes::from));
            at += PAGE;
        }
        Ok(out)
    }

    pub(super) async fn sorted(&mut self, key: &[u8], size: i64) -> Result<Fields, SaveError> {
        let mut out = Vec::new();
        let mut at = 0;
        while at < size {
            let page = Request::new(Verb::ZRange).arg(key).arg(at).arg(at + PAGE - 1).arg("WITHSCORES");
            for pair in items(&self.ask(page, 0).await?).chunks_exact(2) {
                if let (Some(member), Some(score)) = (bytes(&pair[0]), bytes(&pair[1])) {
                    out.push((member.into(), score.into()));
                }
            }
            at += PAGE;
        }
        Ok(out)
    }
}

fn scan(verb: Verb, key: &[u8], cursor: &[u8]) -> Request {
    Request::new(verb).arg(key).arg(cursor).arg("COUNT").arg(PAGE)
}

fn field<'a>(saved: &'a Saved, name: &str) -> Option<&'a [u8]> {
    saved.fields.iter().find(|(field, _)| field.0 == name.as_bytes()).map(|(_, value)| value.0.as_slice())
}

async fn dedup(conn: &Conn, queue: &QueueId, saved: &Saved) -> Result<Option<Dedup>, SaveError> {
    let Some(id) = field(saved, "deid") else { return Ok(None) };
    let key = queue.key([b"de:", id].concat());
    let mut batch = Batch::new();
    batch.push(Request::new(Verb::Get).arg(&key));
    batch.push(Request::new(Verb::PTtl).arg(&key));
    batch.push(Request::new(Verb::Time));
    let replies = conn.batch(&batch).await?;
    let [owner, ttl, time] = replies.as_slice() else { return Ok(None) };
    if bytes(owner) != Some(saved.id()) {
        return Ok(None);
    }
    let until = integer(ttl).filter(|ttl| *ttl >= 0).and_then(|ttl| Some(ttl + clock(time)?));
    Ok(Some(Dedup { id: id.into(), until }))
}

pub(super) fn clock(time: &Value) -> Option<i64> {
    let time = items(time);
    let part = |at: usize| time.get(at).and_then(crate::conn::text).and_then(|text| text.parse::<i64>().ok());
    Some(part(0)? * 1000 + part(1)? / 1000)
}

/// The parent, if it waits for this job.
async fn tie(conn: &Conn, queue: &QueueId, saved: &Saved) -> Result<Option<Tie>, SaveError> {
    let Some(key) = field(saved, "parentKey").filter(|key| !key.is_empty()) else { return Ok(None) };
    let link = field(saved, "parent").and_then(ParentField::parse);
    let Some((parent, id)) = split_job_key(key, link.as_ref().map(|link| link.queue_key.as_slice()), queue)
    else {
        return Ok(None);
    };
    let own = queue.job(&JobId::new(saved.id()));
    let mut batch = Batch::new();
    batch.push(Request::new(Verb::SIsMember).arg([key, b":dependencies"].concat()).arg(own));
    batch.push(Request::new(Verb::ZScore).arg(parent.key("waiting-children")).arg(id.as_bytes()));
    let replies = conn.batch(&batch).await?;
    let [member, waiting] = replies.as_slice() else { return Ok(None) };
    Ok((integer(member) == Some(1)).then(|| Tie {
        key: key.into(),
        base: parent.base().as_slice().into(),
        id: id.as_bytes().into(),
        waiting: bytes(waiting).map(Bytes::from),
    }))
}
