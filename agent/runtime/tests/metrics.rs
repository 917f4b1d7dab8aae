//! Every metric is in the reference, and every row of it is moved by what it is about.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

#[path = "support/chat.rs"]
#[expect(dead_code, reason = "the other tests use the rest")]
mod chat;
#[expect(dead_code, reason = "the other tests use the rest")]
mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use chat::Chat;
use futures_util::StreamExt;
use rivetos_runtime::{AuditBounds, AuditLog, Collector, CollectorError};
use rivetos_types::BoxFuture;
use rivetos_types::id::ChannelId;
use rivetos_types::intake::{Intake, TurnEvent};
use rivetos_types::message::{InboundMessage, TokenUsage};
use rivetos_types::model::{ModelError, StopReason, StreamEvent};
use rusqlite::Connection;
use support::{Bench, message, within};

/// The rows of the text form by their names and labels, without buckets.
type Rows = BTreeMap<String, f64>;

async fn rows(bench: &Bench) -> Rows {
    let text = bench.app.metrics().await;
    let rows = text.lines().filter(|line| !line.starts_with('#'));
    let rows = rows.filter_map(|line| line.rsplit_once(' '));
    let rows = rows.filter(|(name, _)| !name.contains("_bucket{"));
    rows.map(|(name, value)| (name.to_owned(), value.parse().unwrap()))
        .collect()
}

/// What has moved since the start.
async fn moved(bench: &Bench) -> Rows {
    let mut rows = rows(bench).await;
    rows.retain(|_, value| *value != 0.0);
    rows
}

/// Returns once the row has this value.
async fn reaches(bench: &Bench, row: &str, value: f64) {
    within(async {
        while rows(bench).await.get(row) != Some(&value) {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

fn expect(rows: &Rows, expected: &[(&str, f64)]) {
    for (row, value) in expected {
        assert_eq!(rows.get(*row), Some(value), "{row} in {rows:#?}");
    }
}

fn store(folder: &Path) -> Connection {
    Connection::open(folder.join("store.db")).unwrap()
}

async fn order(bench: &Bench, text: &str) {
    within(bench.app.submit(message(text, text))).await.unwrap();
}

async fn a_turn_with_a_tool() -> Rows {
    let folder = tempfile::tempdir().unwrap();
    let bench = Bench::start_with(folder.path(), |parts| {
        parts.prices =
            serde_json::from_str(r#"{"one": {"input": 1, "output": 10, "cache_read": 0.5}}"#)
                .unwrap();
    });
    bench.send("1", "note it").await;
    let asked = bench.asked().await;
    bench.send("2", "and then").await;
    let during = rows(&bench).await;
    let turns = [("rivetos_open_turns", 2.0), ("rivetos_queued_turns", 1.0)];
    expect(&during, &turns);
    asked.call("a", "note", r#"{"text":"x"}"#);
    asked.call("b", "note", "{broken").done();
    let asked = bench.asked().await;
    let usage = TokenUsage {
        input: 100,
        output: 2,
        cache_read: 60,
        cache_write: 10,
        reasoning: 1,
    };
    let stop = StopReason::End;
    asked
        .say("Noted.")
        .send(Ok(StreamEvent::Done { stop, usage }));
    bench.reply("1").await;
    bench.asked().await.say("Yes.").done();
    bench.reply("2").await;
    let after = moved(&bench).await;
    expect(
        &after,
        &[
            ("rivetos_turns_total{outcome=\"completed\"}", 2.0),
            ("rivetos_turn_duration_seconds_count", 2.0),
            ("rivetos_steps_total", 3.0),
            ("rivetos_model_first_byte_seconds_count", 3.0),
            ("rivetos_tokens_total{direction=\"input\"}", 110.0),
            ("rivetos_tokens_total{direction=\"output\"}", 8.0),
            ("rivetos_tokens_total{direction=\"cache_read\"}", 60.0),
            ("rivetos_tokens_total{direction=\"cache_write\"}", 10.0),
            // 5 + 30 twice, and 30 + 10 + 20 + 30 in between.
            ("rivetos_cost_usd_total", 0.000_160),
            ("rivetos_tool_calls_total{status=\"ok\"}", 1.0),
            ("rivetos_tool_calls_total{status=\"error\"}", 1.0),
            ("rivetos_tool_duration_seconds_count", 2.0),
        ],
    );
    after.into_iter().chain(during).collect()
}

async fn turns_that_end_early() -> Rows {
    let folder = tempfile::tempdir().unwrap();
    let bench = Bench::start_with(folder.path(), |parts| parts.limits.steps_max = 2);
    bench.send("1", "wait").await;
    bench.asked().await;
    order(&bench, "/stop").await;
    bench.reply("1").await;
    bench.send("2", "work").await;
    for call in ["a", "b"] {
        let asked = bench.asked().await;
        asked.call(call, "look", r#"{"text":"x"}"#).done();
    }
    bench.reply("2").await;
    bench.send("3", "fail").await;
    let again = ModelError::Transient {
        message: "busy".into(),
        retry_after_ms: Some(1),
    };
    bench.asked().await.send(Err(again));
    let fatal = ModelError::Fatal {
        status: Some(401),
        message: "wrong key".into(),
    };
    bench.asked().await.send(Err(fatal));
    bench.reply("3").await;
    let after = moved(&bench).await;
    expect(
        &after,
        &[
            ("rivetos_turns_total{outcome=\"interrupted\"}", 1.0),
            ("rivetos_turns_total{outcome=\"limit_reached\"}", 1.0),
            ("rivetos_turns_total{outcome=\"failed\"}", 1.0),
            ("rivetos_model_retries_total", 1.0),
            ("rivetos_errors_total{part=\"model\"}", 2.0),
        ],
    );
    after
}

async fn a_full_window() -> Rows {
    let folder = tempfile::tempdir().unwrap();
    let bench = Bench::start(folder.path());
    let too_long = || ModelError::TooLong {
        message: "too long".into(),
    };
    for (id, summary) in [("1", Some("What was said.")), ("2", None)] {
        let earlier = format!("before {id}");
        bench.send(&earlier, "hello").await;
        bench.asked().await.say("Hello.").done();
        bench.reply(&earlier).await;
        bench.send(id, "more").await;
        bench.asked().await.send(Err(too_long()));
        let asked = bench.asked().await;
        match summary {
            Some(summary) => asked.say(summary).done(),
            None => drop(asked.send(Err(too_long()))),
        }
        bench.asked().await.say("Well.").done();
        bench.reply(id).await;
    }
    let after = moved(&bench).await;
    expect(
        &after,
        &[
            ("rivetos_compactions_total{result=\"summary\"}", 1.0),
            ("rivetos_compactions_total{result=\"nothing\"}", 1.0),
        ],
    );
    after
}

/// A turn that asks whether it may `send`.
async fn asks(bench: &Bench, id: &str) {
    bench.send(id, "send it").await;
    let mut stream = bench.watch(id).await;
    let asked = bench.asked().await;
    asked.call("a", "send", r#"{"text":"dear all"}"#).done();
    while !matches!(within(stream.next()).await, Some(TurnEvent::Asked { .. })) {}
}

async fn questions() -> Rows {
    let folder = tempfile::tempdir().unwrap();
    let bench = Bench::start(folder.path());
    for (id, word) in [("1", "/approve"), ("2", "/deny")] {
        asks(&bench, id).await;
        order(&bench, word).await;
        bench.asked().await.say("So be it.").done();
        bench.reply(id).await;
    }
    asks(&bench, "3").await;
    reaches(&bench, "rivetos_parked_turns", 1.0).await;
    expect(&rows(&bench).await, &[("rivetos_queued_turns", 0.0)]);
    order(&bench, "/stop").await;
    bench.reply("3").await;
    reaches(&bench, "rivetos_parked_turns", 0.0).await;
    asks(&bench, "4").await;
    reaches(&bench, "rivetos_parked_turns", 1.0).await;
    let during = moved(&bench).await;
    let hours_later = "UPDATE approval SET expires_at = 1; UPDATE session SET lease_until = 1";
    store(folder.path()).execute_batch(hours_later).unwrap();
    bench.asked().await.say("Nobody said a word.").done();
    bench.reply("4").await;
    let after = moved(&bench).await;
    let outcome = |outcome| format!("rivetos_approvals_total{{outcome=\"{outcome}\"}}");
    for name in ["approved", "denied", "stopped", "expired"] {
        expect(&after, &[(&outcome(name), 1.0)]);
    }
    after.into_iter().chain(during).collect()
}

async fn replies_that_do_not_arrive() -> Rows {
    let folder = tempfile::tempdir().unwrap();
    let chat = Chat::new(100, Vec::new());
    let bench = Bench::with(folder.path(), vec![chat]);
    let nowhere = InboundMessage {
        channel: ChannelId::from("chat"),
        ..message("1", "hello")
    };
    within(bench.app.submit(nowhere)).await.unwrap();
    bench.asked().await.say("Hello.").done();
    reaches(&bench, "rivetos_dead_letters", 1.0).await;
    bench.send("2", "hello").await;
    bench.asked().await.say("Hello.").done();
    bench.reply("2").await;
    reaches(&bench, "rivetos_waiting_replies", 1.0).await;
    let during = moved(&bench).await;
    let hours_later = "UPDATE outbox SET expires_at = 1";
    store(folder.path()).execute_batch(hours_later).unwrap();
    tokio::time::pause();
    tokio::time::advance(Duration::from_mins(1)).await;
    tokio::time::resume();
    reaches(&bench, "rivetos_undelivered_replies_total", 2.0).await;
    reaches(&bench, "rivetos_waiting_replies", 0.0).await;
    moved(&bench).await.into_iter().chain(during).collect()
}

struct Refuses;

impl Collector for Refuses {
    fn take(&self, _: Vec<u8>) -> BoxFuture<'_, Result<(), CollectorError>> {
        Box::pin(std::future::ready(Err(CollectorError::Refused(
            "full".into(),
        ))))
    }
}

async fn a_store_a_log_and_a_collector_that_fail() -> Rows {
    let folder = tempfile::tempdir().unwrap();
    let audit = folder.path().join("log");
    let bounds = AuditBounds {
        file_bytes_max: 1,
        ..AuditBounds::default()
    };
    let bench = Bench::start_with(folder.path(), |parts| {
        parts.audit = AuditLog::open(&audit, bounds).unwrap();
        parts.collector = Some(Arc::new(Refuses));
    });
    bench.send("0", "hello").await;
    bench.asked().await.say("Hello.").done();
    bench.reply("0").await;
    reaches(&bench, "rivetos_spans_lost_total", 2.0).await;
    order(&bench, "/tools").await;
    std::fs::remove_dir_all(&audit).unwrap();
    std::fs::write(&audit, "in the way").unwrap();
    order(&bench, "/tools").await;
    reaches(&bench, "rivetos_audit_lost_total", 1.0).await;
    let broken = "ALTER TABLE inbox RENAME TO elsewhere";
    store(folder.path()).execute_batch(broken).unwrap();
    let refused = within(bench.app.submit(message("1", "hello"))).await;
    assert!(refused.is_err(), "{refused:?}");
    let after = moved(&bench).await;
    let errors = after.get("rivetos_errors_total{part=\"store\"}");
    assert!(errors.is_some_and(|errors| *errors >= 1.0), "{after:#?}");
    after
}

#[tokio::test]
async fn every_metric_is_listed_and_moves() {
    let mut moved: BTreeSet<String> = BTreeSet::new();
    moved.extend(a_turn_with_a_tool().await.into_keys());
    moved.extend(turns_that_end_early().await.into_keys());
    moved.extend(a_full_window().await.into_keys());
    moved.extend(questions().await.into_keys());
    moved.extend(replies_that_do_not_arrive().await.into_keys());
    moved.extend(a_store_a_log_and_a_collector_that_fail().await.into_keys());

    let folder = tempfile::tempdir().unwrap();
    let bench = Bench::start(folder.path());
    let all: BTreeSet<_> = rows(&bench).await.into_keys().collect();
    let still: Vec<_> = all.difference(&moved).collect();
    assert!(still.is_empty(), "nothing moves {still:?}");

    let reference = include_str!("../../../docs/reference/metrics.md");
    let listed = reference.lines().filter_map(|line| {
        let (name, _) = line.strip_prefix("| `")?.split_once('`')?;
        Some(name)
    });
    for name in listed {
        let by_something = moved.iter().any(|row| row.starts_with(name));
        assert!(by_something, "nothing moves {name}");
    }
}

#[tokio::test]
async fn json_tells_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let bench = Bench::start(folder.path());
    bench.send("1", "hello").await;
    bench.asked().await.say("Hello.").done();
    bench.reply("1").await;
    let told = bench.app.metrics_json().await;
    let turns = &told["rivetos_turns_total"];
    assert_eq!(turns["kind"], "counter");
    assert_eq!(turns["values"][0]["labels"]["outcome"], "completed");
    assert_eq!(turns["values"][0]["value"], 1);
    let time = &told["rivetos_turn_duration_seconds"];
    assert_eq!(
        (&time["kind"], &time["count"]),
        (&"histogram".into(), &1.into())
    );
    let last = time["buckets"].as_array().unwrap().last().unwrap();
    assert_eq!(
        (&last["up_to_seconds"], &last["count"]),
        (&1800.0.into(), &1.into())
    );
    let text = bench.app.metrics().await;
    let names = text.lines().filter_map(|line| line.strip_prefix("# TYPE "));
    let names: BTreeSet<_> = names.filter_map(|line| line.split(' ').next()).collect();
    let fields = told.as_object().unwrap().keys();
    assert_eq!(fields.map(String::as_str).collect::<BTreeSet<_>>(), names);
}
