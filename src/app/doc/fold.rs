//! Which lines are hidden: from rows on screen to lines and back, whatever the number of lines.

use std::collections::BTreeSet;

use super::{Block, Doc, OPEN};

/// A run of hidden lines.
#[derive(Clone, Copy, Debug)]
struct Hidden {
    first: u32,
    last: u32,
    /// Lines that the runs before it hide.
    before: u32,
}

impl Hidden {
    fn through(&self) -> u64 {
        u64::from(self.before) + u64::from(self.last - self.first) + 1
    }
}

/// The folded blocks, and the runs that follow from them.
#[derive(Debug, Default)]
pub(super) struct Folds {
    folded: BTreeSet<u32>,
    hidden: Vec<Hidden>,
}

impl Folds {
    pub(super) fn hidden(&self) -> u64 {
        self.hidden.last().map_or(0, Hidden::through)
    }

    pub(super) fn line_at(&self, row: u64) -> u64 {
        let after = self.hidden.partition_point(|run| u64::from(run.first - run.before) <= row);
        row + after.checked_sub(1).map_or(0, |i| self.hidden[i].through())
    }

    pub(super) fn row_of(&self, line: u32) -> u64 {
        let after = self.hidden.partition_point(|run| run.first <= line);
        match after.checked_sub(1).map(|i| &self.hidden[i]) {
            None => u64::from(line),
            Some(run) if line <= run.last => u64::from(run.first - 1 - run.before),
            Some(run) => u64::from(line) - run.through(),
        }
    }

    fn recount(&mut self, blocks: &[Block]) {
        self.hidden.clear();
        let mut before = 0;
        for block in self.folded.iter().filter_map(|block| blocks.get(*block as usize)) {
            // Within a run that is hidden already there is nothing more to hide.
            if self.hidden.last().is_some_and(|run| block.line <= run.last) {
                continue;
            }
            let run = Hidden { first: block.line + 1, last: block.last, before };
            before = u32::try_from(run.through()).unwrap_or(u32::MAX);
            self.hidden.push(run);
        }
    }
}

impl Doc {
    /// The block whose first line this is.
    pub(super) fn block_at(&self, line: u32) -> Option<u32> {
        let at = self.index.blocks.binary_search_by_key(&line, |block| block.line).ok()?;
        (self.index.blocks[at].last != OPEN).then(|| u32::try_from(at).unwrap_or(u32::MAX))
    }

    /// Whether a line begins a block: `Some(true)` when it is folded.
    pub fn folded(&self, line: u32) -> Option<bool> {
        self.block_at(line).map(|block| self.folds.folded.contains(&block))
    }

    /// Keys or elements of the block that begins at a line.
    pub(super) fn items(&self, line: u32) -> u32 {
        self.block_at(line).and_then(|block| self.index.blocks.get(block as usize)).map_or(0, |b| b.items)
    }

    /// The line that begins the narrowest block around a line.
    fn around(&self, line: u32) -> Option<u32> {
        let before = self.index.blocks.partition_point(|block| block.line < line);
        let around = self.index.blocks[..before].iter().rev().find(|b| b.last != OPEN && b.last >= line);
        around.map(|block| block.line)
    }

    /// Folds the block at a line; elsewhere, and where that is folded already, the block around it.
    /// The line where the cursor is afterwards.
    pub fn fold(&mut self, line: u32) -> u32 {
        let line = match self.folded(line) {
            Some(false) => line,
            _ => match self.around(line) {
                Some(around) => around,
                None => return line,
            },
        };
        self.set_fold(line, true);
        line
    }

    /// Folds or unfolds the block at a line; false when there is none.
    pub fn set_fold(&mut self, line: u32, fold: bool) -> bool {
        let Some(block) = self.block_at(line) else { return false };
        let changed = if fold { self.folds.folded.insert(block) } else { self.folds.folded.remove(&block) };
        if changed {
            self.folds.recount(&self.index.blocks);
        }
        true
    }

    /// Folds several blocks at once, by their first lines.
    pub(super) fn fold_all(&mut self, lines: &[u32]) {
        let blocks: Vec<u32> = lines.iter().filter_map(|line| self.block_at(*line)).collect();
        self.folds.folded.extend(blocks);
        self.folds.recount(&self.index.blocks);
    }

    /// Unfolds whatever hides a line.
    pub(super) fn reveal(&mut self, line: u32) {
        let blocks = &self.index.blocks;
        self.folds.folded.retain(|block| {
            blocks.get(*block as usize).is_none_or(|block| !(block.line < line && line <= block.last))
        });
        self.folds.recount(blocks);
    }

    /// The first lines of the folded blocks, to fold the same in a text that took this one's place.
    pub(super) fn folded_lines(&self) -> Vec<u32> {
        self.folds.folded.iter().filter_map(|b| self.index.blocks.get(*b as usize)).map(|b| b.line).collect()
    }
}
