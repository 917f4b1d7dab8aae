//! Recorded answers, split and cut everywhere.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rivetos_model_openai_compat::stream::{End, StreamParser};
use rivetos_model_openai_compat::{error, request};
use rivetos_types::message::Message;
use rivetos_types::model::{ModelError, ModelRequest, StopReason, StreamEvent};
use rivetos_types::settings::OpenAiCompat;
use rivetos_types::tool::ToolSpec;
use serde::Deserialize;
use serde_json::{Value, json};

/// Bodies up to this length are split at every byte, longer ones at seeded places.
const EVERY_SPLIT_BYTES_MAX: usize = 1200;
const SEEDED_SPLITS: usize = 200;

type Answer = (Vec<StreamEvent>, Result<(), ModelError>);

fn read<'a>(pieces: impl IntoIterator<Item = &'a [u8]>, end: End) -> Answer {
    let mut parser = StreamParser::new();
    let mut events = Vec::new();
    for piece in pieces {
        if let Err(error) = parser.push(piece, &mut events) {
            return (events, Err(error));
        }
    }
    let result = parser.end(end, &mut events);
    (events, result)
}

/// Numbers that are the same in every run.
struct Seeded(u64);

impl Seeded {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        usize::try_from(self.0 >> 33).unwrap() % bound
    }
}

fn places(length: usize) -> Vec<usize> {
    if length <= EVERY_SPLIT_BYTES_MAX {
        return (0..length).collect();
    }
    let mut seeded = Seeded(length as u64);
    (0..SEEDED_SPLITS).map(|_| seeded.below(length)).collect()
}

fn check(name: &str, body: &str) -> Vec<StreamEvent> {
    let bytes = body.as_bytes();
    let whole = read([bytes], End::Clean);
    assert_eq!(whole.1, Ok(()), "{name}");
    assert!(
        matches!(whole.0.last(), Some(StreamEvent::Done { .. })),
        "{name}"
    );
    // One byte at a time is a split at every place at once.
    for body in [body.to_owned(), body.replace('\n', "\r\n")] {
        let pieces = body.as_bytes().chunks(1);
        assert_eq!(read(pieces, End::Clean), whole, "{name}: byte by byte");
    }
    for at in places(bytes.len()) {
        let (head, tail) = bytes.split_at(at);
        assert_eq!(
            read([head, tail], End::Clean),
            whole,
            "{name}: split at {at}"
        );
    }
    check_cut_off(name, bytes);
    whole.0
}

/// Whatever is missing at the end: complete only when the terminal event was there.
fn check_cut_off(name: &str, bytes: &[u8]) {
    let mut parser = StreamParser::new();
    let mut events = Vec::new();
    for (at, byte) in bytes.iter().enumerate() {
        let (mut cut, mut after) = (parser.clone(), Vec::new());
        let result = cut.end(End::Broken, &mut after);
        let over = parser.is_over();
        assert_eq!(result.is_ok(), over, "{name}: cut at {at}");
        assert!(
            over || matches!(result, Err(ModelError::Incomplete { .. })),
            "{name}: at {at}"
        );
        assert_eq!(after, vec![], "{name}: cut at {at}");
        let done = events
            .iter()
            .any(|event| matches!(event, StreamEvent::Done { .. }));
        assert_eq!(done, over, "{name}: cut at {at}");
        parser
            .push(std::slice::from_ref(byte), &mut events)
            .unwrap();
    }
}

#[test]
fn our_own_recordings() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/streams");
    for name in ["tools", "cut-off", "refused"] {
        let body = fs::read_to_string(folder.join(format!("{name}.sse"))).unwrap();
        insta::assert_debug_snapshot!(name, check(name, &body));
    }
}

#[derive(Deserialize)]
struct Exchange {
    when: When,
    then: Then,
}

#[derive(Deserialize)]
struct When {
    path: String,
    #[serde(default)]
    body: Option<String>,
}

#[derive(Deserialize)]
struct Then {
    status: u16,
    #[serde(default)]
    body: Option<String>,
}

/// The recorded exchanges with chat completion endpoints, or `None` and a line that says so.
fn recordings() -> Option<Vec<(String, Exchange)>> {
    let root = std::env::var_os("RIVETOS_MODEL_STREAMS").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../../shared/data/model-streams"),
        PathBuf::from,
    );
    let mut found = Vec::new();
    for vendor in ["openai", "llamacpp", "llama.cpp", "deepseek", "openrouter"] {
        let Ok(folder) = root.join(vendor).read_dir() else {
            continue;
        };
        for entry in folder {
            let path = entry.unwrap().path();
            let text = fs::read_to_string(&path).unwrap();
            let name = path.strip_prefix(&root).unwrap().display().to_string();
            let exchanges = serde_saphyr::from_multiple::<Exchange>(&text)
                .unwrap_or_else(|error| panic!("{name}: {error}"));
            let chat = |one: &Exchange| one.when.path.ends_with("/chat/completions");
            found.extend(
                exchanges
                    .into_iter()
                    .filter(chat)
                    .map(|one| (name.clone(), one)),
            );
        }
    }
    if found.is_empty() {
        // Through a handle: the test harness captures what the macros print.
        let mut stderr = std::io::stderr();
        writeln!(
            stderr,
            "SKIPPED: no recorded model streams at {}",
            root.display()
        )
        .unwrap();
        return None;
    }
    Some(found)
}

#[test]
fn recorded_answers() {
    let mut checked = 0;
    for (name, exchange) in recordings().into_iter().flatten() {
        let body = exchange.then.body.unwrap_or_default();
        let streamed = body.lines().any(|line| line.starts_with("data:"));
        if exchange.then.status == 200 && streamed {
            let events = check(&name, &body);
            // Only an answer that was cut off inside its first tool call may say nothing at all.
            let cut = StopReason::Length;
            let cut = matches!(&events[..], [StreamEvent::Done { stop, .. }] if *stop == cut);
            assert!(events.len() > 1 || cut, "{name}: {events:?}");
            checked += 1;
        } else if exchange.then.status >= 400 {
            let status = exchange.then.status;
            let error = error::of_response(status, None, body.as_bytes(), None);
            assert!(
                error.to_string().ends_with(&format!(" (HTTP {status})")),
                "{name}: {error}"
            );
            assert!(!error.to_string().contains("sk-"), "{name}: {error}");
            checked += 1;
        }
    }
    writeln!(std::io::stdout(), "{checked} recorded answers checked").unwrap();
}

/// Real endpoints took these requests: every field that we would send must be among theirs.
#[test]
fn recorded_requests_know_our_fields() {
    let Some(recordings) = recordings() else {
        return;
    };
    let mut known = BTreeSet::new();
    for (_, exchange) in recordings {
        let body = exchange.when.body.unwrap_or_default();
        if let Ok(body) = serde_json::from_str::<Value>(&body) {
            fields("", &body, &mut known);
        }
    }
    let tool = ToolSpec {
        name: "shell".into(),
        description: "Runs.".into(),
        parameters: json!({ "type": "object" }),
    };
    let request = ModelRequest {
        model: None,
        images: BTreeMap::new(),
        thinking: None,
        system: "be brief".into(),
        messages: vec![Message::user("hi"), Message::assistant("hello")],
        tools: vec![tool],
    };
    let settings = OpenAiCompat {
        name: "test".into(),
        base_url: "http://127.0.0.1:1/v1".into(),
        model: "m-1".into(),
        api_key: None,
        max_tokens: Some(7),
        temperature: Some(0.1),
        top_p: None,
        repeat_penalty: None,
        idle_timeout: Duration::from_secs(1),
    };
    let mut ours = BTreeSet::new();
    fields("", &request::body(&settings, &request), &mut ours);
    let unknown: Vec<&String> = ours.difference(&known).collect();
    assert!(unknown.is_empty(), "no recorded request has {unknown:?}");
}

fn fields(path: &str, value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(members) => members
            .iter()
            .for_each(|(name, member)| fields(&format!("{path}/{name}"), member, found)),
        Value::Array(items) => items.iter().for_each(|item| fields(path, item, found)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {
            found.insert(path.to_owned());
        }
    }
}
