//! Keys that only some kinds have.

use std::time::Duration;

use rivetos_types::settings::{CompatApi, History, KeepAlive, PromptCache, XaiTool};
use serde_json::{Map, Value as Json};

use crate::model::{Anthropic, Google, Login, Ollama, OpenaiCompat, ProviderKind, Xai};
use crate::node::Value;

use super::super::field::Field;
use super::super::reader::Reader;
use super::super::section::Section;
use super::CONTEXT_TOKENS_MIN;
use super::kind::Kind;
use super::login::login;

/// The longest that a model is kept, in seconds: a year.
const KEEP_ALIVE_SECONDS_MAX: u64 = 365 * 24 * 3600;

/// How long the vendor keeps what it has read, by the words for it.
const PROMPT_CACHES: [(&str, PromptCache); 3] = [
    ("off", PromptCache::Off),
    ("5m", PromptCache::Minutes),
    ("1h", PromptCache::Hour),
];

const APIS: [(&str, CompatApi); 2] = [
    ("chat", CompatApi::Chat),
    ("responses", CompatApi::Responses),
];

const HISTORIES: [(&str, History); 2] = [
    ("stored", History::Stored),
    ("stateless", History::Stateless),
];

const SEARCHES: [(&str, XaiTool); 3] = [
    ("web_search", XaiTool::WebSearch),
    ("x_search", XaiTool::XSearch),
    ("code_interpreter", XaiTool::CodeInterpreter),
];

/// All of them; of an entry that is in order only those of its kind have a value.
pub(super) struct Own {
    login: Option<Login>,
    prompt_cache: Option<PromptCache>,
    server_tools: Option<Vec<Map<String, Json>>>,
    betas: Option<Vec<String>>,
    num_ctx: Option<u32>,
    keep_alive: Option<KeepAlive>,
    options: Option<Map<String, Json>>,
    api: Option<CompatApi>,
    repeat_penalty: Option<f64>,
    history: Option<History>,
    search: Option<Vec<XaiTool>>,
}

impl Own {
    pub(super) fn read(reader: &mut Reader<'_>, section: &mut Section<'_>, name: &str) -> Self {
        let mut take = |key| section.optional(key);
        Self {
            login: take("login").and_then(|f| login(reader, &f, name)),
            prompt_cache: take("prompt_cache").and_then(|f| f.choice(reader, &PROMPT_CACHES, &[])),
            server_tools: take("server_tools").and_then(|f| f.objects(reader)),
            betas: take("betas").and_then(|f| f.texts(reader)),
            num_ctx: take("num_ctx")
                .and_then(|f| f.integer(reader, CONTEXT_TOKENS_MIN..=u32::MAX.into())),
            keep_alive: take("keep_alive").and_then(|f| keep_alive(reader, &f)),
            options: take("options").and_then(|f| f.object(reader)),
            api: take("api").and_then(|f| f.choice(reader, &APIS, &[])),
            repeat_penalty: take("repeat_penalty").and_then(|f| f.number(reader, 0.0..=2.0)),
            history: take("history").and_then(|f| f.choice(reader, &HISTORIES, &[])),
            search: take("search").and_then(|f| f.choices(reader, &SEARCHES)),
        }
    }

    /// Those of `kind`.
    pub(super) fn of(self, kind: Kind) -> ProviderKind {
        match kind {
            Kind::Anthropic => ProviderKind::Anthropic(Anthropic {
                login: self.login,
                prompt_cache: self.prompt_cache.unwrap_or_default(),
                server_tools: self.server_tools.unwrap_or_default(),
                betas: self.betas.unwrap_or_default(),
            }),
            Kind::Google => ProviderKind::Google(Google {
                server_tools: self.server_tools.unwrap_or_default(),
            }),
            Kind::Ollama => ProviderKind::Ollama(Ollama {
                num_ctx: self.num_ctx,
                keep_alive: self.keep_alive,
                options: self.options.unwrap_or_default(),
            }),
            Kind::OpenaiCompat => ProviderKind::OpenaiCompat(OpenaiCompat {
                api: self.api.unwrap_or_default(),
                repeat_penalty: self.repeat_penalty,
            }),
            Kind::Rehearsal => ProviderKind::Rehearsal,
            Kind::Xai => ProviderKind::Xai(Xai {
                history: self.history.unwrap_or_default(),
                search: self.search.unwrap_or_default(),
            }),
        }
    }
}

/// Seconds, a number with a unit, or a negative number: as Ollama takes it.
fn keep_alive(reader: &mut Reader<'_>, field: &Field<'_>) -> Option<KeepAlive> {
    let seconds = match &field.node.value {
        Value::Integer(seconds) => Some(*seconds),
        Value::Text(_) => {
            let text = field.text(reader)?;
            let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
            let unit = match &text[digits.len()..] {
                "" | "s" => Some(1),
                "m" => Some(60),
                "h" => Some(3600),
                _ => None,
            };
            let number: Option<i128> = digits.parse().ok();
            number
                .zip(unit)
                .and_then(|(number, unit)| number.checked_mul(unit))
        }
        Value::Null | Value::Bool(_) | Value::Float(_) | Value::List(_) | Value::Map(_) => None,
    };
    let kept = seconds.and_then(|seconds| match u64::try_from(seconds) {
        Ok(seconds) => (seconds <= KEEP_ALIVE_SECONDS_MAX)
            .then(|| KeepAlive::For(Duration::from_secs(seconds))),
        Err(_) if seconds < 0 => Some(KeepAlive::Forever),
        Err(_) => None,
    });
    if kept.is_none() {
        let hint = Some("for example 30m, 0 for not at all, -1 for ever".to_owned());
        field.wrong_type(reader, "a number of seconds or a time like `30m`", hint);
    }
    kept
}
