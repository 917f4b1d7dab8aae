//! What kinds there are, and which keys each of them needs and has.

use serde_json::{Map, Value};

use super::super::field::Field;
use super::super::reader::Reader;
use super::super::section::Section;

/// What a provider can be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Anthropic,
    Google,
    Ollama,
    OpenaiCompat,
    Rehearsal,
    Xai,
}

/// The words for it.
const KINDS: [(&str, Kind); 7] = [
    ("anthropic", Kind::Anthropic),
    ("google", Kind::Google),
    ("ollama", Kind::Ollama),
    ("openai-compat", Kind::OpenaiCompat),
    ("llama-server", Kind::OpenaiCompat),
    ("rehearsal", Kind::Rehearsal),
    ("xai", Kind::Xai),
];

/// Kinds that other versions know.
const LATER_KINDS: [&str; 2] = ["claude-cli", "vllm"];

/// Keys that not every kind has, with those that have them.
const KEYS: [(&str, &[Kind]); 17] = [
    ("base_url", ENDPOINTS),
    ("api_key", ENDPOINTS),
    ("first_byte_timeout", ENDPOINTS),
    ("idle_timeout", ENDPOINTS),
    ("verify_model_on_init", ENDPOINTS),
    ("extra_body", ENDPOINTS),
    ("repeat_penalty", &[Kind::OpenaiCompat]),
    ("api", &[Kind::OpenaiCompat]),
    ("num_ctx", &[Kind::Ollama]),
    ("keep_alive", &[Kind::Ollama]),
    ("options", &[Kind::Ollama]),
    ("login", &[Kind::Anthropic]),
    ("prompt_cache", &[Kind::Anthropic]),
    ("betas", &[Kind::Anthropic]),
    ("server_tools", &[Kind::Anthropic, Kind::Google]),
    ("history", &[Kind::Xai]),
    ("search", &[Kind::Xai]),
];

/// All but the stand-in.
const ENDPOINTS: &[Kind] = &[
    Kind::Anthropic,
    Kind::Google,
    Kind::Ollama,
    Kind::OpenaiCompat,
    Kind::Xai,
];

impl Kind {
    fn word(self) -> &'static str {
        let found = KINDS.iter().find(|(_, kind)| *kind == self);
        found.map_or("", |(word, _)| word)
    }

    /// An address for the hints.
    pub(super) fn example(kind: Option<Self>) -> &'static str {
        match kind {
            Some(Self::Anthropic) => "https://api.anthropic.com",
            Some(Self::Google) => "https://generativelanguage.googleapis.com/v1beta",
            Some(Self::Ollama) => "http://127.0.0.1:11434",
            Some(Self::Xai) => "https://api.x.ai/v1",
            Some(Self::OpenaiCompat | Self::Rehearsal) | None => "http://127.0.0.1:8080/v1",
        }
    }

    fn needs(self) -> &'static [&'static str] {
        match self {
            Self::Anthropic | Self::Ollama => &["model"],
            Self::Google | Self::Xai => &["model", "api_key"],
            Self::OpenaiCompat => &["model", "base_url"],
            Self::Rehearsal => &[],
        }
    }

    /// What of a request's body is not the file's to say.
    fn ours(self) -> &'static [&'static str] {
        match self {
            Self::Anthropic | Self::Ollama => &["messages", "model", "stream"],
            Self::Google => &["contents"],
            Self::Xai => &["input", "model", "stream"],
            Self::OpenaiCompat => &["input", "messages", "model", "stream"],
            Self::Rehearsal => &[],
        }
    }
}

/// The key `kind`, else what the entry's name says.
pub(super) fn kind_of(
    reader: &mut Reader<'_>,
    section: &mut Section<'_>,
    entry: &Field<'_>,
    name: &str,
) -> Option<Kind> {
    if let Some(field) = section.optional("kind") {
        return field.choice(reader, &KINDS, &LATER_KINDS);
    }
    if let Some((_, kind)) = KINDS.iter().find(|(word, _)| *word == name) {
        return Some(*kind);
    }
    let hint = Some("for example `kind: anthropic` or `kind: openai-compat`".to_owned());
    let message = if LATER_KINDS.contains(&name) {
        format!("`{name}` is not in this version")
    } else {
        format!("`{name}` is not a kind of provider, so the key `kind` is needed")
    };
    reader.problem(entry.at, &entry.path, message, hint);
    None
}

/// Reports keys that the kind needs and that are not there, and those that it has no use for.
pub(super) fn check_keys(reader: &mut Reader<'_>, section: &mut Section<'_>, kind: Kind) {
    for key in kind.needs() {
        if !section.has(key) {
            let hint =
                (*key == "base_url").then(|| format!("for example {}", Kind::example(Some(kind))));
            section.missing(reader, key, hint);
        }
    }
    if kind == Kind::Anthropic {
        check_access(reader, section);
    }
    for (key, kinds) in KEYS {
        if !kinds.contains(&kind)
            && let Some(field) = section.take(key)
        {
            let message = format!("this has no effect with `kind: {}`", kind.word());
            field.problem(reader, message, Some("remove it".to_owned()));
        }
    }
}

/// A key or a login, and not both.
fn check_access(reader: &mut Reader<'_>, section: &mut Section<'_>) {
    match (section.has("api_key"), section.has("login")) {
        (true, false) | (false, true) => {}
        (false, false) => {
            let hint = "or `login`, with the OAuth client that you have registered";
            section.missing(reader, "api_key", Some(hint.to_owned()));
        }
        (true, true) => {
            if let Some(field) = section.take("login") {
                let message = "`api_key` is there too, and only one of them can be used";
                field.problem(reader, message, Some("remove one of them".to_owned()));
            }
        }
    }
}

/// What goes into the body of each request.
pub(super) fn extra_body(
    reader: &mut Reader<'_>,
    field: &Field<'_>,
    kind: Option<Kind>,
) -> Option<Map<String, Value>> {
    let body = field.object(reader)?;
    let ours = kind.map(Kind::ours).unwrap_or_default();
    for key in ours.iter().filter(|key| body.contains_key(**key)) {
        let message = format!("`{key}` is what the agent says itself");
        field.problem(reader, message, Some("remove it".to_owned()));
    }
    Some(body)
}

/// An address of an endpoint, without the slash at its end; with an example of one, and the key
/// that secrets belong to.
pub(in crate::read) fn base_url(
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
