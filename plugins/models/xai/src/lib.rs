//! Model provider for xAI's Responses API.
//!
//! The wire is that of [`rivetos_openai`]; [`endpoint`] says what xAI has of its own.
//!
//! **Invariant:** what the vendor keeps of a conversation is named in that conversation alone.

pub mod endpoint;
mod models;
mod provider;

pub use models::limits;
pub use provider::Xai;
