//! What becomes of turns when the agent is told to end, and what it says of it.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

#[expect(dead_code, reason = "the other tests use the rest")]
mod support;

use std::time::Duration;

use futures_util::StreamExt;
use rivetos_protocol::{AgentStatus, DrainReport, DrainStatus};
use rivetos_types::id::SessionId;
use rivetos_types::intake::{Intake, TurnEvent};
use rivetos_types::message::InboundMessage;
use support::{Bench, within};

/// Longer than any test.
const LONG: Duration = Duration::from_mins(10);

fn draining(bench: &Bench, deadline: Duration) -> tokio::task::JoinHandle<DrainReport> {
    let app = bench.app.clone();
    tokio::spawn(async move { app.drain(deadline).await })
}

async fn send_in(bench: &Bench, session: &str, id: &str) {
    let message = InboundMessage {
        session: SessionId::from(session),
        ..support::message(id, "hello")
    };
    within(bench.app.submit(message)).await.unwrap();
}

async fn is_draining(bench: &Bench) {
    while bench.app.health().await.status != AgentStatus::Draining {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_drain_counts_what_was_answered_handed_over_parked_and_not_fetched() {
    let folder = tempfile::tempdir().unwrap();
    let bench = Bench::start(folder.path());
    bench.send("asks", "send it").await;
    let mut parked = bench.watch("asks").await;
    let asked = bench.asked().await;
    asked.call("a", "send", r#"{"text":"x"}"#).done();
    while !matches!(within(parked.next()).await, Some(TurnEvent::Asked { .. })) {}
    send_in(&bench, "other", "ends").await;
    let ends = bench.asked().await;
    send_in(&bench, "third", "goes on").await;
    let goes_on = bench.asked().await;

    let report = draining(&bench, LONG);
    is_draining(&bench).await;
    assert_eq!(bench.app.health().await.reason, "finishing what is running");
    ends.say("Bye.").done();
    goes_on.call("b", "look", r#"{"text":"here"}"#).done();
    let report = within(report).await.unwrap();
    let expected = DrainReport {
        protocol: rivetos_protocol::PROTOCOL_VERSION,
        status: DrainStatus::Drained,
        finished: 1,
        handed_over: 1,
        parked: Some(1),
        undelivered: Some(1),
    };
    assert_eq!(report, expected);
    let health = bench.app.health().await;
    assert_eq!(health.status, AgentStatus::Draining);
    assert_eq!(health.reason, "nothing runs any more; it may be stopped");
    let again = within(bench.app.drain(Duration::ZERO)).await;
    assert_eq!(again, expected, "who asks again is told the same");
}

#[tokio::test]
async fn a_second_drain_brings_the_deadline_nearer() {
    let folder = tempfile::tempdir().unwrap();
    let bench = Bench::start(folder.path());
    bench.send("1", "hi").await;
    let asked = bench.asked().await;
    let first = draining(&bench, LONG);
    is_draining(&bench).await;
    let second = within(bench.app.drain(Duration::ZERO)).await;
    assert_eq!((second.status, second.finished), (DrainStatus::Cut, 0));
    assert_eq!(second.handed_over, 1, "{second:?}");
    assert_eq!(within(first).await.unwrap(), second);
    asked.dropped().await;
    // The lease was given back: the next process need not wait for its end.
    let next = Bench::start(folder.path());
    next.asked().await.say("Hello.").done();
    assert_eq!(next.reply("1").await.text, "Hello.");
}
