//! Model provider for the Gemini API of Google.
//!
//! The wire format is a codec without I/O: [`request`] builds the body, [`stream`] reads the
//! events, [`error`] reads refusals, [`models`] knows what each model can. [`Google`] puts them
//! together.
//!
//! **Invariant:** a thought signature goes back on the part that it came with, and on no other.

mod block;
pub mod error;
mod listing;
pub mod models;
mod provider;
pub mod request;
pub mod stream;

pub use listing::Listed;
pub use provider::Google;
