//! The dialog before an act that could be regretted.

pub mod choices;
mod watch;

use tui_input::Input;

use super::super::acts;
use super::super::effect::{Act, Answer, Effect, FetchId, Query, Slot};
use super::super::key::{Code, Key};
use super::super::toast::Toast;
use super::super::update::is_escape;
use super::super::{App, Config};
use super::{Modal, edit};
use crate::engine::op::QueueOp;
use crate::operate::journal::Confirmed;
use crate::operate::{Preview, Severity};
use crate::text::Clean;
use crate::wire::{Era, Fleet};
use choices::Choices;
pub(in crate::app) use watch::{link_lost, look};

/// Keys count only after this: what was typed before the dialog stood there was not meant for it.
const DEAF_MS: i64 = 200;

/// A prepared act that waits for a yes.
#[derive(Debug)]
pub struct Confirm {
    /// What will be done: exactly this, whatever moves on the screen below meanwhile.
    pub act: Act,
    /// How it is asked.
    pub severity: Severity,
    /// How many jobs were selected when the dialog opened, then how many were counted in Redis.
    pub count: u64,
    /// Count, sample and side effects, once they were read.
    pub preview: Option<Result<Preview, Clean>>,
    /// The queue's name as it is typed.
    pub input: Input,
    /// When it opened, or asked anew, ms since the epoch by this host.
    pub opened_at: i64,
    /// Something was pasted: that never answers.
    pub pasted: bool,
    /// The fleet can be chosen here (a pause of era 5 or 6 about which nobody said anything).
    pub asks_fleet: bool,
    /// What can be chosen of an act on many jobs.
    pub choices: Choices,
    /// When the jobs were counted, ms since the epoch by this host.
    pub counted_at: Option<i64>,
    /// How many jobs there were when it asked first, where it had to ask again.
    pub moved_from: Option<u64>,
    /// An answer was given before anything was counted.
    pub hasty: bool,
    protected: bool,
    fetch: FetchId,
    /// The count that is looked at again, while it is.
    recount: Option<FetchId>,
    watch: watch::Base,
}

impl Confirm {
    /// A dialog. `era` is what the snapshot says of the queue now.
    pub fn new(
        act: Act,
        severity: Severity,
        count: u64,
        fetch: FetchId,
        config: &Config,
        era: Option<Era>,
        now: i64,
    ) -> Self {
        let pauses = matches!(&act, Act::Queue { op: QueueOp::Pause { .. }, .. });
        let asks_fleet = pauses && config.fleet.is_none() && era == Some(Era::V6);
        let mut confirm = Self {
            choices: Choices::new(&act),
            act,
            severity,
            count,
            preview: None,
            input: Input::default(),
            opened_at: now,
            pasted: false,
            asks_fleet,
            counted_at: None,
            moved_from: None,
            hasty: false,
            protected: config.protected,
            fetch,
            recount: None,
            watch: watch::Base::default(),
        };
        if let Act::Undo(taken) = &confirm.act {
            // What is kept was looked at before: it is what the dialog is about.
            let found = Preview {
                matched: taken.jobs,
                sample: taken.sample.clone(),
                effects: Vec::new(),
                bytes: Some(taken.bytes),
            };
            confirm.preview = Some(Ok(found));
        }
        confirm
    }

    pub(super) fn wake_at(&self, now: i64) -> Option<i64> {
        let open = self.opened_at + DEAF_MS;
        (now < open).then_some(open)
    }

    pub(super) fn answer(&mut self, id: FetchId, answer: &Result<Answer, Clean>, now: i64) -> Result<(), ()> {
        if self.recount == Some(id) {
            self.recount = None;
            if let Ok(Answer::Preview(preview)) = answer {
                self.counted_again(preview, now);
            }
            return Ok(());
        }
        if id != self.fetch {
            return Err(());
        }
        match answer {
            Ok(Answer::Preview(preview)) => self.counted(preview, now),
            Ok(_) => return Err(()),
            Err(why) => self.preview = Some(Err(why.clone())),
        }
        Ok(())
    }

    fn counted(&mut self, preview: &Preview, now: i64) {
        self.counted_at = Some(now);
        // What was counted on screen may be seconds old; the question fits what is there.
        if self.act.counts_jobs() {
            self.count = preview.matched;
            self.severity = self.severity.max(self.act.severity(preview.matched, self.protected));
        }
        self.preview = Some(Ok(preview.clone()));
        self.hasty = false;
    }

    /// The name that must be typed, in the form in which it can be typed: hidden characters
    /// escaped.
    pub fn name(&self) -> Clean {
        self.act.queue().name.clean()
    }

    /// Whether what was typed is the name. A name without a character cannot be typed.
    pub fn matches(&self) -> bool {
        !self.input.value().is_empty() && self.input.value() == self.name().as_str()
    }

    /// The fleet that the pause assumes, where it can be chosen.
    pub fn fleet(&self) -> Option<Fleet> {
        match &self.act {
            Act::Queue { op: QueueOp::Pause { fleet }, .. } => Some(*fleet),
            _ => None,
        }
    }

    fn next_fleet(&mut self) {
        if let Act::Queue { op: QueueOp::Pause { fleet }, .. } = &mut self.act {
            *fleet = match fleet {
                Fleet::Mixed => Fleet::V6,
                Fleet::V6 => Fleet::V5,
                Fleet::V5 => Fleet::Mixed,
            };
        }
    }

    /// How long it still takes no keys, ms.
    pub fn deaf(&self, now: i64) -> bool {
        now < self.opened_at + DEAF_MS
    }

    /// Whether an answer must wait: an act on whole states is never done uncounted.
    fn uncounted(&self) -> bool {
        matches!(self.act, Act::Bulk { .. }) && !matches!(self.preview, Some(Ok(_)))
    }

    /// About how many bytes the jobs take that go, where that is known.
    pub fn bytes(&self) -> Option<u64> {
        self.preview.as_ref()?.as_ref().ok()?.bytes
    }
}

/// A key press in the dialog.
pub(in crate::app) fn on_key(app: &mut App, mut confirm: Box<Confirm>, key: Key, now: i64) -> Vec<Effect> {
    if confirm.deaf(now) {
        app.modal = Some(Modal::Confirm(confirm));
        return Vec::new();
    }
    if confirm.choices.editing {
        return on_typed(app, confirm, key);
    }
    if is_escape(key) {
        return nothing_done(app, now);
    }
    if matches!(key.code, Code::Tab | Code::BackTab) {
        return on_tab(app, confirm, key);
    }
    let yes = match confirm.severity {
        Severity::Type => key.code == Code::Enter && confirm.matches(),
        _ => key == Key::char('y'),
    };
    if yes && confirm.uncounted() {
        confirm.hasty = true;
        app.modal = Some(Modal::Confirm(confirm));
        return Vec::new();
    }
    if yes {
        let how = if confirm.severity == Severity::Type { Confirmed::Typed } else { Confirmed::Asked };
        let agreed = confirm.choices.agreed(&confirm.act, how, confirm.count, confirm.bytes());
        return acts::run(app, confirm.act, agreed, now);
    }
    let typed = confirm.severity == Severity::Type;
    let no = !typed && (key == Key::char('n') || key == Key::char('N') || key.code == Code::Enter);
    if no {
        return nothing_done(app, now);
    }
    if typed && let Some(request) = edit(key) {
        confirm.input.handle(request);
    }
    app.modal = Some(Modal::Confirm(confirm));
    Vec::new()
}

fn nothing_done(app: &mut App, now: i64) -> Vec<Effect> {
    app.toasts.push(Toast::plain("nothing was done").shown_at(now));
    vec![Effect::Cancel(Slot::Preview)]
}

/// Another value of what can be chosen.
fn on_tab(app: &mut App, mut confirm: Box<Confirm>, key: Key) -> Vec<Effect> {
    let back = key.code == Code::BackTab;
    let mut effects = Vec::new();
    if confirm.asks_fleet {
        confirm.next_fleet();
    } else if confirm.choices.next(&mut confirm.act, back) {
        confirm.fetch = app.ids.next();
        confirm.preview = None;
        confirm.recount = None;
        confirm.watch = watch::Base::default();
        effects.push(Effect::Fetch(Slot::Preview, confirm.fetch, Query::Preview(confirm.act.clone())));
    }
    app.modal = Some(Modal::Confirm(confirm));
    effects
}

/// A key press while an age or a rate is typed: Enter and Tab end it, Escape forgets it.
fn on_typed(app: &mut App, mut confirm: Box<Confirm>, key: Key) -> Vec<Effect> {
    if is_escape(key) {
        confirm.choices.typed = Input::default();
        return on_tab(app, confirm, Key::code(Code::Tab));
    }
    if matches!(key.code, Code::Enter | Code::Tab | Code::BackTab) {
        return on_tab(app, confirm, Key::code(Code::Tab));
    }
    if let Some(request) = edit(key) {
        confirm.choices.typed.handle(request);
        confirm.choices.bad = false;
    }
    app.modal = Some(Modal::Confirm(confirm));
    Vec::new()
}
