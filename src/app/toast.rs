//! Short messages above the bottom line.

use crate::text::Clean;

/// How a toast is meant.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Tone {
    /// It was done.
    Good,
    /// Only to be known.
    Plain,
    /// It was not done.
    Bad,
}

/// A message that goes away by itself.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Toast {
    /// What is said.
    pub text: Clean,
    /// How it is meant.
    pub tone: Tone,
    /// When it goes, ms since the epoch by this host; 0 until it is shown.
    pub until: i64,
}

const SHOWN_MS: i64 = 4000;
const SHOWN_BAD_MS: i64 = 8000;

impl Toast {
    /// Something that was done.
    pub fn good(text: impl Into<Clean>) -> Self {
        Self { text: text.into(), tone: Tone::Good, until: 0 }
    }

    /// Something to be known.
    pub fn plain(text: impl Into<Clean>) -> Self {
        Self { text: text.into(), tone: Tone::Plain, until: 0 }
    }

    /// Something that was not done, and why.
    pub fn bad(text: impl Into<Clean>) -> Self {
        Self { text: text.into(), tone: Tone::Bad, until: 0 }
    }

    /// Starts its time.
    #[must_use]
    pub fn shown_at(mut self, now: i64) -> Self {
        self.until = now + if self.tone == Tone::Bad { SHOWN_BAD_MS } else { SHOWN_MS };
        self
    }
}
