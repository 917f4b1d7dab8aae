//! The body of a request.

use data_encoding::BASE64;
use rivetos_openai::request::Files;
use rivetos_openai::{Documents, short_id};
use rivetos_types::media::Attachment;
use rivetos_types::message::{ContentPart, Message, ToolCall, text_of, words_of};
use rivetos_types::model::ModelRequest;
use rivetos_types::settings::OpenAiCompat;
use rivetos_types::store::Thinking;
use serde_json::{Map, Value, json};

use crate::stream::VENDOR;

/// OpenAI's own endpoint refuses the name of the output limit that everybody else knows.
const OPENAI_HOST: &str = "//api.openai.com/";

/// The longest name of a call that `OpenAI` takes here, in bytes.
const CALL_ID_BYTES_MAX: usize = 40;

/// Endpoints that are known to take documents: `OpenAI` for its models that see, `OpenRouter` for
/// all, with a reader of its own where the model has none. Others refuse the whole request, and
/// servers of local models have nobody who could read one.
const DOCUMENT_HOSTS: [&str; 2] = [OPENAI_HOST, "//openrouter.ai/"];

/// While it thinks, `DeepSeek` refuses calls without their reasoning, those of other models too,
/// and takes an empty one.
const DEEPSEEK_HOST: &str = "//api.deepseek.com";

/// The JSON to send. The same request gives the same bytes, so that vendors can cache it.
pub fn body(settings: &OpenAiCompat, request: &ModelRequest) -> Value {
    let mut body = Map::new();
    let model = request.model.as_ref().unwrap_or(&settings.model);
    body.insert("model".into(), json!(model));
    body.insert("messages".into(), messages(settings, model, request).into());
    body.insert("stream".into(), json!(true));
    body.insert("stream_options".into(), json!({ "include_usage": true }));
    if !request.tools.is_empty() {
        let tools: Vec<Value> = request
            .tools
            .iter()
            .map(|tool| json!({ "type": "function", "function": tool }))
            .collect();
        body.insert("tools".into(), tools.into());
    }
    if let Some(limit) = settings.max_tokens {
        let openai = settings.base_url.contains(OPENAI_HOST);
        let name = if openai {
            "max_completion_tokens"
        } else {
            "max_tokens"
        };
        body.insert(name.into(), json!(limit));
    }
    // Without a word for "none" that every server takes, `off` is the server's own choice.
    if let Some(effort) = request.thinking.and_then(effort) {
        body.insert("reasoning_effort".into(), json!(effort));
    }
    let sampling = [
        ("temperature", settings.temperature),
        ("top_p", settings.top_p),
        ("repeat_penalty", settings.repeat_penalty),
    ];
    for (name, value) in sampling {
        if let Some(value) = value {
            body.insert(name.into(), json!(value));
        }
    }
    for (name, value) in &settings.extra_body {
        if !matches!(name.as_str(), "model" | "messages" | "stream") {
            body.insert(name.clone(), value.clone());
        }
    }
    body.into()
}

/// What the endpoint does with documents.
pub(crate) fn documents(settings: &OpenAiCompat) -> Documents {
    let knows = |host: &&str| settings.base_url.contains(*host);
    if DOCUMENT_HOSTS.iter().any(knows) {
        Documents::Taken
    } else {
        Documents::Described
    }
}

pub(crate) fn effort(thinking: Thinking) -> Option<&'static str> {
    match thinking {
        Thinking::Off => None,
        Thinking::Low => Some("low"),
        Thinking::Medium => Some("medium"),
        Thinking::High => Some("high"),
    }
}

fn messages(settings: &OpenAiCompat, model: &str, request: &ModelRequest) -> Vec<Value> {
    let system = (!request.system.is_empty())
        .then(|| json!({ "role": "system", "content": *request.system }));
    let deepseek = settings.base_url.contains(DEEPSEEK_HOST);
    let documents = documents(settings);
    let messages = request.messages.iter().map(|one| match one {
        Message::User { content } => {
            json!({ "role": "user", "content": said(documents, content, &request.images) })
        }
        Message::Assistant {
            content,
            tool_calls,
        } if tool_calls.is_empty() => {
            json!({ "role": "assistant", "content": text_of(content) })
        }
        Message::Assistant {
            content,
            tool_calls,
        } => {
            let mut message = calling(text_of(content), tool_calls);
            if deepseek {
                message.insert("reasoning_content".into(), json!(""));
            }
            message.extend(reasoning(content, model));
            message.into()
        }
        Message::Tool(result) => json!({
            "role": "tool",
            "tool_call_id": short_id(&result.call_id, CALL_ID_BYTES_MAX),
            "content": result.content,
        }),
    });
    system.into_iter().chain(messages).collect()
}

fn calling(text: String, calls: &[ToolCall]) -> Map<String, Value> {
    let content = if text.is_empty() {
        Value::Null
    } else {
        text.into()
    };
    let calls: Value = calls.iter().map(tool_call).collect();
    let members = [
        ("role", "assistant".into()),
        ("content", content),
        ("tool_calls", calls),
    ];
    members
        .map(|(name, value)| (name.to_owned(), value))
        .into_iter()
        .collect()
}

/// What the endpoint wants back of the reasoning behind the calls.
fn reasoning(content: &[ContentPart], model: &str) -> Map<String, Value> {
    let members = content.iter().find_map(|part| match part {
        ContentPart::Vendor(block) => block.read_by(VENDOR, model)?.as_object(),
        ContentPart::Text { .. } | ContentPart::Attachment(_) => None,
    });
    members.cloned().unwrap_or_default()
}

/// A text, unless there is something to see: many servers know nothing else.
fn said(documents: Documents, content: &[ContentPart], files: &Files) -> Value {
    let seen = |part| documents.seen(part, files);
    if !content.iter().any(|part| seen(part).is_some()) {
        return words_of(content).into();
    }
    let text = |part: &ContentPart| json!({ "type": "text", "text": part.words() });
    let file = |part| seen(part).map(|(file, bytes)| see(file, bytes));
    // Each file stands behind its description, so that the model can name it to tools.
    let parts = content
        .iter()
        .flat_map(|part| [Some(text(part)), file(part)]);
    parts.flatten().collect()
}

fn see(file: &Attachment, bytes: &[u8]) -> Value {
    let url = format!("data:{};base64,{}", file.media, BASE64.encode(bytes));
    if file.media.is_image() {
        json!({ "type": "image_url", "image_url": { "url": url } })
    } else {
        json!({ "type": "file", "file": { "filename": file.name, "file_data": url } })
    }
}

/// Broken arguments are sent back as none: some servers parse the history and would refuse every
/// further request of the session. What was wrong with them stands in the tool's answer.
fn tool_call(call: &ToolCall) -> Value {
    let whole = serde_json::from_str::<Map<String, Value>>(&call.arguments).is_ok();
    let arguments = if whole { call.arguments.as_str() } else { "{}" };
    json!({
        "id": short_id(&call.id, CALL_ID_BYTES_MAX),
        "type": "function",
        "function": { "name": call.plain_name(), "arguments": arguments },
    })
}

#[cfg(test)]
mod tests;
