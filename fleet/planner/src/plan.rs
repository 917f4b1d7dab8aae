//! From what should be and what is to the steps between.

mod carry;
mod claim;
mod decide;
mod destroy;
mod far;
mod footing;
mod join;
mod leaving;
mod moves;
mod options;
mod place;
mod removal;
mod select;
mod sight;
mod steps;
mod up;

pub use claim::{ClaimError, plan_adopt, plan_forget};
pub use destroy::{DataFate, Teardown, plan_destroy};
pub use options::{OptionsError, PlanOptions, Scope};
pub use up::plan;
