//! From what should be and what is to the steps between.

mod decide;
mod destroy;
mod leaving;
mod place;
mod sight;
mod steps;
mod up;

pub use destroy::{Consent, plan_destroy};
pub use up::plan;
