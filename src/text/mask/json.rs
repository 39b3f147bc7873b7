//! Secrets in JSON. One pass with a stack of its own: neither depth nor size exhausts anything, and
//! whatever stands in strings (control characters, invalid UTF-8) is taken.

use super::names::Names;
use super::unescape::{outward, unescape};
use super::{Place, Places, in_value, plain, tells_nothing};

/// Brackets deeper than this are looked through as a text.
const DEEPEST: usize = 1 << 16;

/// A block that is open.
#[derive(Clone, Copy, Debug)]
struct Frame {
    /// Where it begins.
    start: usize,
    block: Block,
}

#[derive(Clone, Copy, Debug)]
enum Block {
    Object {
        /// The key before the value names a secret.
        secret: bool,
        /// What the key says of `{"name": .., "value": ..}`.
        role: Role,
        /// The `name` of such a pair names a secret.
        named: bool,
        /// The `value` of such a pair.
        value: Option<Place>,
    },
    Array {
        /// Elements so far.
        items: u32,
        /// The first names a secret: in a list of two the second is its value.
        named: bool,
        /// The one before names a header: in a list of names and values this is its value.
        header: bool,
        second: Option<Place>,
    },
}

/// The part of a key in a pair of name and value.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Role {
    None,
    Name,
    Value,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Expect {
    Value,
    Key,
    Next,
    End,
}

struct Reader<'a> {
    names: &'a Names,
    json: &'a [u8],
    level: u8,
    at: usize,
    frames: Vec<Frame>,
    /// How deep the block is that is a secret as a whole.
    hidden: Option<usize>,
    places: Vec<Place>,
}

/// Where secrets stand; `None`: it is not JSON.
pub(super) fn places(names: &Names, json: &[u8], level: u8) -> Option<Vec<Place>> {
    let at = if json.starts_with(b"\xef\xbb\xbf") { 3 } else { 0 };
    let mut reader = Reader { names, json, level, at, frames: Vec::new(), hidden: None, places: Vec::new() };
    reader.read()?;
    Some(reader.places)
}

impl Reader<'_> {
    fn read(&mut self) -> Option<()> {
        let mut expect = Expect::Value;
        loop {
            self.at = skip_space(self.json, self.at);
            let Some(byte) = self.json.get(self.at).copied() else {
                return (expect == Expect::End).then_some(());
            };
            expect = match expect {
                Expect::Value => match byte {
                    b'{' | b'[' => self.open(byte)?,
                    // An array may be empty, and only then ends where a value is due.
                    b']' if matches!(self.block(), Some(Block::Array { items: 0, .. })) => {
                        self.close(byte)?
                    }
                    _ => self.scalar(byte)?,
                },
                Expect::Key if byte == b'"' => self.key()?,
                Expect::Key if byte == b'}' => self.close(byte)?,
                Expect::Next if byte == b',' => {
                    self.at += 1;
                    if matches!(self.block()?, Block::Object { .. }) { Expect::Key } else { Expect::Value }
                }
                Expect::Next => self.close(byte)?,
                Expect::Key | Expect::End => return None,
            };
        }
    }

    fn open(&mut self, byte: u8) -> Option<Expect> {
        if self.frames.len() >= DEEPEST {
            return None;
        }
        if self.hidden.is_none() && self.secret() {
            self.hidden = Some(self.frames.len());
        }
        let object = byte == b'{';
        let block = if object {
            Block::Object { secret: false, role: Role::None, named: false, value: None }
        } else {
            Block::Array { items: 0, named: false, header: false, second: None }
        };
        self.frames.push(Frame { start: self.at, block });
        self.at += 1;
        Some(if object { Expect::Key } else { Expect::Value })
    }

    fn close(&mut self, byte: u8) -> Option<Expect> {
        let Frame { start, block } = self.frames.pop()?;
        if byte != if matches!(block, Block::Object { .. }) { b'}' } else { b']' } {
            return None;
        }
        self.at += 1;
        match block {
            Block::Object { named: true, value: Some(place), .. }
            | Block::Array { items: 2, named: true, second: Some(place), .. } => self.push(place),
            _ => {}
        }
        let place = Place::json(start, self.at);
        if self.hidden == Some(self.frames.len()) {
            self.hidden = None;
            self.push(place);
        }
        Some(self.after(place, None))
    }

    fn key(&mut self) -> Option<Expect> {
        let end = string_end(self.json, self.at)?;
        let raw = &self.json[self.at + 1..end - 1];
        let unescaped = raw.contains(&b'\\').then(|| unescape(raw));
        let key = unescaped.as_deref().unwrap_or(raw);
        if self.hidden.is_none()
            && let Some(Frame { block: Block::Object { secret, role, .. }, .. }) = self.frames.last_mut()
        {
            *secret = self.names.hides(key);
            *role = role_of(key);
        }
        self.at = skip_space(self.json, end);
        if self.json.get(self.at) != Some(&b':') {
            return None;
        }
        self.at += 1;
        Some(Expect::Value)
    }

    fn scalar(&mut self, byte: u8) -> Option<Expect> {
        let start = self.at;
        if byte == b'"' {
            let end = string_end(self.json, start)?;
            let content = Place::text(start + 1, end - 1);
            self.at = end;
            if self.hidden.is_none() {
                if self.secret() {
                    self.push(content);
                } else {
                    self.string(start + 1, end - 1);
                }
            }
            return Some(self.after(content, Some((start + 1, end - 1))));
        }
        let rest = &self.json[start..];
        let len = rest
            .iter()
            .position(|b| matches!(b, b',' | b'}' | b']' | b' ' | b'\n' | b'\r' | b'\t' | b'"' | b':'));
        let word = &rest[..len.unwrap_or(rest.len())];
        let number = !word.is_empty()
            && matches!(byte, b'-' | b'0'..=b'9')
            && word.iter().all(|b| matches!(b, b'0'..=b'9' | b'-' | b'+' | b'.' | b'e' | b'E'));
        if !number && !matches!(word, b"true" | b"false" | b"null") {
            return None;
        }
        self.at += word.len();
        let place = Place::json(start, self.at);
        if self.hidden.is_none() && self.secret() {
            self.push(place);
        }
        Some(self.after(place, None))
    }

    /// Whether the value that begins here is a secret.
    fn secret(&self) -> bool {
        match self.block() {
            Some(Block::Object { secret, .. }) => secret,
            Some(Block::Array { header, .. }) => header,
            None => false,
        }
    }

    fn block(&self) -> Option<Block> {
        self.frames.last().map(|frame| frame.block)
    }

    /// What follows a value; `string` is what it says, if it is one.
    fn after(&mut self, place: Place, string: Option<(usize, usize)>) -> Expect {
        let text = string.map(|(start, end)| &self.json[start..end]);
        let names = self.names;
        let hidden = self.hidden.is_some();
        match self.frames.last_mut().map(|frame| &mut frame.block) {
            None => return Expect::End,
            Some(Block::Object { .. }) if hidden => {}
            Some(Block::Object { role, named, value, .. }) => match *role {
                Role::Name => *named |= text.is_some_and(|text| names.hides(text)),
                Role::Value => *value = Some(place),
                Role::None => {}
            },
            Some(Block::Array { items, .. }) if hidden => *items = items.saturating_add(1),
            Some(Block::Array { items, named, header, second }) => {
                *items = items.saturating_add(1);
                let was = *header;
                *header = !was && text.is_some_and(|text| names.is_header(text));
                match *items {
                    1 => *named = text.is_some_and(|text| names.hides(text)),
                    2 => *second = Some(place),
                    _ => {}
                }
            }
        }
        Expect::Next
    }

    /// Notes a secret, unless there is nothing to see.
    fn push(&mut self, place: Place) {
        if !tells_nothing(&self.json[place.start..place.end]) {
            self.places.push(place);
        }
    }

    /// Looks into a string: JSON, or a text.
    fn string(&mut self, start: usize, end: usize) {
        let raw = &self.json[start..end];
        // What has none of these is neither; most strings are that.
        if raw.len() < 5 || !raw.iter().any(|byte| matches!(byte, b':' | b'=' | b'>' | b' ')) {
            return;
        }
        if raw.contains(&b'\\') {
            let said = unescape(raw);
            let inner = Places::new(in_value(self.names, &said, self.level + 1));
            if !inner.is_empty() {
                let inner: Vec<Place> = inner.iter().copied().collect();
                self.places.extend(outward(raw, start, &inner));
            }
        } else {
            let inner = plain::places(self.names, raw);
            self.places
                .extend(inner.iter().map(|place| place.outward(start + place.start, start + place.end)));
        }
    }
}

fn role_of(key: &[u8]) -> Role {
    let one_of = |words: &[&[u8]]| words.iter().any(|word| key.eq_ignore_ascii_case(word));
    if one_of(&[b"name", b"key", b"header", b"field", b"k"]) {
        Role::Name
    } else if one_of(&[b"value", b"val", b"v"]) {
        Role::Value
    } else {
        Role::None
    }
}

fn skip_space(bytes: &[u8], at: usize) -> usize {
    let space = |byte: &u8| matches!(byte, b' ' | b'\t' | b'\n' | b'\r');
    bytes.get(at..).and_then(|rest| rest.iter().position(|b| !space(b))).map_or(bytes.len(), |n| at + n)
}

/// The place after the string that begins at `at`.
fn string_end(bytes: &[u8], at: usize) -> Option<usize> {
    let mut at = at + 1;
    loop {
        at += bytes.get(at..)?.iter().position(|byte| matches!(byte, b'"' | b'\\'))?;
        if bytes[at] == b'"' {
            return Some(at + 1);
        }
        at += 2;
    }
}
