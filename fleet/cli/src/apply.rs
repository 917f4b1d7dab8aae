//! Carries a plan out: lock, journal, progress and what failed.

mod interrupt;
mod locked;
mod progress;
mod run;
mod tally;

use interrupt::Interrupt;
pub(crate) use locked::locked;
pub(crate) use run::{Outcome, Run};
