//! Model provider for endpoints that speak like OpenAI.
//!
//! The wire format is a codec without I/O: [`request`] builds the body, [`stream`] reads the
//! events, [`rivetos_openai::error`] reads refusals. [`OpenAiCompat`] puts them together.
//!
//! **Invariant:** a stream is complete on `[DONE]`, or on a clean end of the body after a finish
//! reason. Everything else is [`rivetos_types::model::ModelError::Incomplete`].

mod models;
mod provider;
pub mod request;
pub mod stream;

pub use models::limits;
pub use provider::OpenAiCompat;
