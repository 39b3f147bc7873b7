//! The application: plain state and plain decisions.
//!
//! [`update`] is synchronous: it cannot await, so a slow Redis cannot hold up a key press. It
//! knows no terminal, no connection and no clock; time comes in as an argument and wishes go out
//! as [`Effect`]s.

pub mod action;
mod acts;
pub mod doc;
pub mod draft;
pub mod effect;
pub mod key;
pub mod keymap;
pub mod link;
pub mod list;
mod lookup;
pub mod modal;
pub mod msg;
pub mod panel;
pub mod panes;
pub mod rows;
pub mod screen;
pub mod stack;
pub mod toast;
mod update;

use std::collections::HashMap;
use std::sync::Arc;

pub use effect::Effect;
pub use msg::Msg;
pub use update::update;

use crate::monitor::Snapshot;
use crate::operate::{Action, Progress};
use crate::text::{Clean, Mask};
use crate::wire::Fleet;
use crate::wire::QueueId;
use effect::{Act, RunId};
use keymap::Keymap;
use link::LinkView;
use modal::Modal;
use panel::Ids;
use panes::Panes;
use stack::Stacks;
use toast::Toast;

/// What does not change while the console runs.
#[derive(Clone, Debug, Default)]
pub struct Config {
    /// The environment's name, shown first on the top line.
    pub label: Option<Clean>,
    /// Which of the terminal's colours the label has, by name.
    pub colour: Option<String>,
    /// Where we are connected to, without secrets.
    pub endpoint: Clean,
    /// Dangerous acts ask for the queue's name.
    pub protected: bool,
    /// Nothing may be changed.
    pub read_only: bool,
    /// What is known of the clients of eras 5 and 6.
    pub fleet: Option<Fleet>,
    /// Which values are masked.
    pub mask: Mask,
    /// The server is the demo's private one.
    pub demo: bool,
}

/// Bulk work under way.
#[derive(Clone, Debug, PartialEq)]
pub struct Running {
    /// Its number.
    pub id: RunId,
    /// What it does.
    pub act: Act,
    /// How far it is.
    pub progress: Progress,
    /// When it began, ms since the epoch by this host.
    pub started_at: i64,
    /// It was asked to stop.
    pub stopping: bool,
}

/// The whole state of the console.
#[derive(Debug)]
pub struct App {
    /// What does not change.
    pub config: Config,
    /// Which keys mean what.
    pub keymap: Keymap,
    /// Columns and rows of the terminal.
    pub size: (u16, u16),
    /// The link's health.
    pub link: LinkView,
    /// The newest picture of the queues.
    pub snapshot: Arc<Snapshot>,
    /// The screens, one stack for each root.
    pub stacks: Stacks,
    /// The dialog on top, if one is open.
    pub modal: Option<Modal>,
    /// Messages.
    pub toasts: Vec<Toast>,
    /// Texts that were edited and not written.
    pub drafts: draft::Drafts,
    lookup: Option<lookup::Lookup>,
    /// Bulk work under way.
    pub running: Vec<Running>,
    /// Numbers for fetches and runs.
    pub ids: Ids,
    /// What was last asked to be kept fresh.
    interest: Option<crate::monitor::Interest>,
    refreshes: u64,
    /// What this account may not use, as far as the person was told.
    told: Vec<Clean>,
    /// How many jobs a second acts came to, by what was done.
    pub speeds: HashMap<Action, f64>,
    /// The question what an undo would put back, or what is left of an act, while it is asked, and its word.
    undoing: Option<(effect::FetchId, &'static str)>,
    /// Why the server took no act, once it was seen: nothing of the kind is sent again.
    forbidden: Option<Clean>,
    /// The queue that was acted on last, and by which run.
    acted: Option<(RunId, QueueId)>,
}

impl App {
    /// The state at the start: the Queues screen, nothing known yet.
    pub fn new(config: Config, keymap: Keymap, size: (u16, u16)) -> Self {
        Self {
            config,
            keymap,
            size,
            link: LinkView::default(),
            snapshot: Arc::default(),
            stacks: Stacks::default(),
            modal: None,
            toasts: Vec::new(),
            drafts: draft::Drafts::default(),
            lookup: None,
            running: Vec::new(),
            ids: Ids::default(),
            interest: None,
            refreshes: 0,
            told: Vec::new(),
            speeds: HashMap::new(),
            undoing: None,
            forbidden: None,
            acted: None,
        }
    }

    /// Where things stand.
    pub fn panes(&self) -> Panes {
        Panes::new(self.size.0, self.size.1)
    }

    /// Why nothing can be changed here, if so: the session, the server or the account.
    pub fn cannot_write(&self) -> Option<Clean> {
        if self.config.read_only {
            return Some(Clean::line("this session is read-only: start with --write to change data"));
        }
        let replica = self.snapshot.redis.as_ref().is_some_and(|redis| redis.role.as_str() == "slave");
        let replica = replica.then(|| Clean::line("this server is a replica: its master takes the writes"));
        replica.or_else(|| self.forbidden.clone())
    }

    /// When something on screen changes by itself, ms since the epoch by this host: the shell
    /// sends a [`Msg::Tick`] then.
    pub fn wake_at(&self, now: i64) -> Option<i64> {
        let toast = self.toasts.iter().map(|toast| toast.until).filter(|until| *until > now).min();
        let dialog = self.modal.as_ref().and_then(|modal| modal.wake_at(now));
        // A silent server shows its age in seconds from the moment it counts as silent.
        let silence = self.link.waiting_since.map(|since| {
            let said = since + link::SILENCE_MS;
            if now < said { said } else { next_second(now) }
        });
        let retry = match &self.link.state {
            link::LinkPhase::Down { .. } => Some(next_second(now)),
            _ => None,
        };
        let running = (!self.running.is_empty()).then(|| now + 250);
        let screen = self.stacks.current().panel().wake_at(&self.context(now));
        [toast, dialog, silence, retry, running, screen].into_iter().flatten().min()
    }

    /// What panels may see of the rest.
    pub fn context(&self, now: i64) -> panel::Context<'_> {
        panel::Context {
            snapshot: &self.snapshot,
            config: &self.config,
            link: &self.link,
            body: self.panes().body,
            now,
            ids: &self.ids,
        }
    }
}

/// The next full second after `now`.
pub fn next_second(now: i64) -> i64 {
    now - now.rem_euclid(1000) + 1000
}
