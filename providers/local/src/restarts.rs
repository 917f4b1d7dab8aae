//! When an agent that ended is started again.

use std::time::Duration;

/// An agent that ran this long was fine; its end starts the count afresh.
pub(crate) const STABLE: Duration = Duration::from_mins(1);
const PAUSE_FIRST: Duration = Duration::from_secs(1);
const PAUSE_MAX: Duration = Duration::from_mins(1);
/// With the pauses between them these take some four minutes: longer than a hiccup of whatever
/// the agent needs, short enough to notice.
pub(crate) const FAST_FAILURES_MAX: u32 = 10;

/// Counts how often in a row an agent ended soon after its start.
#[derive(Debug, Default)]
pub(crate) struct Restarts {
    fast_failures: u32,
}

/// What to do after an agent ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Next {
    /// Start it again after this pause.
    StartAfter(Duration),
    /// Leave it.
    GiveUp,
}

impl Restarts {
    /// The agent ended after it had been `up` for so long.
    pub(crate) fn ended(&mut self, up: Duration) -> Next {
        if up >= STABLE {
            self.fast_failures = 0;
            return Next::StartAfter(PAUSE_FIRST);
        }
        self.fast_failures += 1;
        if self.fast_failures >= FAST_FAILURES_MAX {
            return Next::GiveUp;
        }
        let doubled = PAUSE_FIRST * 2_u32.pow(self.fast_failures - 1);
        Next::StartAfter(doubled.min(PAUSE_MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_the_bound_and_then_it_ends() {
        let mut restarts = Restarts::default();
        let seconds: Vec<u64> = std::iter::from_fn(|| match restarts.ended(Duration::ZERO) {
            Next::StartAfter(pause) => Some(pause.as_secs()),
            Next::GiveUp => None,
        })
        .collect();
        assert_eq!(seconds, [1, 2, 4, 8, 16, 32, 60, 60, 60]);
    }

    #[test]
    fn a_stable_minute_forgives() {
        let mut restarts = Restarts::default();
        for _ in 0..5 {
            restarts.ended(Duration::ZERO);
        }
        assert_eq!(
            restarts.ended(STABLE),
            Next::StartAfter(Duration::from_secs(1))
        );
        assert_eq!(
            restarts.ended(Duration::ZERO),
            Next::StartAfter(Duration::from_secs(1))
        );
    }
}
