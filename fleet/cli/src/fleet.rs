//! The fleet of this run: from its file to what should be, and the target it lives on.

pub(crate) mod engine;
mod file;
mod files;
mod lints;
mod load;
mod locate;
mod memory;
mod program;
mod reach;
mod recipe;
mod seed;

pub(crate) use file::{FileError, FleetFile, Secrets};
pub(crate) use lints::notes;
pub(crate) use load::{Fleet, deny, home_of};
pub(crate) use locate::{Reason, locate};
pub(crate) use memory::Chosen;
pub(crate) use program::find as program;
pub(crate) use recipe::{Product, Recipe};
