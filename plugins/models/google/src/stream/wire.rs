//! What is read of an event. What is not here is skipped.

use std::borrow::Cow;
use std::fmt;

use rivetos_http::json::{Few, Skipped, Text, Word};
use serde::de::{MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Chunk {
    pub(super) error: Option<Value>,
    pub(super) candidates: Option<Few<Candidate>>,
    pub(super) prompt_feedback: Option<PromptFeedback>,
    pub(super) usage_metadata: Option<Usage>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Candidate {
    pub(super) content: Option<Content>,
    pub(super) finish_reason: Option<String>,
    pub(super) finish_message: Option<String>,
    pub(super) safety_ratings: Option<Blocked>,
}

/// The categories of ratings that blocked something, joined.
#[derive(Debug, Default)]
pub(super) struct Blocked {
    pub(super) categories: String,
}

impl<'de> Deserialize<'de> for Blocked {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(Ratings)
    }
}

#[derive(Deserialize)]
struct Rating<'a> {
    #[serde(borrow)]
    category: Option<Cow<'a, str>>,
    blocked: Option<bool>,
}

struct Ratings;

impl<'de> Visitor<'de> for Ratings {
    type Value = Blocked;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("safety ratings")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut ratings: A) -> Result<Blocked, A::Error> {
        let mut categories = String::new();
        while let Some(rating) = ratings.next_element::<Rating<'de>>()? {
            if let (Some(category), Some(true)) = (rating.category, rating.blocked) {
                let comma = if categories.is_empty() { "" } else { ", " };
                categories.extend([comma, &*category]);
            }
        }
        Ok(Blocked { categories })
    }
}

#[derive(Debug, Deserialize)]
pub(super) struct Content {
    pub(super) parts: Option<Few<Part>>,
}

/// A part of an answer. Nearly all of them are a text and nothing else, so that is what costs
/// little.
#[derive(Debug, Default)]
pub(super) struct Part {
    pub(super) text: String,
    pub(super) thought: bool,
    pub(super) signature: Option<String>,
    pub(super) call: Option<Map<String, Value>>,
    /// Everything else, as it came.
    pub(super) rest: Map<String, Value>,
}

impl<'de> Deserialize<'de> for Part {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Parts)
    }
}

struct Parts;

impl<'de> Visitor<'de> for Parts {
    type Value = Part;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a part")
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Part, M::Error> {
        let mut part = Part::default();
        while let Some(Word(name)) = map.next_key()? {
            match &*name {
                "text" => {
                    let text = map.next_value::<Option<Text<'de>>>()?;
                    part.text = text.map(String::from).unwrap_or_default();
                }
                "thought" => part.thought = map.next_value::<Option<_>>()?.unwrap_or_default(),
                "thoughtSignature" => {
                    let signature: Option<String> = map.next_value()?;
                    part.signature = signature.filter(|signature| !signature.is_empty());
                }
                "functionCall" => part.call = map.next_value()?,
                _ => {
                    part.rest.insert(name.into_owned(), map.next_value()?);
                }
            }
        }
        Ok(part)
    }
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct PromptFeedback {
    pub(super) block_reason: Option<String>,
    pub(super) block_reason_message: Option<String>,
    pub(super) safety_ratings: Option<Blocked>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Usage {
    pub(super) prompt_token_count: Option<u64>,
    pub(super) cached_content_token_count: Option<u64>,
    pub(super) tool_use_prompt_token_count: Option<u64>,
    pub(super) candidates_token_count: Option<u64>,
    pub(super) thoughts_token_count: Option<u64>,
    /// In every event, and told apart by kinds that nobody asks for.
    #[serde(rename = "promptTokensDetails")]
    _prompt: Option<Skipped>,
    #[serde(rename = "cacheTokensDetails")]
    _cache: Option<Skipped>,
    #[serde(rename = "candidatesTokensDetails")]
    _candidates: Option<Skipped>,
}
