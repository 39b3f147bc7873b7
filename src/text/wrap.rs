//! Breaking a line of text over several rows.

use unicode_segmentation::UnicodeSegmentation as _;

use super::Clean;
use super::width::width;

/// `text` in rows of at most `cells` cells: broken at spaces, and within a word where the word
/// alone is too long. An empty text has no rows.
pub fn wrap(text: &Clean, cells: usize) -> Vec<Clean> {
    if text.width() <= cells {
        return if text.is_empty() { Vec::new() } else { vec![text.clone()] };
    }
    let mut rows = Rows { cells: cells.max(1), done: Vec::new(), row: String::new(), used: 0 };
    for word in text.as_str().split(' ').filter(|word| !word.is_empty()) {
        rows.word(word);
    }
    rows.end();
    rows.done
}

struct Rows {
    cells: usize,
    done: Vec<Clean>,
    row: String,
    used: usize,
}

impl Rows {
    fn word(&mut self, word: &str) {
        let wide = width(word);
        if self.used > 0 && self.used + 1 + wide > self.cells {
            self.end();
        }
        if self.used > 0 {
            self.row.push(' ');
            self.used += 1;
        }
        if self.used + wide <= self.cells {
            self.row.push_str(word);
            self.used += wide;
            return;
        }
        for cluster in word.graphemes(true) {
            let wide = width(cluster);
            if self.used > 0 && self.used + wide > self.cells {
                self.end();
            }
            self.row.push_str(cluster);
            self.used += wide;
        }
    }

    fn end(&mut self) {
        if self.used > 0 {
            self.done.push(Clean::line(&self.row));
            self.row.clear();
            self.used = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(text: &str, cells: usize) -> Vec<String> {
        wrap(&Clean::line(text), cells).iter().map(|row| row.as_str().to_owned()).collect()
    }

    #[test]
    fn rows_break_at_spaces_and_within_words_that_are_too_long() {
        assert_eq!(rows("no worker is connected", 10), ["no worker", "is", "connected"]);
        assert_eq!(rows("abcdefghij kl", 4), ["abcd", "efgh", "ij", "kl"]);
        assert_eq!(rows("日本語日本", 5), ["日本", "語日", "本"]);
        assert_eq!(rows("", 5), Vec::<String>::new());
        assert_eq!(rows("fits", 5), ["fits"]);
    }

    #[test]
    fn no_row_is_wider_than_asked() {
        for cells in 2..40 {
            for row in
                wrap(&Clean::line("q\u{202e}x 日本語 e\u{301}\u{301} a-very-long-word-indeed ok"), cells)
            {
                assert!(row.width() <= cells, "{row:?} at {cells}");
            }
        }
    }
}
