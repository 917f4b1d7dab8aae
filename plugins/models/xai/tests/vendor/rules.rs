//! The published rules of a request to a Responses API.

use serde_json::Value;

/// What the vendor knows of its own answers.
pub(crate) struct Known<'a> {
    /// The calls of an answer that it keeps.
    pub(crate) kept: &'a dyn Fn(&str) -> Option<Vec<String>>,
    /// Whether it has sealed this reasoning.
    pub(crate) sealed: &'a dyn Fn(&str) -> bool,
}

/// Why a request is refused.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Wrong {
    /// It goes on from an answer that is not kept.
    Lost(String),
    /// It breaks a rule.
    Invalid(String),
}

fn invalid(said: impl Into<String>) -> Result<(), Wrong> {
    Err(Wrong::Invalid(said.into()))
}

/// The first rule that a request breaks.
pub(crate) fn check(body: &Value, known: &Known<'_>) -> Result<(), Wrong> {
    if body["stream"] != true || !body["store"].is_boolean() || !body["model"].is_string() {
        return invalid("model, stream or store is missing");
    }
    let Some(items) = body["input"].as_array().filter(|items| !items.is_empty()) else {
        return invalid("input must not be empty");
    };
    let mut open = Vec::new();
    let goes_on = body.get("previous_response_id").and_then(Value::as_str);
    if let Some(id) = goes_on {
        let lost = || Wrong::Lost(format!("Response with id={id} not found"));
        open = (known.kept)(id).ok_or_else(lost)?;
    }
    for (at, item) in items.iter().enumerate() {
        match item["type"].as_str() {
            Some("message") if !is_content(&item["content"]) => {
                return invalid(format!("unsupported content: {}", item["content"]));
            }
            Some("message") => match item["role"].as_str() {
                Some("system") if at == 0 && goes_on.is_none() => {}
                Some("user" | "assistant") if open.is_empty() => {}
                role => return invalid(format!("no place for a message of {role:?}")),
            },
            Some("function_call") => open.push(call(item)?),
            Some("function_call_output") => {
                let Some(at) = open.iter().position(|id| item["call_id"] == **id) else {
                    return invalid(format!("no call for {item}"));
                };
                open.remove(at);
            }
            Some("reasoning") => reasoning(item, items.get(at + 1), known)?,
            kind => return invalid(format!("an item of the kind {kind:?}")),
        }
    }
    if open.is_empty() {
        Ok(())
    } else {
        invalid(format!("no output for {open:?}"))
    }
}

/// The name of a call.
fn call(item: &Value) -> Result<String, Wrong> {
    let id = item["call_id"].as_str().unwrap();
    if !is_name(&item["name"]) || !(1..=64).contains(&id.len()) {
        invalid(format!("no call: {item}"))?;
    }
    Ok(id.to_owned())
}

/// It is the vendor's own, as it came, and something came of it.
fn reasoning(item: &Value, next: Option<&Value>, known: &Known<'_>) -> Result<(), Wrong> {
    let own = item["encrypted_content"].as_str().is_some_and(known.sealed);
    let followed =
        next.is_some_and(|next| next["type"] == "function_call" || next["role"] == "assistant");
    if own && followed && item.get("status").is_none() {
        return Ok(());
    }
    invalid(format!("no place for {item}"))
}

/// A text, or parts of the kinds that there are.
fn is_content(content: &Value) -> bool {
    let data = |value: &Value, kind: &str| {
        let data = value.as_str().unwrap_or_default();
        data.starts_with(&format!("data:{kind}")) && data.contains(";base64,")
    };
    let is_part = |part: &Value| match part["type"].as_str() {
        Some("input_text") => part["text"].is_string(),
        Some("input_image") => data(&part["image_url"], "image/"),
        Some("input_file") => {
            data(&part["file_data"], "application/pdf") && part["filename"].is_string()
        }
        _ => false,
    };
    let parts = content.as_array();
    content.is_string() || parts.is_some_and(|parts| parts.iter().all(is_part))
}

/// What OpenAI takes as the name of a function.
fn is_name(name: &Value) -> bool {
    let takes = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
    let name = name.as_str().unwrap_or_default();
    (1..=64).contains(&name.len()) && name.chars().all(takes)
}
