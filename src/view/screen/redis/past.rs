//! The past of a figure in as many columns as there are cells.

use crate::app::screen::redis::section::Curve;
use crate::monitor::redis::HealthPoint;

/// What a column may stand for, seconds: round figures, so that columns keep their place while time
/// goes on.
const STEPS: [i64; 16] = [1, 2, 3, 4, 5, 6, 8, 10, 15, 20, 30, 40, 60, 90, 120, 300];

/// All of the past that is known.
pub struct Past<'a> {
    history: &'a [HealthPoint],
    step: i64,
    /// The columns' times, counted in steps: first and last.
    columns: (i64, i64),
}

impl<'a> Past<'a> {
    /// The past in at most `cells` columns. The samples are ten seconds apart, or one while the
    /// screen is open; a column is the mean of its samples, or the one before it.
    pub fn new(history: &'a [HealthPoint], cells: u16) -> Option<Self> {
        let (first, last) = (history.first()?.at, history.last()?.at);
        let most = i64::from(cells.max(1));
        let columns = |step: i64| (first.div_euclid(step), last.div_euclid(step));
        let fits = |step: &i64| columns(*step).1 - columns(*step).0 < most;
        let step = STEPS.into_iter().map(|s| s * 1000).find(fits).unwrap_or(600_000);
        let (first, last) = columns(step);
        Some(Self { history, step, columns: (first.max(last - most + 1), last) })
    }

    /// How long it is, ms.
    pub fn span_ms(&self) -> i64 {
        (self.columns.1 - self.columns.0 + 1) * self.step
    }

    /// The values of a figure, oldest first.
    pub fn values(&self, curve: Curve) -> Vec<f64> {
        let (first, last) = self.columns;
        let mut values = Vec::with_capacity(usize::try_from(last - first + 1).unwrap_or(0));
        let mut points = self.history.iter().peekable();
        let mut before = 0.0;
        for column in first..=last {
            let (mut sum, mut count) = (0.0, 0_u32);
            while let Some(point) = points.next_if(|point| point.at.div_euclid(self.step) <= column) {
                // What lies before the first column only tells where it begins.
                if point.at.div_euclid(self.step) == column {
                    sum += curve.at(point);
                    count += 1;
                } else {
                    before = curve.at(point);
                }
            }
            let value = if count > 0 { sum / f64::from(count) } else { before };
            values.push(value);
            before = value;
        }
        values
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn history(every: i64, count: i64) -> Vec<HealthPoint> {
        let point =
            |i: i64| HealthPoint { at: 1_000_000 + i * every, ops_per_s: i as f64, ..HealthPoint::default() };
        (0..count).map(point).collect()
    }

    #[test]
    fn a_column_is_the_mean_of_its_samples_or_the_one_before() {
        let mut samples = history(10_000, 3);
        samples.push(HealthPoint { at: 1_021_000, ops_per_s: 9.0, ..samples[2] });
        let past = Past::new(&samples, 40).unwrap();
        assert_eq!(past.step, 1000);
        let values = past.values(Curve::Ops);
        assert_eq!(values.len(), 22);
        assert_eq!((values[0], values[9], values[10], values[20], values[21]), (0.0, 0.0, 1.0, 2.0, 9.0));
        let past = Past::new(&samples, 3).unwrap();
        assert_eq!((past.step, past.values(Curve::Ops)), (8000, vec![0.0, 1.0, 5.5]));
    }

    #[test]
    fn all_of_it_is_shown_in_whatever_room() {
        for cells in 1..200 {
            let samples = history(10_000, 360);
            let past = Past::new(&samples, cells).unwrap();
            let values = past.values(Curve::Ops);
            assert!(values.len() <= usize::from(cells), "{} in {cells}", values.len());
            assert!(cells < 6 || past.span_ms() >= 3_590_000);
        }
        assert!(Past::new(&[], 10).is_none());
    }
}
