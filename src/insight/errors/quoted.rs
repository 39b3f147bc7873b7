//! Quoted text: a value as a rule, and a part of the cause where it names a thing of the program.
//!
//! `column "phone" does not exist` and `column "email" does not exist` are two causes;
//! `user "kim" not found` and `user "eve" not found` are one. What stands around the quotes tells them apart
//! as a rule, and where it does not, the look of the text does: `user_id`, `createdAt`, `STRIPE_KEY` are
//! names out of code.

use super::likely;
use super::pattern::{Scanner, one_of};

/// The longest text that is taken for a quotation, bytes.
const LONGEST: usize = 2000;
/// The longest name of a thing.
const NAME: usize = 80;

/// Words before the name of a thing of the program.
const NAMES: &[&str] = &[
    "argument",
    "attribute",
    "attributeerror",
    "class",
    "code",
    "collection",
    "column",
    "columns",
    "command",
    "constraint",
    "database",
    "decorator",
    "directive",
    "enum",
    "env",
    "errno",
    "event",
    "export",
    "extension",
    "feature",
    "field",
    "fields",
    "function",
    "header",
    "identifier",
    "import",
    "index",
    "interface",
    "keyerror",
    "keyword",
    "kind",
    "macro",
    "method",
    "model",
    "module",
    "namespace",
    "nameerror",
    "operator",
    "option",
    "options",
    "package",
    "param",
    "parameter",
    "permission",
    "phase",
    "plugin",
    "policy",
    "procedure",
    "processor",
    "properties",
    "property",
    "queue",
    "reading",
    "reason",
    "relation",
    "role",
    "rule",
    "schema",
    "scope",
    "sequence",
    "service",
    "setting",
    "stage",
    "state",
    "status",
    "step",
    "struct",
    "syscall",
    "table",
    "template",
    "topic",
    "trait",
    "trigger",
    "type",
    "variable",
    "view",
];
/// Words before a value, whatever it looks like.
const VALUES: &[&str] = &[
    "account",
    "address",
    "batch",
    "bucket",
    "but",
    "customer",
    "date",
    "directory",
    "document",
    "email",
    "file",
    "filename",
    "folder",
    "got",
    "hash",
    "host",
    "hostname",
    "id",
    "ids",
    "input",
    "invoice",
    "item",
    "job",
    "member",
    "number",
    "open",
    "order",
    "path",
    "payment",
    "person",
    "phone",
    "product",
    "received",
    "record",
    "ref",
    "reference",
    "request",
    "row",
    "session",
    "sku",
    "slug",
    "stat",
    "string",
    "subscription",
    "tag",
    "tenant",
    "text",
    "time",
    "title",
    "token",
    "transaction",
    "unlink",
    "uri",
    "url",
    "user",
    "username",
    "uuid",
    "value",
    "was",
];
/// What follows the name of a thing.
const AFTER_NAMES: &[&str] = &[
    "argument",
    "cannot be",
    "column",
    "constraint",
    "does not provide an export",
    "field",
    "has no ",
    "header",
    "is deprecated",
    "is invalid",
    "is missing",
    "is not a ",
    "is not allowed",
    "is not defined",
    "is not iterable",
    "is read-only",
    "is required",
    "must ",
    "object ",
    "parameter",
    "property",
    "should ",
];
/// Words before a text that is an error itself.
const ERRORS: &[&str] =
    &["cause", "description", "detail", "details", "error", "errors", "message", "msg", "reason"];

/// Where the quotation that begins at a place ends: the place of its closing mark.
pub(super) fn closing(text: &str, at: usize) -> Option<usize> {
    let rest = &text[at..];
    let open = rest.chars().next()?;
    let close = match open {
        '"' | '\'' | '`' => open,
        '“' | '„' => '”',
        '‘' => '’',
        '«' => '»',
        _ => return None,
    };
    let letter = |c: Option<char>| c.is_some_and(char::is_alphanumeric);
    if open == '\'' && letter(text[..at].chars().next_back()) {
        return None;
    }
    let begin = at + open.len_utf8();
    let mut escaped = false;
    for (i, c) in text[begin..].char_indices().take_while(|(i, _)| *i <= LONGEST) {
        if escaped {
            escaped = false;
        } else if c == '\\' {
            escaped = true;
        } else if c == close {
            let end = begin + i;
            // An apostrophe within a word closes nothing.
            if c == '\'' && letter(text[end + 1..].chars().next()) {
                continue;
            }
            return Some(end);
        }
    }
    None
}

/// Takes a quotation that begins here and whose closing mark is at `end`.
pub(super) fn take(scanner: &mut Scanner<'_>, open: char, end: usize) {
    let inside = &scanner.text[scanner.at + open.len_utf8()..end];
    let close = scanner.text[end..].chars().next().map_or(1, char::len_utf8);
    let after = scanner.after(end + close);
    let whole = scanner.at == 0 && after.trim().is_empty();
    let keep = verdict(scanner, open, inside, after, whole);
    scanner.at = end + close;
    if matches!(keep, Keep::Value) {
        scanner.out.value("str");
        return;
    }
    let mark = match open {
        '\'' => "'",
        '`' => "`",
        _ => "\"",
    };
    scanner.out.literal(mark);
    match keep {
        Keep::Value => {}
        Keep::Name => name(scanner, inside),
        Keep::Text => scanner.inner(inside),
        Keep::Module => {
            // Which module it is is the cause, where it lies is not.
            let own = inside.starts_with(['.', '/']) || inside.contains('\\');
            let from = inside.rfind(['/', '\\']).filter(|_| own).map_or(0, |at| at + 1);
            name(scanner, &inside[from..]);
        }
    }
    scanner.out.literal(mark);
}

enum Keep {
    /// It is a value.
    Value,
    /// It names a thing of the program.
    Name,
    /// It is a message itself.
    Text,
    /// It names a module, by its path or its package.
    Module,
}

fn verdict(scanner: &Scanner<'_>, open: char, inside: &str, after: &str, whole: bool) -> Keep {
    let trimmed = inside.trim();
    if trimmed.is_empty() {
        return Keep::Name;
    }
    let before = scanner.near();
    if one_of(before, &["module", "package"]) && trimmed.len() <= LONGEST {
        return Keep::Module;
    }
    let simple = trimmed.len() <= NAME && !trimmed.chars().any(char::is_whitespace) && names_a_thing(trimmed);
    let after = after.trim_start();
    if after.starts_with(':') && simple && !trimmed.bytes().all(|byte| byte.is_ascii_digit()) {
        // A key of JSON.
        return Keep::Name;
    }
    if whole || open == '`' || one_of(before, ERRORS) {
        return if simple { Keep::Name } else { Keep::Text };
    }
    let mut chars = trimmed.chars();
    if let (Some(one), None) = (chars.next(), chars.next()) {
        return if one.is_alphanumeric() { Keep::Value } else { Keep::Name };
    }
    let digits = trimmed.bytes().all(|byte| byte.is_ascii_digit());
    if !simple || one_of(before, VALUES) || digits && !one_of(before, CODES) {
        return Keep::Value;
    }
    if one_of(before, NAMES) || AFTER_NAMES.iter().any(|words| after.starts_with(words)) {
        return Keep::Name;
    }
    // `status: "in_progress"`: behind a colon stands a value.
    if !(scanner.out.ends_with(':') || scanner.out.ends_with('=') || ends_with_colon(scanner))
        && of_code(trimmed)
    {
        return Keep::Name;
    }
    Keep::Value
}

fn ends_with_colon(scanner: &Scanner<'_>) -> bool {
    scanner.text[..scanner.at].trim_end().ends_with([':', '='])
}

/// Whether a text has only what names are made of.
fn names_a_thing(text: &str) -> bool {
    let made_of = |c: char| c.is_alphanumeric() || "_$.:-()/@*[]#".contains(c);
    let address = text.find('@').is_some_and(|at| at > 0);
    text.chars().all(made_of) && !address && !text.starts_with('/')
}

/// Whether a name has the look of code: `user_id`, `createdAt`, `STRIPE_KEY`, `save()`.
fn of_code(text: &str) -> bool {
    let digits = text.bytes().filter(u8::is_ascii_digit).count();
    if digits > 2 || text.contains(['-', '/', '@', '#']) {
        return false;
    }
    let parts = || text.split(['_', '.', ':', '(', ')', '$', '*']).filter(|part| !part.is_empty());
    if parts().any(|part| likely::is_random(part, true)) {
        return false;
    }
    let capitals = text.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_') && text.len() >= 3;
    let camel =
        text.as_bytes().windows(2).any(|pair| pair[0].is_ascii_lowercase() && pair[1].is_ascii_uppercase())
            && digits == 0
            && likely::is_word(text);
    capitals
        || camel
        || text.contains("()")
        || text.contains("::")
        || (text.contains('_') && !text.contains('.'))
}

/// Puts a name: what in it is made up is taken out, one or two digits at its end are part of it. (Not in the key
/// of a map: `address2` is a name there, `user_17` somebody's.)
fn name<'a>(scanner: &mut Scanner<'a>, inside: &'a str) {
    let digits = inside.bytes().filter(u8::is_ascii_digit).count();
    let letters = inside.chars().any(char::is_alphabetic);
    let head = inside.trim_end_matches(|c: char| c.is_ascii_digit());
    let numbered = head.ends_with(['_', '-', ':']) && one_of(scanner.near(), &["keyerror"]);
    let plain = digits == 0 && !inside.contains('\\') && !likely::is_random(inside, false);
    let short = letters && digits <= 2 && !numbered && head.bytes().all(|byte| !byte.is_ascii_digit());
    if plain || short {
        scanner.word(inside);
        return;
    }
    if is_code(inside) && one_of(scanner.near(), CODES) {
        scanner.word(inside);
        return;
    }
    scanner.inner(inside);
}

/// Words before the code of an error.
pub(super) const CODES: &[&str] = &["code", "errcode", "errno", "errorcode", "sqlstate", "state"];

/// Whether a text has the look of a code of an error: `23505`, `P2002`, `22P02`, `40P01`.
pub(super) fn is_code(text: &str) -> bool {
    (2..=12).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_digit() || byte.is_ascii_uppercase() || byte == b'_')
        && (text.len() <= 6 || !text.bytes().all(|byte| byte.is_ascii_digit()))
}
