//! Answers as they came: our own recordings, and those of real endpoints where there are some.

use std::fs;
use std::path::Path;

use serde_json::json;

use super::recordings::recordings;

/// Which protocol an answer is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Api {
    Messages,
    Gemini,
    Ollama,
    Chat,
    Responses,
}

/// One answer.
#[derive(Debug)]
pub(crate) struct Stream {
    pub(crate) api: Api,
    pub(crate) name: String,
    pub(crate) body: String,
}

impl Stream {
    /// The answer, with signatures and names of its own: those of recordings were replaced, by the
    /// same words in all of them.
    pub(crate) fn once_more(&self, number: usize) -> String {
        let words = ["REDACTED", "c2lnbmVk", "resp_1"];
        words.iter().fold(self.body.clone(), |body, word| {
            body.replace(word, &format!("{word}x{number}x"))
        })
    }
}

/// Longer ones say nothing that shorter ones do not.
const BODY_BYTES_MAX: usize = 48 * 1024;

/// From `agent/boot`.
const OWN: [(Api, &str); 5] = [
    (
        Api::Messages,
        "../../plugins/models/anthropic/tests/streams",
    ),
    (Api::Gemini, "../../plugins/models/google/tests/streams"),
    (Api::Ollama, "../../plugins/models/ollama/tests/streams"),
    (
        Api::Chat,
        "../../plugins/models/openai-compat/tests/streams",
    ),
    (Api::Responses, "../openai/tests/corpus/responses"),
];

/// Names of tools and of calls that vendors give, and that others do not take.
fn made_up() -> Vec<Stream> {
    let mut streams = Vec::new();
    let long = "chatcmpl-tool-".repeat(9);
    for (name, id) in [
        ("functions.shell:0", long.as_str()),
        ("läs", "c:1"),
        ("", "7"),
    ] {
        let call = json!({
            "index": 0, "id": id, "function": { "name": name, "arguments": "{\"x" },
        });
        let delta = json!({ "reasoning_content": "hm", "tool_calls": [call] });
        let choice = json!({ "delta": delta, "finish_reason": "tool_calls" });
        let body = format!("data: {}\n\n", json!({ "choices": [choice] }));
        let (api, name) = (Api::Chat, format!("made up `{name}`"));
        streams.push(Stream { api, name, body });
    }
    streams
}

pub(crate) fn all() -> Vec<Stream> {
    let mut streams = made_up();
    for (api, folder) in OWN {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
        for entry in folder.read_dir().unwrap() {
            let path = entry.unwrap().path();
            // What is fuzzed is not always text.
            let Ok(body) = fs::read_to_string(&path) else {
                continue;
            };
            let name = path.display().to_string();
            streams.push(Stream { api, name, body });
        }
    }
    let recorded = recordings(|path| api_of(path).is_some()).unwrap_or_default();
    for exchange in recorded {
        let body = exchange.then.body.unwrap_or_default();
        let asked = exchange.when.body.unwrap_or_default();
        let api = api_of(&exchange.when.path).unwrap();
        let streamed = match api {
            Api::Ollama => !asked.contains("\"stream\":false"),
            Api::Messages | Api::Gemini | Api::Chat | Api::Responses => {
                body.lines().any(|line| line.starts_with("data:"))
            }
        };
        if exchange.then.status == 200 && streamed && body.len() <= BODY_BYTES_MAX {
            let name = exchange.name;
            streams.push(Stream { api, name, body });
        }
    }
    streams.sort_by(|one, other| one.name.cmp(&other.name));
    streams
}

fn api_of(path: &str) -> Option<Api> {
    let ends = [
        ("/messages", Api::Messages),
        (":streamGenerateContent", Api::Gemini),
        ("/api/chat", Api::Ollama),
        ("/chat/completions", Api::Chat),
        ("/responses", Api::Responses),
    ];
    let (_, api) = ends.iter().find(|(end, _)| path.ends_with(end))?;
    Some(*api)
}
