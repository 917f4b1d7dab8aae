//! What reading an answer costs, by chat completions and by a Responses API.
//!
//! ```text
//! cargo bench -p rivetos-model-openai-compat --bench parse
//! ```

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::cast_precision_loss,
    reason = "a benchmark fails by panicking and prints a table"
)]

use std::collections::BTreeMap;
use std::hint::black_box;
use std::time::Instant;

use rivetos_http::{AnswerReader, End};
use rivetos_model_openai_compat::stream::StreamParser;
use rivetos_openai::{Documents, Endpoint, stream};
use rivetos_types::model::ModelRequest;
use rivetos_types::settings::{History, ToolCalls};
use serde_json::{Map, Value, json};

/// Pieces of one answer.
const EVENTS: usize = 50_000;
/// As they come from a socket.
const CHUNK_BYTES: usize = 8 * 1024;
const ROUNDS: usize = 20;

fn piece(words: usize) -> String {
    "said \"so\", ".repeat(words)
}

/// An answer in pieces of `words` words.
fn chat(words: usize) -> String {
    let chunk = |delta: Value, finish: Value| {
        let choice =
            json!({ "index": 0, "delta": delta, "logprobs": null, "finish_reason": finish });
        let chunk = json!({
            "id": "chatcmpl-1",
            "object": "chat.completion.chunk",
            "created": 0,
            "model": "m-1",
            "choices": [choice],
            "usage": null,
        });
        format!("data: {chunk}\n\n")
    };
    let events = chunk(json!({ "content": piece(words) }), Value::Null).repeat(EVENTS);
    events + &chunk(json!({}), json!("stop")) + "data: [DONE]\n\n"
}

fn responses(words: usize) -> String {
    let kind = "response.output_text.delta";
    let delta = json!({
        "type": kind,
        "sequence_number": 4,
        "item_id": "msg_1",
        "output_index": 0,
        "content_index": 0,
        "delta": piece(words),
        "logprobs": [],
    });
    let events = format!("event: {kind}\ndata: {delta}\n\n").repeat(EVENTS);
    let done = json!({ "type": "response.completed", "response": { "id": "resp_1" } });
    events + &format!("event: response.completed\ndata: {done}\n\n")
}

fn measure<R: AnswerReader>(name: &str, words: usize, body: &str, new: impl Fn() -> R) {
    let mut best = f64::INFINITY;
    for _ in 0..ROUNDS {
        let mut reader = new();
        let mut events = Vec::new();
        let started = Instant::now();
        for chunk in body.as_bytes().chunks(CHUNK_BYTES) {
            reader.push(chunk, &mut events).unwrap();
            black_box(&events);
            events.clear();
        }
        reader.end(End::Clean, &mut events).unwrap();
        best = best.min(started.elapsed().as_secs_f64());
    }
    let speed = body.len() as f64 / best / 1e6;
    let each = best * 1e6 / EVENTS as f64;
    println!("| {name} | {words} | {speed:.0} | {each:.2} |");
}

fn main() {
    let nothing = Map::new();
    let endpoint = Endpoint {
        vendor: "test",
        model: "m-1",
        history: History::Stateless,
        effort: None,
        include: &[],
        tool_calls: ToolCalls::Parallel,
        documents: Documents::Described,
        server_tools: Vec::new(),
        max_tokens: None,
        temperature: None,
        top_p: None,
        extra_body: &nothing,
    };
    let request = ModelRequest {
        model: None,
        images: BTreeMap::new(),
        thinking: None,
        system: String::new(),
        messages: Vec::new(),
        tools: Vec::new(),
    };
    println!("| API | words of a piece | MB/s | µs for a piece |\n|---|---|---|---|");
    for words in [1, 4, 16] {
        measure("chat completions", words, &chat(words), || {
            StreamParser::new("m-1")
        });
        measure("Responses", words, &responses(words), || {
            stream::StreamParser::new(&endpoint, &request)
        });
    }
}
