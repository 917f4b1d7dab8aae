//! A simulated world with fault injection for planner and engine.
//!
//! [`SimWorld`] keeps a target in memory and enforces what real targets enforce: names are unique,
//! nothing is made before what it stands on, nothing is removed under something that uses it, and
//! data is not deleted by accident. A plan that violates one of these fails here. [`SimFleet`] is
//! several of them together, and [`BadDay`] what goes wrong during one run;
//! [`WorldFile`] is a world in words. The README beside this
//! crate explains stories and world files.

mod apply;
mod change;
mod described;
mod execute;
mod fault;
mod fleet;
mod inject;
mod lock;
mod make;
mod observe;
mod swap;
mod world;

pub use described::{WorldError, WorldFile};
pub use execute::{Execution, Killed};
pub use fault::{BadDay, Fault, Meddling, Mishap, Place};
pub use fleet::SimFleet;
pub use lock::SimLock;
pub use world::SimWorld;
