//! From source to the agent's program and its image.

mod compile;
mod install;
mod lock;
mod source;

pub(crate) use compile::compile;
pub(crate) use install::beside;
pub(crate) use lock::lock_image;
pub(crate) use source::{Source, Tree};
