//! Redis: is it the problem?

use super::super::action::{Action, Scope};
use super::super::effect::{Answer, FetchId};
use super::super::panel::{Context, Panel, Step};
use super::moved;
use crate::app::list::Move;
use crate::monitor::Interest;
use crate::text::Clean;

/// The screen.
#[derive(Debug, Default)]
pub struct Redis {
    /// First row on screen, where not all of it fits.
    pub top: u64,
}

impl Panel for Redis {
    fn scopes(&self) -> &'static [Scope] {
        &[Scope::Redis, Scope::List]
    }

    fn path(&self) -> Vec<Clean> {
        vec![Clean::line("Redis")]
    }

    fn interest(&self, _cx: &Context<'_>) -> Interest {
        Interest { redis: true, ..Interest::default() }
    }

    fn act(&mut self, _cx: &Context<'_>, action: Action) -> Vec<Step> {
        match moved(action) {
            Some(Move::By(n)) => self.top = self.top.saturating_add_signed(n),
            Some(Move::HalfPages(n)) => self.top = self.top.saturating_add_signed(n * 10),
            Some(Move::Top) => self.top = 0,
            _ => {}
        }
        Vec::new()
    }

    fn refresh(&mut self, _cx: &Context<'_>) -> Vec<Step> {
        Vec::new()
    }

    fn answer(
        &mut self,
        _cx: &Context<'_>,
        _id: FetchId,
        answer: Result<Answer, Clean>,
    ) -> Result<Vec<Step>, Result<Answer, Clean>> {
        Err(answer)
    }
}
