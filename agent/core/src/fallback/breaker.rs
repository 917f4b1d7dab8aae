//! A provider that has failed is left alone for a while.

use rivetos_types::time::Timestamp;

/// How long a provider is left alone after its first failure, in milliseconds.
const REST_MS: i64 = 30_000;

/// The longest time that one is left alone, in milliseconds, whatever it asks for: who comes back
/// earlier than it said is noticed.
const REST_MS_MAX: i64 = 300_000;

/// Lets requests through until one has failed for good, then nobody for some time, then one at a
/// time until it is known how that one ended.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CircuitBreaker {
    failures_in_a_row: u32,
    /// Nobody is let through before.
    rests_until: Option<Timestamp>,
}

impl CircuitBreaker {
    /// Whether a request may be sent at `now`. The one that is let through after a rest keeps
    /// others off for as long as a first failure would: it may never come back with a result.
    pub fn admits(&mut self, now: Timestamp) -> bool {
        if self.is_open(now) {
            return false;
        }
        if self.rests_until.is_some() {
            self.rests_until = Some(now.plus_ms(REST_MS));
        }
        true
    }

    /// Whether nobody is let through at `now`.
    pub fn is_open(&self, now: Timestamp) -> bool {
        // A clock that was set back lets nobody wait longer than the longest rest.
        self.rests_until
            .is_some_and(|until| now < until && until <= now.plus_ms(REST_MS_MAX))
    }

    /// A request was answered.
    pub fn succeeded(&mut self) {
        *self = Self::default();
    }

    /// A request failed and is not tried again here; the vendor may have said when to come back.
    /// Each failure in a row doubles the rest.
    pub fn failed(&mut self, now: Timestamp, retry_after_ms: Option<u64>) {
        let doubled = REST_MS
            .checked_shl(self.failures_in_a_row)
            .unwrap_or(REST_MS_MAX);
        let asked = retry_after_ms.map_or(0, |ms| i64::try_from(ms).unwrap_or(i64::MAX));
        let rest = doubled.max(asked).clamp(REST_MS, REST_MS_MAX);
        self.failures_in_a_row = self.failures_in_a_row.saturating_add(1);
        self.rests_until = Some(now.plus_ms(rest));
    }
}
