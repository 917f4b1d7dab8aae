//! What is written of what was done, and of what was not allowed.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

#[expect(dead_code, reason = "the other tests use the rest")]
mod support;

use std::ffi::OsString;
use std::fs::OpenOptions;
use std::io::{BufRead, BufReader, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, SystemTime};

use flate2::read::GzDecoder;
use futures_util::StreamExt;
use rivetos_core::turn::Policy;
use rivetos_protocol::AgentStatus;
use rivetos_runtime::{AuditBounds, AuditLog};
use rivetos_types::intake::{Intake, Submitted, TurnEvent};
use rivetos_types::message::{Authority, InboundMessage};
use rivetos_types::model::ModelError;
use rivetos_types::secret::Secret;
use serde_json::Value;
use support::{Bench, message, within};

/// All lines, in the order of the files' names.
fn lines(folder: &Path) -> Vec<Value> {
    let files = std::fs::read_dir(folder).unwrap();
    let mut files: Vec<_> = files.map(|file| file.unwrap().path()).collect();
    files.sort();
    let texts = files
        .iter()
        .map(|path| std::fs::read_to_string(path).unwrap());
    let text: String = texts.collect();
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

/// The entries of one kind once everything is written.
async fn entries(bench: &Bench, folder: &Path, event: &str) -> Vec<Value> {
    bench.app.drain(Duration::ZERO).await;
    let mut lines = lines(&folder.join("audit"));
    lines.retain(|line| line["event"] == event);
    lines
}

async fn order(bench: &Bench, text: &str) {
    let done = within(bench.app.submit(message(text, text))).await.unwrap();
    assert!(matches!(done, Submitted::Command(_)), "{done:?}");
}

#[tokio::test]
async fn a_call_is_there_with_its_arguments_and_without_secrets() {
    let folder = tempfile::tempdir().unwrap();
    let bench = Bench::start_with(folder.path(), |parts| {
        parts.redactor.learn(&Secret::from("canary-4711"));
    });
    bench.send("1", "note it").await;
    let long = "x".repeat(2000);
    let arguments = format!(r#"{{"text":"canary-4711 {long}","apiKey":"k"}}"#);
    let asked = bench.asked().await;
    asked.call("a", "note", &arguments).done();
    bench.asked().await.say("Done.").done();
    bench.reply("1").await;
    let started = entries(&bench, folder.path(), "tool_started").await;
    let [started] = started.as_slice() else {
        panic!("{started:?}")
    };
    assert_eq!(started["tool"], "note");
    assert_eq!(started["agent"], "opus");
    assert_eq!(started["session"], "s");
    assert_eq!(started["turn"], "http/1");
    assert_eq!(started["arguments"]["apiKey"], "[redacted: by its name]");
    let text = started["arguments"]["text"].as_str().unwrap();
    assert!(text.starts_with("[redacted: secret of this agent] xxx"));
    assert!(text.len() < 600 && text.ends_with('…'));
    let ended = entries(&bench, folder.path(), "tool_ended").await;
    assert_eq!(ended[0]["is_error"], false);
    assert!(ended[0]["duration_ms"].is_u64());
    let audit = folder.path().join("audit");
    let file = std::fs::read_dir(audit).unwrap().next().unwrap().unwrap();
    assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600);
}

#[tokio::test]
async fn what_did_not_run_is_there_too() {
    let folder = tempfile::tempdir().unwrap();
    let bench = Bench::start_with(folder.path(), |parts| {
        parts.policies.insert("note".to_owned(), Policy::Deny);
        parts.limits.step_calls_max = 2;
    });
    bench.send("1", "do it").await;
    let mut stream = bench.watch("1").await;
    let asked = bench.asked().await;
    let arguments = r#"{"text":"x"}"#;
    for (id, tool) in [("a", "note"), ("b", "send"), ("c", "look")] {
        asked.call(id, tool, arguments);
    }
    asked.done();
    while !matches!(within(stream.next()).await, Some(TurnEvent::Asked { .. })) {}
    order(&bench, "/deny").await;
    bench.asked().await.say("Then not.").done();
    bench.reply("1").await;
    let denied = entries(&bench, folder.path(), "tool_denied").await;
    let said = |entry: &Value| (entry["tool"].clone(), entry["decision"].clone());
    let said: Vec<_> = denied.iter().map(said).collect();
    let expected = [("note", "policy"), ("look", "limit"), ("send", "denied")];
    assert_eq!(said, expected.map(|(tool, why)| (tool.into(), why.into())));
    assert_eq!(denied[2]["by"], "operator");
    let asked = entries(&bench, folder.path(), "approval_asked").await;
    assert_eq!(asked[0]["arguments"]["text"], "x");
    let decided = entries(&bench, folder.path(), "approval_decided").await;
    assert_eq!(decided[0]["by"], "operator");
    assert_eq!(decided[0]["decision"], "denied");
    let commands = entries(&bench, folder.path(), "command").await;
    assert_eq!(commands[0]["reason"], "/deny");
}

#[tokio::test]
async fn a_stopped_call_and_a_refused_request_are_there() {
    let folder = tempfile::tempdir().unwrap();
    let bench = Bench::start(folder.path());
    bench.send("1", "wait").await;
    let mut stream = bench.watch("1").await;
    let asked = bench.asked().await;
    asked.call("a", "look", r#"{"text":"for ever"}"#).done();
    let started = |event: &Option<TurnEvent>| matches!(event, Some(TurnEvent::ToolStart { .. }));
    while !started(&within(stream.next()).await) {}
    order(&bench, "/stop").await;
    order(&bench, "/status").await;
    bench.reply("1").await;
    let ended = entries(&bench, folder.path(), "tool_ended").await;
    assert_eq!(ended[0]["is_error"], true);
    let reason = "stopped while it ran; its effect is unknown";
    assert_eq!(ended[0]["reason"], reason);
    let commands = entries(&bench, folder.path(), "command").await;
    assert_eq!(commands.len(), 1, "/status changes nothing: {commands:?}");

    let folder = tempfile::tempdir().unwrap();
    let bench = Bench::start_with(folder.path(), |parts| {
        parts.budget.day_micro_usd = Some(0);
    });
    bench.send("1", "hello").await;
    bench.reply("1").await;
    let refused = entries(&bench, folder.path(), "budget_refused").await;
    assert!(refused[0]["reason"].as_str().unwrap().contains("may spend"));
}

#[tokio::test]
async fn a_question_that_nobody_answers_and_a_summary_are_there() {
    let folder = tempfile::tempdir().unwrap();
    let bench = Bench::start(folder.path());
    bench.send("1", "send it").await;
    let mut stream = bench.watch("1").await;
    let asked = bench.asked().await;
    asked.call("a", "send", r#"{"text":"x"}"#).done();
    while !matches!(within(stream.next()).await, Some(TurnEvent::Asked { .. })) {}
    let hours_later = "UPDATE approval SET expires_at = 1; UPDATE session SET lease_until = 1";
    let db = rusqlite::Connection::open(folder.path().join("store.db")).unwrap();
    db.execute_batch(hours_later).unwrap();
    bench.asked().await.say("Nobody said a word.").done();
    bench.reply("1").await;
    bench.send("2", "more").await;
    let stream = bench.watch("2").await;
    let message = "too long".to_owned();
    let too_long = ModelError::TooLong { message };
    bench.asked().await.send(Err(too_long));
    bench.asked().await.say("What was said.").done();
    bench.asked().await.say("Well.").done();
    let events: Vec<_> = within(stream.collect()).await;
    let denied = entries(&bench, folder.path(), "tool_denied").await;
    assert_eq!(denied[0]["decision"], "expired");
    assert_eq!(denied[0]["by"], Value::Null, "nobody decided");
    let told = events.iter().filter_map(|event| match event {
        TurnEvent::Status { text } => Some(text.as_str()),
        _ => None,
    });
    let expected = [
        "compact:before: summarising 4 messages",
        "compact:after: 4 messages became a summary",
    ];
    assert_eq!(told.collect::<Vec<_>>(), expected);
    for words in expected {
        let (name, reason) = words.split_once(": ").unwrap();
        let noted = entries(&bench, folder.path(), name).await;
        let [noted] = noted.as_slice() else {
            panic!("{noted:?}")
        };
        assert_eq!(noted["reason"], reason);
        assert_eq!(noted["turn"], "http/2");
    }
}

#[tokio::test]
async fn old_files_go_and_others_stay() {
    let folder = tempfile::tempdir().unwrap();
    let audit = folder.path().join("audit");
    std::fs::create_dir(&audit).unwrap();
    for name in ["2020-01-01.jsonl", "2020-01-01.p001.jsonl", "notes.jsonl"] {
        std::fs::write(audit.join(name), "{}\n").unwrap();
    }
    let bounds = AuditBounds {
        file_bytes_max: 1,
        days_max: 90,
        bytes_max: 1000,
    };
    let bench = Bench::start_with(folder.path(), |parts| {
        parts.audit = AuditLog::open(&audit, bounds).unwrap();
    });
    for _ in 0..20 {
        order(&bench, "/tools").await;
    }
    bench.app.drain(Duration::ZERO).await;
    let names = std::fs::read_dir(&audit).unwrap();
    let names: Vec<_> = names.map(|file| file.unwrap().file_name()).collect();
    assert!(names.iter().any(|name| name == "notes.jsonl"), "{names:?}");
    assert!(!names.iter().any(|name| name == "2020-01-01.jsonl"));
    assert!(!names.iter().any(|name| name == "2020-01-01.p001.jsonl"));
    assert!((3..20).contains(&names.len()), "{names:?}");
    let (kept, mut order) = (lines(&audit), String::new());
    for line in kept.iter().filter_map(|line| line["timestamp"].as_str()) {
        assert!(order.as_str() <= line, "{kept:?}");
        line.clone_into(&mut order);
    }
}

fn gunzip(path: &Path) -> String {
    let mut text = String::new();
    let file = std::fs::File::open(path).unwrap();
    GzDecoder::new(file).read_to_string(&mut text).unwrap();
    text
}

async fn until(is_it: impl Fn() -> bool) {
    within(async {
        while !is_it() {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

#[tokio::test]
async fn days_that_are_over_are_compressed() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let bounds = AuditBounds {
        days_max: 1_000_000,
        ..AuditBounds::default()
    };
    let days = ["2020-01-01", "2020-01-01.p001", "2020-01-02", "2020-01-03"];
    for day in days {
        let line = format!("{{\"of\":\"{day}\"}}\n");
        std::fs::write(path(&format!("{day}.jsonl")), line.repeat(1000)).unwrap();
    }
    let busy = std::fs::File::create(path("2020-01-02.jsonl.gz.part")).unwrap();
    let packed = |day: &str| !path(&format!("{day}.jsonl")).exists();
    AuditLog::open(folder.path(), bounds).unwrap();
    until(|| packed("2020-01-03")).await;
    for day in ["2020-01-01", "2020-01-01.p001"] {
        assert!(packed(day), "{day}");
        let gz = path(&format!("{day}.jsonl.gz"));
        let line = format!("{{\"of\":\"{day}\"}}\n");
        assert_eq!(gunzip(&gz), line.repeat(1000));
        let metadata = gz.metadata().unwrap();
        assert!(metadata.len() < 1000, "{metadata:?}");
        assert_eq!(metadata.permissions().mode() & 0o777, 0o600);
    }
    assert!(!packed("2020-01-02"), "somebody else is at it");

    let long_ago = SystemTime::now() - Duration::from_hours(2);
    busy.set_modified(long_ago).unwrap();
    AuditLog::open(folder.path(), bounds).unwrap();
    until(|| !path("2020-01-02.jsonl.gz.part").exists()).await;
    AuditLog::open(folder.path(), bounds).unwrap();
    until(|| packed("2020-01-02")).await;
    let files = std::fs::read_dir(folder.path()).unwrap();
    let paths = files.map(|file| file.unwrap().path());
    let plain: Vec<_> = paths
        .filter(|path| path.extension().is_some_and(|end| end == "jsonl"))
        .collect();
    assert_eq!(plain.len(), 1, "only today's: {plain:?}");

    let bounds = AuditBounds {
        days_max: 90,
        ..bounds
    };
    AuditLog::open(folder.path(), bounds).unwrap();
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[tokio::test]
async fn what_only_the_owner_may_order_is_there_when_somebody_else_tries() {
    let folder = tempfile::tempdir().unwrap();
    let bench = Bench::start(folder.path());
    for text in ["/approve 3f9a", "/help", "/dance"] {
        let guest = InboundMessage {
            from: "guest".into(),
            authority: Authority::Guest,
            ..message(text, text)
        };
        let answer = within(bench.app.submit(guest)).await.unwrap();
        assert!(matches!(answer, Submitted::Command(_)), "{answer:?}");
    }
    let refused = entries(&bench, folder.path(), "command_refused").await;
    let [refused] = refused.as_slice() else {
        panic!("{refused:?}")
    };
    assert_eq!(refused["by"], "guest");
    assert_eq!(refused["reason"], "/approve 3f9a");
    assert_eq!(refused["session"], "s");
}

/// The name of the file that entries of now go to.
fn name_of_today() -> OsString {
    let folder = tempfile::tempdir().unwrap();
    AuditLog::open(folder.path(), AuditBounds::default()).unwrap();
    let mut files = std::fs::read_dir(folder.path()).unwrap();
    files.next().unwrap().unwrap().file_name()
}

#[tokio::test]
async fn what_a_full_queue_cannot_take_is_counted_and_told() {
    let folder = tempfile::tempdir().unwrap();
    let audit = folder.path().join("slow");
    std::fs::create_dir(&audit).unwrap();
    // A disk that takes nothing more: the other end of a pipe reads when the test does.
    let file = audit.join(name_of_today());
    let made = Command::new("mkfifo").arg(&file).status().unwrap();
    assert!(made.success());
    let mut options = OpenOptions::new();
    let mut pipe = options.read(true).write(true).open(&file).unwrap();
    let bench = Bench::start_with(folder.path(), |parts| {
        parts.audit = AuditLog::open(&audit, AuditBounds::default()).unwrap();
    });
    bench.app.listening();
    let order_text = format!("/steer {}", "x".repeat(400));
    let mut orders = 0_u64;
    let lost = within(async {
        loop {
            order(&bench, &order_text).await;
            orders += 1;
            let health = bench.app.health().await;
            if health.status == AgentStatus::Degraded {
                break health.reason;
            }
        }
    });
    assert_eq!(lost.await, "the queue of the audit log is full");
    assert!(orders > 1024, "{orders}");
    order(&bench, &order_text).await;
    let text = bench.app.metrics().await;
    assert!(text.contains("rivetos_audit_lost_total 2\n"), "{text}");

    let ending = format!("/steer {}", "y".repeat(400));
    let reader = std::thread::spawn(move || {
        let mut lines = 0;
        let mut buffered = BufReader::new(&mut pipe).lines();
        while !buffered.next().unwrap().unwrap().contains("yyy") {
            lines += 1;
        }
        lines
    });
    until_ready(&bench).await;
    order(&bench, &ending).await;
    assert_eq!(
        reader.join().unwrap(),
        orders - 1,
        "all but what was counted"
    );
}

async fn until_ready(bench: &Bench) {
    within(async {
        while bench.app.health().await.status != AgentStatus::Ready {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

#[tokio::test]
async fn a_log_that_cannot_be_written_is_no_secret() {
    let folder = tempfile::tempdir().unwrap();
    let audit = folder.path().join("audit");
    let bounds = AuditBounds {
        file_bytes_max: 1,
        ..AuditBounds::default()
    };
    let bench = Bench::start_with(folder.path(), |parts| {
        parts.audit = AuditLog::open(&audit, bounds).unwrap();
    });
    bench.app.listening();
    order(&bench, "/tools").await;
    let until = async |status: AgentStatus| {
        while bench.app.health().await.status != status {
            tokio::task::yield_now().await;
        }
    };
    within(until(AgentStatus::Ready)).await;
    std::fs::remove_dir_all(&audit).unwrap();
    std::fs::write(&audit, "in the way").unwrap();
    order(&bench, "/tools").await;
    order(&bench, "/tools").await;
    within(until(AgentStatus::Degraded)).await;
    let reason = bench.app.health().await.reason;
    assert!(reason.contains("audit log cannot be written"), "{reason}");
    let metrics = bench.app.metrics().await;
    assert!(!metrics.contains("rivetos_audit_lost_total 0"), "{metrics}");
    std::fs::remove_file(&audit).unwrap();
    std::fs::create_dir(&audit).unwrap();
    order(&bench, "/tools").await;
    within(until(AgentStatus::Ready)).await;
}

#[tokio::test]
async fn a_compaction_that_is_stopped_is_over_too() {
    let folder = tempfile::tempdir().unwrap();
    let bench = Bench::start(folder.path());
    bench.send("1", "hello").await;
    bench.asked().await.say("Hello.").done();
    bench.reply("1").await;
    bench.send("2", "more").await;
    let message = "too long".to_owned();
    let too_long = ModelError::TooLong { message };
    bench.asked().await.send(Err(too_long));
    let summary = bench.asked().await;
    order(&bench, "/stop").await;
    within(summary.dropped()).await;
    bench.reply("2").await;
    let after = entries(&bench, folder.path(), "compact:after").await;
    let reason = &after[0]["reason"];
    assert_eq!(reason, "2 messages stay: the turn was ended");
}
