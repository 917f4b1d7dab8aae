//! A container's spec in the engine's words, and back.

mod lift;
mod limit;
mod lower;

pub(crate) use lift::{Surroundings, life, lift};
pub(crate) use limit::{lacks_limits, unlimited};
pub(crate) use lower::{create_body, endpoint, update_body};

#[cfg(test)]
mod tests;
