//! Where the sections of the Redis screen stand: a grid whose rows are as high as their highest
//! section, and grow, charts first, where the terminal has room.

use super::super::super::panes::Rect;
use super::section::{Row, Section, Tone};
use crate::text::wrap;

/// Sections with their places. Rows count from the top of the content, which may be higher than
/// the screen.
#[derive(Clone, Debug, PartialEq)]
pub struct Layout {
    /// What stands where; `y` counts from the top of the content.
    pub placed: Vec<(Section, Rect)>,
    /// Rows in all.
    pub height: u16,
}

/// A row of the grid.
struct Line {
    /// Sections in it, with the columns that each spans.
    cells: Vec<(Section, u16)>,
    height: u16,
    /// Empty rows below it.
    gap: u16,
}

impl Line {
    fn new(cells: Vec<(Section, u16)>) -> Self {
        let height = cells.iter().map(|(section, _)| least(section)).max().unwrap_or(0);
        Self { cells, height, gap: 0 }
    }
}

/// Narrower than this, a slow command is not worth its row.
const WIDE: u16 = 58;
/// Cells between two columns.
const GAP: u16 = 3;
/// Rows of a list that are shown even where there is no room.
const LIST_MIN: u16 = 3;
/// Rows that charts grow to, one stage after the other.
const CHART: [u16; 3] = [2, 5, 9];

impl Layout {
    /// Places `sections` (the first above all, the last beside or below all) in a view.
    pub fn new(mut sections: Vec<Section>, view: Rect) -> Self {
        let width = view.width.saturating_sub(3); // a margin at either side, and the scroll bar
        let columns = match width {
            0..=61 => 1,
            62..=103 => 2,
            104..=169 => 3,
            _ => 4,
        };
        let last = sections.pop();
        let mut rest = sections.into_iter();
        let mut lines = Vec::new();
        if let Some(first) = rest.next() {
            lines.push(Line::new(vec![(wrapped(first, width), columns)]));
        }
        let rest: Vec<Section> = rest.collect();
        for chunk in rest.chunks(usize::from(columns)) {
            lines.push(Line::new(chunk.iter().map(|section| (section.clone(), 1)).collect()));
        }
        let each = (width + GAP) / columns;
        if let Some(slow) = last {
            let used = lines.last().map_or(columns, |line| line.cells.iter().map(|(_, span)| span).sum());
            let spare = columns.saturating_sub(used);
            match lines.last_mut() {
                Some(line) if spare * each >= WIDE => {
                    line.height = line.height.max(least(&slow));
                    line.cells.push((slow, spare));
                }
                _ => lines.push(Line::new(vec![(slow, columns)])),
            }
        }
        grow(&mut lines, view.height);
        place(lines, view.x + 1, each)
    }
}

fn place(lines: Vec<Line>, x: u16, each: u16) -> Layout {
    let mut placed = Vec::new();
    let mut y = 0_u16;
    for line in lines {
        let mut column = 0;
        for (section, span) in line.cells {
            let width = (span * each).saturating_sub(GAP);
            placed.push((section, Rect::new(x + column * each, y, width, line.height)));
            column += span;
        }
        y = y.saturating_add(line.height).saturating_add(line.gap);
    }
    Layout { placed, height: y }
}

/// The sentences broken to the width, so that each row is one row high.
fn wrapped(section: Section, width: u16) -> Section {
    let rows = section.rows.into_iter().flat_map(|row| match row {
        Row::Text(text, tone) => {
            // The first row has a mark before it, the others as much room.
            let rows = wrap(&text, usize::from(width.saturating_sub(2)).max(1));
            let tone_of = |i: usize| match tone {
                Tone::Bad(level) if i > 0 => Tone::More(level),
                tone => tone,
            };
            rows.into_iter().enumerate().map(|(i, row)| Row::Text(row, tone_of(i))).collect()
        }
        row => vec![row],
    });
    Section { title: section.title, rows: rows.collect() }
}

/// Rows that a section has beside its charts and beyond the least of its list.
fn least(section: &Section) -> u16 {
    let (charts, list, other) = kinds(section);
    title(section) + other + charts + list.min(LIST_MIN)
}

fn title(section: &Section) -> u16 {
    u16::from(!section.title.is_empty())
}

/// How many charts, rows of a list, and other rows.
fn kinds(section: &Section) -> (u16, u16, u16) {
    section.rows.iter().fold((0, 0, 0), |(charts, list, other), row| match row {
        Row::Chart(..) => (charts + 1, list, other),
        Row::Part { .. } | Row::Slow { .. } => (charts, list + 1, other),
        _ => (charts, list, other + 1),
    })
}

/// Rows of each chart in a section of this height.
pub fn chart_rows(section: &Section, height: u16) -> u16 {
    let (charts, list, other) = kinds(section);
    let room = height.saturating_sub(title(section) + other + list);
    room.checked_div(charts).map_or(0, |rows| rows.clamp(1, chart_most(section)))
}

fn chart_most(section: &Section) -> u16 {
    let rows = section.rows.iter().filter_map(|row| match row {
        Row::Chart(curve, _) => Some(curve.rows()),
        _ => None,
    });
    rows.max().unwrap_or(1)
}

/// Gives what room is left to charts and lists, in stages, so that all grow alike.
fn grow(lines: &mut [Line], height: u16) {
    let used: u16 = lines.iter().map(|line| line.height).sum();
    let mut spare = height.saturating_sub(used);
    // An empty row above each title, where all fits.
    let gaps = u16::try_from(lines.len()).unwrap_or(u16::MAX).saturating_sub(1);
    let airy = spare >= gaps + 4;
    if airy {
        spare -= gaps;
    }
    for stage in CHART {
        let mut grew = true;
        while grew && spare > 0 {
            grew = false;
            for line in lines.iter_mut() {
                let most = line.cells.iter().map(|(section, _)| most(section, stage)).max().unwrap_or(0);
                if spare > 0 && line.height < most {
                    line.height += 1;
                    spare -= 1;
                    grew = true;
                }
            }
        }
    }
    if airy {
        let last = lines.len().saturating_sub(1);
        for line in &mut lines[..last] {
            line.gap = 1;
        }
    }
}

/// How high a section may become in a stage.
fn most(section: &Section, stage: u16) -> u16 {
    let (charts, list, other) = kinds(section);
    title(section) + other + list + charts * stage.min(chart_most(section))
}
