//! A text that is looked for in raw bytes.

use std::fmt::Write as _;
use std::ops::Range;

use memchr::memmem::Finder;
use memchr::{memchr_iter, memchr2_iter};

/// A text in the forms in which a JSON writer may have put it down: as it is, with what JSON must
/// escape, and with all beyond ASCII escaped (as Python writes it).
///
/// ```
/// use toril::insight::find::Needle;
///
/// let needle = Needle::new("café \"x\"", false);
/// assert!(needle.is_in("a café \"x\"".as_bytes()));
/// assert!(needle.is_in(br#"{"a":"caf\u00e9 \"x\""}"#));
/// assert!(!needle.is_in("CAFÉ \"x\"".as_bytes()));
/// assert!(Needle::new("café", true).is_in("CAFÉ".as_bytes()));
/// ```
#[derive(Clone, Debug)]
pub struct Needle {
    text: String,
    forms: Vec<Form>,
    ignore_case: bool,
}

#[derive(Clone, Debug)]
enum Form {
    Exact(Box<Finder<'static>>),
    /// ASCII in any case: the text, and the place and the two cases of its rarest byte.
    AnyCase {
        text: Vec<u8>,
        at: usize,
        either: (u8, u8),
    },
}

impl Needle {
    /// A text; `ignore_case`: in any letter case. Nothing is in everything.
    pub fn new(text: &str, ignore_case: bool) -> Self {
        let json = serde_json::Value::from(text).to_string();
        let inner = json.get(1..json.len().saturating_sub(1)).unwrap_or_default().to_owned();
        let mut forms = vec![text.to_owned(), inner.clone(), ascii(&inner)];
        if ignore_case {
            // Letters beyond ASCII are looked for as they were typed and in either case as a whole.
            for form in [text, &inner] {
                forms.extend([form.to_lowercase(), form.to_uppercase()]);
            }
        }
        let mut unique: Vec<String> = Vec::new();
        for form in forms {
            let known = |other: &String| {
                if ignore_case { other.eq_ignore_ascii_case(&form) } else { *other == form }
            };
            if !unique.iter().any(known) {
                unique.push(form);
            }
        }
        let forms = unique.iter().map(|form| Form::new(form.as_bytes(), ignore_case)).collect();
        Self { text: text.to_owned(), forms, ignore_case }
    }

    /// As it was given.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Whether letter case makes no difference.
    pub fn ignores_case(&self) -> bool {
        self.ignore_case
    }

    /// Whether it stands somewhere in the bytes.
    pub fn is_in(&self, bytes: &[u8]) -> bool {
        self.forms.iter().any(|form| form.find(bytes).is_some())
    }

    /// Where it stands first.
    pub fn find(&self, bytes: &[u8]) -> Option<Range<usize>> {
        self.forms.iter().filter_map(|form| form.find(bytes)).min_by_key(|at| at.start)
    }
}

impl PartialEq for Needle {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text && self.ignore_case == other.ignore_case
    }
}

impl Form {
    fn new(text: &[u8], ignore_case: bool) -> Self {
        let letters = text.iter().any(u8::is_ascii_alphabetic);
        if !ignore_case || !letters {
            return Self::Exact(Box::new(Finder::new(text).into_owned()));
        }
        let at = (0..text.len()).min_by_key(|at| commonness(text[*at])).unwrap_or(0);
        let byte = text[at];
        Self::AnyCase {
            text: text.to_vec(),
            at,
            either: (byte.to_ascii_lowercase(), byte.to_ascii_uppercase()),
        }
    }

    fn find(&self, bytes: &[u8]) -> Option<Range<usize>> {
        match self {
            Self::Exact(finder) => finder.find(bytes).map(|at| at..at + finder.needle().len()),
            Self::AnyCase { text, at, either: (lower, upper) } => {
                let fits = |place: usize| {
                    let start = place.checked_sub(*at)?;
                    let range = start..start + text.len();
                    bytes.get(range.clone())?.eq_ignore_ascii_case(text).then_some(range)
                };
                if lower == upper {
                    memchr_iter(*lower, bytes).find_map(fits)
                } else {
                    memchr2_iter(*lower, *upper, bytes).find_map(fits)
                }
            }
        }
    }
}

/// How often a byte stands in payloads, roughly: the rarer, the fewer places are compared.
fn commonness(byte: u8) -> u8 {
    match byte.to_ascii_lowercase() {
        b'"' | b':' | b',' | b' ' | b'e' => 9,
        b'a' | b't' | b'i' | b'o' | b'n' | b's' | b'r' => 8,
        b'0'..=b'9' | b'd' | b'l' | b'c' | b'u' | b'm' => 6,
        b'{' | b'}' | b'.' | b'-' | b'_' | b'/' | b'p' | b'h' | b'g' => 5,
        b'q' | b'x' | b'z' | b'j' | b'@' | b'#' => 1,
        byte if byte >= 0x80 => 4,
        _ => 3,
    }
}

/// JSON with everything beyond ASCII as `\uXXXX`.
fn ascii(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    for c in json.chars() {
        if c.is_ascii() {
            out.push(c);
        } else {
            for unit in c.encode_utf16(&mut [0; 2]) {
                let _ = write!(out, "\\u{unit:04x}");
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn found_where_it_stands_and_nowhere_else() {
        let needle = Needle::new("tenant-7", false);
        assert_eq!(needle.find(b"..tenant-7..tenant-7"), Some(2..10));
        assert_eq!(needle.find(b"tenant-"), None);
        assert_eq!(needle.find(b""), None);
        assert!(!needle.is_in(b"Tenant-7") && Needle::new("Tenant-7", true).is_in(b"x tENANT-7"));
        assert!(Needle::new("7-7", true).is_in(b"7-7"));
        assert!(Needle::new("", false).is_in(b""));
    }

    #[test]
    fn escaped_forms_are_the_same_text() {
        let path = Needle::new("C:\\x", false);
        assert!(path.is_in(br#"{"p":"C:\\x"}"#) && path.is_in(b"C:\\x"));
        let line = Needle::new("a\nb", false);
        assert!(line.is_in(br#""a\nb""#));
        let smile = Needle::new("😀", false);
        assert!(smile.is_in("😀".as_bytes()) && smile.is_in(br#""\ud83d\ude00""#));
    }

    proptest::proptest! {
        #[test]
        fn agrees_with_a_plain_search(text in "[abAB\"]{0,4}", bytes in "[abAB\"]{0,40}") {
            let plain = |hay: &str, text: &str| hay.contains(text) || hay.contains(&text.replace('"', "\\\""));
            let exact = Needle::new(&text, false);
            proptest::prop_assert_eq!(exact.is_in(bytes.as_bytes()), plain(&bytes, &text));
            let any = Needle::new(&text, true);
            let (low, hay) = (text.to_lowercase(), bytes.to_lowercase());
            proptest::prop_assert_eq!(any.is_in(bytes.as_bytes()), plain(&hay, &low));
            if let Some(at) = exact.find(bytes.as_bytes()) {
                proptest::prop_assert!(exact.is_in(&bytes.as_bytes()[at]));
            }
        }
    }
}
