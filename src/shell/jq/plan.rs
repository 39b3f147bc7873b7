//! What an expression needs, read off the expression: which fields of a job, and a text without which
//! it cannot be true. Whatever is not understood needs everything, so that nothing is missed.

use std::collections::BTreeSet;

use jaq_core::load::lex::StrPart;
use jaq_core::load::parse::{BinaryOp, Term};
use jaq_core::ops::Cmp;
use jaq_core::path::{Part, Path};

/// Names in the document (`toril job --json`) and the fields of the hash that they come from.
const NAMES: &[(&str, &[&str])] = &[
    ("id", &[]),
    ("queue", &[]),
    ("prefix", &[]),
    ("state", &[]),
    ("dueAt", &[]),
    ("name", &["name"]),
    ("data", &["data"]),
    ("opts", &["opts"]),
    ("progress", &["progress"]),
    ("returnvalue", &["returnvalue"]),
    ("failedReason", &["failedReason"]),
    ("stacktrace", &["stacktrace"]),
    ("attemptsMade", &["attemptsMade", "atm"]),
    ("attemptsStarted", &["ats"]),
    ("timestamp", &["timestamp"]),
    ("processedOn", &["processedOn"]),
    ("finishedOn", &["finishedOn"]),
    ("delay", &["delay"]),
    ("priority", &["priority"]),
    ("processedBy", &["pb"]),
    ("parent", &["parentKey"]),
    ("schedulerId", &["rjk"]),
    ("deduplicationId", &["deid"]),
    ("invalid", &["data", "opts", "progress", "returnvalue", "stacktrace"]),
    ("tooLarge", &TEXTS),
];
/// Names whose values are text out of the hash: a text that they must hold stands in its bytes.
const TEXTS: [&str; 7] = ["name", "data", "opts", "progress", "returnvalue", "failedReason", "stacktrace"];
/// What the document holds beyond the hash, or all of the hash.
const BEYOND: [&str; 4] = ["raw", "logs", "lock", "children"];
/// Filters that read nothing of their input but through their arguments.
const THROUGH: [&str; 10] =
    ["any", "all", "first", "isempty", "limit", "true", "false", "null", "empty", "now"];

/// What an expression needs.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Plan {
    /// Fields of the hash.
    pub fields: Vec<&'static str>,
    /// It speaks of what is beyond a fixed set of fields: jobs are read whole.
    pub whole: bool,
    /// It is only true of jobs that hold one of these texts, or anything as `\u....`, in a field.
    pub texts: Option<Vec<String>>,
}

impl Plan {
    /// The plan for an expression.
    pub fn new(expression: &str) -> Self {
        // A word is enough: `"raw" as $k | .[$k]`.
        let whole = BEYOND.iter().any(|word| expression.contains(word));
        let mut names = BTreeSet::new();
        let term = jaq_core::load::parse(expression, |parser| parser.term());
        let known = term.as_ref().is_some_and(|term| reads(term, true, &mut names));
        let mut fields = Vec::new();
        for (name, from) in NAMES {
            if !known || names.contains(*name) {
                fields.extend(from.iter().filter(|field| !fields.contains(*field)).collect::<Vec<_>>());
            }
        }
        let texts = if whole { None } else { term.as_ref().and_then(|term| needs(term, true)) };
        Self { fields, whole, texts }
    }
}

type Node<'s> = Term<&'s str>;

/// Notes which names of the document a filter reads; false where that cannot be told. `job`: its
/// input is (or may be) the document.
fn reads<'s>(term: &Node<'s>, job: bool, names: &mut BTreeSet<String>) -> bool {
    let mut each = |terms: &[&Node<'s>]| terms.iter().all(|term| reads(term, job, names));
    match term {
        Term::Id | Term::Recurse | Term::Str(Some(_), _) | Term::Def(..) => !job,
        Term::Num(_) | Term::Var(_) | Term::Break(_) => true,
        Term::Str(None, parts) => parts.iter().all(|part| match part {
            StrPart::Term(term) => reads(term, job, names),
            StrPart::Str(_) | StrPart::Char(_) => true,
        }),
        Term::Arr(inner) => inner.as_deref().is_none_or(|inner| reads(inner, job, names)),
        // `{name}` reads `.name`.
        Term::Obj(pairs) => pairs.iter().all(|(key, value)| match value {
            Some(value) => reads(key, job, names) && reads(value, job, names),
            None => !job,
        }),
        Term::Neg(inner) | Term::Label(_, inner) => reads(inner, job, names),
        Term::BinOp(left, op, right) => match op {
            BinaryOp::Pipe(None) => {
                let (left_read, passed) = match &**left {
                    Term::Id => (true, job),
                    left => (reads(left, job, names), job && may_pass(left)),
                };
                left_read && reads(right, passed, names)
            }
            BinaryOp::Pipe(Some(_))
            | BinaryOp::Comma
            | BinaryOp::Alt
            | BinaryOp::Or
            | BinaryOp::And
            | BinaryOp::Math(_)
            | BinaryOp::Cmp(_) => each(&[left, right]),
            _ => !job,
        },
        Term::Fold(_, over, _, args) => {
            reads(over, job, names) && args.iter().all(|arg| reads(arg, job, names))
        }
        Term::TryCatch(inner, catch) => {
            reads(inner, job, names) && catch.as_deref().is_none_or(|catch| reads(catch, job, names))
        }
        Term::IfThenElse(branches, otherwise) => {
            let branches =
                branches.iter().all(|(when, then)| reads(when, job, names) && reads(then, job, names));
            branches && otherwise.as_deref().map_or(!job, |otherwise| reads(otherwise, job, names))
        }
        Term::Call(name, args) => {
            let through = !job || *name == "select" || THROUGH.contains(name);
            through && args.iter().all(|arg| reads(arg, job, names))
        }
        Term::Path(head, Path(parts)) => {
            let mut parts = parts.iter().map(|(part, _)| part);
            if job && may_pass(head) {
                match (&**head, parts.next()) {
                    (Term::Id, Some(Part::Index(index))) => match literal(index) {
                        Some(name) => names.insert(name),
                        None => return false,
                    },
                    _ => return false,
                };
            } else if !reads(head, job, names) {
                return false;
            }
            parts.all(|part| match part {
                Part::Index(index) => reads(index, job, names),
                Part::Range(from, to) => {
                    [from, to].into_iter().flatten().all(|bound| reads(bound, job, names))
                }
            })
        }
    }
}

/// Whether what a filter gives may be its input.
fn may_pass(term: &Node<'_>) -> bool {
    match term {
        Term::Num(_)
        | Term::Str(..)
        | Term::Arr(_)
        | Term::Obj(_)
        | Term::Neg(_)
        | Term::BinOp(_, BinaryOp::Or | BinaryOp::And | BinaryOp::Math(_) | BinaryOp::Cmp(_), _) => false,
        Term::Path(head, Path(parts)) => parts.is_empty() && may_pass(head),
        _ => true,
    }
}

/// Texts of which one must stand in a job for a filter to give true. `job`: its input is the
/// document; otherwise it is inside of a value of [`TEXTS`].
fn needs(term: &Node<'_>, job: bool) -> Option<Vec<String>> {
    match term {
        Term::BinOp(left, BinaryOp::And, right) => match (needs(left, job), needs(right, job)) {
            (Some(left), Some(right)) => Some(if shortest(&left) >= shortest(&right) { left } else { right }),
            (left, right) => left.or(right),
        },
        Term::BinOp(left, BinaryOp::Or, right) => {
            let (mut left, right) = (needs(left, job)?, needs(right, job)?);
            left.extend(right);
            Some(left)
        }
        Term::BinOp(left, BinaryOp::Cmp(Cmp::Eq), right) => match (is_text(left, job), is_text(right, job)) {
            (true, false) => run_of(&literal(right)?),
            (false, true) => run_of(&literal(left)?),
            _ => None,
        },
        Term::BinOp(left, BinaryOp::Pipe(None), right) if is_text(left, job) => match &**right {
            Term::Call("contains" | "startswith" | "endswith", args) => match args.as_slice() {
                [text] => run_of(&literal(text)?),
                _ => None,
            },
            Term::Call("test", args) => match args.as_slice() {
                [text] => {
                    let text = literal(text)?;
                    let plain = |c: char| c.is_alphanumeric() || " _-:@#=,;!%~'".contains(c);
                    if text.chars().all(plain) { run_of(&text) } else { None }
                }
                _ => None,
            },
            right => needs(right, false),
        },
        _ => None,
    }
}

fn shortest(texts: &[String]) -> usize {
    texts.iter().map(String::len).min().unwrap_or(0)
}

/// Whether a filter is a path into a value that stands in the hash as text.
fn is_text(term: &Node<'_>, job: bool) -> bool {
    match term {
        Term::Id => !job,
        Term::Path(head, Path(parts)) if matches!(**head, Term::Id) => {
            let first = parts.first().and_then(|(part, _)| match part {
                Part::Index(index) => literal(index),
                Part::Range(..) => None,
            });
            !job || first.is_some_and(|name| TEXTS.contains(&name.as_str()))
        }
        _ => false,
    }
}

/// The text of a string without terms in it.
fn literal(term: &Node<'_>) -> Option<String> {
    let Term::Str(None, parts) = term else { return None };
    parts.iter().try_fold(String::new(), |mut text, part| {
        match part {
            StrPart::Str(part) => text.push_str(part),
            StrPart::Char(c) => text.push(*c),
            StrPart::Term(_) => return None,
        }
        Some(text)
    })
}

/// The longest stretch of a text that a JSON writer puts down as it is, or as `\u....`.
fn run_of(text: &str) -> Option<Vec<String>> {
    let escaped = |c: char| c.is_control() || matches!(c, '"' | '\\' | '/');
    let run = text.split(escaped).max_by_key(|run| run.len())?;
    (!run.is_empty()).then(|| vec![run.to_owned()])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(expression: &str) -> Option<Vec<String>> {
        Plan::new(expression).texts
    }

    #[test]
    fn only_the_fields_that_are_spoken_of_are_read() {
        let fields = |expression: &str| Plan::new(expression).fields;
        assert_eq!(fields(".data.tenant == \"acme\" and .attemptsMade > 2"), ["data", "attemptsMade", "atm"]);
        assert_eq!(fields(".data | .a == 1"), ["data"]);
        assert_eq!(
            fields(".invalid | length == 2"),
            ["data", "opts", "progress", "returnvalue", "stacktrace"],
            "what is invalid is seen in the values"
        );
        assert_eq!(fields(".data.items[] | select(.n > .m) | true"), ["data"]);
        assert_eq!(fields("any(.data.list[]; .data == 1)"), ["data"]);
        assert_eq!(fields(".state == \"failed\""), [""; 0]);
        assert_eq!(fields("if .name == \"a\" then .opts.x else false end"), ["name", "opts"]);
        assert_eq!(fields("select(.name == \"a\") | .data.b"), ["name", "data"]);
    }

    #[test]
    fn what_is_not_understood_reads_everything() {
        let mut all: Vec<&str> = Vec::new();
        for field in NAMES.iter().flat_map(|(_, fields)| *fields) {
            if !all.contains(field) {
                all.push(field);
            }
        }
        for expression in [
            ".",
            "tojson | contains(\"x\")",
            ".[\"da\" + \"ta\"] == 1",
            "keys | length > 3",
            "to_entries[] | .value == 1",
            ".. | strings | test(\"x\")",
            ". as $job | $job.data == 1",
            "def f: .data; f == 1",
            "if .name then true end",
            "(.data, .) | .x",
            "{data} | .data.x == 1",
            "del(.data) | .name == \"x\"",
            "not jq at all (",
        ] {
            assert_eq!(Plan::new(expression).fields, all, "{expression}");
        }
        assert!(Plan::new(".raw.x == 1").whole && Plan::new(".logs > 3").whole);
    }

    #[test]
    fn a_text_without_which_it_is_not_true() {
        let one = |text: &str| Some(vec![text.to_owned()]);
        assert_eq!(texts(".data.tenant == \"acme\""), one("acme"));
        assert_eq!(texts("\"acme\" == .data.list[0].t"), one("acme"));
        assert_eq!(texts(".attemptsMade > 2 and .data.tenant == \"acme\""), one("acme"));
        assert_eq!(texts(".data.a == \"xy\" and .data.b == \"longer\""), one("longer"));
        assert_eq!(texts(".name == \"a\" or .name == \"b\""), Some(vec!["a".into(), "b".into()]));
        assert_eq!(texts(".failedReason | contains(\"ETIMEDOUT\")"), one("ETIMEDOUT"));
        assert_eq!(texts(".failedReason | test(\"ETIMED\")"), one("ETIMED"));
        assert_eq!(texts(".data | .tenant == \"acme\""), one("acme"));
        assert_eq!(texts(".data.path == \"/srv/orders.json\""), one("orders.json"));
    }

    #[test]
    fn where_a_text_may_be_missing_none_is_looked_for() {
        for expression in [
            ".data.n == 5",
            ".data.a != \"x\"",
            ".name == \"a\" or .data.n > 1",
            "(.data.a == \"x\") | not",
            ".id == \"42\"",
            ".queue == \"mail\"",
            ".failedReason | test(\"a.b\")",
            ".data.a == .data.b",
            ".data.a == \"\"",
            ".data.a // \"x\" == \"x\"",
            ".data.a | ascii_downcase == \"x\"",
            ".data.a == \"x\" | not",
        ] {
            assert_eq!(texts(expression), None, "{expression}");
        }
    }
}
