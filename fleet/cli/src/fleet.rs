//! The fleet of this run: from its file to what should be, and the target it lives on.

pub(crate) mod engine;
mod file;
mod lints;
mod load;
mod locate;
mod program;
mod seed;

pub(crate) use file::{FileError, FleetFile, Secrets};
pub(crate) use lints::notes;
pub(crate) use load::{Fleet, Recipe, deny, home_of};
pub(crate) use locate::{Reason, locate};
