//! `providers:`

use std::collections::BTreeMap;
use std::time::Duration;

use rivetos_types::id::check_dns_label;
use rivetos_types::settings::KeepAlive;

use crate::model::{Provider, ProviderKind};
use crate::node::Value;

use super::field::Field;
use super::reader::Reader;
use super::section::Section;

/// What a provider can be, by the words for it.
const KINDS: [(&str, ProviderKind); 7] = [
    ("anthropic", ProviderKind::Anthropic),
    ("google", ProviderKind::Google),
    ("ollama", ProviderKind::Ollama),
    ("openai-compat", ProviderKind::OpenaiCompat),
    ("llama-server", ProviderKind::OpenaiCompat),
    ("rehearsal", ProviderKind::Rehearsal),
    ("xai", ProviderKind::Xai),
];

/// Less has no room for prompt, tools and an answer, in tokens.
const CONTEXT_TOKENS_MIN: i128 = 2048;

/// The longest that a model is kept, in seconds: a year.
const KEEP_ALIVE_SECONDS_MAX: u64 = 365 * 24 * 3600;

/// Kinds that other versions know.
const LATER_KINDS: [&str; 2] = ["claude-cli", "vllm"];

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
        num_ctx: None,
        keep_alive: None,
    }
}

fn provider(reader: &mut Reader<'_>, field: &Field<'_>, name: &str) -> Option<Provider> {
    let mut section = Section::open(reader, field)?;
    let kind = match section.optional("kind") {
        Some(kind) => kind.choice(reader, &KINDS, &LATER_KINDS),
        None => kind_by_name(reader, field, name),
    };
    if let Some(kind) = kind {
        check_keys(reader, &mut section, kind);
    }
    let model = section.optional("model");
    let model = model.and_then(|field| field.text(reader));
    let base_url = section
        .optional("base_url")
        .and_then(|field| base_url(reader, &field, (example_of(kind), "api_key")));
    let api_key = section.optional("api_key");
    let api_key = api_key.and_then(|field| field.secret(reader));
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
    let num_ctx = section
        .optional("num_ctx")
        .and_then(|f| f.integer(reader, CONTEXT_TOKENS_MIN..=u32::MAX.into()));
    let keep_alive = section.optional("keep_alive");
    let keep_alive = keep_alive.and_then(|field| keep_alive_of(reader, &field));
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
        num_ctx,
        keep_alive,
    })
}

/// Reports keys that the kind needs and that are not there, and those that it has no use for.
fn check_keys(reader: &mut Reader<'_>, section: &mut Section<'_>, kind: ProviderKind) {
    let (needed, useless): (&[&str], &[&str]) = match kind {
        ProviderKind::Anthropic | ProviderKind::Google | ProviderKind::Xai => (
            &["model", "api_key"],
            &["repeat_penalty", "num_ctx", "keep_alive"],
        ),
        ProviderKind::Ollama => (&["model"], &["repeat_penalty"]),
        ProviderKind::OpenaiCompat => (&["model", "base_url"], &["num_ctx", "keep_alive"]),
        ProviderKind::Rehearsal => (
            &[],
            &[
                "base_url",
                "api_key",
                "repeat_penalty",
                "num_ctx",
                "keep_alive",
            ],
        ),
    };
    for key in needed {
        if !section.has(key) {
            let hint =
                (*key == "base_url").then(|| format!("for example {}", example_of(Some(kind))));
            section.missing(reader, key, hint);
        }
    }
    let word = KINDS.iter().find(|(_, one)| *one == kind);
    let word = word.map_or("", |(word, _)| word);
    for key in useless {
        if let Some(field) = section.take(key) {
            let hint = Some("remove it".to_owned());
            field.problem(
                reader,
                format!("this has no effect with `kind: {word}`"),
                hint,
            );
        }
    }
}

fn example_of(kind: Option<ProviderKind>) -> &'static str {
    match kind {
        Some(ProviderKind::Anthropic) => "https://api.anthropic.com",
        Some(ProviderKind::Google) => "https://generativelanguage.googleapis.com/v1beta",
        Some(ProviderKind::Ollama) => "http://127.0.0.1:11434",
        Some(ProviderKind::Xai) => "https://api.x.ai/v1",
        Some(ProviderKind::OpenaiCompat | ProviderKind::Rehearsal) | None => {
            "http://127.0.0.1:8080/v1"
        }
    }
}

/// Seconds, a number with a unit, or a negative number: as Ollama takes it.
fn keep_alive_of(reader: &mut Reader<'_>, field: &Field<'_>) -> Option<KeepAlive> {
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

fn kind_by_name(reader: &mut Reader<'_>, field: &Field<'_>, name: &str) -> Option<ProviderKind> {
    if let Some((_, kind)) = KINDS.iter().find(|(word, _)| *word == name) {
        return Some(*kind);
    }
    let hint = Some("for example `kind: anthropic` or `kind: openai-compat`".to_owned());
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
