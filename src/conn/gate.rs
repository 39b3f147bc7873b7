//! The gate: what may leave on which connection. It decides before a byte is sent, whoever asks.

use super::{Access, Batch, Class, ConnError, Kind, Verb};

/// Longest range that is read at once. A page is some tens; this only stops what is meant as "all".
const RANGE_MAX: i64 = 100_000;

/// Which connection asks.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Line {
    /// Shared: a blocking command would hold up everyone.
    Shared,
    /// Of one's own.
    Dedicated,
}

/// Whether a command of this class may be sent.
pub(super) fn class(class: Class, access: Access, line: Line) -> Result<(), ConnError> {
    if class.writes() && access == Access::ReadOnly {
        return Err(ConnError::new(
            Kind::ReadOnly,
            "this session is read-only",
            "start with --write to change data",
        ));
    }
    if matches!(class, Class::Block | Class::BlockWrite) && line == Line::Shared {
        return Err(refusal("a blocking command needs a connection of its own"));
    }
    Ok(())
}

/// Whether all commands of a batch may be sent.
pub(super) fn batch(batch: &Batch, access: Access, line: Line) -> Result<(), ConnError> {
    if let Some(error) = &batch.refused {
        return Err(error.clone());
    }
    batch.shapes.iter().try_for_each(|shape| class(shape.verb.class(), access, line))
}

/// Refuses the forms of ranges that may be of any length, and a blocking `XREAD` in disguise.
pub(super) fn bounds<'a>(verb: Verb, args: impl Iterator<Item = &'a [u8]> + Clone) -> Result<(), ConnError> {
    let has = |word: &str| args.clone().any(|arg| arg.eq_ignore_ascii_case(word.as_bytes()));
    let bounded = match verb {
        Verb::ZRange if has("BYSCORE") || has("BYLEX") => has("LIMIT"),
        Verb::ZRangeByScore => has("LIMIT"),
        Verb::LRange | Verb::ZRange | Verb::ZRevRange => {
            let mut index =
                args.clone().skip(1).map(|arg| std::str::from_utf8(arg).ok()?.parse::<i64>().ok());
            match (index.next().flatten(), index.next().flatten()) {
                (Some(start), Some(stop)) => {
                    (start < 0) == (stop < 0) && stop.saturating_sub(start) < RANGE_MAX
                }
                // Not a number: the server has the say.
                _ => true,
            }
        }
        Verb::XRange | Verb::XRevRange => {
            let ends: Vec<&[u8]> = args.clone().skip(1).take(2).collect();
            has("COUNT") || ends.first() == ends.last()
        }
        Verb::XRead if first_words(args, b"BLOCK") => {
            return Err(refusal("a blocking XREAD needs its own verb and connection"));
        }
        _ => true,
    };
    if bounded { Ok(()) } else { Err(refusal("a range without a bound is not sent")) }
}

fn refusal(message: &str) -> ConnError {
    ConnError::new(Kind::Unexpected, message, "")
}

/// Whether a word stands before `STREAMS`, where options stand and not keys.
fn first_words<'a>(mut args: impl Iterator<Item = &'a [u8]>, word: &[u8]) -> bool {
    args.by_ref()
        .take_while(|arg| !arg.eq_ignore_ascii_case(b"STREAMS"))
        .any(|arg| arg.eq_ignore_ascii_case(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(verb: Verb, args: &[&str]) -> bool {
        bounds(verb, args.iter().map(|arg| arg.as_bytes())).is_ok()
    }

    #[test]
    fn unbounded_ranges_are_refused() {
        for verb in [Verb::LRange, Verb::ZRange, Verb::ZRevRange] {
            assert!(ask(verb, &["k", "0", "49"]));
            assert!(ask(verb, &["k", "500000", "500099"]));
            assert!(ask(verb, &["k", "-50", "-1"]));
            assert!(ask(verb, &["k", "0", "0"]));
            assert!(!ask(verb, &["k", "0", "-1"]));
            assert!(!ask(verb, &["k", "0", "100000"]));
            assert!(!ask(verb, &["k", "-9223372036854775808", "-1"]));
        }
        assert!(ask(Verb::ZRange, &["k", "0", "49", "WITHSCORES"]));
        assert!(!ask(Verb::ZRange, &["k", "-inf", "+inf", "BYSCORE"]));
        assert!(ask(Verb::ZRange, &["k", "-inf", "+inf", "byscore", "limit", "0", "10"]));
        assert!(!ask(Verb::ZRangeByScore, &["k", "-inf", "+inf"]));
        assert!(ask(Verb::ZRangeByScore, &["k", "-inf", "+inf", "LIMIT", "0", "1"]));
        assert!(!ask(Verb::XRange, &["k", "-", "+"]));
        assert!(ask(Verb::XRange, &["k", "1-0", "1-0"]));
        assert!(ask(Verb::XRevRange, &["k", "+", "-", "COUNT", "10"]));
        assert!(!ask(Verb::XRead, &["COUNT", "1", "BLOCK", "0", "STREAMS", "k", "$"]));
        assert!(ask(Verb::XRead, &["COUNT", "1", "STREAMS", "BLOCK", "0"]));
        assert!(ask(Verb::XReadBlock, &["BLOCK", "0", "STREAMS", "k", "$"]));
    }

    #[test]
    fn classes_go_where_they_may() {
        use Access::{ReadOnly, ReadWrite};
        use Line::{Dedicated, Shared};
        let may = |verb: Verb, access, line| class(verb.class(), access, line).is_ok();
        assert!(may(Verb::Get, ReadOnly, Shared) && may(Verb::XReadBlock, ReadOnly, Dedicated));
        assert!(!may(Verb::XReadBlock, ReadWrite, Shared));
        for verb in [Verb::EvalSha, Verb::Eval, Verb::Set, Verb::Del, Verb::ScriptLoad] {
            assert!(
                !may(verb, ReadOnly, Shared)
                    && !may(verb, ReadOnly, Dedicated)
                    && may(verb, ReadWrite, Shared)
            );
        }
        assert!(!may(Verb::BzPopMin, ReadOnly, Dedicated) && may(Verb::BzPopMin, ReadWrite, Dedicated));
        assert!(!may(Verb::BzPopMin, ReadWrite, Shared));
    }
}
