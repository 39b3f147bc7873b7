//! The rows of a list as they are shown, and which of them is selected.

use std::fmt::Debug;

use super::list::{Cursor, Move};
use super::panes::Rect;

/// A row with an identity, by which it is found again when the rows change.
pub trait Row {
    /// What it is known by.
    type Key: Clone + PartialEq + Debug;

    /// Its own.
    fn key(&self) -> Self::Key;
}

/// Rows, filtered and sorted. Until a person chooses one the first is the selected one, whatever
/// comes to stand there.
#[derive(Debug)]
pub struct Rows<R: Row> {
    all: Vec<R>,
    cursor: Cursor<R::Key>,
    chosen: bool,
}

impl<R: Row> Default for Rows<R> {
    fn default() -> Self {
        Self { all: Vec::new(), cursor: Cursor::default(), chosen: false }
    }
}

impl<R: Row> Rows<R> {
    /// Takes the rows as they are now; `height` of them are on screen.
    pub fn set(&mut self, rows: Vec<R>, height: u16) {
        self.all = rows;
        if !self.chosen {
            self.cursor = Cursor::default();
        }
        self.cursor.settle_among(&self.all, height, R::key);
    }

    /// The rows.
    pub fn all(&self) -> &[R] {
        &self.all
    }

    /// The rows on screen, each with whether it is the selected one.
    pub fn visible(&self, height: u16) -> impl Iterator<Item = (&R, bool)> {
        let top = usize::try_from(self.cursor.top).unwrap_or(0);
        let rows = self.all.iter().enumerate().skip(top).take(usize::from(height));
        rows.map(|(at, row)| (row, at as u64 == self.cursor.index))
    }

    /// The first row on screen.
    pub fn top(&self) -> u64 {
        self.cursor.top
    }

    /// The selected row.
    pub fn selected(&self) -> Option<&R> {
        self.all.get(usize::try_from(self.cursor.index).ok()?)
    }

    /// What the selected row is known by.
    pub fn key(&self) -> Option<&R::Key> {
        self.cursor.key.as_ref()
    }

    /// The selected row stays so, wherever it is sorted to.
    pub fn hold(&mut self) {
        self.chosen = true;
    }

    /// Moves the cursor.
    pub fn step(&mut self, by: Move, height: u16) {
        self.hold();
        self.cursor.step(by, self.all.len() as u64, u64::from(height));
        self.cursor.key = self.selected().map(R::key);
    }

    /// Selects the row that was clicked at, if one was.
    pub fn click(&mut self, body: Rect, list: Rect, row: u16) {
        if let Some(index) = self.cursor.clicked(body, list, row, self.all.len() as u64) {
            self.hold();
            self.cursor.select(index, None);
            self.cursor.key = self.selected().map(R::key);
        }
    }

    /// Keeps the selected row on screen, of which so many fit now.
    pub fn fit(&mut self, height: u16) {
        self.cursor.scroll(self.all.len() as u64, u64::from(height));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    impl Row for char {
        type Key = Self;

        fn key(&self) -> Self {
            *self
        }
    }

    #[test]
    fn the_first_row_is_selected_until_one_is_chosen() {
        let mut rows = Rows::default();
        rows.set(vec!['b', 'c'], 5);
        rows.set(vec!['a', 'b', 'c'], 5);
        assert_eq!(rows.selected(), Some(&'a'));
        rows.step(Move::By(1), 5);
        rows.set(vec!['b', 'x', 'y'], 5);
        assert_eq!((rows.selected(), rows.key()), (Some(&'b'), Some(&'b')));
    }

    #[test]
    fn a_click_beside_the_rows_selects_none() {
        let (body, list) = (Rect::new(0, 2, 10, 9), Rect::new(0, 4, 10, 3));
        let mut rows = Rows::default();
        rows.set(vec!['a', 'b'], 3);
        for row in [0, 1, 4, 8] {
            rows.click(body, list, row);
            assert_eq!(rows.selected(), Some(&'a'), "{row}");
        }
        rows.click(body, list, 3);
        assert_eq!(rows.selected(), Some(&'b'));
        let shown: Vec<(char, bool)> = rows.visible(3).map(|(row, selected)| (*row, selected)).collect();
        assert_eq!(shown, [('a', false), ('b', true)]);
    }
}
