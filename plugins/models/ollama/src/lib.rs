//! Model provider for servers of Ollama.
//!
//! [`options`] is what a request says beside the conversation.

pub mod options;
