//! A container's spec in the engine's words, and back.

mod lift;
mod lower;

pub(crate) use lift::{Surroundings, life, lift};
pub(crate) use lower::create_body;

#[cfg(test)]
mod tests;
