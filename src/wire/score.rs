//! Encoded scores (spec, section 1.3). Redis prints them as decimals; they stay below 2^53, so
//! an `f64` holds them exactly.

use super::number;

/// Low bits of a `delayed` score that order jobs due in the same millisecond.
const DELAYED_STEP: f64 = 4096.0;
/// A `prioritized` score is `priority * 2^32 + counter`.
const PRIORITY_STEP: f64 = 4_294_967_296.0;

/// When a job in `delayed` is due, ms since the epoch.
pub fn due_at(score: f64) -> i64 {
    number::real((score / DELAYED_STEP).floor())
}

/// The lowest `delayed` score of the millisecond `at`.
pub fn delayed_floor(at: i64) -> f64 {
    at as f64 * DELAYED_STEP
}

/// The priority of an element of `prioritized`.
pub fn priority(score: f64) -> i64 {
    number::real((score / PRIORITY_STEP).floor())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn observed_scores_decode() {
        assert_eq!(due_at(7_352_937_248_321_536.0), 1_795_150_695_391);
        assert_eq!(priority(4_294_967_298.0), 1);
        assert_eq!(priority(21_474_836_481.0), 5);
    }
}
