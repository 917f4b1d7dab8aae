//! What the plugins are told, from the configuration.

use std::time::Duration;

use rivetos_config::{Anthropic, Google, Ollama, OpenaiCompat, Provider, ProviderKind, Xai};
use rivetos_types::secret::SecretRef;
use rivetos_types::settings::{self, AnthropicAccess, OAuth, ToolCalls};

use super::Wanted;
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

/// What `model` of `provider` can read at once, answer included, in tokens.
pub(super) fn window_tokens(provider: &Provider, model: &str) -> u64 {
    let known = || match &provider.kind {
        ProviderKind::Anthropic(_) => {
            rivetos_model_anthropic::models::limits(model).map(|limits| limits.context_tokens)
        }
        ProviderKind::Google(_) => {
            rivetos_model_google::models::limits(model).map(|limits| limits.context_tokens)
        }
        ProviderKind::Xai(_) => {
            rivetos_model_xai::limits(model).map(|limits| u64::from(limits.context))
        }
        // More is not kept in the server's memory, whatever the model could.
        ProviderKind::Ollama(own) => own.num_ctx.map(u64::from),
        ProviderKind::OpenaiCompat(_) => {
            rivetos_model_openai_compat::limits(model).map(|limits| u64::from(limits.context))
        }
        ProviderKind::Rehearsal => None,
    };
    let configured = provider.context_window.map(u64::from);
    configured.or_else(known).unwrap_or(WINDOW_TOKENS)
}

pub(super) fn anthropic(
    wanted: Wanted<'_>,
    own: &Anthropic,
) -> Result<settings::Anthropic, BootError> {
    let provider = wanted.provider;
    let access = match &own.login {
        Some(login) => AnthropicAccess::Login(OAuth {
            token_file: wanted.logins.working_copy(wanted.name, login),
            client_id: login.client_id.clone(),
            authorize_url: login.authorize_url.clone(),
            token_url: login.token_url.clone(),
            redirect_url: login.redirect_url.clone(),
            scopes: login.scopes.clone(),
        }),
        None => AnthropicAccess::Key(wanted.key()?),
    };
    Ok(settings::Anthropic {
        name: wanted.name.to_owned(),
        base_url: wanted.base_url(ANTHROPIC_URL),
        model: provider.model.clone(),
        access,
        max_tokens: provider.max_tokens,
        temperature: provider.temperature,
        top_p: provider.top_p,
        prompt_cache: own.prompt_cache,
        server_tools: own.server_tools.clone(),
        betas: own.betas.clone(),
        extra_body: provider.extra_body.clone(),
        first_byte_timeout: wanted.first_byte_timeout(FIRST_BYTE_TIMEOUT),
        idle_timeout: wanted.idle_timeout(VENDOR_IDLE_TIMEOUT),
    })
}

pub(super) fn google(wanted: Wanted<'_>, own: &Google) -> Result<settings::Google, BootError> {
    let provider = wanted.provider;
    Ok(settings::Google {
        name: wanted.name.to_owned(),
        base_url: wanted.base_url(GOOGLE_URL),
        model: provider.model.clone(),
        api_key: wanted.key()?,
        max_tokens: provider.max_tokens,
        temperature: provider.temperature,
        top_p: provider.top_p,
        server_tools: own.server_tools.clone(),
        extra_body: provider.extra_body.clone(),
        first_byte_timeout: wanted.first_byte_timeout(FIRST_BYTE_TIMEOUT),
        idle_timeout: wanted.idle_timeout(VENDOR_IDLE_TIMEOUT),
    })
}

pub(super) fn ollama(wanted: Wanted<'_>, own: &Ollama) -> settings::Ollama {
    let provider = wanted.provider;
    settings::Ollama {
        name: wanted.name.to_owned(),
        base_url: wanted.base_url(OLLAMA_URL),
        model: provider.model.clone(),
        api_key: provider.api_key.clone(),
        max_tokens: provider.max_tokens,
        num_ctx: own.num_ctx,
        temperature: provider.temperature,
        top_p: provider.top_p,
        keep_alive: own.keep_alive,
        options: own.options.clone(),
        extra_body: provider.extra_body.clone(),
        first_byte_timeout: wanted.first_byte_timeout(LOADING_TIMEOUT),
        idle_timeout: wanted.idle_timeout(IDLE_TIMEOUT),
    }
}

pub(super) fn compat(
    wanted: Wanted<'_>,
    own: &OpenaiCompat,
) -> Result<settings::OpenAiCompat, BootError> {
    let provider = wanted.provider;
    let base_url = provider.base_url.clone();
    Ok(settings::OpenAiCompat {
        name: wanted.name.to_owned(),
        base_url: base_url.ok_or_else(|| BootError::NoBaseUrl(wanted.name.to_owned()))?,
        api: own.api,
        model: provider.model.clone(),
        api_key: provider.api_key.clone(),
        max_tokens: provider.max_tokens,
        temperature: provider.temperature,
        top_p: provider.top_p,
        repeat_penalty: own.repeat_penalty,
        extra_body: provider.extra_body.clone(),
        first_byte_timeout: wanted.first_byte_timeout(FIRST_BYTE_TIMEOUT),
        idle_timeout: wanted.idle_timeout(IDLE_TIMEOUT),
    })
}

pub(super) fn xai(wanted: Wanted<'_>, own: &Xai) -> Result<settings::Xai, BootError> {
    let provider = wanted.provider;
    Ok(settings::Xai {
        name: wanted.name.to_owned(),
        base_url: wanted.base_url(XAI_URL),
        model: provider.model.clone(),
        api_key: wanted.key()?,
        max_tokens: provider.max_tokens,
        temperature: provider.temperature,
        top_p: provider.top_p,
        history: own.history,
        search: own.search.clone(),
        tool_calls: ToolCalls::default(),
        extra_body: provider.extra_body.clone(),
        first_byte_timeout: wanted.first_byte_timeout(FIRST_BYTE_TIMEOUT),
        idle_timeout: wanted.idle_timeout(VENDOR_IDLE_TIMEOUT),
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

    fn first_byte_timeout(&self, default: Duration) -> Duration {
        self.provider.first_byte_timeout.unwrap_or(default)
    }

    fn idle_timeout(&self, default: Duration) -> Duration {
        self.provider.idle_timeout.unwrap_or(default)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use rivetos_config::parse;

    use super::*;

    #[test]
    fn the_window_is_the_configured_one_else_what_is_known() {
        for (keys, model, tokens) in [
            ("kind: anthropic", "claude-sonnet-4-5", 200_000),
            (
                "kind: anthropic, context_window: 5000",
                "claude-sonnet-4-5",
                5000,
            ),
            ("kind: anthropic", "somebody-elses", WINDOW_TOKENS),
            ("kind: google", "gemini-2.5-flash", 1_048_576),
            ("kind: ollama, num_ctx: 8192", "qwen3", 8192),
            (
                "kind: openai-compat, base_url: 'http://a'",
                "qwen3",
                WINDOW_TOKENS,
            ),
            (
                "kind: openai-compat, base_url: 'http://a'",
                "gpt-5.2",
                400_000,
            ),
            ("kind: xai", "unheard-of", WINDOW_TOKENS),
        ] {
            let text = format!(
                "agents: {{a: {{provider: p}}}}\nproviders: {{p: {{model: m, api_key: {{file: k}}, {keys}}}}}"
            );
            let config = parse(&text, "f", &BTreeMap::new()).unwrap().config;
            assert_eq!(
                window_tokens(&config.providers["p"], model),
                tokens,
                "{keys} {model}"
            );
        }
    }
}
