//! `providers.<name>`

use std::path::PathBuf;
use std::time::Duration;

use rivetos_types::secret::SecretRef;
use rivetos_types::settings::{CompatApi, History, KeepAlive, PromptCache, XaiTool};
use serde_json::{Map, Value};

/// `providers.<name>`
#[derive(Debug, Clone, PartialEq)]
pub struct Provider {
    /// `kind`, default: the name of the entry; with the keys that only this kind has.
    pub kind: ProviderKind,
    /// `model`; required except for `rehearsal`.
    pub model: String,
    /// `base_url`: up to and without the path of the API, without `/` at the end; required for
    /// `openai-compat`, refused for `rehearsal`, else by default the vendor's own.
    pub base_url: Option<String>,
    /// `api_key`: `${NAME}` or `{file: PATH}`; required for `google`, `xai`, and for `anthropic`
    /// without a login; refused for `rehearsal`.
    pub api_key: Option<SecretRef>,
    /// `max_tokens`, at least 1.
    pub max_tokens: Option<u32>,
    /// `context_window`: what the model can read at once, answer included, in tokens.
    pub context_window: Option<u32>,
    /// `temperature`, 0 to 2.
    pub temperature: Option<f64>,
    /// `top_p`, 0 to 1.
    pub top_p: Option<f64>,
    /// `first_byte_timeout`, seconds: the longest wait for the first byte of an answer.
    pub first_byte_timeout: Option<Duration>,
    /// `idle_timeout`, seconds: the longest wait for each further byte.
    pub idle_timeout: Option<Duration>,
    /// `verify_model_on_init`: whether an agent looks at its start if the provider lists the model.
    pub verify_model_on_init: bool,
    /// `extra_body`: what else goes into the body of each request. Never what the program itself
    /// decides: the model, the conversation, streaming.
    pub extra_body: Map<String, Value>,
}

impl Provider {
    /// Its login, if it has one instead of a key.
    pub fn login(&self) -> Option<&Login> {
        match &self.kind {
            ProviderKind::Anthropic(own) => own.login.as_ref(),
            ProviderKind::Google(_)
            | ProviderKind::Ollama(_)
            | ProviderKind::OpenaiCompat(_)
            | ProviderKind::Rehearsal
            | ProviderKind::Xai(_) => None,
        }
    }

    /// The same, to be changed.
    pub fn login_mut(&mut self) -> Option<&mut Login> {
        match &mut self.kind {
            ProviderKind::Anthropic(own) => own.login.as_mut(),
            ProviderKind::Google(_)
            | ProviderKind::Ollama(_)
            | ProviderKind::OpenaiCompat(_)
            | ProviderKind::Rehearsal
            | ProviderKind::Xai(_) => None,
        }
    }
}

/// What a provider entry speaks.
#[derive(Debug, Clone, PartialEq)]
pub enum ProviderKind {
    /// `anthropic`: the Messages API.
    Anthropic(Anthropic),
    /// `google`: the Gemini API.
    Google(Google),
    /// `ollama`: a server of Ollama.
    Ollama(Ollama),
    /// `openai-compat`, also written `llama-server`.
    OpenaiCompat(OpenaiCompat),
    /// `rehearsal`: the built-in offline stand-in.
    Rehearsal,
    /// `xai`: the Responses API.
    Xai(Xai),
}

impl ProviderKind {
    /// Its word in the file.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Anthropic(_) => "anthropic",
            Self::Google(_) => "google",
            Self::Ollama(_) => "ollama",
            Self::OpenaiCompat(_) => "openai-compat",
            Self::Rehearsal => "rehearsal",
            Self::Xai(_) => "xai",
        }
    }
}

/// What only `kind: anthropic` has.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Anthropic {
    /// `login`: instead of `api_key`.
    pub login: Option<Login>,
    /// `prompt_cache`: how long the vendor keeps what it has read.
    pub prompt_cache: PromptCache,
    /// `server_tools`: tools that the vendor runs, as it wants them described.
    pub server_tools: Vec<Map<String, Value>>,
    /// `betas`: names for the header `anthropic-beta`.
    pub betas: Vec<String>,
}

/// `providers.<name>.login`: an OAuth 2 client with PKCE that the operator has registered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Login {
    /// `client_id`; required.
    pub client_id: String,
    /// `authorize_url`: where the person agrees.
    pub authorize_url: String,
    /// `token_url`: where tokens are had and renewed.
    pub token_url: String,
    /// `redirect_url`: where the person is sent afterwards.
    pub redirect_url: String,
    /// `scopes`: what is asked for.
    pub scopes: Vec<String>,
    /// `token_file`: what `rivetos login` writes and an agent begins with; the tokens that the
    /// agent renews are in its data. Default: `.rivetos/login-<provider>.json` beside the file.
    pub token_file: PathBuf,
}

/// What only `kind: google` has.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Google {
    /// `server_tools`: tools that the vendor runs, as it wants them described.
    pub server_tools: Vec<Map<String, Value>>,
}

/// What only `kind: ollama` has.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Ollama {
    /// `num_ctx`: tokens that the server makes room for.
    pub num_ctx: Option<u32>,
    /// `keep_alive`: how long the server keeps the model in memory.
    pub keep_alive: Option<KeepAlive>,
    /// `options`: further ones of the server.
    pub options: Map<String, Value>,
}

/// What only `kind: openai-compat` has.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct OpenaiCompat {
    /// `api`: how the endpoint is talked to.
    pub api: CompatApi,
    /// `repeat_penalty`, 0 to 2; llama.cpp and its relatives know it.
    pub repeat_penalty: Option<f64>,
}

/// What only `kind: xai` has.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Xai {
    /// `history`: who keeps the conversation.
    pub history: History,
    /// `search`: what the vendor runs by itself while it answers.
    pub search: Vec<XaiTool>,
}
