//! Numbers that JavaScript wrote.

/// The largest whole number that JavaScript tells from its neighbours: 2^53.
const MOST: i64 = 1 << 53;

/// A moment (ms since the epoch), a stretch of time or a count as text: whole, or fractional in some
/// releases. What lies beyond 2^53 is nobody's moment, and whoever can write to Redis can write it: it
/// is taken as 2^53, so that sums and differences of such numbers cannot overflow.
pub fn whole(text: &[u8]) -> Option<i64> {
    let text = std::str::from_utf8(text).ok()?;
    match text.parse::<i64>() {
        Ok(number) => Some(bounded(number)),
        Err(_) => text.parse::<f64>().ok().filter(|number| number.is_finite()).map(real),
    }
}

/// A whole number within the bounds of [`whole`].
pub fn bounded(number: i64) -> i64 {
    number.clamp(-MOST, MOST)
}

/// A score or a fractional number, whole and within the bounds of [`whole`].
pub fn real(number: f64) -> i64 {
    bounded(number as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_whole_and_can_be_added() {
        assert_eq!(whole(b"1795150695391"), Some(1_795_150_695_391));
        assert_eq!(whole(b"1795150695391.75"), Some(1_795_150_695_391));
        for (text, number) in [
            ("9223372036854775807", MOST),
            ("-9223372036854775808", -MOST),
            ("1e300", MOST),
            ("99999999999999999999", MOST),
        ] {
            assert_eq!(whole(text.as_bytes()), Some(number), "{text}");
        }
        for text in ["", "soon", "NaN", "inf", "\u{661}"] {
            assert_eq!(whole(text.as_bytes()), None, "{text}");
        }
        assert_eq!((real(f64::NEG_INFINITY), real(f64::NAN)), (-MOST, 0));
    }
}
