//! `providers.<name>`

use std::path::Path;

use rivetos_types::settings::{CompatApi, History, KeepAlive, PromptCache, XaiTool};
use serde_json::Value as Json;

use crate::environment::escape;
use crate::model::{Login, Provider, ProviderKind};

use super::{Map, quoted};

pub(super) fn provider(provider: &Provider) -> Map {
    let mut map = Map::default();
    map.scalar("kind", &provider.kind.word());
    map.text("model", &provider.model);
    map.optional_text("base_url", provider.base_url.as_deref());
    map.secret("api_key", provider.api_key.as_ref());
    map.optional_scalar("max_tokens", provider.max_tokens);
    map.optional_scalar("context_window", provider.context_window);
    map.optional_scalar("temperature", provider.temperature);
    map.optional_scalar("top_p", provider.top_p);
    let seconds = |timeout: Option<std::time::Duration>| timeout.map(|time| time.as_secs());
    map.optional_scalar("first_byte_timeout", seconds(provider.first_byte_timeout));
    map.optional_scalar("idle_timeout", seconds(provider.idle_timeout));
    map.flag("verify_model_on_init", provider.verify_model_on_init);
    map.object("extra_body", &provider.extra_body);
    own(&mut map, &provider.kind);
    map
}

/// What only this kind has; nothing of what is so by default.
fn own(map: &mut Map, kind: &ProviderKind) {
    match kind {
        ProviderKind::Anthropic(own) => {
            map.map("login", own.login.as_ref().map(login).unwrap_or_default());
            match own.prompt_cache {
                PromptCache::Off => map.text("prompt_cache", "off"),
                PromptCache::Minutes => {}
                PromptCache::Hour => map.text("prompt_cache", "1h"),
            }
            map.objects("server_tools", &own.server_tools);
            map.texts("betas", &own.betas);
        }
        ProviderKind::Google(own) => map.objects("server_tools", &own.server_tools),
        ProviderKind::Ollama(own) => {
            map.optional_scalar("num_ctx", own.num_ctx);
            let keep_alive = own.keep_alive.map(|keep| match keep {
                KeepAlive::For(time) => time.as_secs().to_string(),
                KeepAlive::Forever => "-1".to_owned(),
            });
            map.optional_scalar("keep_alive", keep_alive);
            map.object("options", &own.options);
        }
        ProviderKind::OpenaiCompat(own) => {
            match own.api {
                CompatApi::Chat => {}
                CompatApi::Responses => map.text("api", "responses"),
            }
            map.optional_scalar("repeat_penalty", own.repeat_penalty);
        }
        ProviderKind::Rehearsal => {}
        ProviderKind::Xai(own) => {
            match own.history {
                History::Stored => {}
                History::Stateless => map.text("history", "stateless"),
            }
            let words = own.search.iter().map(|tool| match tool {
                XaiTool::WebSearch => "web_search".to_owned(),
                XaiTool::XSearch => "x_search".to_owned(),
                XaiTool::CodeInterpreter => "code_interpreter".to_owned(),
            });
            map.texts("search", &words.collect::<Vec<_>>());
        }
    }
}

fn login(login: &Login) -> Map {
    let mut map = Map::default();
    map.text("client_id", &login.client_id);
    map.text("authorize_url", &login.authorize_url);
    map.text("token_url", &login.token_url);
    map.text("redirect_url", &login.redirect_url);
    // Also when there are none: without the key there would be some.
    let scopes: Vec<String> = login
        .scopes
        .iter()
        .map(|scope| quoted(&escape(scope)))
        .collect();
    map.scalar("scopes", &format!("[{}]", scopes.join(", ")));
    map.path("token_file", Some(Path::new(&login.token_file)));
    map
}

impl Map {
    /// Nothing at all for an empty one.
    fn object(&mut self, key: &str, object: &serde_json::Map<String, Json>) {
        if !object.is_empty() {
            self.scalar(key, &flow(&Json::Object(object.clone())));
        }
    }

    /// Nothing at all for none.
    fn objects(&mut self, key: &str, objects: &[serde_json::Map<String, Json>]) {
        if !objects.is_empty() {
            let objects = objects.iter().cloned().map(Json::Object);
            self.scalar(key, &flow(&objects.collect()));
        }
    }
}

/// In YAML's flow style, in one line.
fn flow(value: &Json) -> String {
    match value {
        Json::Null => "null".to_owned(),
        Json::Bool(value) => value.to_string(),
        Json::Number(number) => number.to_string(),
        Json::String(text) => quoted(&escape(text)),
        Json::Array(items) => {
            let items: Vec<String> = items.iter().map(flow).collect();
            format!("[{}]", items.join(", "))
        }
        Json::Object(map) => {
            let entries = map
                .iter()
                .map(|(key, value)| format!("{}: {}", quoted(key), flow(value)));
            format!("{{{}}}", entries.collect::<Vec<_>>().join(", "))
        }
    }
}
