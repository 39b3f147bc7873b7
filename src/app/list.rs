//! A cursor in a list whose rows move: it holds on to the row, not to the place.

use super::panes::Rect;

/// Cursor and scroll of a list of any length.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cursor<K> {
    /// Which row is selected, by identity.
    pub key: Option<K>,
    /// Where it was last seen.
    pub index: u64,
    /// First row on screen.
    pub top: u64,
}

impl<K> Default for Cursor<K> {
    fn default() -> Self {
        Self { key: None, index: 0, top: 0 }
    }
}

/// A movement in a list.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Move {
    /// So many rows down (negative: up).
    By(i64),
    /// So many halves of a page down (negative: up).
    HalfPages(i64),
    /// To the first row.
    Top,
    /// To the last row.
    Bottom,
}

impl<K: Clone + PartialEq> Cursor<K> {
    /// Moves within `len` rows of which `height` are on screen. The key is forgotten: the caller
    /// gives the one at the new index with [`Cursor::settle`].
    pub fn step(&mut self, by: Move, len: u64, height: u64) {
        let last = len.saturating_sub(1);
        let add = |index: u64, n: i64| index.saturating_add_signed(n).min(last);
        let before = self.index;
        self.index = match by {
            Move::By(n) => add(self.index, n),
            Move::HalfPages(n) => add(self.index, n * i64::try_from(height.max(2) / 2).unwrap_or(1)),
            Move::Top => 0,
            Move::Bottom => last,
        };
        if self.index != before {
            self.key = None;
        }
        self.scroll(len, height);
    }

    /// Selects the row at `index`.
    pub fn select(&mut self, index: u64, key: Option<K>) {
        self.index = index;
        self.key = key;
    }

    /// Finds the selected row again after the rows changed: `find` gives the index of a key,
    /// `at` the key at an index. A row that is gone leaves the cursor at its place.
    pub fn settle(
        &mut self,
        len: u64,
        height: u64,
        find: impl Fn(&K) -> Option<u64>,
        at: impl Fn(u64) -> Option<K>,
    ) {
        if let Some(index) = self.key.as_ref().and_then(&find) {
            self.index = index;
        } else {
            self.index = self.index.min(len.saturating_sub(1));
            self.key = at(self.index);
        }
        self.scroll(len, height);
    }

    /// As [`Cursor::settle`], where all the rows are at hand.
    pub fn settle_among<R>(&mut self, rows: &[R], height: u16, key: impl Fn(&R) -> K) {
        let find = |wanted: &K| rows.iter().position(|row| key(row) == *wanted).map(|at| at as u64);
        let at = |index: u64| rows.get(usize::try_from(index).ok()?).map(&key);
        self.settle(rows.len() as u64, u64::from(height), find, at);
    }

    /// Which of `len` rows stands in this row of the body, if one does.
    pub fn clicked(&self, body: Rect, list: Rect, row: u16, len: u64) -> Option<u64> {
        let row = row.checked_sub(list.y.saturating_sub(body.y)).filter(|row| *row < list.height)?;
        Some(self.top + u64::from(row)).filter(|index| *index < len)
    }

    /// Keeps the selected row on screen.
    pub fn scroll(&mut self, len: u64, height: u64) {
        let height = height.max(1);
        if self.index < self.top {
            self.top = self.index;
        } else if self.index - self.top >= height {
            self.top = self.index - (height - 1);
        }
        self.top = self.top.min(len.saturating_sub(height));
    }
}

/// The value behind this one, in a ring.
pub fn after<T: Copy + PartialEq>(ring: &[T], one: T) -> T {
    let at = ring.iter().position(|other| *other == one).unwrap_or(0);
    ring.get((at + 1) % ring.len().max(1)).copied().unwrap_or(one)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cursor_follows_its_row() {
        let rows = ["a", "b", "c", "d"];
        let mut cursor = Cursor::default();
        cursor.select(1, Some("b"));
        let moved = ["x", "y", "a", "b"];
        cursor.settle(
            4,
            10,
            |k| moved.iter().position(|r| r == k).map(|i| i as u64),
            |i| moved.get(i as usize).copied(),
        );
        assert_eq!((cursor.index, cursor.key), (3, Some("b")));
        // A row that is gone: the place is kept, the key is the one that stands there now.
        cursor.settle(3, 10, |_| None, |i| rows.get(i as usize).copied());
        assert_eq!((cursor.index, cursor.key), (2, Some("c")));
    }

    #[test]
    fn steps_stay_inside_and_scroll_keeps_the_cursor_visible() {
        let mut cursor = Cursor::<u64>::default();
        cursor.step(Move::By(-1), 1_000_000, 20);
        assert_eq!(cursor.index, 0);
        cursor.step(Move::Bottom, 1_000_000, 20);
        assert_eq!((cursor.index, cursor.top), (999_999, 999_980));
        cursor.step(Move::HalfPages(-2), 1_000_000, 20);
        assert_eq!((cursor.index, cursor.top), (999_979, 999_979));
        cursor.step(Move::Top, 0, 20);
        assert_eq!((cursor.index, cursor.top), (0, 0));
    }
}
