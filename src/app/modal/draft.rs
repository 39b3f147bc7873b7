//! The dialog about a text that was not written: it is never lost without a word.

use super::super::App;
use super::super::draft::{self, DraftId};
use super::super::effect::Effect;
use super::super::key::{Code, Key};
use super::super::toast::Toast;
use super::super::update::is_escape;
use super::Modal;
use crate::text::Clean;

/// Keys count only after this: what was typed into the editor was not meant for it.
const DEAF_MS: i64 = 200;

/// A text that can be opened again.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Offer {
    /// Which.
    pub draft: DraftId,
    /// Why it was not written, or what is to be known before it is read.
    pub why: Clean,
    /// It was not opened yet, because it is large.
    pub large: bool,
    /// When it opened, ms since the epoch by this host.
    pub opened_at: i64,
}

impl Offer {
    pub(super) fn wake_at(&self, now: i64) -> Option<i64> {
        let open = self.opened_at + DEAF_MS;
        (now < open).then_some(open)
    }

    /// Whether it takes no keys yet.
    pub fn deaf(&self, now: i64) -> bool {
        now < self.opened_at + DEAF_MS
    }
}

/// A key press in the dialog.
pub(super) fn on_key(app: &mut App, offer: Offer, key: Key, now: i64) -> Vec<Effect> {
    if offer.deaf(now) {
        app.modal = Some(Modal::Draft(offer));
        return Vec::new();
    }
    let id = offer.draft;
    if is_escape(key) {
        if offer.large {
            app.drafts.drop(id);
        } else {
            app.toasts.push(Toast::plain("your text is kept: `e` on its job offers it again").shown_at(now));
        }
        return Vec::new();
    }
    match key.code {
        Code::Enter => return draft::again(app, id, false),
        Code::Char('n') if !offer.large => return draft::again(app, id, true),
        Code::Char('x') if !offer.large => {
            app.drafts.drop(id);
            app.toasts.push(Toast::plain("your text was dropped; nothing was written").shown_at(now));
        }
        _ => app.modal = Some(Modal::Draft(offer)),
    }
    Vec::new()
}
