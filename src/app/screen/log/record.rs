//! One act of the journal, whole.

use super::super::super::action::{Action, Scope};
use super::super::super::effect::{Effect, Logged};
use super::super::super::panel::{Context, Panel, Step};
use super::super::moved;
use crate::app::list::Move;
use crate::app::toast::Toast;
use crate::monitor::Interest;
use crate::text::{Clean, figure, wrap};

/// The screen.
#[derive(Debug)]
pub struct Record {
    /// The act.
    pub kept: Logged,
    /// How far it is scrolled.
    pub top: u16,
}

/// Rows of the body above the facts.
const HEAD: u16 = 2;
/// Cells of the names at the left.
pub const NAMES: u16 = 12;

impl Record {
    /// The screen of an act.
    pub fn new(kept: Logged) -> Self {
        Self { kept, top: 0 }
    }

    /// The facts as rows of a width: names (empty where a row goes on) and what there is to say.
    pub fn rows(&self, cells: u16) -> Vec<(&'static str, Clean)> {
        let cells = usize::from(cells.saturating_sub(NAMES + 3)).max(1);
        let mut rows = Vec::new();
        for (name, text) in self.facts() {
            for (i, part) in wrap(&Clean::line(text), cells).into_iter().enumerate() {
                rows.push((if i == 0 { name } else { "" }, part));
            }
        }
        rows
    }

    fn facts(&self) -> Vec<(&'static str, String)> {
        let act = &self.kept.act;
        let (who, place) = (&act.intent.who, &act.intent.place);
        let or = |text: &Option<String>| text.clone().unwrap_or_default();
        let counts = self.kept.counts();
        let end = match &act.end {
            Some((at, outcome)) => format!("{} at {}", outcome.ended, figure::date_time(*at)),
            None if self.kept.runs => "it runs".to_owned(),
            None => "none was written: it was broken off, or another copy still runs it".to_owned(),
        };
        let outcome = act.end.as_ref().map(|(_, outcome)| outcome);
        let undo = match self.kept.bytes {
            Some(bytes) => format!("{} are kept: z puts them back", figure::bytes(bytes)),
            None => "nothing is kept of it".to_owned(),
        };
        let mut facts = vec![
            ("act", format!("{} {}", act.id, act.intent.action)),
            ("began", figure::date_time(act.at).as_str().to_owned()),
            ("ended", end),
            ("why", outcome.and_then(|outcome| outcome.reason.clone()).unwrap_or_default()),
            ("queue", format!("{}:{} (era {})", act.intent.prefix, act.intent.queue, act.intent.era)),
            ("jobs", act.intent.selector.clone()),
            (
                "counts",
                format!(
                    "{}{} done, {} had changed, {} refused",
                    act.intent.matched.map(|n| format!("{} counted, ", figure::count(n))).unwrap_or_default(),
                    figure::count(counts.done),
                    figure::count(counts.changed),
                    figure::count(counts.failed),
                ),
            ),
            ("undo", undo),
            ("same as", act.intent.command.clone()),
            ("server", words(&[or(&place.label), place.endpoint.clone()])),
            ("account", or(&place.redis_user)),
            ("run id", or(&place.run_id)),
            (
                "who",
                format!(
                    "{} {}",
                    or(&who.user),
                    who.sudo_user.as_ref().map(|by| format!("(sudo by {by})")).unwrap_or_default()
                ),
            ),
            ("host", words(&[or(&who.host), or(&who.tty), format!("pid {}", who.pid)])),
            ("ssh from", or(&who.ssh)),
            ("agreed", agreed(act.intent.confirmed).to_owned()),
            ("ids", outcome.map(|outcome| outcome.ids.join(" ")).unwrap_or_default()),
            ("version", act.intent.version.clone()),
        ];
        facts.retain(|(_, text)| !text.trim().is_empty());
        facts
    }

    fn most(&self, cx: &Context<'_>) -> u16 {
        let rows = u16::try_from(self.rows(cx.body.width).len()).unwrap_or(u16::MAX);
        rows.saturating_sub(cx.body.below(HEAD).height)
    }
}

/// Going on with an act: not while it runs, and only where its queue still is.
pub(super) fn resume(cx: &Context<'_>, kept: &Logged) -> Vec<Step> {
    let intent = &kept.act.intent;
    let queue = cx.snapshot.queues.iter().find(|row| {
        row.id.name.lossless() == intent.queue.as_str() && row.id.prefix.lossless() == intent.prefix.as_str()
    });
    let finished = kept.act.end.as_ref().is_some_and(|(_, outcome)| outcome.ended == "finished");
    let why = match queue {
        _ if kept.runs => format!("{} still runs", kept.id()),
        _ if finished => format!("{} was finished: nothing of it is left", kept.id()),
        None => format!("the queue of {} is not there (any more)", kept.id()),
        Some(row) => return vec![Step::Resume(kept.id(), row.era)],
    };
    vec![Step::Toast(Toast::plain(why))]
}

/// The words that there are, one space between two.
fn words(all: &[String]) -> String {
    let there: Vec<&str> = all.iter().map(String::as_str).filter(|word| !word.is_empty()).collect();
    there.join(" ")
}

const fn agreed(how: crate::operate::journal::Confirmed) -> &'static str {
    use crate::operate::journal::Confirmed;
    match how {
        Confirmed::NotAsked => "nothing had to be asked",
        Confirmed::Asked => "by yes at a question",
        Confirmed::Typed => "by typing the queue's name",
        Confirmed::Yes => "by --yes",
        Confirmed::Named => "by --confirm NAME",
    }
}

impl Panel for Record {
    fn scopes(&self) -> &'static [Scope] {
        &[Scope::Log, Scope::Move]
    }

    fn path(&self) -> Vec<Clean> {
        vec![Clean::line("Log"), Clean::line(self.kept.act.id.to_string())]
    }

    fn interest(&self, _cx: &Context<'_>) -> Interest {
        Interest::default()
    }

    fn act(&mut self, cx: &Context<'_>, action: Action) -> Vec<Step> {
        let half = i64::from(cx.body.height / 2).max(1);
        let to = |n: i64| u16::try_from((i64::from(self.top) + n).max(0)).unwrap_or(u16::MAX);
        match moved(action) {
            Some(Move::By(n)) => self.top = to(n),
            Some(Move::HalfPages(n)) => self.top = to(n * half),
            Some(Move::Top) => self.top = 0,
            Some(Move::Bottom) => self.top = u16::MAX,
            None => {}
        }
        self.top = self.top.min(self.most(cx));
        match action {
            Action::LogUndo => vec![Step::Undo(self.kept.id())],
            Action::LogResume => resume(cx, &self.kept),
            Action::LogCopy => vec![Step::Effect(Effect::Copy(self.kept.act.intent.command.clone()))],
            _ => Vec::new(),
        }
    }

    fn refresh(&mut self, cx: &Context<'_>) -> Vec<Step> {
        self.top = self.top.min(self.most(cx));
        Vec::new()
    }
}
