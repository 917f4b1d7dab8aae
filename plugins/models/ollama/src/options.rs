//! What a request says about the model's work, beside the conversation.

use rivetos_types::settings::{KeepAlive, Ollama};
use serde_json::{Map, Value, json};

/// In effect where the operator says nothing.
const TEMPERATURE: f64 = 0.7;
const TOP_P: f64 = 0.9;
const KEEP_ALIVE_SECONDS: u64 = 30 * 60;

/// The `options` of a request.
pub(crate) fn options(settings: &Ollama) -> Map<String, Value> {
    let mut options = Map::new();
    let temperature = settings.temperature.unwrap_or(TEMPERATURE);
    options.insert("temperature".into(), json!(temperature));
    options.insert("top_p".into(), json!(settings.top_p.unwrap_or(TOP_P)));
    if let Some(tokens) = settings.num_ctx {
        options.insert("num_ctx".into(), json!(tokens));
    }
    if let Some(tokens) = settings.max_tokens {
        options.insert("num_predict".into(), json!(tokens));
    }
    options.extend(settings.options.clone());
    options
}

/// The server takes seconds, or a text like `30m`; anything below zero is for ever.
pub(crate) fn keep_alive(settings: &Ollama) -> Value {
    match settings.keep_alive {
        None => json!(KEEP_ALIVE_SECONDS),
        Some(KeepAlive::For(time)) => json!(time.as_secs()),
        Some(KeepAlive::Forever) => json!(-1),
    }
}
