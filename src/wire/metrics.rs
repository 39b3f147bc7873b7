//! Metrics that workers keep, where they were asked to (spec 3.12).

const MINUTE: i64 = 60_000;

/// The hash `metrics:completed` or `metrics:failed`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Metrics {
    /// Jobs finished so far.
    pub count: u64,
    /// When the last one finished, ms.
    pub prev_at: i64,
    /// `count` before the minute of `prev_at`.
    pub prev_count: u64,
}

impl Metrics {
    /// The fields, in the order in which [`Metrics::decode`] wants their values.
    pub const FIELDS: [&'static str; 3] = ["count", "prevTS", "prevCount"];

    /// Decodes the answer of an `HMGET` of [`Metrics::FIELDS`]; `None` where nothing is kept.
    pub fn decode(values: &[Option<&[u8]>]) -> Option<Self> {
        let number = |index: usize| -> Option<i64> { super::number::whole((*values.get(index)?)?) };
        let unsigned = |value: i64| u64::try_from(value).unwrap_or(0);
        Some(Self {
            count: unsigned(number(0)?),
            prev_at: number(1).unwrap_or(0),
            prev_count: unsigned(number(2).unwrap_or(0)),
        })
    }

    /// Jobs finished in each of the last `minutes` minutes up to that of `now` (ms, Redis's clock),
    /// oldest first. `data` is the list, newest first: it begins with the minute before that of the
    /// last finish; minutes in which nothing finished since are not in it.
    pub fn per_minute(&self, data: &[u64], now: i64, minutes: usize) -> Vec<u64> {
        let newest = self.prev_at.div_euclid(MINUTE);
        let mut points: Vec<u64> = (0..minutes)
            .map(|back| {
                let minute = now.div_euclid(MINUTE) - i64::try_from(back).unwrap_or(i64::MAX);
                match usize::try_from(newest - minute) {
                    Ok(0) => self.count.saturating_sub(self.prev_count),
                    Ok(age) => data.get(age - 1).copied().unwrap_or(0),
                    Err(_) => 0,
                }
            })
            .collect();
        points.reverse();
        points
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_decodes() {
        let found = Metrics::decode(&[Some(b"10"), Some(b"1795150144726"), Some(b"7")]).unwrap();
        assert_eq!((found.count, found.prev_at, found.prev_count), (10, 1_795_150_144_726, 7));
        assert_eq!(Metrics::decode(&[None, None, None]), None);
        assert_eq!(Metrics::decode(&[Some(b"x")]), None);
    }

    #[test]
    fn minutes_without_a_finish_are_shifted_in() {
        // Last finish in minute 100: three there; five in 99, none in 98, two in 97.
        let metrics = Metrics { count: 20, prev_at: 100 * MINUTE + 5_000, prev_count: 17 };
        let data = [5, 0, 2];
        assert_eq!(metrics.per_minute(&data, 100 * MINUTE + 59_000, 5), [0, 2, 0, 5, 3]);
        assert_eq!(metrics.per_minute(&data, 102 * MINUTE, 5), [0, 5, 3, 0, 0]);
    }
}
