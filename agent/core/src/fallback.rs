//! Who is asked when the first choice cannot answer.

mod breaker;
mod chain;

pub use breaker::CircuitBreaker;
pub use chain::{Choice, FallbackChain};
