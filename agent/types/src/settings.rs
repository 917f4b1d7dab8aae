//! One plain struct per plugin: what it needs to know, already checked.

use std::path::PathBuf;
use std::time::Duration;

use serde_json::{Map, Value};

use crate::secret::SecretRef;

/// An endpoint that speaks the Messages API of Anthropic.
#[derive(Debug, Clone, PartialEq)]
pub struct Anthropic {
    /// The name in the `providers:` section.
    pub name: String,
    /// Up to and without `/v1/messages`, for example `https://api.anthropic.com`.
    pub base_url: String,
    /// Which model to ask for.
    pub model: String,
    /// How a request shows who sends it.
    pub access: AnthropicAccess,
    /// The most tokens of one answer, without those of a thinking budget; absent: 32000, or what
    /// the model can where that is less.
    pub max_tokens: Option<u32>,
    /// Sampling temperature, 0 to 1. Not sent to models that take none.
    pub temperature: Option<f64>,
    /// Sampling from the likeliest tokens that together have this probability, 0 to 1. Not sent
    /// beside a temperature, nor to models that take none.
    pub top_p: Option<f64>,
    /// How long the vendor keeps what it has read.
    pub prompt_cache: PromptCache,
    /// Tools that the vendor runs by itself, as it wants them described, for example
    /// `{"type": "web_search_20250305", "name": "web_search"}`.
    pub server_tools: Vec<Map<String, Value>>,
    /// Names for the header `anthropic-beta`.
    pub betas: Vec<String>,
    /// Put into the body last; never over `model`, `messages` or `stream`.
    pub extra_body: Map<String, Value>,
    /// Longest wait for the first byte of an answer, connecting included.
    pub first_byte_timeout: Duration,
    /// Longest wait for each further byte.
    pub idle_timeout: Duration,
}

/// How a request to Anthropic shows who sends it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AnthropicAccess {
    /// By a key.
    Key(SecretRef),
    /// By a token that somebody got by logging in.
    Login(OAuth),
}

/// A login by OAuth 2 with PKCE, for a public client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OAuth {
    /// Where the tokens are kept. Only one process may have the file: it renews them.
    pub token_file: PathBuf,
    /// The name under which the operator's application is registered.
    pub client_id: String,
    /// Where the person agrees, without a query.
    pub authorize_url: String,
    /// Where tokens are had and renewed.
    pub token_url: String,
    /// Where the person is sent afterwards.
    pub redirect_url: String,
    /// What is asked for.
    pub scopes: Vec<String>,
}

/// How long a vendor keeps what it has read, where the request says so.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum PromptCache {
    /// Not at all.
    Off,
    /// Five minutes after the last use.
    #[default]
    Minutes,
    /// An hour after the last use; writing costs more.
    Hour,
}

/// The Gemini API of Google.
#[derive(Debug, Clone, PartialEq)]
pub struct Google {
    /// The name in the `providers:` section.
    pub name: String,
    /// Up to and without `/models/…`, for example
    /// `https://generativelanguage.googleapis.com/v1beta`.
    pub base_url: String,
    /// Which model to ask for, without `models/` in front.
    pub model: String,
    /// Sent in the header `x-goog-api-key`.
    pub api_key: SecretRef,
    /// The most tokens of one answer, thoughts included; absent: what the model can.
    pub max_tokens: Option<u32>,
    /// Sampling temperature, 0 to 2.
    pub temperature: Option<f64>,
    /// Sampling from the likeliest tokens that together have this probability, 0 to 1.
    pub top_p: Option<f64>,
    /// Tools that the vendor runs by itself, as it wants them described, for example
    /// `{"codeExecution": {}}`.
    pub server_tools: Vec<Map<String, Value>>,
    /// Put into the body last; never over `contents`.
    pub extra_body: Map<String, Value>,
    /// Longest wait for the first byte of an answer, connecting included.
    pub first_byte_timeout: Duration,
    /// Longest wait for each further byte.
    pub idle_timeout: Duration,
}

/// A server of Ollama.
#[derive(Debug, Clone, PartialEq)]
pub struct Ollama {
    /// The name in the `providers:` section.
    pub name: String,
    /// Up to and without `/api/chat`, for example `http://127.0.0.1:11434`.
    pub base_url: String,
    /// Which model to ask for, for example `qwen3:4b`.
    pub model: String,
    /// Sent as bearer token; only a server behind a gateway wants one.
    pub api_key: Option<SecretRef>,
    /// The most tokens of one answer, thoughts included.
    pub max_tokens: Option<u32>,
    /// Tokens that the server makes room for; absent: as many as it gives by itself.
    pub num_ctx: Option<u32>,
    /// Sampling temperature, 0 to 2; absent: 0.7.
    pub temperature: Option<f64>,
    /// Sampling from the likeliest tokens that together have this probability, 0 to 1; absent: 0.9.
    pub top_p: Option<f64>,
    /// How long the server keeps the model in memory after an answer; absent: 30 minutes.
    pub keep_alive: Option<KeepAlive>,
    /// Further `options` of the server, over all of the above, for example `{"min_p": 0.05}`.
    pub options: Map<String, Value>,
    /// Put into the body last; never over `model`, `messages` or `stream`.
    pub extra_body: Map<String, Value>,
    /// Longest wait for the first byte of an answer, connecting and loading the model included.
    pub first_byte_timeout: Duration,
    /// Longest wait for each further byte.
    pub idle_timeout: Duration,
}

/// How long a server keeps a model in memory that nobody uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeepAlive {
    /// This long; not at all when it is zero. Only whole seconds count.
    For(Duration),
    /// Until the server ends.
    Forever,
}

/// An OpenAI-compatible endpoint.
#[derive(Debug, Clone, PartialEq)]
pub struct OpenAiCompat {
    /// The name in the `providers:` section.
    pub name: String,
    /// Up to and without the name of the API, for example `http://127.0.0.1:8080/v1`.
    pub base_url: String,
    /// How the endpoint is talked to.
    pub api: CompatApi,
    /// Which model to ask for; `default`: the first that the endpoint lists.
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
    /// What else goes into the body of each request, for keys that are not known here. Never
    /// replaces the model, the conversation, or the streaming.
    pub extra_body: Map<String, Value>,
    /// Longest wait for the first byte of an answer, connecting included.
    pub first_byte_timeout: Duration,
    /// Longest wait for each further byte.
    pub idle_timeout: Duration,
}

/// The APIs of OpenAI that others speak too.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum CompatApi {
    /// `/chat/completions`, which everybody speaks.
    #[default]
    Chat,
    /// `/responses`, stateless.
    Responses,
}

/// xAI, by its Responses API.
#[derive(Debug, Clone, PartialEq)]
pub struct Xai {
    /// The name in the `providers:` section.
    pub name: String,
    /// Up to and without `/responses`: `https://api.x.ai/v1`.
    pub base_url: String,
    /// Which model to ask for.
    pub model: String,
    /// Sent as bearer token.
    pub api_key: SecretRef,
    /// The most tokens of one answer, reasoning included.
    pub max_tokens: Option<u32>,
    /// Sampling temperature, 0 to 2.
    pub temperature: Option<f64>,
    /// Sampling from the likeliest tokens that together have this probability, 0 to 1.
    pub top_p: Option<f64>,
    /// Who keeps the conversation.
    pub history: History,
    /// What the vendor runs by itself while it answers.
    pub search: Vec<XaiTool>,
    /// Whether one answer may call several tools.
    pub tool_calls: ToolCalls,
    /// As of [`OpenAiCompat`].
    pub extra_body: Map<String, Value>,
    /// Longest wait for the first byte of an answer, connecting included.
    pub first_byte_timeout: Duration,
    /// Longest wait for each further byte.
    pub idle_timeout: Duration,
}

/// Who keeps a conversation between two requests.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum History {
    /// The vendor, for 30 days: a request names the answer that it goes on from and brings only
    /// what is new.
    #[default]
    Stored,
    /// Nobody but us: each request brings everything, reasoning in the vendor's encryption.
    Stateless,
}

/// A tool that xAI runs on its own servers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum XaiTool {
    /// Searches the web and opens pages.
    WebSearch,
    /// Searches posts on X.
    XSearch,
    /// Runs Python.
    CodeInterpreter,
}

/// How many tools one answer may call.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum ToolCalls {
    /// As many as the model wants.
    #[default]
    Parallel,
    /// At most one.
    OneByOne,
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
