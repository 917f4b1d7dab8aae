//! Turns that wait for a person or for the next process, and what is said to running ones.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

#[expect(dead_code, reason = "the other tests use the rest")]
mod support;

use std::path::Path;
use std::time::Duration;

use futures_util::StreamExt;
use rivetos_protocol::AgentStatus;
use rivetos_types::intake::{Intake, IntakeError, Submitted, TurnEvent};
use rivetos_types::message::{Message, ToolStatus, TurnOutcome, text_of};
use rivetos_types::secret::Secret;
use support::{Bench, turn, within};

fn notes(folder: &Path) -> String {
    std::fs::read_to_string(folder.join("notes")).unwrap_or_default()
}

/// A turn that waits for a decision about `send`; the name of the call.
async fn parked(bench: &Bench) -> String {
    bench.send("1", "send it").await;
    let asked = bench.asked().await;
    asked.call("a", "send", r#"{"text":"dear all"}"#).done();
    question(bench).await
}

/// The name of the call that the turn waits for.
async fn question(bench: &Bench) -> String {
    let mut stream = bench.watch("1").await;
    loop {
        match within(stream.next()).await {
            Some(TurnEvent::Asked { approval }) => return approval.call.short().to_owned(),
            Some(TurnEvent::Finished { reply }) => panic!("{reply:?}"),
            Some(_) => {}
            None => panic!("the stream ended"),
        }
    }
}

async fn order(bench: &Bench, text: &str) -> String {
    match bench.send("order", text).await {
        Submitted::Command(answer) => answer,
        Submitted::Turn(turn) => panic!("{text} became {turn}"),
    }
}

#[tokio::test]
async fn an_allowed_call_runs_once() {
    let folder = tempfile::tempdir().unwrap();
    let bench = Bench::start(folder.path());
    let call = parked(&bench).await;
    assert_eq!(notes(folder.path()), "");
    let which = order(&bench, "/approve 00000000").await;
    assert!(
        which.contains(&call) && which.contains("dear all"),
        "{which}"
    );
    assert_eq!(
        order(&bench, "/approve").await,
        format!("It runs: `send` ({call}).")
    );
    let asked = bench.asked().await;
    let Some(Message::Tool(result)) = asked.request.messages.last() else {
        panic!("{:?}", asked.request.messages)
    };
    assert_eq!(result.status, ToolStatus::Ok);
    asked.say("Sent.").done();
    assert_eq!(bench.reply("1").await.text, "Sent.");
    assert_eq!(notes(folder.path()), "dear all\n");
    let late = order(&bench, "/deny").await;
    assert_eq!(late, "No tool call waits for a decision.");
}

#[tokio::test]
async fn a_question_tells_no_secret_and_the_call_has_it() {
    let folder = tempfile::tempdir().unwrap();
    let bench = Bench::start_with(folder.path(), |parts| {
        parts.redactor.learn(&Secret::from("canary-4711"));
    });
    bench.send("1", "send it").await;
    let mut stream = bench.watch("1").await;
    let asked = bench.asked().await;
    let arguments = r#"{"text":"the key is canary-4711"}"#;
    asked.call("a", "send", arguments).done();
    let approval = loop {
        if let TurnEvent::Asked { approval } = within(stream.next()).await.unwrap() {
            break approval;
        }
    };
    let shown = r#"{"text":"the key is [redacted: secret of this agent]"}"#;
    assert_eq!(approval.arguments, shown);
    let which = order(&bench, "/approve 00000000").await;
    assert!(which.ends_with(shown), "{which}");
    order(&bench, "/approve").await;
    bench.asked().await.say("Sent.").done();
    bench.reply("1").await;
    assert_eq!(notes(folder.path()), "the key is canary-4711\n");
}

#[tokio::test]
async fn a_denied_call_does_not_run_and_the_model_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let bench = Bench::start(folder.path());
    let call = parked(&bench).await;
    order(&bench, &format!("/deny {call}")).await;
    let asked = bench.asked().await;
    let Some(Message::Tool(result)) = asked.request.messages.last() else {
        panic!("{:?}", asked.request.messages)
    };
    assert_eq!(result.status, ToolStatus::Denied);
    asked.say("As you wish.").done();
    assert_eq!(bench.reply("1").await.outcome, TurnOutcome::Completed);
    assert_eq!(notes(folder.path()), "");
}

#[tokio::test]
async fn a_question_survives_restarts() {
    let folder = tempfile::tempdir().unwrap();
    let bench = Bench::start(folder.path());
    let call = parked(&bench).await;
    bench.crash().await;

    let bench = Bench::start(folder.path());
    let answer = order(&bench, &format!("/approve {call}")).await;
    assert!(answer.starts_with("It runs"), "{answer}");
    bench.asked().await.say("Sent.").done();
    assert_eq!(bench.reply("1").await.text, "Sent.");
    assert_eq!(notes(folder.path()), "dear all\n");
}

#[tokio::test]
async fn a_turn_that_waits_can_be_stopped() {
    let folder = tempfile::tempdir().unwrap();
    let bench = Bench::start(folder.path());
    parked(&bench).await;
    assert_eq!(order(&bench, "/stop").await, "Stopped.");
    assert_eq!(bench.reply("1").await.outcome, TurnOutcome::Interrupted);
    assert_eq!(notes(folder.path()), "");
}

#[tokio::test]
async fn what_is_said_to_a_running_turn_is_in_its_next_request() {
    let folder = tempfile::tempdir().unwrap();
    let bench = Bench::start(folder.path());
    assert_eq!(
        order(&bench, "/steer hurry").await,
        "Nothing is running. Just say it."
    );
    bench.send("1", "count").await;
    let asked = bench.asked().await;
    let answer = order(&bench, "/steer only to three").await;
    assert_eq!(answer, "It will be read with the next step.");
    asked.say("One, two").done();
    let asked = bench.asked().await;
    let Some(Message::User { content }) = asked.request.messages.last() else {
        panic!("{:?}", asked.request.messages)
    };
    assert_eq!(text_of(content), "only to three");
    asked.say("Three.").done();
    assert_eq!(bench.reply("1").await.text, "One, two\n\nThree.");
}

#[tokio::test]
async fn a_drain_hands_a_turn_over_between_two_steps() {
    let folder = tempfile::tempdir().unwrap();
    let bench = Bench::start(folder.path());
    bench.send("1", "look").await;
    let mut stream = bench.watch("1").await;
    let asked = bench.asked().await;
    let app = bench.app.clone();
    let draining = tokio::spawn(async move { app.drain(Duration::from_secs(20)).await });
    while bench.app.health().await.status != AgentStatus::Draining {
        tokio::task::yield_now().await;
    }
    let late = bench.app.submit(support::message("2", "hi")).await;
    assert_eq!(late, Err(IntakeError::Draining));
    asked.call("a", "look", r#"{"text":"here"}"#).done();
    within(draining).await.unwrap();
    while let Some(event) = within(stream.next()).await {
        assert!(!matches!(event, TurnEvent::Finished { .. }), "{event:?}");
    }

    // The old process is still there: its lease does not keep the next one waiting.
    let next = Bench::start(folder.path());
    let asked = next.asked().await;
    assert_eq!(asked.request.messages.len(), 3, "message, call and result");
    asked.say("Seen.").done();
    assert_eq!(next.reply("1").await.text, "Seen.");
    drop(bench);
}

#[tokio::test]
async fn two_processes_on_one_store_share_the_work_and_the_news() {
    let folder = tempfile::tempdir().unwrap();
    let (one, two) = (Bench::start(folder.path()), Bench::start(folder.path()));
    // Which of them works on it is nobody's business.
    one.send("1", "first").await;
    let asked = tokio::select! {
        asked = one.asked() => asked,
        asked = two.asked() => asked,
    };
    asked.say("Here.").done();
    assert_eq!(one.reply("1").await.text, "Here.");
    assert_eq!(two.reply("1").await.text, "Here.");
    assert!(two.app.attach(turn("1")).await.is_some());
}
