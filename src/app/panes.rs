//! Rectangles for a size: where things stand, known to `update` (how far is a page?) and to the
//! view alike.

/// A rectangle in cells.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Rect {
    /// Left column.
    pub x: u16,
    /// Top row.
    pub y: u16,
    /// Columns.
    pub width: u16,
    /// Rows.
    pub height: u16,
}

impl Rect {
    /// A rectangle.
    pub const fn new(x: u16, y: u16, width: u16, height: u16) -> Self {
        Self { x, y, width, height }
    }

    /// The same without its first `n` rows.
    #[must_use]
    pub fn below(self, n: u16) -> Self {
        let n = n.min(self.height);
        Self { y: self.y + n, height: self.height - n, ..self }
    }

    /// Its first `n` rows.
    #[must_use]
    pub fn head(self, n: u16) -> Self {
        Self { height: n.min(self.height), ..self }
    }

    /// Its last `n` rows.
    #[must_use]
    pub fn foot(self, n: u16) -> Self {
        let n = n.min(self.height);
        Self { y: self.y + self.height - n, height: n, ..self }
    }

    /// The same without its last `n` rows.
    #[must_use]
    pub fn above(self, n: u16) -> Self {
        Self { height: self.height.saturating_sub(n), ..self }
    }

    /// Its first `n` columns.
    #[must_use]
    pub fn left(self, n: u16) -> Self {
        Self { width: n.min(self.width), ..self }
    }

    /// The same without its first `n` columns.
    #[must_use]
    pub fn right_of(self, n: u16) -> Self {
        let n = n.min(self.width);
        Self { x: self.x + n, width: self.width - n, ..self }
    }

    /// The same with `n` columns less at either side.
    #[must_use]
    pub fn inset(self, n: u16) -> Self {
        let n = n.min(self.width / 2);
        Self { x: self.x + n, width: self.width - 2 * n, ..self }
    }
}

/// The frame around every screen.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Panes {
    /// The whole terminal.
    pub whole: Rect,
    /// Environment, link, memory.
    pub top: Rect,
    /// The screen's own part.
    pub body: Rect,
    /// Keys.
    pub bottom: Rect,
}

impl Panes {
    /// The frame for a terminal of this size.
    pub fn new(columns: u16, rows: u16) -> Self {
        let whole = Rect::new(0, 0, columns, rows);
        // A rule below the top line and one above the bottom line where there is room for them.
        let (head, foot) = match rows {
            0..=3 => (0, 0),
            4..=9 => (1, 1),
            _ => (2, 2),
        };
        Self { whole, top: whole.head(head), body: whole.below(head).above(foot), bottom: whole.foot(foot) }
    }
}
