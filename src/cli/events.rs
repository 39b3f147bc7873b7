//! `toril events`.

use std::fmt::Write as _;

use serde_json::{Map, Value};

use super::args::EventsArgs;
use super::discover;
use super::failure::{Failure, exit};
use super::figures::moment;
use super::resolve;
use super::session::Session;
use crate::monitor::{FeedEvent, Interest, Monitor, MonitorOptions};
use crate::text::Clean;
use crate::wire::{Era, QueueId, glob};

/// Prints events as they come, until it is interrupted.
pub async fn run(session: &mut Session, args: &EventsArgs) -> Result<u8, Failure> {
    let queues = named(session, args).await?;
    let globs = session.settings.queues.iter().filter(|text| glob::is_pattern(text.as_bytes())).cloned();
    let options = MonitorOptions {
        prefixes: session.settings.prefixes.clone(),
        names: queues.clone(),
        // What is named is all; otherwise queues that come later belong to it, too.
        globs: if args.queues.is_empty() { globs.collect() } else { Vec::new() },
        remembered: Vec::new(),
        remember: None,
        clock: session.clock,
    };
    let mut monitor = Monitor::start(session.conn.clone(), options);
    monitor.interest.send_replace(Interest { feed: Some(queues), ..Interest::default() });
    while let Some(events) = monitor.feed.recv().await {
        for event in events.into_iter().map(|event| event.masked(&session.settings.mask)) {
            let event = &event;
            if session.json {
                session.out.json(&document(event))?;
            } else {
                session.out.line(line(event))?;
            }
        }
        session.out.flush()?;
    }
    Ok(exit::DONE)
}

/// The queues on the command line, or all by name where the settings name them exactly.
async fn named(session: &Session, args: &EventsArgs) -> Result<Vec<QueueId>, Failure> {
    let mut queues = Vec::new();
    if args.queues.is_empty() {
        let exact = !session.settings.queues.is_empty()
            && session.settings.queues.iter().all(|text| !glob::is_pattern(text.as_bytes()));
        if exact {
            let found = discover::queues(session).await?;
            if let Some(name) = found.missing.first() {
                return Err(resolve::absent(&session.settings.prefixes, name));
            }
            return Ok(found.queues);
        }
        return Ok(queues);
    }
    for name in &args.queues {
        let queue = resolve::queue(session, name).await?;
        if matches!(queue.era, Era::Bull3 | Era::Bull4) {
            session.warn(format!("{} is a queue of Bull, which keeps no events", queue.id.name.clean()));
        }
        queues.push(queue.id);
    }
    Ok(queues)
}

fn document(event: &FeedEvent) -> Value {
    let mut document = Map::new();
    document.insert("at".to_owned(), event.at.into());
    document.insert("id".to_owned(), event.entry.as_str().into());
    document.insert("prefix".to_owned(), event.queue.prefix.lossless().into());
    document.insert("queue".to_owned(), event.queue.name.lossless().into());
    document.insert("event".to_owned(), event.event.as_str().into());
    if let Some(job) = &event.job {
        document.insert("jobId".to_owned(), job.lossless().into());
    }
    // A custom event may call a field what we call one of ours.
    let mut others = Map::new();
    for (name, value) in &event.fields {
        let place = if document.contains_key(&*name.lossless()) { &mut others } else { &mut document };
        place.insert(name.lossless().into_owned(), value.lossless().into());
    }
    if !others.is_empty() {
        document.insert("fields".to_owned(), others.into());
    }
    document.into()
}

fn line(event: &FeedEvent) -> Clean {
    let mut line = format!("{}  {}  {}", moment(event.at), event.queue.name.clean(), event.event);
    if let Some(job) = &event.job {
        let _ = write!(line, "  {}", job.clean());
    }
    for (name, value) in &event.fields {
        let _ = write!(line, "  {}={}", name.clean(), value.clean().cut(80));
    }
    Clean::line(line)
}
