//! Latencies in high-dynamic-range histograms, and their summary in the report's words.

use std::time::Duration;

use hdrhistogram::Histogram;
use serde::Serialize;

/// Longest latency kept apart, in microseconds; longer ones count as this.
const LONGEST_US: u64 = 120_000_000;

/// A histogram of latencies in microseconds.
#[derive(Debug, Clone)]
pub struct Latency {
    inside: Histogram<u32>,
}

/// `H` of the report: milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Summary {
    /// Half are at most this.
    pub p50: f64,
    /// 90 of 100.
    pub p90: f64,
    /// 99 of 100.
    pub p99: f64,
    /// 999 of 1,000.
    pub p999: f64,
    /// The longest.
    pub max: f64,
    /// How many.
    pub count: u64,
}

impl Default for Latency {
    fn default() -> Self {
        let inside = Histogram::new_with_bounds(1, LONGEST_US, 3).expect("these bounds are allowed");
        Self { inside }
    }
}

impl Latency {
    /// Counts one latency.
    pub fn record(&mut self, latency: Duration) {
        self.inside.saturating_record(u64::try_from(latency.as_micros()).unwrap_or(LONGEST_US).max(1));
    }

    /// Counts the latencies of another histogram.
    pub fn add(&mut self, other: &Self) {
        self.inside.add(&other.inside).expect("both have the same bounds");
    }

    /// Its summary; `None` when nothing was counted.
    #[must_use]
    pub fn summary(&self) -> Option<Summary> {
        summarise(&self.inside)
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        self.inside.reset();
    }
}

/// What was counted between two readings of a histogram that only grows. When the second is not a continuation of the first (the
/// server was started again), all of the second.
#[must_use]
pub fn since(start: &Histogram<u64>, end: &Histogram<u64>) -> Histogram<u64> {
    let mut between = end.clone();
    if between.subtract(start).is_err() {
        return end.clone();
    }
    between
}

/// The summary of a histogram in microseconds; `None` when it is empty.
#[must_use]
pub fn summary(histogram: &Histogram<u64>) -> Option<Summary> {
    summarise(histogram)
}

fn summarise<C: hdrhistogram::Counter>(histogram: &Histogram<C>) -> Option<Summary> {
    if histogram.is_empty() {
        return None;
    }
    let at = |quantile| ms(histogram.value_at_quantile(quantile));
    Some(Summary {
        p50: at(0.5),
        p90: at(0.9),
        p99: at(0.99),
        p999: at(0.999),
        max: ms(histogram.max()),
        count: histogram.len(),
    })
}

/// Milliseconds with three decimals.
#[expect(clippy::cast_precision_loss, reason = "latencies are far below 2^52 microseconds")]
fn ms(micros: u64) -> f64 {
    micros as f64 / 1000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn histogram(values: &[u64]) -> Histogram<u64> {
        let mut histogram = Histogram::new(3).expect("three digits are allowed");
        for value in values {
            histogram.record(*value).expect("it grows by itself");
        }
        histogram
    }

    #[test]
    fn only_what_came_after_the_first_reading_is_counted() {
        let start = histogram(&[10_000, 10_000, 900_000]);
        let end = histogram(&[10_000, 10_000, 900_000, 500, 700]);
        let between = summary(&since(&start, &end)).expect("two are left");
        assert_eq!(between.count, 2);
        assert!(between.max < 1.0, "the 900 ms are from before: {between:?}");
    }

    #[test]
    fn a_server_that_was_started_again_is_counted_from_its_start() {
        let start = histogram(&[10_000, 10_000]);
        let end = histogram(&[500]);
        assert_eq!(summary(&since(&start, &end)).map(|between| between.count), Some(1));
    }

    #[test]
    fn a_summary_is_in_milliseconds() {
        let mut latency = Latency::default();
        assert_eq!(latency.summary(), None);
        for ms in 1..=1000 {
            latency.record(Duration::from_millis(ms));
        }
        let summary = latency.summary().expect("a thousand were counted");
        assert_eq!(summary.count, 1000);
        assert!((summary.p50 - 500.0).abs() < 1.0 && (summary.p99 - 990.0).abs() < 1.0, "{summary:?}");
    }
}
