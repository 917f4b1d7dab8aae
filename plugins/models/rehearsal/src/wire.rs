//! The part of the chat completion protocol that the stand-in speaks.

use serde::Deserialize;
use serde_json::{Value, json};

use crate::answer::Answer;

/// A request, as far as it matters here.
#[derive(Debug, Deserialize)]
pub(crate) struct ChatRequest {
    pub(crate) messages: Vec<ChatMessage>,
    #[serde(default)]
    tools: Vec<ChatTool>,
    #[serde(default)]
    pub(crate) stream: bool,
}

impl ChatRequest {
    /// Whether the tool `name` may be called.
    pub(crate) fn offers(&self, name: &str) -> bool {
        self.tools.iter().any(|tool| tool.function.name == name)
    }
}

#[derive(Debug, Deserialize)]
pub(crate) struct ChatMessage {
    pub(crate) role: Role,
    #[serde(default)]
    content: Value,
}

impl ChatMessage {
    /// The text of the message, whether it came as text or in parts.
    pub(crate) fn text(&self) -> String {
        let parts = self.content.as_array().into_iter().flatten();
        let parts = parts.filter_map(|part| part.get("text").and_then(Value::as_str));
        self.content
            .as_str()
            .map_or_else(|| parts.collect(), str::to_owned)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Role {
    System,
    User,
    Assistant,
    Tool,
}

#[derive(Debug, Deserialize)]
struct ChatTool {
    function: ChatFunction,
}

#[derive(Debug, Deserialize)]
struct ChatFunction {
    name: String,
}

/// The events of an answer. `turn` makes the identifier of a call unique within a conversation.
pub(crate) fn events(answer: &Answer, turn: usize, prompt_bytes: usize) -> String {
    let mut chunks = vec![chunk(&json!({ "role": "assistant", "content": "" }), None)];
    let (finish, written) = match answer {
        Answer::Text(text) => {
            let words = text.split_inclusive(' ');
            chunks.extend(words.map(|word| chunk(&json!({ "content": word }), None)));
            ("stop", text.len())
        }
        Answer::Call { name, arguments } => {
            let (head, tail) = halves(arguments);
            let id = format!("rehearsal_{turn}");
            let first = json!({ "index": 0, "id": id, "type": "function",
                                "function": { "name": name, "arguments": head } });
            let second = json!({ "index": 0, "function": { "arguments": tail } });
            chunks
                .extend([first, second].map(|call| chunk(&json!({ "tool_calls": [call] }), None)));
            ("tool_calls", arguments.len())
        }
    };
    chunks.push(chunk(&json!({}), Some(finish)));
    let usage =
        json!({ "prompt_tokens": tokens(prompt_bytes), "completion_tokens": tokens(written) });
    chunks.push(json!({ "object": "chat.completion.chunk", "choices": [], "usage": usage }));
    let mut body: String = String::new();
    for chunk in chunks {
        body.push_str("data: ");
        body.push_str(&chunk.to_string());
        body.push_str("\n\n");
    }
    body.push_str("data: [DONE]\n\n");
    body
}

fn chunk(delta: &Value, finish: Option<&str>) -> Value {
    let choice = json!({ "index": 0, "delta": delta, "finish_reason": finish });
    json!({ "object": "chat.completion.chunk", "model": "rehearsal", "choices": [choice] })
}

/// Real servers send arguments in pieces; so does this one.
fn halves(text: &str) -> (&str, &str) {
    text.split_at(text.floor_char_boundary(text.len() / 2))
}

/// A token of most vocabularies has about four bytes.
fn tokens(bytes: usize) -> usize {
    bytes.div_ceil(4)
}
