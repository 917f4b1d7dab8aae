//! Another model answers when the agent's own cannot.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

#[expect(dead_code, reason = "the other tests use the rest")]
mod support;

use rivetos_types::intake::{Followed, Intake, Submitted, TurnEvent};
use rivetos_types::message::{OutboundMessage, TurnOutcome};
use rivetos_types::model::ModelError;
use support::{Bench, Piece};

fn transient(retry_after_ms: u64) -> Piece {
    Err(ModelError::Transient {
        message: "busy".into(),
        retry_after_ms: Some(retry_after_ms),
    })
}

fn fatal(status: u16) -> Piece {
    Err(ModelError::Fatal {
        status: Some(status),
        message: format!("HTTP {status}"),
    })
}

/// The next request is for `who`; it is answered with `piece`.
async fn fails(bench: &Bench, who: &str, piece: Piece) {
    let asked = bench.asked().await;
    assert_eq!(asked.who, who);
    asked.send(piece);
}

/// The next request is for `who` and `model`, and is answered.
async fn answers(bench: &Bench, who: &str, model: Option<&str>) {
    let asked = bench.asked().await;
    assert_eq!((asked.who, asked.request.model.as_deref()), (who, model));
    asked.say("here").done();
}

async fn order(bench: &Bench, text: &str) -> String {
    match bench.send("order", text).await {
        Submitted::Command(answer) => answer,
        Submitted::Turn(turn) => panic!("{text} became {turn}"),
    }
}

fn reason(reply: &OutboundMessage) -> &str {
    match &reply.outcome {
        TurnOutcome::Failed { reason } => reason,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn the_next_model_answers_and_the_first_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let bench = Bench::with_spare(folder.path());
    bench.send("1", "hi").await;
    // Once more, then somebody else.
    fails(&bench, "scripted", transient(1)).await;
    fails(&bench, "scripted", transient(1)).await;
    answers(&bench, "spare", Some("big")).await;
    assert_eq!(bench.reply("1").await.outcome, TurnOutcome::Completed);
    let cost = order(&bench, "/cost").await;
    assert!(cost.contains("- spare/big: "), "{cost}");
    assert!(!cost.contains("scripted"), "{cost}");
    let followed = bench.app.follow(support::message("2", "and now?"));
    let Ok(Followed::Turn(_, Some(events))) = support::within(followed).await else {
        panic!("no turn");
    };
    answers(&bench, "spare", Some("big")).await;
    bench.reply("2").await;
    let mut told = futures_util::StreamExt::collect::<Vec<_>>(events)
        .await
        .into_iter();
    assert!(told.any(|event| match event {
        TurnEvent::Status { text } => {
            text == "scripted/one has failed lately and is left alone; asking spare/big"
        }
        _ => false,
    }));
}

#[tokio::test]
async fn nobody_waits_for_a_vendor_that_wants_a_minute() {
    let folder = tempfile::tempdir().unwrap();
    let bench = Bench::with_spare(folder.path());
    bench.send("1", "hi").await;
    let events = tokio::spawn({
        let events = bench.watch("1").await;
        async { futures_util::StreamExt::collect::<Vec<_>>(events).await }
    });
    fails(&bench, "scripted", transient(60_000)).await;
    answers(&bench, "spare", Some("big")).await;
    bench.reply("1").await;
    let told = events.await.unwrap().into_iter().any(|event| match event {
        TurnEvent::Status { text } => {
            text == "the model provider `scripted` failed: busy; asking spare/big"
        }
        _ => false,
    });
    assert!(told);
}

#[tokio::test]
async fn a_key_or_a_model_that_is_not_there_is_no_end() {
    for status in [401, 402, 403, 404, 429] {
        let folder = tempfile::tempdir().unwrap();
        let bench = Bench::with_spare(folder.path());
        bench.send("1", "hi").await;
        fails(&bench, "scripted", fatal(status)).await;
        answers(&bench, "spare", Some("big")).await;
        assert_eq!(bench.reply("1").await.outcome, TurnOutcome::Completed);
        // Other models of the provider may well be there.
        bench.send("2", "hi").await;
        let next = if status == 404 { "scripted" } else { "spare" };
        assert_eq!(bench.asked().await.who, next, "{status}");
    }
}

#[tokio::test]
async fn what_nobody_would_take_goes_to_nobody_else() {
    let folder = tempfile::tempdir().unwrap();
    let bench = Bench::with_spare(folder.path());
    bench.send("1", "hi").await;
    fails(&bench, "scripted", fatal(400)).await;
    let reply = bench.reply("1").await;
    assert_eq!(
        reason(&reply),
        "the model provider `scripted` failed: HTTP 400"
    );
}

#[tokio::test]
async fn an_answer_that_has_begun_is_not_begun_again() {
    let folder = tempfile::tempdir().unwrap();
    let bench = Bench::with_spare(folder.path());
    bench.send("1", "hi").await;
    let asked = bench.asked().await;
    asked.say("once upon").send(transient(1));
    let reply = bench.reply("1").await;
    assert_eq!(reply.text, "once upon");
    assert_eq!(reason(&reply), "the model provider `scripted` failed: busy");
}

#[tokio::test]
async fn when_nobody_can_the_last_one_says_why() {
    let folder = tempfile::tempdir().unwrap();
    let bench = Bench::with_spare(folder.path());
    bench.send("1", "hi").await;
    fails(&bench, "scripted", fatal(401)).await;
    fails(&bench, "spare", fatal(403)).await;
    let reply = bench.reply("1").await;
    assert_eq!(
        reason(&reply),
        "the model provider `spare` failed: HTTP 403"
    );
    // Both are left alone, and still the next turn asks.
    bench.send("2", "hi").await;
    answers(&bench, "scripted", None).await;
    assert_eq!(bench.reply("2").await.outcome, TurnOutcome::Completed);
}

/// Another model of the provider that is overloaded is nobody else: it is waited for as ever.
#[tokio::test]
async fn a_sessions_model_has_as_many_tries_as_the_agents_own() {
    let folder = tempfile::tempdir().unwrap();
    let bench = Bench::start(folder.path());
    order(&bench, "/model two").await;
    bench.send("1", "hi").await;
    for _ in 0..3 {
        fails(&bench, "scripted", transient(1)).await;
    }
    answers(&bench, "scripted", Some("two")).await;
    assert_eq!(bench.reply("1").await.outcome, TurnOutcome::Completed);
}

#[tokio::test]
async fn a_session_chooses_among_the_providers() {
    let folder = tempfile::tempdir().unwrap();
    let bench = Bench::with_spare(folder.path());
    assert_eq!(
        order(&bench, "/model").await,
        "scripted/one answers. When it cannot: spare/big\nProviders:\n- scripted (one)\n- spare (small)"
    );
    assert_eq!(
        order(&bench, "/model spare").await,
        "spare/small answers in this session from the next turn on."
    );
    assert_eq!(
        order(&bench, "/model tiny").await,
        "spare/tiny answers in this session from the next turn on."
    );
    assert_eq!(
        order(&bench, "/model nobody x").await,
        "There is no provider `nobody` here. There are: scripted, spare."
    );
    bench.crash().await;

    let bench = Bench::with_spare(folder.path());
    bench.send("1", "hi").await;
    let asked = bench.asked().await;
    assert_eq!(
        (asked.who, asked.request.model.as_deref()),
        ("spare", Some("tiny"))
    );
    // The agent's own model stands behind what the session chose.
    asked.send(fatal(401));
    answers(&bench, "scripted", None).await;
    bench.reply("1").await;
    let status = order(&bench, "/status").await;
    assert!(status.contains("Model: spare/tiny;"), "{status}");
    bench.crash().await;

    // Without that provider the agent's own model answers.
    let bench = Bench::start(folder.path());
    bench.send("2", "hi").await;
    answers(&bench, "scripted", None).await;
    bench.reply("2").await;
    assert_eq!(
        order(&bench, "/model scripted two").await,
        "scripted/two answers in this session from the next turn on."
    );
    assert_eq!(
        order(&bench, "/model default").await,
        "scripted/one answers in this session from the next turn on."
    );
}
