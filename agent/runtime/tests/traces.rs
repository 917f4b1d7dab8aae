//! What a collector of traces gets.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

#[expect(dead_code, reason = "the other tests use the rest")]
mod support;

use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::StreamExt;
use rivetos_runtime::{Collector, CollectorError};
use rivetos_types::BoxFuture;
use rivetos_types::intake::{Intake, TurnEvent};
use rivetos_types::model::ModelError;
use rivetos_types::secret::Secret;
use serde_json::Value;
use support::{Bench, message, within};

/// Keeps what it gets, or refuses, or never answers.
enum Kept {
    All(Mutex<Vec<Vec<u8>>>),
    Nothing,
    Hangs,
    /// Nothing so many times, then all.
    Later(AtomicUsize, Mutex<Vec<Vec<u8>>>),
}

impl Collector for Kept {
    fn take(&self, body: Vec<u8>) -> BoxFuture<'_, Result<(), CollectorError>> {
        Box::pin(async move {
            match self {
                Self::All(bodies) => bodies.lock().unwrap().push(body),
                Self::Nothing => return Err(CollectorError::Refused("full".into())),
                Self::Hangs => std::future::pending().await,
                Self::Later(times, bodies) => {
                    if times
                        .fetch_update(Relaxed, Relaxed, |left| left.checked_sub(1))
                        .is_ok()
                    {
                        return Err(CollectorError::Transient("busy".into()));
                    }
                    bodies.lock().unwrap().push(body);
                }
            }
            Ok(())
        })
    }
}

impl Kept {
    /// All spans, in the order in which they came.
    fn spans(&self) -> Vec<Value> {
        let (Self::All(bodies) | Self::Later(_, bodies)) = self else {
            panic!("nothing is kept")
        };
        let mut spans = Vec::new();
        for body in bodies.lock().unwrap().iter() {
            let body: Value = serde_json::from_slice(body).unwrap();
            let [resource] = body["resourceSpans"].as_array().unwrap().as_slice() else {
                panic!("{body:#}")
            };
            let instance = attribute(&resource["resource"], "service.instance.id");
            assert_eq!(instance["stringValue"], "opus");
            let scopes = resource["scopeSpans"].as_array().unwrap();
            assert_eq!(scopes[0]["scope"]["name"], "rivetos");
            spans.extend(scopes[0]["spans"].as_array().unwrap().iter().cloned());
        }
        spans
    }
}

fn attribute(of: &Value, key: &str) -> Value {
    let attributes = of["attributes"].as_array().unwrap();
    let found = attributes.iter().find(|attribute| attribute["key"] == key);
    found.map_or(Value::Null, |found| found["value"].clone())
}

fn nanos(span: &Value, key: &str) -> u64 {
    span[key].as_str().unwrap().parse().unwrap()
}

fn is_hex(id: &Value, digits: usize) -> bool {
    let id = id.as_str().unwrap();
    let hex = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    id.len() == digits && id.bytes().all(hex)
}

async fn order(bench: &Bench, text: &str) {
    within(bench.app.submit(message(text, text))).await.unwrap();
}

#[tokio::test]
async fn a_turn_is_a_trace_with_its_requests_and_calls() {
    let folder = tempfile::tempdir().unwrap();
    let kept = Arc::new(Kept::All(Mutex::default()));
    let bench = Bench::start_with(folder.path(), |parts| {
        parts.collector = Some(kept.clone());
        parts.redactor.learn(&Secret::from("canary-4711"));
    });
    bench.send("canary-4711", "hello canary-text").await;
    let busy = ModelError::Transient {
        message: "canary-reason".into(),
        retry_after_ms: Some(1),
    };
    bench.asked().await.send(Err(busy));
    let arguments = r#"{"text":"canary-argument"}"#;
    bench.asked().await.call("a", "look", arguments).done();
    bench.asked().await.say("canary-answer").done();
    bench.reply("canary-4711").await;
    bench.app.drain(Duration::ZERO).await;
    let spans = kept.spans();
    let text = serde_json::to_string(&spans).unwrap();
    assert!(!text.contains("canary"), "{text}");
    let named = |span: &Value| {
        let end = attribute(span, "rivetos.end")["stringValue"].clone();
        (span["name"].clone(), span["kind"].clone(), end)
    };
    let expected = [
        ("chat one", 3, "failed"),
        ("chat one", 3, "ok"),
        ("execute_tool look", 1, "ok"),
        ("chat one", 3, "ok"),
        ("turn", 1, "ok"),
    ];
    let expected = expected.map(|(name, kind, end)| (name.into(), kind.into(), end.into()));
    assert_eq!(spans.iter().map(named).collect::<Vec<_>>(), expected);
    assert_eq!(spans[0]["status"]["code"], 2);
    assert_eq!(
        attribute(&spans[1], "gen_ai.usage.input_tokens")["intValue"],
        "5"
    );
    let turn = &spans[4];
    assert_eq!(turn["parentSpanId"], Value::Null);
    assert_eq!(attribute(turn, "session.id")["stringValue"], "s");
    assert_eq!(
        attribute(turn, "rivetos.outcome")["stringValue"],
        "completed"
    );
    for span in &spans {
        assert!(
            is_hex(&span["traceId"], 32) && is_hex(&span["spanId"], 16),
            "{span:#}"
        );
        assert_eq!(span["traceId"], turn["traceId"]);
        let (start, end) = (
            nanos(span, "startTimeUnixNano"),
            nanos(span, "endTimeUnixNano"),
        );
        assert!(start >= nanos(turn, "startTimeUnixNano") && start <= end);
        assert!(end <= nanos(turn, "endTimeUnixNano"));
        if span != turn {
            assert_eq!(span["parentSpanId"], turn["spanId"]);
        }
    }
    let mut ids: Vec<_> = spans
        .iter()
        .map(|span| span["spanId"].to_string())
        .collect();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), spans.len(), "no two spans have one id");
}

#[tokio::test]
async fn a_turn_that_waited_is_one_trace_and_a_stopped_call_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let kept = Arc::new(Kept::All(Mutex::default()));
    let bench = Bench::start_with(folder.path(), |parts| parts.collector = Some(kept.clone()));
    bench.send("1", "send it").await;
    let mut stream = bench.watch("1").await;
    let asked = bench.asked().await;
    asked.call("a", "send", r#"{"text":"for ever"}"#).done();
    while !matches!(within(stream.next()).await, Some(TurnEvent::Asked { .. })) {}
    order(&bench, "/approve").await;
    while !matches!(
        within(stream.next()).await,
        Some(TurnEvent::ToolStart { .. })
    ) {}
    order(&bench, "/stop").await;
    bench.reply("1").await;
    bench.app.drain(Duration::ZERO).await;
    let spans = kept.spans();
    let outcomes = spans.iter().filter(|span| span["name"] == "turn");
    let outcomes = outcomes.map(|span| attribute(span, "rivetos.outcome")["stringValue"].clone());
    assert_eq!(outcomes.collect::<Vec<_>>(), ["parked", "interrupted"]);
    assert!(
        spans
            .iter()
            .all(|span| span["traceId"] == spans[0]["traceId"])
    );
    let call = spans
        .iter()
        .find(|span| span["name"] == "execute_tool send");
    let end = attribute(call.unwrap(), "rivetos.end");
    assert_eq!(end["stringValue"], "stopped");
}

#[tokio::test]
async fn no_turn_waits_for_a_collector_that_hangs_or_refuses() {
    for collector in [Kept::Hangs, Kept::Nothing] {
        let folder = tempfile::tempdir().unwrap();
        let refuses = matches!(collector, Kept::Nothing);
        let collector: Arc<dyn Collector> = Arc::new(collector);
        let bench = Bench::start_with(folder.path(), |parts| {
            parts.collector = Some(collector);
        });
        for id in ["1", "2", "3"] {
            bench.send(id, "hello").await;
            bench.asked().await.say("Hello.").done();
            assert_eq!(bench.reply(id).await.text, "Hello.");
        }
        bench.app.drain(Duration::ZERO).await;
        let text = bench.app.metrics().await;
        let lost = text.contains("rivetos_spans_lost_total 6\n");
        assert_eq!(lost, refuses, "{text}");
    }
}

#[tokio::test]
async fn what_a_collector_does_not_take_at_once_is_sent_again() {
    let folder = tempfile::tempdir().unwrap();
    let kept = Arc::new(Kept::Later(AtomicUsize::new(1), Mutex::default()));
    let bench = Bench::start_with(folder.path(), |parts| parts.collector = Some(kept.clone()));
    bench.send("1", "hello").await;
    bench.asked().await.say("Hello.").done();
    bench.reply("1").await;
    bench.app.drain(Duration::ZERO).await;
    let names: Vec<_> = kept
        .spans()
        .iter()
        .map(|span| span["name"].clone())
        .collect();
    assert_eq!(names, ["chat one", "turn"]);
    let text = bench.app.metrics().await;
    assert!(text.contains("rivetos_spans_lost_total 0\n"), "{text}");
}
