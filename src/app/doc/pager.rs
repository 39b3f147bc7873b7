//! A look at a text: cursor, window, search. The cursor is a line, so that folding elsewhere does
//! not move it.

use super::{Doc, STEP, Search};
use crate::app::list::Move;

/// A text, and where we are in it.
#[derive(Debug)]
pub struct Pager {
    /// The text.
    pub doc: Doc,
    /// The line of the cursor.
    pub line: u32,
    /// The first row on screen.
    pub top: u64,
    /// From which byte on the cursor's line is shown.
    pub pan: usize,
    /// What is looked for.
    pub search: Option<Search>,
}

impl Pager {
    /// At the beginning of a text.
    pub fn new(doc: Doc) -> Self {
        Self { doc, line: 0, top: 0, pan: 0, search: None }
    }

    /// Takes another text at the same place: what is shown was read again.
    pub fn replace(&mut self, doc: Doc, same_folds: bool) {
        let folded = self.doc.folded_lines();
        let same_folds = same_folds && self.doc.lines() == doc.lines();
        self.doc = doc;
        if same_folds {
            for line in self.doc.folded_lines() {
                self.doc.set_fold(line, false);
            }
            self.doc.fold_all(&folded);
        }
        self.line = self.line.min(self.doc.index.last_line());
        self.pan = 0;
        if let Some(search) = &self.search {
            let current = search.current;
            let mut again = Search::new(&search.typed, search.from);
            again.advance(self.doc.bytes(), STEP);
            again.current = current.filter(|at| *at < again.found.len());
            self.search = Some(again);
        }
    }

    /// Goes on with what is under way; false when nothing is.
    pub fn advance(&mut self, height: u64) -> bool {
        let indexing = self.doc.advance(STEP);
        let searching = self.search.as_mut().is_some_and(|search| search.advance(self.doc.bytes(), STEP));
        self.settle_search(height);
        indexing || searching
    }

    /// Whether indexing or searching is under way.
    pub fn busy(&self) -> bool {
        self.doc.indexing().is_some()
            || self.search.as_ref().is_some_and(|search| !search.complete(self.doc.bytes()))
    }

    /// The row of the cursor.
    pub fn row(&self) -> u64 {
        self.doc.row_of(self.line)
    }

    /// Moves the cursor.
    pub fn step(&mut self, by: Move, height: u64) {
        let last = self.doc.rows().saturating_sub(1);
        let add = |row: u64, n: i64| row.saturating_add_signed(n).min(last);
        let half = i64::try_from(height.max(2) / 2).unwrap_or(1);
        let row = match by {
            Move::By(n) => add(self.row(), n),
            Move::HalfPages(n) => {
                // A page turns the window too, so that reading goes on where it ended.
                self.top = add(self.top, n * half);
                add(self.row(), n * half)
            }
            Move::Top => 0,
            Move::Bottom => last,
        };
        self.line = self.doc.line_at(row);
        self.pan = 0;
        self.scroll(height);
    }

    /// Puts the cursor on a row.
    pub fn select(&mut self, row: u64) {
        if row < self.doc.rows() {
            self.line = self.doc.line_at(row);
            self.pan = 0;
        }
    }

    /// Whether more of the cursor's line than `cells` is behind the edge.
    pub fn more(&self, cells: usize) -> bool {
        self.doc.slice(self.line).len().saturating_sub(self.pan) > cells
    }

    /// Keeps the cursor on screen, and the screen within the text.
    pub fn scroll(&mut self, height: u64) {
        let (row, height) = (self.row(), height.max(1));
        if row < self.top {
            self.top = row;
        } else if row >= self.top + height {
            self.top = row + 1 - height;
        }
        self.top = self.top.min(self.doc.rows().saturating_sub(height));
    }

    /// Folds at the cursor; a line that was moved aside comes back first.
    pub fn fold(&mut self, height: u64, cells: usize) {
        if self.pan > 0 {
            self.pan = self.pan.saturating_sub(cells * 2 / 3);
            return;
        }
        self.line = self.doc.fold(self.line);
        self.scroll(height);
    }

    /// Unfolds at the cursor; of a long line that is no block, shows what follows.
    pub fn unfold(&mut self, height: u64, cells: usize) {
        if !self.doc.set_fold(self.line, false) && self.more(cells) {
            self.pan += cells * 2 / 3;
        }
        self.scroll(height);
    }

    /// Folds or unfolds at the cursor.
    pub fn toggle(&mut self, height: u64) {
        if let Some(folded) = self.doc.folded(self.line) {
            self.doc.set_fold(self.line, !folded);
        }
        self.scroll(height);
    }

    /// Looks for a text, from the cursor on; an empty one ends the search.
    pub fn look_for(&mut self, typed: &str, height: u64) {
        if typed.is_empty() {
            self.search = None;
            return;
        }
        let here = || u32::try_from(self.doc.start(self.line)).unwrap_or(u32::MAX);
        let from = self.search.as_ref().map_or_else(here, |search| search.from);
        if self.search.as_ref().is_none_or(|search| search.typed != typed) {
            self.search = Some(Search::new(typed, from));
        }
        if let Some(search) = &mut self.search {
            search.advance(self.doc.bytes(), STEP);
        }
        self.settle_search(height);
    }

    /// Goes to the first place, once there is one to go to.
    fn settle_search(&mut self, height: u64) {
        let Some(search) = &self.search else { return };
        if search.current.is_some() || search.found.is_empty() {
            return;
        }
        let at = search.found.partition_point(|place| *place < search.from);
        let behind = at < search.found.len();
        if behind || search.complete(self.doc.bytes()) {
            self.go_to(if behind { at } else { 0 }, height);
        }
    }

    /// To the next place (or the one before), round the end.
    pub fn next_place(&mut self, back: bool, height: u64) {
        let Some(search) = &self.search else { return };
        let len = search.found.len();
        if len == 0 {
            return;
        }
        let on_line = search
            .current
            .filter(|at| search.found.get(*at).map(|at| self.doc.line_of(*at)) == Some(self.line));
        let at = match (on_line, back) {
            (Some(at), false) => (at + 1) % len,
            (Some(at), true) => (at + len - 1) % len,
            // The cursor was moved away: from where it is now.
            (None, _) => {
                let here = u32::try_from(self.doc.start(self.line)).unwrap_or(u32::MAX);
                let after = search.found.partition_point(|place| *place < here);
                if back { (after + len - 1) % len } else { after % len }
            }
        };
        self.go_to(at, height);
    }

    fn go_to(&mut self, at: usize, height: u64) {
        let Some(search) = &mut self.search else { return };
        let Some(place) = search.found.get(at).copied() else { return };
        search.current = Some(at);
        self.pan = 0;
        self.line = self.doc.line_of(place);
        self.doc.reveal(self.line);
        self.scroll(height);
        // Not at the very edge: what is around the place is what one wants to see.
        let row = self.row();
        if height > 6 && (row < self.top + 2 || row + 3 > self.top + height) {
            self.top = row.saturating_sub(height / 3).min(self.doc.rows().saturating_sub(height));
        }
    }
}
