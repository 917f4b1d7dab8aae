//! How long things take.

use std::array;
use std::time::Duration;

use super::Counter;

/// The upper bounds of the buckets, in milliseconds; what is longer goes to one bucket more.
const BOUNDS_MS: [u64; 15] = [
    5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10_000, 30_000, 60_000, 300_000, 1_800_000,
];

/// Durations by bucket, and their sum.
#[derive(Debug)]
pub(crate) struct Histogram {
    /// One for each bound.
    buckets: [Counter; BOUNDS_MS.len()],
    beyond: Counter,
    sum_micros: Counter,
}

impl Default for Histogram {
    fn default() -> Self {
        Self {
            buckets: array::from_fn(|_| Counter::default()),
            beyond: Counter::default(),
            sum_micros: Counter::default(),
        }
    }
}

/// A histogram at one time. Each bucket counts what the smaller ones do, too.
#[derive(Debug)]
pub(super) struct Snapshot {
    pub(super) buckets: Vec<Bucket>,
    pub(super) sum_seconds: f64,
    pub(super) count: u64,
}

#[derive(Debug)]
pub(super) struct Bucket {
    pub(super) up_to_seconds: f64,
    pub(super) count: u64,
}

impl Histogram {
    pub(crate) fn observe(&self, took: Duration) {
        let mut pairs = BOUNDS_MS.iter().zip(&self.buckets);
        let fits = pairs.find(|(bound, _)| took <= Duration::from_millis(**bound));
        fits.map_or(&self.beyond, |(_, bucket)| bucket).add(1);
        self.sum_micros
            .add(u64::try_from(took.as_micros()).unwrap_or(u64::MAX));
    }

    pub(super) fn snapshot(&self) -> Snapshot {
        let mut count = 0;
        let buckets = BOUNDS_MS.iter().zip(&self.buckets).map(|(bound, bucket)| {
            count += bucket.get();
            Bucket {
                up_to_seconds: Duration::from_millis(*bound).as_secs_f64(),
                count,
            }
        });
        Snapshot {
            buckets: buckets.collect(),
            sum_seconds: Duration::from_micros(self.sum_micros.get()).as_secs_f64(),
            count: count + self.beyond.get(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_counts_what_is_not_longer_than_its_bound() {
        let histogram = Histogram::default();
        for ms in [5, 6, 1_800_000, 1_800_001] {
            histogram.observe(Duration::from_millis(ms));
        }
        let seen = histogram.snapshot();
        let up_to = |seconds: f64| {
            let mut buckets = seen.buckets.iter();
            let bucket = buckets.find(|bucket| bucket.up_to_seconds.total_cmp(&seconds).is_eq());
            bucket.unwrap().count
        };
        assert_eq!([up_to(0.005), up_to(0.01), up_to(300.0)], [1, 2, 2]);
        assert_eq!((up_to(1800.0), seen.count), (3, 4));
        assert!(seen.sum_seconds.total_cmp(&3600.012).is_eq());
    }
}
