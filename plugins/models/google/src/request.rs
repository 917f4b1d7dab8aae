//! The body of a request.

use rivetos_types::model::ModelRequest;
use rivetos_types::settings::Google;
use rivetos_types::tool::ToolSpec;
use serde_json::{Map, Value, json};

use crate::models;

mod contents;
mod schema;

use contents::contents;
use schema::parameters;

/// The model that is to answer, without the collection in front.
pub fn model<'a>(settings: &'a Google, request: &'a ModelRequest) -> &'a str {
    models::bare(request.model.as_deref().unwrap_or(&settings.model))
}

/// The JSON to send. The same request gives the same bytes, so that the vendor can cache it.
pub fn body(settings: &Google, request: &ModelRequest) -> Value {
    let model = model(settings, request);
    let mut body = Map::new();
    if !request.system.is_empty() {
        let system = json!({ "parts": [{ "text": *request.system }] });
        body.insert("systemInstruction".into(), system);
    }
    put_tools(settings, request, model, &mut body);
    let config = generation_config(settings, request, model);
    if !config.is_empty() {
        body.insert("generationConfig".into(), config.into());
    }
    merge(&mut body, &settings.extra_body);
    body.insert("contents".into(), contents(request, model));
    body.into()
}

/// Ours, and those that the vendor runs. Models before the third family take only the one or the
/// other, and an agent is nothing without its own; later ones want to be told that both are meant.
fn put_tools(
    settings: &Google,
    request: &ModelRequest,
    model: &str,
    body: &mut Map<String, Value>,
) {
    let mut tools = Vec::new();
    if !request.tools.is_empty() {
        let declarations: Vec<Value> = request.tools.iter().map(declaration).collect();
        tools.push(json!({ "functionDeclarations": declarations }));
    }
    let both = !tools.is_empty() && !settings.server_tools.is_empty();
    if !both || models::takes_both_tools(model) {
        tools.extend(settings.server_tools.iter().cloned().map(Value::from));
    }
    if both && models::takes_both_tools(model) {
        let config = json!({ "includeServerSideToolInvocations": true });
        body.insert("toolConfig".into(), config);
    }
    if !tools.is_empty() {
        body.insert("tools".into(), tools.into());
    }
}

fn declaration(tool: &ToolSpec) -> Value {
    let mut declaration = Map::new();
    declaration.insert("name".into(), json!(tool.name));
    declaration.insert("description".into(), json!(tool.description));
    if let Some(parameters) = parameters(&tool.parameters) {
        declaration.insert("parameters".into(), parameters);
    }
    declaration.into()
}

fn generation_config(settings: &Google, request: &ModelRequest, model: &str) -> Map<String, Value> {
    let values = [
        ("maxOutputTokens", settings.max_tokens.map(Value::from)),
        ("temperature", settings.temperature.map(Value::from)),
        ("topP", settings.top_p.map(Value::from)),
        (
            "thinkingConfig",
            models::thinking_config(model, request.thinking),
        ),
    ];
    let set = values.into_iter();
    set.filter_map(|(name, value)| Some((name.to_owned(), value?)))
        .collect()
}

/// Puts `more` over `body`; objects are put together member by member.
fn merge(body: &mut Map<String, Value>, more: &Map<String, Value>) {
    for (name, value) in more {
        match (body.get_mut(name), value) {
            (Some(Value::Object(ours)), Value::Object(theirs)) => merge(ours, theirs),
            _ => {
                body.insert(name.clone(), value.clone());
            }
        }
    }
}

#[cfg(test)]
mod tests;
