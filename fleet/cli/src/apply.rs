//! Carries a plan out: lock, journal, progress and what failed.

mod interrupt;
mod progress;
mod run;

pub(crate) use interrupt::Interrupt;
pub(crate) use run::{Outcome, Run, lock};
