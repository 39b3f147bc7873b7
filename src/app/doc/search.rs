//! The search in a text: all places, found in steps, in any case of letters.

use super::STEP;

/// Places that are kept; of more, the first are.
const MOST: usize = 100_000;

/// What is looked for, and where it was found.
#[derive(Clone, Debug)]
pub struct Search {
    /// As it was typed.
    pub typed: String,
    /// The forms that count as equal: ASCII letters in any case, others as typed, small or capital.
    forms: Vec<Vec<u8>>,
    /// Where it was found, bytes from the beginning.
    pub(super) found: Vec<u32>,
    /// Up to where it was looked for.
    at: usize,
    /// Which of the places is the current one.
    pub(super) current: Option<usize>,
    /// Where the cursor was when the search began, as a byte.
    pub(super) from: u32,
}

impl Search {
    /// A search that has found nothing yet; the first place it goes to is at `from` or after it.
    pub fn new(typed: &str, from: u32) -> Self {
        let mut forms: Vec<Vec<u8>> = Vec::new();
        for form in [typed.to_lowercase(), typed.to_uppercase(), typed.to_owned()] {
            let form = form.into_bytes();
            if !form.is_empty() && !forms.iter().any(|other| other.eq_ignore_ascii_case(&form)) {
                forms.push(form);
            }
        }
        Self { typed: typed.to_owned(), forms, found: Vec::new(), at: 0, current: None, from }
    }

    /// Looks through about so many bytes more; false when nothing is left.
    pub(super) fn advance(&mut self, bytes: &[u8], budget: usize) -> bool {
        let until = self.at.saturating_add(budget.max(STEP / 64)).min(bytes.len());
        while self.found.len() < MOST {
            // A place that begins before the end of this step may end behind it.
            let longest = self.forms.iter().map(Vec::len).max().unwrap_or(0);
            let window = &bytes[self.at.min(bytes.len())..(until + longest).min(bytes.len())];
            let Some((at, len)) = self.find(window).filter(|(at, _)| self.at + at < until) else {
                self.at = self.at.max(until);
                break;
            };
            self.found.push(u32::try_from(self.at + at).unwrap_or(u32::MAX));
            self.at += at + len.max(1);
        }
        !self.complete(bytes)
    }

    /// Whether everything was looked through (or enough was found).
    pub(super) fn complete(&self, bytes: &[u8]) -> bool {
        self.at >= bytes.len() || self.found.len() >= MOST
    }

    /// How many places were found; true: there may be more.
    pub fn count(&self, bytes: &[u8]) -> (u64, bool) {
        (self.found.len() as u64, self.at < bytes.len())
    }

    /// The number of the current place, from 1.
    pub fn current(&self) -> Option<u64> {
        self.current.map(|at| at as u64 + 1)
    }

    /// The first place in some bytes, and its length.
    pub fn find(&self, bytes: &[u8]) -> Option<(usize, usize)> {
        let places = self.forms.iter().filter_map(|form| find(bytes, form).map(|at| (at, form.len())));
        places.min_by_key(|(at, _)| *at)
    }
}

fn find(bytes: &[u8], form: &[u8]) -> Option<usize> {
    let first = *form.first()?;
    let (low, high) = (first.to_ascii_lowercase(), first.to_ascii_uppercase());
    let last = bytes.len().checked_sub(form.len())?;
    let mut at = 0;
    while at <= last {
        at += bytes[at..=last].iter().position(|byte| *byte == low || *byte == high)?;
        if bytes[at..at + form.len()].eq_ignore_ascii_case(form) {
            return Some(at);
        }
        at += 1;
    }
    None
}
