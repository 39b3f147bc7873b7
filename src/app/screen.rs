//! The screens.

pub mod doctor;
pub mod errors;
pub mod events;
pub mod find;
pub mod job;
pub mod log;
mod one;
pub mod queue;
pub mod queues;
pub mod redis;
pub mod schedulers;
pub mod why;
pub mod workers;

use super::action::Action;
use super::list::Move;
use super::panel::Panel;
use crate::wire::QueueId;

/// A screen.
#[derive(Debug)]
pub enum Screen {
    /// All queues.
    Queues(queues::Queues),
    /// One queue.
    Queue(Box<queue::Queue>),
    /// One job.
    Job(Box<job::Job>),
    /// A search over queues.
    Find(Box<find::Find>),
    /// The server.
    Redis(redis::Redis),
    /// Who is connected.
    Workers(Box<workers::Workers>),
    /// The jobs of one worker.
    WorkerJobs(Box<workers::WorkerJobs>),
    /// All schedulers.
    Schedulers(Box<schedulers::Schedulers>),
    /// The event feed.
    Events(events::Events),
    /// Failures by cause.
    Errors(Box<errors::Errors>),
    /// The jobs of a group of errors.
    Group(Box<errors::Members>),
    /// What is damaged.
    Doctor(Box<doctor::Doctor>),
    /// What was done and sent.
    Log(Box<log::Log>),
    /// One act of the journal.
    Record(Box<log::Record>),
    /// Why a queue does not move.
    Why(Box<why::Why>),
}

impl Screen {
    /// Its behaviour.
    pub fn panel(&self) -> &dyn Panel {
        match self {
            Self::Queues(screen) => screen,
            Self::Queue(screen) => screen.as_ref(),
            Self::Job(screen) => screen.as_ref(),
            Self::Find(screen) => screen.as_ref(),
            Self::Redis(screen) => screen,
            Self::Workers(screen) => screen.as_ref(),
            Self::WorkerJobs(screen) => screen.as_ref(),
            Self::Schedulers(screen) => screen.as_ref(),
            Self::Events(screen) => screen,
            Self::Errors(screen) => screen.as_ref(),
            Self::Group(screen) => screen.as_ref(),
            Self::Doctor(screen) => screen.as_ref(),
            Self::Log(screen) => screen.as_ref(),
            Self::Record(screen) => screen.as_ref(),
            Self::Why(screen) => screen.as_ref(),
        }
    }

    /// Its behaviour, to change it.
    pub fn panel_mut(&mut self) -> &mut dyn Panel {
        match self {
            Self::Queues(screen) => screen,
            Self::Queue(screen) => screen.as_mut(),
            Self::Job(screen) => screen.as_mut(),
            Self::Find(screen) => screen.as_mut(),
            Self::Redis(screen) => screen,
            Self::Workers(screen) => screen.as_mut(),
            Self::WorkerJobs(screen) => screen.as_mut(),
            Self::Schedulers(screen) => screen.as_mut(),
            Self::Events(screen) => screen,
            Self::Errors(screen) => screen.as_mut(),
            Self::Group(screen) => screen.as_mut(),
            Self::Doctor(screen) => screen.as_mut(),
            Self::Log(screen) => screen.as_mut(),
            Self::Record(screen) => screen.as_mut(),
            Self::Why(screen) => screen.as_mut(),
        }
    }

    /// The queue that it is about.
    pub fn queue_id(&self) -> Option<&QueueId> {
        match self {
            Self::Queue(screen) => Some(&screen.id),
            Self::Job(screen) => Some(&screen.queue),
            Self::Why(screen) => Some(&screen.id),
            Self::Queues(screen) => screen.rows.key(),
            Self::Workers(screen) => screen.rows.selected().map(|row| &row.queue),
            Self::WorkerJobs(screen) => Some(&screen.row.queue),
            Self::Schedulers(screen) => screen.rows.selected().map(|row| &row.queue),
            Self::Find(screen) => screen.selected().map(|hit| &hit.queue),
            Self::Doctor(screen) => screen.selected().and_then(|finding| finding.queue.as_ref()),
            Self::Errors(_)
            | Self::Group(_)
            | Self::Redis(_)
            | Self::Events(_)
            | Self::Log(_)
            | Self::Record(_) => None,
        }
    }
}

/// The movement that an action means in a list.
pub(super) fn moved(action: Action) -> Option<Move> {
    Some(match action {
        Action::Down => Move::By(1),
        Action::Up => Move::By(-1),
        Action::HalfDown => Move::HalfPages(1),
        Action::HalfUp => Move::HalfPages(-1),
        Action::PageDown => Move::HalfPages(2),
        Action::PageUp => Move::HalfPages(-2),
        Action::Top => Move::Top,
        Action::Bottom => Move::Bottom,
        _ => return None,
    })
}
