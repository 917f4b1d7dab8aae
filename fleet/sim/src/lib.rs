//! A simulated world with fault injection for planner and engine.
//!
//! [`SimWorld`] keeps a target in memory and enforces what real targets enforce: names are unique,
//! nothing is made before what it stands on, nothing is removed under something that uses it, and
//! data is not deleted by accident. A plan that violates one of these fails here.

mod apply;
mod execute;
mod fault;
mod inject;
mod observe;
mod world;

pub use execute::Execution;
pub use fault::{BadDay, Fault, Meddling, Mishap, Place};
pub use world::SimWorld;
