//! One plain struct per plugin: what it needs to know, already checked.

use std::time::Duration;

use crate::secret::SecretRef;

/// An OpenAI-compatible chat completion endpoint.
#[derive(Debug, Clone, PartialEq)]
pub struct OpenAiCompat {
    /// The name in the `providers:` section.
    pub name: String,
    /// Up to and without `/chat/completions`, for example `http://127.0.0.1:8080/v1`.
    pub base_url: String,
    /// Which model to ask for.
    pub model: String,
    /// Sent as bearer token; many local servers want none.
    pub api_key: Option<SecretRef>,
    /// The most tokens of one answer.
    pub max_tokens: Option<u32>,
    /// Sampling temperature, 0 to 2.
    pub temperature: Option<f64>,
    /// Sampling from the likeliest tokens that together have this probability, 0 to 1.
    pub top_p: Option<f64>,
    /// Makes repetition less likely, 0 to 2; a key that llama.cpp and its relatives know.
    pub repeat_penalty: Option<f64>,
    /// Longest wait for the connection and for the next byte of an answer.
    pub idle_timeout: Duration,
}

/// The shell tool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shell {
    /// The longest run of one command.
    pub timeout: Duration,
}

/// The HTTP channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AgentChannel {
    /// Who answers.
    pub agent: String,
    /// The bearer token of `/api/*`.
    pub bearer: SecretRef,
    /// How long a request without a limit of its own waits for the reply.
    pub wait: Duration,
}
