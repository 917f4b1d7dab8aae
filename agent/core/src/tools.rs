//! The tools of an agent.

mod erased;
mod toolset;

pub use toolset::Toolset;
