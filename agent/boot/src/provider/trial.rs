//! `provider test`: one small real request.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::StreamExt;
use rivetos_types::message::{Message, TokenUsage};
use rivetos_types::model::{ModelError, ModelProvider, ModelRequest, StreamEvent};
use serde_json::json;

use super::{Asking, print};
use crate::error::BootError;

/// What is asked. Short answers cost little.
const QUESTION: &str = "Answer with the one word: ready";

/// The most of the answer that is kept, in bytes.
const ANSWER_BYTES_MAX: usize = 4 * 1024;

/// What came of it.
struct Trial {
    text: String,
    first_word: Duration,
    took: Duration,
    usage: TokenUsage,
}

pub(super) async fn run(
    asking: &Asking,
    name: &str,
    model: Option<String>,
) -> Result<(), BootError> {
    let vendor = asking.vendor(name).await?;
    if let Some(reason) = asking.cannot_ask(name) {
        return Err(BootError::NotAsked(reason));
    }
    let asked = model.clone().unwrap_or_else(|| {
        let provider = asking.setup.config.providers.get(name);
        provider.map_or_else(String::new, |provider| provider.model.clone())
    });
    let trial = ask(vendor.into_provider().as_ref(), model).await;
    let Trial {
        text,
        first_word,
        took,
        usage,
    } = trial.map_err(BootError::Model)?;
    if asking.json {
        return print::document(&json!({
            "schema_version": 1,
            "provider": name,
            "model": asked,
            "answer": text,
            "first_word_ms": u64::try_from(first_word.as_millis()).ok(),
            "took_ms": u64::try_from(took.as_millis()).ok(),
            "usage": usage,
        }));
    }
    let TokenUsage { input, output, .. } = usage;
    print::text(&format!(
        "{name}/{asked} answers: {}\nfirst word after {} ms, all after {} ms; {input} tokens in, \
         {output} out\n",
        text.trim(),
        first_word.as_millis(),
        took.as_millis(),
    ))
}

async fn ask(provider: &dyn ModelProvider, model: Option<String>) -> Result<Trial, ModelError> {
    let request = ModelRequest {
        system: "You are being tested.".into(),
        messages: vec![Message::user(QUESTION)].into(),
        images: BTreeMap::new(),
        tools: Arc::default(),
        model,
        thinking: None,
    };
    let began = Instant::now();
    let mut first_word = None;
    let mut text = String::new();
    let mut stream = provider.stream(request);
    while let Some(event) = stream.next().await {
        match event? {
            StreamEvent::Text(more) => {
                first_word.get_or_insert_with(|| began.elapsed());
                if text.len() < ANSWER_BYTES_MAX {
                    text.push_str(&more);
                }
            }
            StreamEvent::Reasoning(_) | StreamEvent::ToolCall(_) | StreamEvent::Vendor(_) => {}
            StreamEvent::Done { usage, .. } => {
                let took = began.elapsed();
                return Ok(Trial {
                    text,
                    first_word: first_word.unwrap_or(took),
                    took,
                    usage,
                });
            }
        }
    }
    Err(ModelError::Incomplete {
        message: "the stream ended without a word".to_owned(),
    })
}
