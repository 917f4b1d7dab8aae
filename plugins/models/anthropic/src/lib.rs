//! Model provider for the Messages API of Anthropic.
//!
//! The wire format is a codec without I/O: [`request`] builds the body, [`stream`] reads the
//! events, [`error`] reads refusals, [`models`] knows what each model can. [`Anthropic`] puts them
//! together; [`login`] gets and renews tokens, where no key is used.
//!
//! **Invariants**
//! - A stream is complete on `message_stop`, or on a clean end of the body after a stop reason.
//!   Everything else is [`rivetos_types::model::ModelError::Incomplete`].
//! - A signed block goes back to the model that signed it as it came, or not at all.

pub mod error;
mod listing;
pub mod login;
pub mod models;
mod provider;
pub mod request;
pub mod stream;

pub use listing::Listed;
pub use provider::Anthropic;
