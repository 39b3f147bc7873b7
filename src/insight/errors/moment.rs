//! Times in a message: how many bytes one takes.

const DAYS: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// The length of the time that `text` begins with: `2024-08-01T12:00:00.123Z`, `2024-08-01 12:00:00`,
/// `12:00:00`, `Thu Aug 01 2024 12:00:00 GMT+0000 (Coordinated Universal Time)`, `Thu, 01 Aug 2024 ...`.
pub(super) fn at(text: &str) -> Option<usize> {
    let mut reader = Reader { text: text.as_bytes(), at: 0 };
    if reader.named_day() || reader.date() {
        return Some(reader.at);
    }
    reader.at = 0;
    reader.clock().then_some(reader.at)
}

struct Reader<'a> {
    text: &'a [u8],
    at: usize,
}

impl Reader<'_> {
    fn peek(&self) -> u8 {
        self.text.get(self.at).copied().unwrap_or(0)
    }

    fn eat(&mut self, byte: u8) -> bool {
        let there = self.peek() == byte;
        self.at += usize::from(there);
        there
    }

    /// So many digits, and no more.
    fn digits(&mut self, least: usize, most: usize) -> bool {
        let begin = self.at;
        while self.peek().is_ascii_digit() {
            self.at += 1;
        }
        (least..=most).contains(&(self.at - begin))
    }

    fn word(&mut self, words: &[&str]) -> bool {
        let rest = &self.text[self.at.min(self.text.len())..];
        let found = words.iter().find(|word| {
            rest.starts_with(word.as_bytes()) && !rest.get(word.len()).is_some_and(u8::is_ascii_alphanumeric)
        });
        self.at += found.map_or(0, |word| word.len());
        found.is_some()
    }

    /// Goes back to where it was unless all of it is there.
    fn maybe(&mut self, part: impl FnOnce(&mut Self) -> bool) -> bool {
        let begin = self.at;
        let there = part(self);
        if !there {
            self.at = begin;
        }
        there
    }

    fn date(&mut self) -> bool {
        let numeric = self.maybe(|r| {
            r.digits(4, 4)
                && (r.peek() == b'-' || r.peek() == b'/')
                && {
                    r.at += 1;
                    r.digits(1, 2)
                }
                && (r.peek() == b'-' || r.peek() == b'/')
                && {
                    r.at += 1;
                    r.digits(1, 2)
                }
        });
        if numeric {
            self.maybe(|r| (r.eat(b'T') || r.eat(b' ')) && r.clock());
        }
        numeric
    }

    fn clock(&mut self) -> bool {
        let there =
            self.digits(1, 2) && self.eat(b':') && self.digits(2, 2) && self.eat(b':') && self.digits(2, 2);
        if !there {
            return false;
        }
        self.maybe(|r| (r.eat(b'.') || r.eat(b',')) && r.digits(1, 9));
        let zone = self.maybe(|r| r.eat(b'Z'));
        if !zone {
            self.maybe(|r| r.eat(b' ') && (r.word(&["AM", "PM", "UTC", "Z"])));
            self.maybe(|r| {
                r.eat(b' ');
                r.word(&["GMT"]);
                // `word` wants the end of a word behind it, and a sign is one.
                (r.eat(b'+') || r.eat(b'-')) && r.digits(2, 4) && {
                    r.maybe(|r| r.eat(b':') && r.digits(2, 2));
                    true
                }
            });
            self.maybe(|r| r.eat(b' ') && r.word(&["GMT"]));
        }
        true
    }

    fn named_day(&mut self) -> bool {
        self.maybe(|r| {
            if !r.word(&DAYS) {
                return false;
            }
            r.eat(b',');
            let american = r.maybe(|r| r.eat(b' ') && r.word(&MONTHS) && r.eat(b' ') && r.digits(1, 2));
            let there = american || (r.eat(b' ') && r.digits(1, 2) && r.eat(b' ') && r.word(&MONTHS));
            if !(there && r.eat(b' ') && r.digits(4, 4)) {
                return false;
            }
            r.maybe(|r| r.eat(b' ') && r.clock());
            // The name of the zone, as a browser writes it.
            r.maybe(|r| {
                let open = r.eat(b' ') && r.eat(b'(');
                while open && (r.peek().is_ascii_alphabetic() || r.peek() == b' ') {
                    r.at += 1;
                }
                open && r.eat(b')')
            });
            true
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_taken_whole() {
        for time in [
            "2024-08-01T12:00:00.123Z",
            "2024-08-01T12:00:00+02:00",
            "2024-08-01 12:00:00,123",
            "2024/08/01",
            "12:00:00",
            "12:00:00 PM",
            "Thu Aug 01 2024 12:00:00 GMT+0000 (Coordinated Universal Time)",
            "Thu, 01 Aug 2024 12:00:00 GMT",
        ] {
            assert_eq!(at(time), Some(time.len()), "{time}");
            assert_eq!(at(&format!("{time} x")), Some(time.len()), "{time}");
        }
        for other in ["2024", "12:00", "Thursday", "1.2.3", "Sat", "99-1"] {
            assert_eq!(at(other), None, "{other}");
        }
    }
}
