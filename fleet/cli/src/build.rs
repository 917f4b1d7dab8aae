//! From source to the agent's program and its image.

mod compile;
mod install;
mod source;

pub(crate) use compile::compile;
pub(crate) use install::beside;
pub(crate) use source::{Source, Tree};
