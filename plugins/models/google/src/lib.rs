//! Model provider for the Gemini API of Google.
//!
//! [`models`] knows what each model can.

pub mod models;
