//! What an agent says of itself.

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

use chat::Chat;
use rivetos_protocol::{AgentStatus, ChannelStatus, HealthReport};
use rivetos_types::channel::{Address, Connection};
use rivetos_types::id::{ChannelId, SessionId};
use rivetos_types::intake::Intake;
use rivetos_types::message::InboundMessage;
use rusqlite::Connection as Db;
use support::{Bench, message, within};

/// The first report that is as it should be.
async fn report(bench: &Bench, is_it: impl Fn(&HealthReport) -> bool) -> HealthReport {
    within(async {
        loop {
            let report = bench.app.health().await;
            if is_it(&report) {
                return report;
            }
            tokio::task::yield_now().await;
        }
    })
    .await
}

fn to_chat(id: &str, chat: Option<&str>) -> InboundMessage {
    let address = |chat: &str| Address {
        chat: chat.to_owned(),
        thread: None,
        reply_to: None,
    };
    InboundMessage {
        channel: ChannelId::from("chat"),
        session: SessionId::from(id),
        address: chat.map(|chat| Box::new(address(chat))),
        ..message(id, "hello")
    }
}

#[tokio::test]
async fn what_waits_is_counted_and_channels_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let chat = Chat::new(100, Vec::new());
    let bench = Bench::with(folder.path(), vec![chat.clone()]);
    bench.app.listening();
    let first = report(&bench, |report| report.status == AgentStatus::Ready).await;
    assert_eq!(first.channels["chat"], ChannelStatus::Ready);
    assert_eq!(first.parked_turns, Some(0));

    within(bench.app.submit(to_chat("nowhere", None)))
        .await
        .unwrap();
    bench.asked().await.say("Hello.").done();
    report(&bench, |report| report.dead_letters == Some(1)).await;
    let reason = "no network".to_owned();
    chat.connect(Connection::Down { reason });
    let lost = report(&bench, |report| report.status == AgentStatus::Degraded).await;
    assert_eq!(lost.channels["chat"], ChannelStatus::Lost);
    within(bench.app.submit(to_chat("later", Some("c"))))
        .await
        .unwrap();
    bench.asked().await.say("Hello.").done();
    report(&bench, |report| report.waiting_replies == Some(1)).await;
    bench.send("1", "send it").await;
    let asked = bench.asked().await;
    asked.call("a", "send", r#"{"text":"dear all"}"#).done();
    let parked = report(&bench, |report| report.parked_turns == Some(1)).await;
    assert_eq!((parked.open_turns, parked.dead_letters), (1, Some(1)));
}

#[tokio::test]
async fn a_store_that_cannot_be_read_is_told_and_its_figures_are_absent() {
    let folder = tempfile::tempdir().unwrap();
    let bench = Bench::start(folder.path());
    bench.app.listening();
    let well = report(&bench, |report| report.status == AgentStatus::Ready).await;
    assert!(well.channels.is_empty(), "an agent without any is healthy");
    let db = Db::open(folder.path().join("store.db")).unwrap();
    db.execute_batch("ALTER TABLE outbox RENAME TO elsewhere")
        .unwrap();
    let ill = report(&bench, |report| report.status == AgentStatus::Degraded).await;
    assert!(ill.reason.contains("the store failed"), "{}", ill.reason);
    assert_eq!((ill.waiting_replies, ill.dead_letters), (None, None));
}
