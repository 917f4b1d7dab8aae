//! Which model answers, and how much it reads.

use std::sync::Arc;
use std::time::Duration;

use rivetos_config::{Provider, ProviderKind};
use rivetos_http::Http;
use rivetos_model_anthropic::Anthropic;
use rivetos_model_google::Google;
use rivetos_model_ollama::Ollama;
use rivetos_model_openai_compat::OpenAiCompat;
use rivetos_model_xai::Xai;
use rivetos_types::model::ModelProvider;
use rivetos_types::secret::{SecretRef, SecretResolver};
use rivetos_types::settings::{self, AnthropicAccess};
use serde_json::Map;

use crate::error::BootError;

/// The longest wait for the first byte of an answer.
const FIRST_BYTE_TIMEOUT: Duration = Duration::from_mins(2);

/// The same for a server that may have to load its model from a disk first.
const LOADING_TIMEOUT: Duration = Duration::from_mins(10);

/// The longest wait for a further byte of a vendor, which says something while the model thinks.
const VENDOR_IDLE_TIMEOUT: Duration = Duration::from_mins(2);

/// The same for servers that only generate: silence means that they hang.
const IDLE_TIMEOUT: Duration = Duration::from_secs(30);

/// What a model reads of which nobody says how much that is, in tokens.
const WINDOW_TOKENS: u64 = 128_000;

const ANTHROPIC_URL: &str = "https://api.anthropic.com";
const GOOGLE_URL: &str = "https://generativelanguage.googleapis.com/v1beta";
const OLLAMA_URL: &str = "http://127.0.0.1:11434";
const XAI_URL: &str = "https://api.x.ai/v1";

/// A model of a provider, and the names of both.
#[derive(Clone, Copy)]
pub(crate) struct Wanted<'a> {
    pub(crate) name: &'a str,
    pub(crate) provider: &'a Provider,
    /// The agent's own choice, else the provider's.
    pub(crate) model: &'a str,
}

/// What the model can read at once, answer included, in tokens.
pub(crate) fn window_tokens(
    Wanted {
        provider, model, ..
    }: Wanted<'_>,
) -> u64 {
    let known = || match provider.kind {
        ProviderKind::Anthropic => {
            rivetos_model_anthropic::models::limits(model).map(|limits| limits.context_tokens)
        }
        ProviderKind::Google => {
            rivetos_model_google::models::limits(model).map(|limits| limits.context_tokens)
        }
        ProviderKind::Xai => {
            rivetos_model_xai::limits(model).map(|limits| u64::from(limits.context))
        }
        // More is not kept in the server's memory, whatever the model could.
        ProviderKind::Ollama => provider.num_ctx.map(u64::from),
        ProviderKind::OpenaiCompat => {
            rivetos_model_openai_compat::limits(model).map(|limits| u64::from(limits.context))
        }
        ProviderKind::Rehearsal => None,
    };
    let configured = provider.context_window.map(u64::from);
    configured.or_else(known).unwrap_or(WINDOW_TOKENS)
}

/// What answers.
pub(crate) async fn model(
    wanted: Wanted<'_>,
    secrets: Arc<dyn SecretResolver>,
    http: Http,
) -> Result<Arc<dyn ModelProvider>, BootError> {
    Ok(match wanted.provider.kind {
        ProviderKind::Anthropic => Arc::new(Anthropic::new(anthropic(wanted)?, secrets, http)),
        ProviderKind::Google => Arc::new(Google::new(google(wanted)?, secrets, http)),
        ProviderKind::Ollama => Arc::new(Ollama::new(ollama(wanted), secrets, http)),
        ProviderKind::OpenaiCompat => Arc::new(OpenAiCompat::new(compat(wanted)?, secrets, http)),
        ProviderKind::Xai => Arc::new(Xai::new(xai(wanted)?, secrets, http)),
        ProviderKind::Rehearsal => {
            let rehearsal = rivetos_model_rehearsal::serve()
                .await
                .map_err(BootError::Rehearsal)?;
            let settings = rehearsal.settings();
            Arc::new(OpenAiCompat::new(settings, Arc::new(rehearsal), http))
        }
    })
}

fn anthropic(wanted: Wanted<'_>) -> Result<settings::Anthropic, BootError> {
    let provider = wanted.provider;
    Ok(settings::Anthropic {
        name: wanted.name.to_owned(),
        base_url: wanted.base_url(ANTHROPIC_URL),
        model: wanted.model.to_owned(),
        access: AnthropicAccess::Key(wanted.key()?),
        max_tokens: provider.max_tokens,
        temperature: provider.temperature,
        top_p: provider.top_p,
        prompt_cache: settings::PromptCache::default(),
        server_tools: Vec::new(),
        betas: Vec::new(),
        extra_body: Map::new(),
        first_byte_timeout: FIRST_BYTE_TIMEOUT,
        idle_timeout: VENDOR_IDLE_TIMEOUT,
    })
}

fn google(wanted: Wanted<'_>) -> Result<settings::Google, BootError> {
    let provider = wanted.provider;
    Ok(settings::Google {
        name: wanted.name.to_owned(),
        base_url: wanted.base_url(GOOGLE_URL),
        model: wanted.model.to_owned(),
        api_key: wanted.key()?,
        max_tokens: provider.max_tokens,
        temperature: provider.temperature,
        top_p: provider.top_p,
        server_tools: Vec::new(),
        extra_body: Map::new(),
        first_byte_timeout: FIRST_BYTE_TIMEOUT,
        idle_timeout: VENDOR_IDLE_TIMEOUT,
    })
}

fn ollama(wanted: Wanted<'_>) -> settings::Ollama {
    let provider = wanted.provider;
    settings::Ollama {
        name: wanted.name.to_owned(),
        base_url: wanted.base_url(OLLAMA_URL),
        model: wanted.model.to_owned(),
        api_key: provider.api_key.clone(),
        max_tokens: provider.max_tokens,
        num_ctx: provider.num_ctx,
        temperature: provider.temperature,
        top_p: provider.top_p,
        keep_alive: provider.keep_alive,
        options: Map::new(),
        extra_body: Map::new(),
        first_byte_timeout: LOADING_TIMEOUT,
        idle_timeout: IDLE_TIMEOUT,
    }
}

fn compat(wanted: Wanted<'_>) -> Result<settings::OpenAiCompat, BootError> {
    let provider = wanted.provider;
    let base_url = provider.base_url.clone();
    Ok(settings::OpenAiCompat {
        name: wanted.name.to_owned(),
        base_url: base_url.ok_or_else(|| BootError::NoBaseUrl(wanted.name.to_owned()))?,
        api: settings::CompatApi::default(),
        model: wanted.model.to_owned(),
        api_key: provider.api_key.clone(),
        max_tokens: provider.max_tokens,
        temperature: provider.temperature,
        top_p: provider.top_p,
        repeat_penalty: provider.repeat_penalty,
        extra_body: Map::new(),
        first_byte_timeout: FIRST_BYTE_TIMEOUT,
        idle_timeout: IDLE_TIMEOUT,
    })
}

fn xai(wanted: Wanted<'_>) -> Result<settings::Xai, BootError> {
    let provider = wanted.provider;
    Ok(settings::Xai {
        name: wanted.name.to_owned(),
        base_url: wanted.base_url(XAI_URL),
        model: wanted.model.to_owned(),
        api_key: wanted.key()?,
        max_tokens: provider.max_tokens,
        temperature: provider.temperature,
        top_p: provider.top_p,
        history: settings::History::default(),
        search: Vec::new(),
        tool_calls: settings::ToolCalls::default(),
        extra_body: Map::new(),
        first_byte_timeout: FIRST_BYTE_TIMEOUT,
        idle_timeout: VENDOR_IDLE_TIMEOUT,
    })
}

impl Wanted<'_> {
    fn base_url(&self, default: &str) -> String {
        let configured = self.provider.base_url.as_deref();
        configured.unwrap_or(default).to_owned()
    }

    fn key(&self) -> Result<SecretRef, BootError> {
        let key = self.provider.api_key.clone();
        key.ok_or_else(|| BootError::NoKey(self.name.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn provider(kind: ProviderKind, context_window: Option<u32>) -> Provider {
        Provider {
            kind,
            model: String::new(),
            base_url: None,
            api_key: None,
            max_tokens: None,
            context_window,
            temperature: None,
            top_p: None,
            repeat_penalty: None,
            num_ctx: Some(8192),
            keep_alive: None,
        }
    }

    #[test]
    fn the_window_is_the_configured_one_else_what_is_known() {
        use ProviderKind::{Anthropic, Google, Ollama, OpenaiCompat, Xai};
        for (kind, configured, model, tokens) in [
            (Anthropic, None, "claude-sonnet-4-5", 200_000),
            (Anthropic, Some(5000), "claude-sonnet-4-5", 5000),
            (Anthropic, None, "somebody-elses", WINDOW_TOKENS),
            (Google, None, "gemini-2.5-flash", 1_048_576),
            (Ollama, None, "qwen3", 8192),
            (OpenaiCompat, None, "qwen3", WINDOW_TOKENS),
            (OpenaiCompat, None, "gpt-5.2", 400_000),
            (Xai, None, "unheard-of", WINDOW_TOKENS),
        ] {
            let provider = &provider(kind, configured);
            let wanted = Wanted {
                name: "p",
                provider,
                model,
            };
            assert_eq!(window_tokens(wanted), tokens, "{kind:?} {model}");
        }
    }
}
