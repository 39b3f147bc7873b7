//! `toril flow`.

use std::collections::HashMap;
use std::fmt::Write as _;

use serde::Serialize;

use super::act::server_time;
use super::args::FlowArgs;
use super::failure::{Failure, exit};
use super::figures::thousands;
use super::job::no_job;
use super::resolve;
use super::session::Session;
use crate::conn::Kind;
use crate::engine::read::flow::{self, Bounds, Node, Path};
use crate::engine::read::page::Brief;
use crate::engine::read::{self, ChildKind};
use crate::insight::flow::{Blocked, QueueState, Standing, blocked, label, tally};
use crate::text::{Clean, lossless};
use crate::wire::{JobId, QueueId, State};

/// Jobs that are looked at for what holds the flow up.
const LOOKED_AT: u64 = 20_000;

#[derive(Serialize)]
struct Place {
    queue: String,
    prefix: String,
    id: String,
}

impl Place {
    fn of((queue, id): &(QueueId, JobId)) -> Self {
        Self {
            queue: queue.name.lossless().into_owned(),
            prefix: queue.prefix.lossless().into_owned(),
            id: id.lossless().into_owned(),
        }
    }
}

#[derive(Serialize)]
struct Holds {
    cause: &'static str,
    blocks: bool,
    count: u64,
    path: Vec<Place>,
    sentence: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Document {
    queue: String,
    prefix: String,
    id: String,
    jobs: usize,
    complete: bool,
    blocked: Option<Holds>,
    tree: Branch,
}

#[derive(Serialize)]
struct Counts {
    processed: u64,
    pending: u64,
    failed: u64,
    ignored: u64,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Branch {
    key: String,
    #[serde(flatten)]
    place: Option<Place>,
    /// What became of it, as its parent keeps it.
    #[serde(skip_serializing_if = "Option::is_none")]
    kind: Option<&'static str>,
    exists: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    state: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    progress: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    failed_reason: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    timestamp: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    processed_on: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    finished_on: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    children: Option<Counts>,
    on_path: bool,
    more: bool,
    /// It stands above itself.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    circle: bool,
    jobs: Vec<Self>,
}

/// Shows the whole flow that a job belongs to.
pub async fn run(session: &mut Session, args: &FlowArgs) -> Result<u8, Failure> {
    let queue = resolve::queue(session, &args.queue).await?.id;
    let id = JobId::new(&args.id);
    let conn = session.conn.clone();
    let here = (queue, id);
    let mut line = if args.below { Vec::new() } else { flow::above(&conn, &here.0, &here.1).await? };
    line.push(here.clone());
    let root = line[0].clone();
    let survey = flow::survey(&conn, &root.0, &root.1, LOOKED_AT).await?;
    let states = states(session, survey.leaves.iter().map(|leaf| leaf.queue.clone()).collect()).await?;
    let held = blocked(&survey, |queue| states.get(queue).copied().unwrap_or_default());
    let bounds = Bounds { depth: args.depth, jobs: args.limit };
    let mut paths: Vec<Path> = held.iter().map(|held| held.path.clone()).collect();
    paths.push(line);
    let mut nodes = flow::tree(&conn, &root.0, &root.1, bounds, &paths).await?;
    let known = |node: &Node| node.member.as_ref().is_some_and(|one| one.exists || one.state.is_some());
    if here == root && !nodes.first().is_some_and(|node| known(node) || !node.children.is_empty()) {
        return Err(no_job(&here.0, &here.1));
    }
    for node in &mut nodes {
        node.member = node.member.take().map(|member| member.masked(&session.settings.mask));
    }
    let complete = !nodes.iter().any(|node| node.more);
    let now = server_time(session).await?;
    if !complete {
        session.warn(format!(
            "{} jobs are shown, not all: --limit N and --depth N show more",
            thousands(nodes.len() as u64)
        ));
    }
    if session.json {
        session.out.json(&Document {
            queue: here.0.name.lossless().into_owned(),
            prefix: here.0.prefix.lossless().into_owned(),
            id: here.1.lossless().into_owned(),
            jobs: nodes.len(),
            complete,
            tree: branch(&nodes, 0, held.as_ref()),
            blocked: held.as_ref().map(|held| Holds {
                cause: held.cause.word(),
                blocks: held.cause.blocks(),
                count: held.count,
                path: held.path.iter().map(Place::of).collect(),
                sentence: held.sentence(now).to_string(),
            }),
        })?;
    } else {
        print(session, &nodes, &here, held.as_ref(), now)?;
    }
    Ok(exit::DONE)
}

/// What is known of some queues: paused, and how many workers.
async fn states(session: &Session, queues: Vec<QueueId>) -> Result<HashMap<QueueId, QueueState>, Failure> {
    let roster = match read::roster(&session.conn).await {
        Ok(roster) => Some(roster),
        Err(error) if error.kind == Kind::Permission => None,
        Err(error) => return Err(error.into()),
    };
    let found = resolve::existing(session, &queues).await?;
    let state = |found: &resolve::Found| QueueState {
        paused: found.overview.is_paused(),
        workers: roster.as_ref().map(|roster| roster.seen(&found.id).workers),
    };
    Ok(found.iter().map(|found| (found.id.clone(), state(found))).collect())
}

const fn kind(kind: ChildKind) -> &'static str {
    match kind {
        ChildKind::Processed => "processed",
        ChildKind::Pending => "pending",
        ChildKind::Failed => "failed",
        ChildKind::Ignored => "ignored",
    }
}

fn on_path(node: &Node, held: Option<&Blocked>) -> bool {
    let (Some(member), Some(held)) = (&node.member, held) else { return false };
    held.cause.blocks() && held.path.iter().any(|(queue, id)| *queue == member.queue && *id == member.id)
}

fn text(brief: &Brief) -> Option<String> {
    match brief {
        Brief::Absent => None,
        Brief::Text(text) => Some(text.to_string()),
        Brief::Large(bytes) => Some(format!("({})", super::figures::bytes(*bytes))),
    }
}

fn branch(nodes: &[Node], at: usize, held: Option<&Blocked>) -> Branch {
    // Depth is bounded by `--depth`, which is bounded.
    let node = &nodes[at];
    let member = node.member.as_ref();
    Branch {
        key: lossless(node.key.as_bytes()).into_owned(),
        place: member.map(|member| Place::of(&(member.queue.clone(), member.id.clone()))),
        kind: node.kind.map(kind),
        exists: member.is_some_and(|member| member.exists),
        name: member.and_then(|member| text(&member.name)),
        state: member.and_then(|member| member.state).map(State::name),
        progress: member.and_then(|member| text(&member.progress)),
        failed_reason: member.and_then(|member| text(&member.reason)),
        timestamp: member.and_then(|member| member.timestamp),
        processed_on: member.and_then(|member| member.processed_on),
        finished_on: member.and_then(|member| member.finished_on),
        children: member.filter(|member| member.has_children()).map(|member| Counts {
            processed: member.children.processed,
            pending: member.children.pending,
            failed: member.children.failed,
            ignored: member.children.ignored,
        }),
        on_path: on_path(node, held),
        more: node.more,
        circle: node.circle,
        jobs: node.children.iter().map(|child| branch(nodes, *child, held)).collect(),
    }
}

fn print(
    session: &mut Session,
    nodes: &[Node],
    here: &(QueueId, JobId),
    held: Option<&Blocked>,
    now: i64,
) -> Result<(), Failure> {
    // A stack of its own: what is to be shown (`None`: that more is not), and what stands before it.
    let mut stack = vec![(Some(0), String::new(), String::new())];
    while let Some((at, before, below)) = stack.pop() {
        let Some(at) = at else {
            session.out.line(format_args!("  {before}… more are not shown"))?;
            continue;
        };
        let node = &nodes[at];
        let mark = if on_path(node, held) { "▲" } else { " " };
        session.out.line(format_args!("{mark} {before}{}", line(node, here)))?;
        let rest = node.more.then_some(None);
        let children: Vec<Option<usize>> = node.children.iter().copied().map(Some).chain(rest).collect();
        for (place, child) in children.iter().enumerate().rev() {
            let (branch, under) =
                if place + 1 == children.len() { ("└─ ", "   ") } else { ("├─ ", "│  ") };
            stack.push((*child, format!("{below}{branch}"), format!("{below}{under}")));
        }
    }
    if let Some(held) = held {
        session.out.line("")?;
        let mark = if held.cause.blocks() { "▲" } else { "·" };
        session.out.line(format_args!("{mark} {}", held.sentence(now)))?;
    }
    Ok(())
}

fn line(node: &Node, here: &(QueueId, JobId)) -> Clean {
    let Some(member) = &node.member else {
        return Clean::line(format!("?  {} (no job's key)", node.key.clean().cut(80)));
    };
    let state = Standing::of(member, node.kind).word();
    let queue = label(&member.queue, &here.0, 40);
    let mut line = format!("{state}  {queue} › {}", member.id.clean().cut(40));
    match &member.name {
        Brief::Text(name) => line.extend(["  ", name.cut(40).as_str()]),
        Brief::Large(size) => {
            let _ = write!(line, "  (a name of {})", super::figures::bytes(*size));
        }
        Brief::Absent => {}
    }
    line.extend(tally(member).iter().flat_map(|tally| ["  ", tally.as_str()]));
    match (&member.reason, &member.progress, member.state) {
        (Brief::Text(reason), _, Some(State::Failed)) => {
            let _ = write!(line, "  {}", reason.cut(100));
        }
        (_, Brief::Text(progress), Some(State::Active)) if progress.as_str() != "0" => {
            let _ = write!(line, "  progress {}", progress.cut(40));
        }
        _ => {}
    }
    if node.circle {
        line.push_str("  ↺ it stands above itself");
    }
    if member.queue == here.0 && member.id == here.1 {
        line.push_str("  ◀");
    }
    Clean::line(line)
}
