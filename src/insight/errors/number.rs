//! Numbers: a value as a rule, and a part of the cause where it is the code of an error.
//!
//! `status 404` and `status 500` are two causes, `SQLSTATE 23505` and `40001` are, `order 404` and `order 500`
//! are one.

use super::chunk::digits;
use super::pattern::{Scanner, one_of};

/// Words before the status of an answer.
const STATUS: &[&str] = &["http", "https", "httpstatus", "responsecode", "status", "statuscode"];
/// Words before a status, unless what is counted stands behind it.
const ANSWERED: &[&str] =
    &["answered", "got", "received", "replied", "responded", "response", "returned", "with"];
/// Words before the code of an error.
const CODES: &[&str] = &["code", "errcode", "errorcode", "sqlcode", "subcode"];
/// Words before `code` where it is that of an error, and no voucher.
const OF_ERROR: &[&str] = &[
    "decline", "err", "error", "exit", "exited", "http", "process", "response", "result", "return",
    "returned", "sql", "state", "status", "with",
];
/// Words before short codes.
const SHORT: &[&str] = &["errno", "exit", "exited", "ora", "rc", "signal"];
/// What follows a status in an answer that has no body.
const PHRASES: &[&str] = &[
    "bad",
    "client",
    "conflict",
    "expectation",
    "forbidden",
    "gateway",
    "gone",
    "internal",
    "length",
    "locked",
    "method",
    "not",
    "payload",
    "payment",
    "precondition",
    "request",
    "server",
    "service",
    "timeout",
    "too",
    "unauthorized",
    "unavailable",
    "unprocessable",
];
/// Words that go on after a status.
const ON: &[&str] = &[
    "after", "and", "at", "because", "but", "by", "during", "error", "expected", "for", "from", "in",
    "instead", "on", "response", "status", "to", "when", "while", "with",
];

/// Takes the number that `rest` begins with and that stands at `at` in the text; its length.
pub(super) fn take<'a>(scanner: &mut Scanner<'a>, rest: &'a str, at: usize) -> usize {
    let first = digits(rest);
    if kept(scanner, rest, at) {
        scanner.word(&rest[..first]);
        return first;
    }
    // 3.14, 1.2.3, 10:30.
    let mut length = first;
    while let Some(separator) = rest[length..].chars().next().filter(|c| ".:".contains(*c)) {
        let more = digits(&rest[length + separator.len_utf8()..]);
        if more == 0 {
            break;
        }
        length += 1 + more;
    }
    scanner.out.value("n");
    length
}

/// Whether the number that `rest` begins with is a part of the cause.
pub(super) fn kept(scanner: &Scanner<'_>, rest: &str, at: usize) -> bool {
    let length = digits(rest);
    let number = &rest[..length];
    let behind = scanner.after(at + length);
    let goes_on =
        behind.starts_with(['.', ':', ',']) && behind[1..].starts_with(|c: char| c.is_ascii_digit());
    let Some(value) = number.parse::<u32>().ok().filter(|_| length <= 6 && length > 0) else { return false };
    let [last, before] = scanner.words;
    let near = scanner.near();
    let status = length == 3 && (100..600).contains(&value);
    let failed = status && value >= 400;
    if goes_on {
        // SMTP: `550 5.1.1`.
        return false;
    }
    if one_of(near, &["sqlstate"]) && length == 5 || status && one_of(near, STATUS) {
        return true;
    }
    if one_of(near, CODES) {
        let voucher = !before.is_empty() && !one_of(before, OF_ERROR) && one_of(near, &["code"]);
        let labelled = scanner.text[..at].trim_end().ends_with([':', '=', '"', '\'']);
        return (!voucher || labelled) && length <= 6;
    }
    if one_of(near, SHORT) {
        return length <= 5;
    }
    let next = behind.trim_start();
    let word = next.split(|c: char| !c.is_alphabetic()).next().unwrap_or_default();
    let plain = behind.starts_with(' ');
    if failed && plain && one_of(word, PHRASES) && word.starts_with(|c: char| c.is_uppercase()) {
        return true;
    }
    if failed && one_of(near, ANSWERED) {
        return word.is_empty() || !plain || one_of(word, ON) || word.starts_with(|c: char| c.is_uppercase());
    }
    if one_of(near, &["error", "err", "errors"]) && length <= 4 {
        let ends = next.is_empty() || next.starts_with([':', '(', ')', '-', ',', ']', '.']);
        return failed || length >= 3 && ends;
    }
    if failed && scanner.text[..at].ends_with('(') && behind.starts_with(')') {
        return true;
    }
    // The answer of a server as it stands: `550 5.1.1 User unknown`, `429: slow down`, `503`.
    let begins = last.is_empty() && scanner.text[..at].trim().is_empty();
    begins
        && failed
        && (next.is_empty()
            || next.starts_with([':', '-', '('])
            || next.starts_with(|c: char| c.is_ascii_digit() || c.is_uppercase()))
}
