//! The chunks as they stand in the stream. Everything may be absent.

use std::borrow::Cow;
use std::fmt;

use rivetos_http::json::{Few, Text};
use rivetos_types::message::TokenUsage;
use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::{Map, Value};

use super::calls::CallFragment;

#[derive(Debug, Deserialize)]
pub(super) struct Chunk<'a> {
    /// More than one are never asked for.
    #[serde(borrow)]
    pub(super) choices: Option<Few<Choice<'a>>>,
    pub(super) usage: Option<Usage>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Choice<'a> {
    #[serde(borrow)]
    pub(super) delta: Option<Delta<'a>>,
    pub(super) finish_reason: Option<String>,
    /// In the words of the vendor behind the endpoint.
    pub(super) native_finish_reason: Option<String>,
    /// Azure's, of what was said so far.
    pub(super) content_filter_results: Option<Filters>,
}

/// What filters looked at, as far as they found something: their names, joined.
#[derive(Debug, Default)]
pub(super) struct Filters {
    pub(super) found: Option<String>,
}

impl<'de> Deserialize<'de> for Filters {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(FilterNames)
    }
}

#[derive(Deserialize)]
struct Filter {
    filtered: Option<bool>,
}

struct FilterNames;

impl<'de> Visitor<'de> for FilterNames {
    type Value = Filters;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("results of filters")
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Filters, M::Error> {
        let mut filters = Filters::default();
        while let Some(name) = map.next_key::<Cow<'de, str>>()? {
            let filter: Option<Filter> = map.next_value()?;
            if filter.is_some_and(|filter| filter.filtered == Some(true)) {
                let found = filters.found.get_or_insert_default();
                let comma = if found.is_empty() { "" } else { ", " };
                found.extend([comma, &*name]);
            }
        }
        Ok(filters)
    }
}

impl Choice<'_> {
    /// Whether the vendor behind the endpoint says that there was more to come.
    pub(super) fn is_cut(&self) -> bool {
        let native = self.native_finish_reason.as_deref().unwrap_or_default();
        ["length", "max_tokens", "max_output_tokens"]
            .iter()
            .any(|word| native.eq_ignore_ascii_case(word))
    }
}

#[derive(Debug, Deserialize)]
pub(super) struct Delta<'a> {
    #[serde(borrow)]
    pub(super) content: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) refusal: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) reasoning: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) reasoning_content: Option<Text<'a>>,
    pub(super) reasoning_details: Option<Vec<Map<String, Value>>>,
    #[serde(borrow)]
    pub(super) tool_calls: Option<Few<CallFragment<'a>>>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Usage {
    prompt_tokens: Option<u64>,
    completion_tokens: Option<u64>,
    total_tokens: Option<u64>,
    prompt_tokens_details: Option<Details>,
    completion_tokens_details: Option<Details>,
    /// `DeepSeek` said so before there was another name.
    prompt_cache_hit_tokens: Option<u64>,
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

impl Usage {
    pub(super) fn tokens(self) -> TokenUsage {
        let read = self.prompt_tokens_details.unwrap_or_default();
        let written = self.completion_tokens_details.unwrap_or_default();
        let input = self.prompt_tokens.unwrap_or(0);
        let mut output = self.completion_tokens.unwrap_or(0);
        let reasoning = written.reasoning.unwrap_or(0);
        // Most count reasoning as part of the output. Who does not, shows it in the sum.
        let apart = input.saturating_add(output).saturating_add(reasoning);
        if reasoning > 0 && self.total_tokens == Some(apart) {
            output = output.saturating_add(reasoning);
        }
        TokenUsage {
            input,
            output,
            cache_read: read.cached.or(self.prompt_cache_hit_tokens).unwrap_or(0),
            cache_write: read.cache_written.unwrap_or(0),
            reasoning,
        }
    }
}
