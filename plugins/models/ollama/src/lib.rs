//! Model provider for servers of Ollama.
//!
//! The wire format is a codec without I/O: [`request`] builds the body, [`stream`] reads the lines
//! of an answer, [`pull`] those of a download, [`error`] reads refusals, [`models`] what the server
//! has. [`Ollama`] puts them together.
//!
//! **Invariant:** an answer is complete with an object that says `done`, and with nothing else.

mod block;
pub mod error;
mod lines;
pub mod models;
mod options;
mod provider;
pub mod pull;
pub mod request;
pub mod stream;

pub use provider::Ollama;
