//! What vendors have in common that speak like OpenAI.
//!
//! The Responses API as a codec without I/O: [`request`] builds the body, [`stream`] reads the
//! events, [`kept`] finds the answer that a conversation can go on from. [`error`] reads refusals,
//! those of chat completions too; [`limits`]
//! data files about models. [`answer`] puts them together on a
//! [`Http`](rivetos_http::Http).
//!
//! **Invariants**
//! - A stream is complete on `response.completed` or `response.incomplete`. Everything else is
//!   [`Incomplete`](rivetos_types::model::ModelError::Incomplete).
//! - What a vendor keeps of a conversation is named in the conversation alone, so no two can ever
//!   share it; and it is used only while the conversation is still the one that was sent.

mod answer;
pub mod error;
mod ids;
pub mod kept;
pub mod limits;
pub mod models;
pub mod request;
pub mod stream;

pub use answer::answer;
pub use ids::short_id;
pub use request::{Documents, Endpoint, Scope};
