//! One entry of `providers:`.

mod kind;
mod login;
mod own;

use crate::model::{Provider, ProviderKind};

use super::field::Field;
use super::reader::Reader;
use super::section::Section;

pub(super) use kind::base_url;
use kind::{Kind, check_keys, kind_of};
use own::Own;

/// Less has no room for prompt, tools and an answer, in tokens.
const CONTEXT_TOKENS_MIN: i128 = 2048;

/// The longest wait for a byte, in seconds: a day.
const TIMEOUT_SECONDS_MAX: i128 = 86_400;

/// Stands for an entry that cannot be used.
pub(super) fn unusable() -> Provider {
    Provider {
        kind: ProviderKind::Rehearsal,
        model: String::new(),
        base_url: None,
        api_key: None,
        max_tokens: None,
        context_window: None,
        temperature: None,
        top_p: None,
        first_byte_timeout: None,
        idle_timeout: None,
        verify_model_on_init: false,
        extra_body: serde_json::Map::new(),
    }
}

/// `providers.<name>`
pub(super) fn provider(reader: &mut Reader<'_>, field: &Field<'_>, name: &str) -> Option<Provider> {
    let mut section = Section::open(reader, field)?;
    let kind = kind_of(reader, &mut section, field, name);
    if let Some(kind) = kind {
        check_keys(reader, &mut section, kind);
    }
    let model = section.optional("model");
    let model = model.and_then(|field| field.text(reader));
    let base_url = section
        .optional("base_url")
        .and_then(|field| base_url(reader, &field, (Kind::example(kind), "api_key")));
    let api_key = section.optional("api_key");
    let api_key = api_key.and_then(|field| field.secret(reader));
    let mut tokens = |reader: &mut Reader<'_>, key, least| {
        let field = section.optional(key)?;
        field.integer(reader, least..=u32::MAX.into())
    };
    let max_tokens = tokens(reader, "max_tokens", 1);
    let context_window = tokens(reader, "context_window", CONTEXT_TOKENS_MIN);
    let temperature = section
        .optional("temperature")
        .and_then(|f| f.number(reader, 0.0..=2.0));
    let top_p = section
        .optional("top_p")
        .and_then(|f| f.number(reader, 0.0..=1.0));
    let mut seconds = |reader: &mut Reader<'_>, key| {
        let field = section.optional(key)?;
        let seconds = field.integer(reader, 1..=TIMEOUT_SECONDS_MAX)?;
        Some(std::time::Duration::from_secs(seconds))
    };
    let first_byte_timeout = seconds(reader, "first_byte_timeout");
    let idle_timeout = seconds(reader, "idle_timeout");
    let verify = section.optional("verify_model_on_init");
    let verify = verify.and_then(|field| field.boolean(reader));
    let extra_body = section.optional("extra_body");
    let extra_body = extra_body.and_then(|field| kind::extra_body(reader, &field, kind));
    let own = Own::read(reader, &mut section, name);
    section.finish(reader);
    Some(Provider {
        kind: own.of(kind?),
        model: model.unwrap_or_else(|| "rehearsal".to_owned()),
        base_url,
        api_key,
        max_tokens,
        context_window,
        temperature,
        top_p,
        first_byte_timeout,
        idle_timeout,
        verify_model_on_init: verify.unwrap_or_default(),
        extra_body: extra_body.unwrap_or_default(),
    })
}
