//! The body of a request.

use rivetos_types::model::ModelRequest;
use rivetos_types::settings::{Anthropic, PromptCache};
use serde_json::{Map, Value, json};

use crate::models::{self, Binding, Sampling, Style};

mod messages;
mod thinking;

use thinking::Plan;

/// The name of this vendor in the blocks that only it reads.
pub(crate) const VENDOR: &str = "anthropic";

/// The most tokens of an answer, when nobody says.
const ANSWER_TOKENS: u32 = 32_000;

/// Lets the vendor drop thinking that does not fit the conversation any more, for example after a
/// compaction, instead of refusing the request.
const BINDING_BETA: &str = "thinking-binding-controls-2026-08-01";

/// What goes back of the thinking of earlier answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Replay {
    /// All of it, as it came.
    Thinking,
    /// None: the vendor has refused it.
    NoThinking,
}

/// The JSON to send. The same request gives the same bytes, so that the vendor can cache it.
pub fn body(settings: &Anthropic, request: &ModelRequest, replay: Replay) -> Value {
    let model = model(settings, request);
    let answer_tokens = settings.max_tokens.unwrap_or(ANSWER_TOKENS);
    let conversation = messages::conversation(request, model);
    // The vendor does not let a model begin to think in the middle of its calls.
    let replay = match replay {
        Replay::Thinking if budgeted(model) && !conversation.goes_on_thinking() => {
            Replay::NoThinking
        }
        replay @ (Replay::Thinking | Replay::NoThinking) => replay,
    };
    let plan = Plan::new(model, request.thinking, answer_tokens, replay);
    let conversation = match plan.replay {
        Replay::Thinking => conversation,
        Replay::NoThinking => conversation.without_thinking(),
    };
    let mark = mark(settings.prompt_cache);
    let mut body = Map::new();
    body.insert("model".into(), json!(model));
    body.insert("max_tokens".into(), json!(plan.max_tokens));
    let tools = tools(settings, request, mark.as_ref());
    if !tools.is_empty() {
        body.insert("tools".into(), tools.into());
    }
    if !request.system.trim().is_empty() {
        let system = marked(
            json!({ "type": "text", "text": *request.system }),
            mark.as_ref(),
        );
        body.insert("system".into(), json!([system]));
    }
    let mut messages = conversation.end();
    mark_last_user(&mut messages, mark.as_ref());
    body.insert("messages".into(), messages.into());
    body.insert("stream".into(), json!(true));
    if plan.thinking.is_none() {
        body.extend(sampling(settings, model));
    }
    if let Some(thinking) = plan.thinking {
        body.insert("thinking".into(), thinking);
    }
    if let Some(effort) = plan.effort {
        body.insert("output_config".into(), json!({ "effort": effort }));
    }
    let ours = ["model", "messages", "stream"];
    let extra = settings.extra_body.iter();
    let extra = extra.filter(|(name, _)| !ours.contains(&name.as_str()));
    body.extend(extra.map(|(name, value)| (name.clone(), value.clone())));
    body.into()
}

/// The model that is to answer.
pub(crate) fn model<'a>(settings: &'a Anthropic, request: &'a ModelRequest) -> &'a str {
    request.model.as_ref().unwrap_or(&settings.model)
}

/// What the header `anthropic-beta` is to say.
pub fn betas<'a>(settings: &'a Anthropic, model: &str) -> Vec<&'a str> {
    let binding = binding(model) == Binding::Conversation;
    let own = settings.betas.iter().map(String::as_str);
    own.chain(binding.then_some(BINDING_BETA)).collect()
}

/// Models that the data file does not know: those of the vendor are newer than the file and like
/// the newest in it, the others belong to endpoints that learned the older form of the API.
fn style(model: &str) -> Style {
    let unknown = if is_ours(model) {
        Style::Adaptive
    } else {
        Style::Budget
    };
    models::known(model).map_or(unknown, |known| known.thinking)
}

fn budgeted(model: &str) -> bool {
    style(model) == Style::Budget
}

fn binding(model: &str) -> Binding {
    models::known(model).map_or(Binding::Block, |known| known.binding)
}

fn is_ours(model: &str) -> bool {
    model.starts_with("claude-")
}

fn sampling(settings: &Anthropic, model: &str) -> Option<(String, Value)> {
    let unknown = if is_ours(model) {
        Sampling::Fixed
    } else {
        Sampling::Either
    };
    match models::known(model).map_or(unknown, |known| known.sampling) {
        Sampling::Fixed => None,
        Sampling::Either => {
            let named = |name: &str, value| (name.to_owned(), json!(value));
            let temperature = settings
                .temperature
                .map(|value| named("temperature", value));
            temperature.or_else(|| settings.top_p.map(|value| named("top_p", value)))
        }
    }
}

fn tools(settings: &Anthropic, request: &ModelRequest, mark: Option<&Value>) -> Vec<Value> {
    let of_server = settings.server_tools.iter().cloned().map(Value::Object);
    let own = request.tools.iter().map(|tool| {
        json!({
            "name": tool.name,
            "description": tool.description,
            "input_schema": tool.parameters,
        })
    });
    let mut tools: Vec<Value> = of_server.chain(own).collect();
    if let Some(last) = tools.pop() {
        tools.push(marked(last, mark));
    }
    tools
}

/// What says that the vendor is to keep everything up to here.
fn mark(cache: PromptCache) -> Option<Value> {
    match cache {
        PromptCache::Off => None,
        PromptCache::Minutes => Some(json!({ "type": "ephemeral" })),
        PromptCache::Hour => Some(json!({ "type": "ephemeral", "ttl": "1h" })),
    }
}

fn marked(mut block: Value, mark: Option<&Value>) -> Value {
    if let (Some(block), Some(mark)) = (block.as_object_mut(), mark) {
        block.insert("cache_control".into(), mark.clone());
    }
    block
}

/// With the marks on the tools and the system prompt it is one of three; the vendor takes four.
fn mark_last_user(messages: &mut [Value], mark: Option<&Value>) {
    let mut users = messages.iter_mut().rev();
    let last = users.find(|message| message["role"] == "user");
    let content = last.and_then(|message| message["content"].as_array_mut());
    if let Some(block) = content.and_then(|content| content.last_mut()) {
        *block = marked(block.take(), mark);
    }
}

#[cfg(test)]
mod tests;
