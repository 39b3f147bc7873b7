//! The rows of the Redis screen.

use super::past::Past;
use crate::app::panes::Rect;
use crate::app::screen::redis::section::{Curve, Figure, Row, Section, Tone};
use crate::insight::server::Level;
use crate::monitor::RedisHealth;
use crate::text::{Clean, figure};
use crate::view::pen::Pen;
use crate::view::theme::Role;
use crate::view::widget::{bar, spark};

/// Cells of a meter.
const METER: u16 = 10;

/// Paints rows in the roles that their levels mean.
pub struct Painter<'a> {
    /// The figures.
    pub redis: &'a RedisHealth,
    /// They are old: all of them are dimmed.
    pub stale: bool,
}

impl Painter<'_> {
    fn role(&self, level: Level, fine: Role) -> Role {
        match level {
            _ if self.stale => Role::Dim,
            Level::Fine => fine,
            Level::Warn => Role::Warn,
            Level::Danger => Role::Danger,
        }
    }

    /// A title with a rule after it, and how long the past is that its charts show.
    pub fn title(&self, pen: &mut Pen<'_>, section: &Section, area: Rect) {
        let x = pen.put(area.x, area.y, area.width, &section.title, self.role(Level::Fine, Role::Strong)) + 1;
        let end = area.x + area.width;
        pen.rule(Rect { x: x.min(end), width: end.saturating_sub(x), ..area });
        let charts = section.rows.iter().any(|row| matches!(row, Row::Chart(..)));
        if let Some(past) = Past::new(&self.redis.history, area.width).filter(|_| charts) {
            let span = Clean::line(format!(" {} ", figure::age(past.span_ms())));
            let cells = u16::try_from(span.width()).unwrap_or(0);
            if x + cells + 4 < end {
                pen.put(end - cells - 1, area.y, cells, &span, Role::Dim);
            }
        }
    }

    /// A row that is one row high.
    pub fn row(&self, pen: &mut Pen<'_>, row: &Row, area: Rect) {
        let (x, y, width) = (area.x, area.y, area.width);
        match row {
            Row::Head { value, note, level } => {
                let x = mark(pen, x, y, width, *level, self.role(*level, Role::Strong));
                let x = pen.put(x, y, room(area, x), value, self.role(*level, Role::Strong)) + 1;
                pen.put(x, y, room(area, x), note, Role::Dim);
            }
            Row::Meter { share, text, level } => {
                let role = self.role(*level, Role::Text);
                let x = bar::meter(pen, x, y, METER.min(width), *share, self.role(*level, Role::Accent)) + 1;
                let x = mark(pen, x, y, room(area, x), *level, role);
                pen.put(x, y, room(area, x), text, role);
            }
            Row::Figures(a, b) => match b {
                None => self.figure(pen, a, area),
                Some(b) => {
                    let half = width.saturating_sub(2) / 2;
                    self.figure(pen, a, area.left(half));
                    self.figure(pen, b, area.right_of(width - half));
                }
            },
            Row::Chart(..) => {} // higher than a row: see `chart`
            Row::Text(text, tone) => self.text(pen, text, *tone, area),
            Row::Part { name, share, value } => {
                let names = 14.min(width / 2);
                pen.put(x, y, names.saturating_sub(1), name, self.role(Level::Fine, Role::Text));
                let values = 9;
                let cells = width.saturating_sub(names + values);
                // Something that is called at all has a bar.
                let filled = ((share * f64::from(cells)).round() as u16).clamp(1, cells.max(1)).min(cells);
                for i in 0..filled {
                    pen.put(x + names + i, y, 1, &"▆", self.role(Level::Fine, Role::Accent));
                }
                pen.put_right(x + width, y, values.min(width), value, self.role(Level::Fine, Role::Text));
            }
            Row::Slow { age, took, client, command } => {
                pen.put_right(x + 4, y, 4, age, Role::Dim);
                pen.put_right(x + 12, y, 7, took, self.role(Level::Fine, Role::Text));
                let clients = (width / 4).clamp(8, 26);
                pen.put(x + 14, y, clients.min(width.saturating_sub(14)), client, Role::Dim);
                let at = x + 14 + clients + 2;
                pen.put(at, y, room(area, at), command, self.role(Level::Fine, Role::Text));
            }
        }
    }

    fn text(&self, pen: &mut Pen<'_>, text: &Clean, tone: Tone, area: Rect) {
        let (x, y) = (area.x, area.y);
        let (sign, role) = match tone {
            Tone::Dim => {
                pen.put(x, y, area.width, text, Role::Dim);
                return;
            }
            Tone::Well => ("●", self.role(Level::Fine, Role::Ok)),
            Tone::Bad(level) => ("▲", self.role(level, Role::Text)),
            Tone::More(level) => (" ", self.role(level, Role::Text)),
        };
        pen.put(x, y, area.width.min(1), &sign, role);
        let role = if tone == Tone::Well { self.role(Level::Fine, Role::Text) } else { role };
        pen.put(x + 2, y, area.width.saturating_sub(2), text, role);
    }

    /// Name at the left, figure at the right.
    fn figure(&self, pen: &mut Pen<'_>, figure: &Figure, area: Rect) {
        let x = pen.put(area.x, area.y, area.width, &figure.name, Role::Dim) + 1;
        let role = self.role(figure.level, Role::Text);
        let room = (area.x + area.width).saturating_sub(x);
        let cells = u16::try_from(figure.value.width()).unwrap_or(u16::MAX).min(room);
        pen.put_right(area.x + area.width, area.y, cells, &figure.value, role);
        let at = (area.x + area.width).saturating_sub(cells + 2);
        if figure.level > Level::Fine && at >= x {
            pen.put(at, area.y, 1, &"▲", role);
        }
    }

    /// A chart of this width, ready to be drawn row by row.
    pub fn chart(&self, curve: Curve, level: Level, width: u16) -> Chart {
        let past = Past::new(&self.redis.history, width);
        let values = past.map_or_else(Vec::new, |past| past.values(curve));
        let most = || values.iter().copied().fold(0.0, f64::max);
        let full = curve.full(self.redis).unwrap_or_else(most);
        Chart { full, values, role: self.role(level, Role::Accent) }
    }
}

/// A chart.
pub struct Chart {
    values: Vec<f64>,
    full: f64,
    role: Role,
}

impl Chart {
    /// Draws the `part`th row from below of `parts`.
    pub fn slice(&self, pen: &mut Pen<'_>, area: Rect, part: u16, parts: u16) {
        spark::slice(pen, area, &self.values, self.full, self.role, part, parts);
    }
}

/// The mark of what is wrong, so that colour is not the only sign; the column after it.
fn mark(pen: &mut Pen<'_>, x: u16, y: u16, cells: u16, level: Level, role: Role) -> u16 {
    if level > Level::Fine { pen.put(x, y, cells.min(1), &"▲", role) + 1 } else { x }
}

/// Cells from `x` to the end of an area.
fn room(area: Rect, x: u16) -> u16 {
    (area.x + area.width).saturating_sub(x)
}
