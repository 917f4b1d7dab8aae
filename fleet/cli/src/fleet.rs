//! The fleet of this run: from its file to what should be, and the target it lives on.

mod file;
mod load;
mod locate;
mod program;
mod seed;

pub(crate) use load::{Fleet, Recipe, docker_host};
