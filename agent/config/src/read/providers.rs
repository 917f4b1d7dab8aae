//! `providers:`

use std::collections::BTreeMap;

use rivetos_types::id::check_dns_label;

use crate::model::{Provider, ProviderKind};

use super::field::Field;
use super::reader::Reader;
use super::section::Section;

/// What a provider can be, by the words for it.
const KINDS: [(&str, ProviderKind); 3] = [
    ("openai-compat", ProviderKind::OpenaiCompat),
    ("llama-server", ProviderKind::OpenaiCompat),
    ("rehearsal", ProviderKind::Rehearsal),
];
/// Less has no room for prompt, tools and an answer, in tokens.
const CONTEXT_TOKENS_MIN: i128 = 2048;

/// Kinds that other versions know.
const LATER_KINDS: [&str; 6] = ["anthropic", "claude-cli", "google", "ollama", "vllm", "xai"];

/// `providers:`. An entry that cannot be used is reported and still there by its name, so that
/// the agents that use it are not reported as well.
pub(super) fn providers(
    reader: &mut Reader<'_>,
    field: &Field<'_>,
) -> Option<BTreeMap<String, Provider>> {
    let entries = Section::open(reader, field)?.entries();
    if entries.is_empty() {
        field.problem(
            reader,
            "there is no provider here, but at least one is needed",
            None,
        );
    }
    let mut providers = BTreeMap::new();
    for (key, field) in entries {
        // The name becomes part of file names.
        if let Err(error) = check_dns_label(&key.name) {
            reader.problem(key.at, &field.path, error.to_string(), None);
        }
        let provider = provider(reader, &field, &key.name).unwrap_or_else(unusable);
        providers.insert(key.name.clone(), provider);
    }
    Some(providers)
}

fn unusable() -> Provider {
    Provider {
        kind: ProviderKind::Rehearsal,
        model: String::new(),
        base_url: None,
        api_key: None,
        max_tokens: None,
        context_window: None,
        temperature: None,
        top_p: None,
        repeat_penalty: None,
    }
}

fn provider(reader: &mut Reader<'_>, field: &Field<'_>, name: &str) -> Option<Provider> {
    let mut section = Section::open(reader, field)?;
    let kind = match section.optional("kind") {
        Some(kind) => kind.choice(reader, &KINDS, &LATER_KINDS),
        None => kind_by_name(reader, field, name),
    };
    let model_field = section.optional("model");
    let model = model_field.as_ref().and_then(|field| field.text(reader));
    let base_url_field = section.optional("base_url");
    let base_url = base_url_field
        .as_ref()
        .and_then(|field| base_url(reader, field, ("http://127.0.0.1:8080/v1", "api_key")));
    let api_key_field = section.optional("api_key");
    let api_key = api_key_field
        .as_ref()
        .and_then(|field| field.secret(reader));
    let max_tokens = section
        .optional("max_tokens")
        .and_then(|f| f.integer(reader, 1..=u32::MAX.into()));
    let context_window = section
        .optional("context_window")
        .and_then(|f| f.integer(reader, CONTEXT_TOKENS_MIN..=u32::MAX.into()));
    let temperature = section
        .optional("temperature")
        .and_then(|f| f.number(reader, 0.0..=2.0));
    let top_p = section
        .optional("top_p")
        .and_then(|f| f.number(reader, 0.0..=1.0));
    let repeat_penalty = section
        .optional("repeat_penalty")
        .and_then(|f| f.number(reader, 0.0..=2.0));
    match kind {
        Some(ProviderKind::OpenaiCompat) => {
            if model_field.is_none() {
                section.missing(reader, "model", None);
            }
            if base_url_field.is_none() {
                let hint = "for example http://127.0.0.1:8080/v1".to_owned();
                section.missing(reader, "base_url", Some(hint));
            }
        }
        Some(ProviderKind::Rehearsal) => {
            for field in [base_url_field, api_key_field].into_iter().flatten() {
                let hint = Some("remove it".to_owned());
                field.problem(reader, "this has no effect with `kind: rehearsal`", hint);
            }
        }
        None => {}
    }
    section.finish(reader);
    let model = model.unwrap_or_else(|| "rehearsal".to_owned());
    Some(Provider {
        kind: kind?,
        model,
        base_url,
        api_key,
        max_tokens,
        context_window,
        temperature,
        top_p,
        repeat_penalty,
    })
}

fn kind_by_name(reader: &mut Reader<'_>, field: &Field<'_>, name: &str) -> Option<ProviderKind> {
    if let Some((_, kind)) = KINDS.iter().find(|(word, _)| *word == name) {
        return Some(*kind);
    }
    let hint = Some("write `kind: openai-compat` or `kind: rehearsal`".to_owned());
    let message = if LATER_KINDS.contains(&name) {
        format!("`{name}` is not in this version")
    } else {
        format!("`{name}` is not a kind of provider, so the key `kind` is needed")
    };
    reader.problem(field.at, &field.path, message, hint);
    None
}

/// An address of an endpoint, without the slash at its end; with an example of one, and the key
/// that secrets belong to.
pub(super) fn base_url(
    reader: &mut Reader<'_>,
    field: &Field<'_>,
    (example, secret): (&str, &str),
) -> Option<String> {
    let text = field.text(reader)?;
    let rest = text
        .strip_prefix("http://")
        .or_else(|| text.strip_prefix("https://"));
    if rest.is_none_or(|rest| rest.is_empty() || rest.starts_with('/')) {
        let hint = Some(format!("for example {example}"));
        field.problem(
            reader,
            "an address starts with http:// or https:// and a host",
            hint,
        );
        return None;
    }
    if text.chars().any(|c| c.is_whitespace() || c.is_control()) {
        field.problem(reader, "an address has no blanks", None);
        return None;
    }
    if rest.is_some_and(|rest| {
        rest.split('/')
            .next()
            .is_some_and(|host| host.contains('@'))
    }) {
        let hint = Some(format!("write the secret as `{secret}`"));
        field.problem(
            reader,
            "an address with a user or password is not used",
            hint,
        );
        return None;
    }
    Some(text.trim_end_matches('/').to_owned())
}
