//! Masked values, and the one that is shown: on a key, written down first, and masked again when
//! the tab or the screen is left.

use std::borrow::Cow;

use super::content::Source;
use super::load::Part;
use super::{Job, Page, Tab};
use crate::app::effect::{Answer, Effect, FetchId, Query, Slot};
use crate::app::panel::{Context, Step};
use crate::app::toast::Toast;
use crate::text::{Clean, Mask, Places};
use crate::wire::{Raw, options};

/// What is shown of what is masked.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Shown {
    /// Of the tab's value, the secret of this number.
    Place(usize),
    /// All of a field.
    Field(Raw),
    /// All of the tab: the reason and the stacks of a failure.
    All,
    /// A line of the log.
    Line(u64),
}

/// A reveal that is being written down.
#[derive(Debug)]
pub(super) struct Asking {
    id: FetchId,
    tab: Tab,
    shown: Shown,
}

impl Job {
    /// A field's value as it may be shown.
    pub(super) fn masked(&self, mask: &Mask, name: &[u8], value: &Raw) -> Raw {
        if mask.is_none() {
            return value.clone();
        }
        let known = self.loads.places(name, value);
        let places =
            known.map_or_else(|| Cow::Owned(mask.field_places(name, value.as_bytes())), Cow::Borrowed);
        let number = match &self.shown {
            Some(Shown::All) => return value.clone(),
            Some(Shown::Field(field)) if field.as_bytes() == name => return value.clone(),
            Some(Shown::Place(number)) => Some(*number),
            _ => None,
        };
        match places.apply_but(value.as_bytes(), number) {
            Cow::Borrowed(_) => value.clone(),
            Cow::Owned(masked) => Raw::new(masked),
        }
    }

    /// A field, as far as it is here, as it may be shown.
    pub(super) fn masked_part(&self, mask: &Mask, name: &[u8], part: &Part) -> Part {
        match part {
            Part::Value(value) => Part::Value(self.masked(mask, name, value)),
            other => other.clone(),
        }
    }

    /// Shows the masked value at the cursor, once that is written down; what is shown is masked again.
    pub(super) fn reveal(&mut self, cx: &Context<'_>) -> Vec<Step> {
        if self.shown.take().is_some() | self.logs.shown.take().is_some() {
            return Vec::new();
        }
        let Some((field, shown)) = self.hidden_here(&cx.config.mask) else {
            return vec![Step::Toast(Toast::plain("nothing is masked here"))];
        };
        let id = cx.ids.next();
        self.asking = Some(Asking { id, tab: self.tab, shown });
        let query = Query::Reveal(self.queue.clone(), self.era(cx), self.id.clone(), field);
        vec![Step::Effect(Effect::Fetch(Slot::Reveal, id, query))]
    }

    /// The masked value at the cursor, and in words which.
    fn hidden_here(&self, mask: &Mask) -> Option<(String, Shown)> {
        let holds = |name: &[u8], value: &Raw| !mask.field_places(name, value.as_bytes()).is_empty();
        if self.tab == Tab::Logs {
            let line = self.logs.cursor.index;
            return self.logs.hides(line).then(|| (format!("log line {}", line + 1), Shown::Line(line)));
        }
        let page = self.pages[self.tab as usize].as_ref()?;
        match &page.source {
            Source::Value(name, Part::Value(value)) => {
                let known = self.loads.places(name.as_bytes(), value);
                let places = known.map_or_else(
                    || Cow::Owned(mask.field_places(name.as_bytes(), value.as_bytes())),
                    Cow::Borrowed,
                );
                place_here(page, &places, name)
            }
            Source::Options(Part::Value(stored)) => {
                place_here(page, &mask.places(&options::expand(stored.as_bytes())), "opts")
            }
            Source::Error(parts, _) => {
                let named: [(&[u8], &Part); 3] =
                    [(b"failedReason", &parts.0), (b"stacktrace", &parts.1), (b"defa", &parts.2)];
                let any =
                    named.iter().any(|(name, part)| matches!(part, Part::Value(value) if holds(name, value)));
                any.then(|| ("the failure".to_owned(), Shown::All))
            }
            Source::Raw(fields, ..) => {
                let at = page.fields.partition_point(|(line, _)| *line <= page.pager.line).checked_sub(1)?;
                let name = &page.fields.get(at)?.1;
                let part = fields.iter().find(|(field, _)| field == name)?;
                let held = matches!(&part.1, Part::Value(value) if holds(name.as_bytes(), value));
                held.then(|| (name.lossless().into_owned(), Shown::Field(name.clone())))
            }
            Source::Value(..) | Source::Options(_) | Source::Timeline => None,
        }
    }

    pub(super) fn asks_to_reveal(&self, id: FetchId) -> bool {
        self.asking.as_ref().is_some_and(|asking| asking.id == id)
    }

    /// A reveal was written down, or may not be.
    pub(super) fn may_reveal(&mut self, answer: Result<Answer, Clean>) -> Vec<Step> {
        let Some(asking) = self.asking.take() else { return Vec::new() };
        let unrecorded = match answer {
            Ok(Answer::Revealed(unrecorded)) => unrecorded,
            Ok(_) => return Vec::new(),
            Err(why) => return vec![Step::Toast(Toast::bad(why))],
        };
        if asking.tab == self.tab {
            match asking.shown {
                Shown::Line(line) => self.logs.shown = Some(line),
                shown => self.shown = Some(shown),
            }
        }
        let toast = unrecorded.map(|why| Toast::bad(format!("shown, but not written down: {why}")));
        toast.map(Step::Toast).into_iter().collect()
    }

    /// Masks everything again.
    pub(super) fn conceal(&mut self) {
        (self.shown, self.asking, self.logs.shown) = (None, None, None);
    }

    /// How many values are masked on the open tab, and whether one is shown.
    pub fn secrets(&self) -> (usize, bool) {
        if self.tab == Tab::Logs {
            return (self.logs.secrets(), self.logs.shown.is_some());
        }
        let page = self.pages[self.tab as usize].as_ref();
        (page.map_or(0, |page| page.secrets), self.shown.is_some())
    }
}

/// The secret on the cursor's line, or the only one that there is.
fn place_here(page: &Page, places: &Places, name: &str) -> Option<(String, Shown)> {
    let (start, end) = page.pager.doc.line_bytes(page.pager.line);
    let number = places.covering(start, end, None).or((places.len() == 1).then_some(0))?;
    Some((format!("{name}, masked value {} of {}", number + 1, places.len()), Shown::Place(number)))
}
