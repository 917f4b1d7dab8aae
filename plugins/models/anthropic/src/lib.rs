//! Model provider for the Messages API of Anthropic.
//!
//! [`models`] knows what each model can.

pub mod models;
