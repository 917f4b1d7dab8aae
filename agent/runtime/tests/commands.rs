//! What a person can order, and what it changes.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

#[expect(dead_code, reason = "the other tests use the rest")]
mod support;

use rivetos_types::intake::{Intake, Submitted, TurnEvent};
use rivetos_types::message::{Authority, InboundMessage, TurnOutcome};
use rivetos_types::model::StreamEvent;
use rivetos_types::store::Thinking;
use support::{Bench, message, turn, within};

async fn order(bench: &Bench, text: &str) -> String {
    match bench.send("order", text).await {
        Submitted::Command(answer) => answer,
        Submitted::Turn(turn) => panic!("{text} became {turn}"),
    }
}

#[tokio::test]
async fn settings_hold_for_the_session_and_survive_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("notes.md"), "Blue is best.\n").unwrap();
    let bench = Bench::start(folder.path());
    assert_eq!(order(&bench, "/think high").await, "Thinking: high.");
    assert_eq!(
        order(&bench, "/model two").await,
        "scripted/two answers in this session from the next turn on."
    );
    assert_eq!(
        order(&bench, "/context add notes.md").await,
        "`notes.md` is pinned from the next turn on."
    );
    bench.crash().await;

    let bench = Bench::start(folder.path());
    bench.send("1", "hi").await;
    let asked = bench.asked().await;
    assert_eq!(asked.request.thinking, Some(Thinking::High));
    assert_eq!(asked.request.model.as_deref(), Some("two"));
    assert_eq!(
        &*asked.request.system,
        "## Pinned: notes.md\n\nBlue is best."
    );
    asked.say("hi").done();
    bench.reply("1").await;
    let cost = order(&bench, "/cost").await;
    assert!(cost.contains("- scripted/two: "), "{cost}");
    order(&bench, "/model default").await;
    order(&bench, "/context remove notes.md").await;
    bench.send("2", "again").await;
    let asked = bench.asked().await;
    assert_eq!(
        (asked.request.model.as_deref(), &*asked.request.system),
        (None, "")
    );
}

#[tokio::test]
async fn only_files_of_the_workspace_are_pinned() {
    let folder = tempfile::tempdir().unwrap();
    let workspace = folder.path().join("workspace");
    std::fs::create_dir(&workspace).unwrap();
    std::fs::write(folder.path().join("secret"), "x").unwrap();
    std::os::unix::fs::symlink("../secret", workspace.join("link")).unwrap();
    std::fs::write(workspace.join("large"), vec![b'x'; 60_000]).unwrap();
    let bench = Bench::start(&workspace);
    for (file, why) in [
        ("../secret", "it is not in the workspace"),
        ("link", "it is not in the workspace"),
        ("absent", "it cannot be read"),
        ("large", "it has 60000 bytes, at most 51200 are possible"),
    ] {
        let answer = order(&bench, &format!("/context add {file}")).await;
        assert!(answer.contains(why), "{file}: {answer}");
    }
    assert_eq!(order(&bench, "/context").await, "No file is pinned.");
}

#[tokio::test]
async fn hidden_things_are_not_seen() {
    let folder = tempfile::tempdir().unwrap();
    let bench = Bench::start(folder.path());
    order(&bench, "/tools").await;
    for (id, hidden) in [("1", true), ("2", false)] {
        bench.send(id, "look").await;
        let asked = bench.asked().await;
        asked.send(Ok(StreamEvent::Reasoning("hm".into())));
        asked.call("a", "look", r#"{"text":"x"}"#).done();
        bench.asked().await.say("Seen.").done();
        let events = bench.events(id).await;
        let tools = events
            .iter()
            .any(|event| matches!(event, TurnEvent::ToolEnd { .. }));
        let reasoning = events
            .iter()
            .any(|event| matches!(event, TurnEvent::Reasoning { .. }));
        assert_eq!((tools, reasoning), (!hidden, false), "{events:?}");
        order(&bench, "/tools").await;
    }
}

#[tokio::test]
async fn an_interruption_ends_what_runs_and_goes_on_with_its_text() {
    let folder = tempfile::tempdir().unwrap();
    let bench = Bench::start(folder.path());
    assert_eq!(order(&bench, "/interrupt").await, "Nothing is running.");
    bench.send("1", "a long story").await;
    let asked = bench.asked().await;
    let submitted = bench.send("2", "/interrupt a short one").await;
    assert_eq!(submitted, Submitted::Turn(turn("2")));
    within(asked.dropped()).await;
    assert_eq!(bench.reply("1").await.outcome, TurnOutcome::Interrupted);
    bench.asked().await.say("The end.").done();
    assert_eq!(bench.reply("2").await.text, "The end.");
}

#[tokio::test]
async fn status_and_cost_say_how_things_stand() {
    let folder = tempfile::tempdir().unwrap();
    let bench = Bench::start(folder.path());
    bench.app.listening();
    bench.send("1", "hi").await;
    bench.asked().await.say("hi").done();
    bench.reply("1").await;
    let status = order(&bench, "/status").await;
    for part in [
        "opus 0.0.0, up 0 min, ready",
        "Model: scripted/one; thinking as configured",
    ] {
        assert!(status.contains(part), "{part} in {status}");
    }
    assert!(
        status.contains("Replies: 1 on their way, 0 could not"),
        "{status}"
    );
    let cost = order(&bench, "/cost").await;
    assert!(
        cost.starts_with("This session: $0.00\n- scripted/one: $0.00, 5 tokens in"),
        "{cost}"
    );
}

#[tokio::test]
async fn guests_order_less_than_the_owner() {
    let folder = tempfile::tempdir().unwrap();
    let bench = Bench::start(folder.path());
    let guest = |text: &str| InboundMessage {
        authority: Authority::Guest,
        ..message("order", text)
    };
    let refused = Submitted::Command("Only the agent's owner can use /approve.".into());
    assert_eq!(bench.app.submit(guest("/approve")).await, Ok(refused));
    let done = Submitted::Command("Nothing is running.".into());
    assert_eq!(bench.app.submit(guest("/stop")).await, Ok(done));
}
