//! A reader of JSON that keeps nothing but where lines begin: no recursion, no tree of values, so
//! neither depth nor size can exhaust anything. It stops after its budget and goes on later.

use super::{Block, Index, OPEN};

/// Where and why a text is not JSON.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Fault {
    pub at: usize,
    pub what: &'static str,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Expect {
    /// A value that begins a line: the whole, or an element of an array.
    Item,
    /// The value of a key, on the key's line.
    Member,
    Key,
    Colon,
    /// A comma or the end of the block.
    Next,
    End,
}

/// The reader's place.
#[derive(Debug)]
pub(super) struct Reader {
    at: usize,
    expect: Expect,
    /// The blocks that are open, and whether each is an object.
    open: Vec<(u32, bool)>,
}

impl Reader {
    pub(super) fn new(at: usize) -> Self {
        Self { at, expect: Expect::Item, open: Vec::new() }
    }

    pub(super) fn at(&self) -> usize {
        self.at
    }

    /// Reads about `budget` bytes; true at the end.
    pub(super) fn read(&mut self, bytes: &[u8], index: &mut Index, budget: usize) -> Result<bool, Fault> {
        let until = self.at.saturating_add(budget);
        while self.at < until {
            self.at = skip_space(bytes, self.at);
            let Some(byte) = bytes.get(self.at) else {
                return match self.expect {
                    Expect::End => Ok(true),
                    _ => Err(self.fault("it ends too early")),
                };
            };
            match self.expect {
                Expect::Item => {
                    self.begin(index);
                    self.value(bytes, *byte, index)?;
                }
                Expect::Member => self.value(bytes, *byte, index)?,
                Expect::Key => {
                    self.begin(index);
                    self.at = self.string(bytes, "a key is missing")?;
                    self.expect = Expect::Colon;
                }
                Expect::Colon if *byte == b':' => {
                    self.at += 1;
                    self.expect = Expect::Member;
                }
                Expect::Colon => return Err(self.fault("a colon is missing")),
                Expect::Next => self.next(*byte, index)?,
                Expect::End => return Err(self.fault("something follows the value")),
            }
        }
        Ok(false)
    }

    fn fault(&self, what: &'static str) -> Fault {
        Fault { at: self.at, what }
    }

    /// Begins a line, which is one more item of the block that is open.
    fn begin(&mut self, index: &mut Index) {
        index.line(self.at, u32::try_from(self.open.len()).unwrap_or(u32::MAX));
        if let Some(block) = self.open.last().and_then(|(block, _)| index.blocks.get_mut(*block as usize)) {
            block.items += 1;
        }
    }

    fn value(&mut self, bytes: &[u8], byte: u8, index: &mut Index) -> Result<(), Fault> {
        self.at = match byte {
            b'{' | b'[' => {
                let object = byte == b'{';
                let close = if object { b'}' } else { b']' };
                let next = skip_space(bytes, self.at + 1);
                // An empty one is as good as a scalar: nothing to fold.
                if bytes.get(next) != Some(&close) {
                    let block = u32::try_from(index.blocks.len()).unwrap_or(u32::MAX);
                    index.blocks.push(Block { line: index.last_line(), last: OPEN, items: 0 });
                    self.open.push((block, object));
                    self.expect = if object { Expect::Key } else { Expect::Item };
                    self.at += 1;
                    return Ok(());
                }
                next + 1
            }
            b'"' => self.string(bytes, "")?,
            b'-' | b'0'..=b'9' => number_end(bytes, self.at).ok_or(self.fault("no number"))?,
            _ => {
                let word = [&b"true"[..], b"false", b"null"]
                    .into_iter()
                    .find(|word| bytes[self.at..].starts_with(word))
                    .ok_or(self.fault("no value"))?;
                self.at + word.len()
            }
        };
        self.after_value();
        Ok(())
    }

    fn next(&mut self, byte: u8, index: &mut Index) -> Result<(), Fault> {
        let Some((block, object)) = self.open.last().copied() else {
            return Err(self.fault("something follows the value"));
        };
        let close = if object { b'}' } else { b']' };
        if byte == b',' {
            self.expect = if object { Expect::Key } else { Expect::Item };
        } else if byte == close {
            self.open.pop();
            index.line(self.at, u32::try_from(self.open.len()).unwrap_or(u32::MAX));
            let last = index.last_line();
            if let Some(block) = index.blocks.get_mut(block as usize) {
                block.last = last;
            }
            self.after_value();
        } else {
            return Err(self.fault("a comma is missing"));
        }
        self.at += 1;
        Ok(())
    }

    fn after_value(&mut self) {
        self.expect = if self.open.is_empty() { Expect::End } else { Expect::Next };
    }

    fn string(&self, bytes: &[u8], none: &'static str) -> Result<usize, Fault> {
        if bytes.get(self.at) != Some(&b'"') {
            return Err(self.fault(none));
        }
        string_end(bytes, self.at).ok_or(self.fault("a string has no end"))
    }
}

/// The first byte from `at` that is no white space.
pub(super) fn skip_space(bytes: &[u8], at: usize) -> usize {
    let space = |byte: &u8| matches!(byte, b' ' | b'\t' | b'\n' | b'\r');
    bytes.get(at..).and_then(|rest| rest.iter().position(|b| !space(b))).map_or(bytes.len(), |n| at + n)
}

/// The place after the string that begins at `at`. Whatever stands in it is taken, control
/// characters and invalid UTF-8 too: it is shown, not parsed.
pub(super) fn string_end(bytes: &[u8], at: usize) -> Option<usize> {
    let mut at = at + 1;
    loop {
        let stop = bytes.get(at..)?.iter().position(|byte| matches!(byte, b'"' | b'\\'))?;
        at += stop;
        if bytes[at] == b'"' {
            return Some(at + 1);
        }
        at += 2;
    }
}

fn number_end(bytes: &[u8], at: usize) -> Option<usize> {
    let digits = |at: usize| {
        bytes.get(at..).map_or(0, |rest| rest.iter().take_while(|byte| byte.is_ascii_digit()).count())
    };
    let mut at = at + usize::from(bytes.get(at) == Some(&b'-'));
    let whole = digits(at);
    if whole == 0 || (whole > 1 && bytes[at] == b'0') {
        return None;
    }
    at += whole;
    if bytes.get(at) == Some(&b'.') {
        let fraction = digits(at + 1);
        if fraction == 0 {
            return None;
        }
        at += 1 + fraction;
    }
    if matches!(bytes.get(at), Some(b'e' | b'E')) {
        let sign = usize::from(matches!(bytes.get(at + 1), Some(b'+' | b'-')));
        let exponent = digits(at + 1 + sign);
        if exponent == 0 {
            return None;
        }
        at += 1 + sign + exponent;
    }
    Some(at)
}
