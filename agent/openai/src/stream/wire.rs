//! The events as they stand in the stream. Everything may be absent.

use std::borrow::Cow;

use rivetos_http::json::{Text, Word};
use rivetos_types::message::TokenUsage;
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::calls::Place;

/// What of a reasoning item goes back; vendors refuse what is theirs alone to say.
const REASONING_KEYS: &[&str] = &["type", "id", "summary", "encrypted_content"];

#[derive(Debug, Deserialize)]
pub(super) struct Event<'a> {
    #[serde(rename = "type", borrow, default)]
    kind: Cow<'a, str>,
    pub(super) output_index: Option<u64>,
    #[serde(borrow)]
    item_id: Option<Word<'a>>,
    pub(super) summary_index: Option<u64>,
    /// Mostly a text.
    #[serde(borrow)]
    pub(super) delta: Option<&'a RawValue>,
    pub(super) item: Option<Value>,
    pub(super) response: Option<Response>,
    code: Option<Value>,
    message: Option<Value>,
    error: Option<Value>,
}

impl Event<'_> {
    /// Which item it is about.
    pub(super) fn place(&self) -> Place {
        Place {
            index: self.output_index,
            id: self.id().to_owned(),
        }
    }

    /// More of an item, in words.
    pub(super) fn more(&self) -> Option<Text<'_>> {
        self.delta.and_then(Text::of)
    }

    /// Whether it is about this item.
    pub(super) fn is_at(&self, place: &Place) -> bool {
        place.is_at(self.output_index, self.id())
    }

    pub(super) fn id(&self) -> &str {
        let own = self.item.as_ref().and_then(|item| item["id"].as_str());
        let named = self.item_id.as_ref().map(|id| &*id.0);
        named.or(own).unwrap_or_default()
    }

    /// What it is called; some endpoints say so only in front of the event.
    pub(super) fn name<'b>(&'b self, before: &'b str) -> &'b str {
        if !self.kind.is_empty() {
            &self.kind
        } else if self.error.is_some() {
            "error"
        } else {
            before
        }
    }

    /// Code and message of an `error`, at its top or one level down.
    pub(super) fn failure(&self) -> (Option<String>, Option<String>) {
        let top = |value: &Option<Value>| value.as_ref().and_then(text);
        match &self.error {
            Some(error @ Value::Object(_)) => failure(error),
            Some(error) => (top(&self.code), text(error)),
            None => (top(&self.code), top(&self.message)),
        }
    }
}

fn failure(error: &Value) -> (Option<String>, Option<String>) {
    let code = error.get("code").and_then(text);
    let code = code.or_else(|| error.get("type").and_then(text));
    (code, error.get("message").and_then(text))
}

fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

/// What an answer consists of, as far as it concerns us.
pub(super) enum Item {
    FunctionCall(FunctionCall),
    Message(Vec<Part>),
    Reasoning,
}

impl Item {
    pub(super) fn of(item: &Value) -> Option<Self> {
        match item["type"].as_str()? {
            "function_call" => Some(Self::FunctionCall(FunctionCall::of(item))),
            "message" => {
                let parts = item["content"].as_array()?.iter();
                Some(Self::Message(parts.map(Part::of).collect()))
            }
            "reasoning" => Some(Self::Reasoning),
            // What the vendor's own tools did is told in its words.
            _ => None,
        }
    }
}

#[derive(Debug, Default)]
pub(super) struct FunctionCall {
    pub(super) id: String,
    pub(super) name: String,
    /// Text, but some endpoints send the finished object instead.
    pub(super) arguments: String,
}

impl FunctionCall {
    fn of(item: &Value) -> Self {
        let id = item["call_id"].as_str().or(item["id"].as_str());
        let arguments = match &item["arguments"] {
            Value::Null => String::new(),
            Value::String(text) => text.clone(),
            other @ (Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_)) => {
                other.to_string()
            }
        };
        Self {
            id: id.unwrap_or_default().to_owned(),
            name: item["name"].as_str().unwrap_or_default().to_owned(),
            arguments,
        }
    }
}

pub(super) struct Part {
    pub(super) text: Option<String>,
    pub(super) refusal: Option<String>,
}

impl Part {
    fn of(part: &Value) -> Self {
        let text = |name: &str| part[name].as_str().map(str::to_owned);
        Self {
            text: text("text"),
            refusal: text("refusal"),
        }
    }
}

/// A reasoning item as it goes back; `None` when it is not encrypted, and nobody could read it.
pub(super) fn sealed(item: Value) -> Option<Value> {
    item["encrypted_content"].as_str()?;
    let Value::Object(members) = item else {
        return None;
    };
    let known = |name: &String| REASONING_KEYS.contains(&name.as_str());
    let members: Map<String, Value> = members
        .into_iter()
        .filter(|(name, _)| known(name))
        .collect();
    Some(members.into())
}

#[derive(Debug, Default, Deserialize)]
pub(super) struct Response {
    pub(super) id: Option<String>,
    pub(super) status: Option<String>,
    pub(super) store: Option<bool>,
    pub(super) output: Option<Vec<Value>>,
    error: Option<Value>,
    incomplete_details: Option<Incomplete>,
    usage: Option<Usage>,
}

#[derive(Debug, Deserialize)]
struct Incomplete {
    reason: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Usage {
    input_tokens: Option<u64>,
    input_tokens_details: Option<Details>,
    output_tokens: Option<u64>,
    output_tokens_details: Option<Details>,
}

#[derive(Debug, Default, Deserialize)]
struct Details {
    #[serde(rename = "cached_tokens")]
    cached: Option<u64>,
    #[serde(rename = "cache_write_tokens")]
    cache_written: Option<u64>,
    #[serde(rename = "reasoning_tokens")]
    reasoning: Option<u64>,
}

impl Response {
    pub(super) fn failure(&self) -> (Option<String>, Option<String>) {
        self.error.as_ref().map_or((None, None), failure)
    }

    pub(super) fn reason(&self) -> Option<&str> {
        self.incomplete_details.as_ref()?.reason.as_deref()
    }

    pub(super) fn usage(&self) -> TokenUsage {
        let Some(usage) = &self.usage else {
            return TokenUsage::default();
        };
        let read = usage.input_tokens_details.as_ref();
        let written = usage.output_tokens_details.as_ref();
        TokenUsage {
            input: usage.input_tokens.unwrap_or(0),
            output: usage.output_tokens.unwrap_or(0),
            cache_read: read.and_then(|read| read.cached).unwrap_or(0),
            cache_write: read.and_then(|read| read.cache_written).unwrap_or(0),
            reasoning: written.and_then(|written| written.reasoning).unwrap_or(0),
        }
    }
}
