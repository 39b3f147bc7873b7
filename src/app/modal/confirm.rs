//! The dialog before an act that could be regretted.

use tui_input::Input;

use super::super::acts;
use super::super::effect::{Act, Answer, Effect, FetchId, Slot};
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
    /// When it opened, ms since the epoch by this host.
    pub opened_at: i64,
    /// Something was pasted: that never answers.
    pub pasted: bool,
    /// The fleet can be chosen here (a pause of era 5 or 6 about which nobody said anything).
    pub asks_fleet: bool,
    protected: bool,
    fetch: FetchId,
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
        Self {
            act,
            severity,
            count,
            preview: None,
            input: Input::default(),
            opened_at: now,
            pasted: false,
            asks_fleet,
            protected: config.protected,
            fetch,
        }
    }

    pub(super) fn wake_at(&self, now: i64) -> Option<i64> {
        let open = self.opened_at + DEAF_MS;
        (now < open).then_some(open)
    }

    pub(super) fn answer(
        &mut self,
        id: FetchId,
        answer: &Result<Answer, Clean>,
        _now: i64,
    ) -> Result<(), ()> {
        if id != self.fetch {
            return Err(());
        }
        self.preview = Some(match answer {
            Ok(Answer::Preview(preview)) => {
                // What was counted on screen may be seconds old; the question fits what is there.
                if matches!(self.act, Act::Jobs { .. }) {
                    self.count = preview.matched;
                    self.severity = self.severity.max(self.act.severity(preview.matched, self.protected));
                }
                Ok(preview.clone())
            }
            Ok(_) => return Err(()),
            Err(why) => Err(why.clone()),
        });
        Ok(())
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
}

/// A key press in the dialog.
pub(in crate::app) fn on_key(app: &mut App, mut confirm: Box<Confirm>, key: Key, now: i64) -> Vec<Effect> {
    if confirm.deaf(now) {
        app.modal = Some(Modal::Confirm(confirm));
        return Vec::new();
    }
    if is_escape(key) {
        app.toasts.push(Toast::plain("nothing was done").shown_at(now));
        return vec![Effect::Cancel(Slot::Preview)];
    }
    if confirm.asks_fleet && key.code == Code::Tab {
        confirm.next_fleet();
        app.modal = Some(Modal::Confirm(confirm));
        return Vec::new();
    }
    let yes = match confirm.severity {
        Severity::Type => key.code == Code::Enter && confirm.matches(),
        _ => key == Key::char('y'),
    };
    if yes {
        let how = if confirm.severity == Severity::Type { Confirmed::Typed } else { Confirmed::Asked };
        return acts::run(app, confirm.act, how, now);
    }
    let typed = confirm.severity == Severity::Type;
    let no = !typed && (key == Key::char('n') || key == Key::char('N') || key.code == Code::Enter);
    if no {
        app.toasts.push(Toast::plain("nothing was done").shown_at(now));
        return vec![Effect::Cancel(Slot::Preview)];
    }
    if typed && let Some(request) = edit(key) {
        confirm.input.handle(request);
    }
    app.modal = Some(Modal::Confirm(confirm));
    Vec::new()
}
