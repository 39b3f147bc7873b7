//! Redis: is it the problem?

pub mod layout;
pub mod section;

use super::super::action::{Action, Scope};
use super::super::link::LinkPhase;
use super::super::panel::{Context, Panel, Step};
use super::super::panes::Rect;
use super::moved;
use super::queues::next_age_change;
use crate::app::list::Move;
use crate::monitor::Interest;
use crate::text::Clean;
use layout::Layout;

/// The screen.
#[derive(Debug, Default)]
pub struct Redis {
    /// First row on screen, where not all of it fits.
    pub top: u16,
}

/// Rows of the body above what scrolls.
const HEAD: u16 = 1;
/// While the link is up the server is read every second with this screen in front, and every ten
/// before it was.
const OLD_MS: i64 = 21_000;
/// With the link lost, figures are old this soon.
const OLD_LOST_MS: i64 = 2000;

impl Redis {
    /// The part of the body that scrolls.
    pub fn view(body: Rect) -> Rect {
        body.below(HEAD)
    }

    /// What is on it and where, once the server was read.
    pub fn layout(cx: &Context<'_>) -> Option<Layout> {
        let redis = cx.snapshot.redis.as_deref()?;
        Some(Layout::new(section::sections(redis, cx), Self::view(cx.body)))
    }

    /// For how long nothing new was read, ms, where that is longer than it should be.
    pub fn stale_ms(cx: &Context<'_>) -> Option<i64> {
        let age = cx.now - cx.snapshot.redis.as_ref()?.at;
        let up = cx.link.state == LinkPhase::Up && cx.link.silent_ms(cx.now).is_none();
        (age >= if up { OLD_MS } else { OLD_LOST_MS }).then_some(age)
    }

    fn settle(&mut self, cx: &Context<'_>) {
        let most = Self::layout(cx).map_or(0, |layout| layout.height);
        self.top = self.top.min(most.saturating_sub(Self::view(cx.body).height));
    }
}

impl Panel for Redis {
    fn scopes(&self) -> &'static [Scope] {
        &[Scope::Redis, Scope::Move]
    }

    fn path(&self) -> Vec<Clean> {
        vec![Clean::line("Redis")]
    }

    fn interest(&self, _cx: &Context<'_>) -> Interest {
        Interest { redis: true, ..Interest::default() }
    }

    fn act(&mut self, cx: &Context<'_>, action: Action) -> Vec<Step> {
        let page = i64::from(Self::view(cx.body).height.max(2));
        let by = match moved(action) {
            Some(Move::By(n)) => n,
            Some(Move::HalfPages(n)) => n * page / 2,
            Some(Move::Top) => -i64::from(u16::MAX),
            Some(Move::Bottom) => i64::from(u16::MAX),
            None => return Vec::new(),
        };
        let top = i64::from(self.top).saturating_add(by).clamp(0, i64::from(u16::MAX));
        self.top = u16::try_from(top).unwrap_or(u16::MAX);
        self.settle(cx);
        Vec::new()
    }

    fn refresh(&mut self, cx: &Context<'_>) -> Vec<Step> {
        self.settle(cx);
        Vec::new()
    }

    fn wake_at(&self, cx: &Context<'_>) -> Option<i64> {
        let redis = cx.snapshot.redis.as_ref()?;
        // The age of the picture, once it is told; the ages of slow commands and of the snapshot
        // on disk. While the server is read these come anyway.
        let old = match Self::stale_ms(cx) {
            Some(_) => super::super::next_second(cx.now),
            None => (redis.at + OLD_LOST_MS).max(cx.now + 1000),
        };
        let moments = redis.slow_log.iter().flatten().map(|entry| entry.at_s);
        let moments = moments.chain(Some(redis.persistence.last_save_s)).filter(|at| *at > 0);
        let ages = moments.map(|at| next_age_change(at.saturating_mul(1000), cx.redis_now()));
        ages.map(|at| at.saturating_sub(cx.snapshot.clock_offset_ms)).chain(Some(old)).min()
    }
}
