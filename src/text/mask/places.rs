//! Where secrets stand, and the value without them.

use std::borrow::Cow;

use super::MASKED;

/// A secret: its bytes, and how the mask is written in their place.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Place {
    /// Its first byte.
    pub start: usize,
    /// The byte after its last.
    pub end: usize,
    /// The mask is a JSON string of its own, in so many strings of JSON; `None`: it stands within
    /// quotation marks, or in a text.
    quoted: Option<u8>,
}

impl Place {
    /// Part of a text.
    pub(super) const fn text(start: usize, end: usize) -> Self {
        Self { start, end, quoted: None }
    }

    /// A JSON value.
    pub(super) const fn json(start: usize, end: usize) -> Self {
        Self { start, end, quoted: Some(0) }
    }

    /// All of a field.
    pub(super) const fn whole(start: usize, end: usize) -> Self {
        Self::json(start, end)
    }

    /// The same place one string of JSON further out.
    pub(super) fn outward(self, start: usize, end: usize) -> Self {
        Self { start, end, quoted: self.quoted.map(|level| level.saturating_add(1)) }
    }

    /// What stands for it.
    pub(super) fn cover(&self, mask: &str) -> Vec<u8> {
        let Some(level) = self.quoted else { return mask.as_bytes().to_vec() };
        // A quotation mark in n strings of JSON has 2^n - 1 backslashes before it.
        let mut quote = vec![b'\\'; (1_usize << level.min(16)) - 1];
        quote.push(b'"');
        [quote.as_slice(), mask.as_bytes(), &quote].concat()
    }
}

/// The secrets of a value, in the order of its bytes.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Places(Vec<Place>);

impl Places {
    /// Brings places into their order; those within another are none of their own.
    pub(super) fn new(mut places: Vec<Place>) -> Self {
        places.sort_unstable_by(|one, other| one.start.cmp(&other.start).then(other.end.cmp(&one.end)));
        let mut end = 0;
        places.retain(|place| {
            let apart = place.start >= end && place.end > place.start;
            end = if apart { place.end } else { end };
            apart
        });
        Self(places)
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Each of them.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &Place> {
        self.0.iter()
    }

    /// The value with a mask in each place.
    pub fn apply<'a>(&self, value: &'a [u8]) -> Cow<'a, [u8]> {
        self.apply_but(value, None)
    }

    /// The value with a mask in each place but one (by its number).
    pub fn apply_but<'a>(&self, value: &'a [u8], shown: Option<usize>) -> Cow<'a, [u8]> {
        if self.0.is_empty() {
            return Cow::Borrowed(value);
        }
        let mut out = Vec::with_capacity(value.len());
        self.cover(value, &mut out, |at, place| (shown != Some(at)).then(|| place.cover(MASKED)));
        Cow::Owned(out)
    }

    /// The number of the secret whose mask stands in these bytes of the masked value (`start` to
    /// `end`), the first of them; `shown` is what is not masked in it.
    pub fn covering(&self, start: usize, end: usize, shown: Option<usize>) -> Option<usize> {
        // Where a place begins in the masked value: it moved by what the masks before it are shorter.
        let mut moved = 0_isize;
        for (at, place) in self.0.iter().enumerate() {
            let begins = place.start.saturating_add_signed(moved);
            let len = if shown == Some(at) { place.end - place.start } else { place.cover(MASKED).len() };
            if begins >= end {
                return None;
            }
            if begins + len > start {
                return Some(at);
            }
            moved += len.cast_signed() - (place.end - place.start).cast_signed();
        }
        None
    }

    /// Writes the value with what `cover` gives in each place; `None` leaves it as it is.
    pub(super) fn cover(
        &self,
        value: &[u8],
        out: &mut Vec<u8>,
        mut cover: impl FnMut(usize, &Place) -> Option<Vec<u8>>,
    ) {
        let mut at = 0;
        for (number, place) in self.0.iter().enumerate() {
            if let Some(cover) = cover(number, place) {
                out.extend_from_slice(&value[at..place.start]);
                out.extend_from_slice(&cover);
                at = place.end;
            }
        }
        out.extend_from_slice(&value[at..]);
    }
}
