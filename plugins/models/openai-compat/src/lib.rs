//! Model provider for OpenAI-compatible chat completion endpoints.
