//! People follow a turn in a chat, and in the end the chat shows the whole reply, once.

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

use std::path::Path;
use std::sync::Arc;

use chat::{Chat, Fault};
use futures_util::StreamExt;
use proptest::prelude::*;
use rivetos_types::channel::{Address, Channel};
use rivetos_types::id::{ChannelId, TurnId};
use rivetos_types::intake::{Intake, TurnEvent};
use rivetos_types::message::InboundMessage;
use support::{Bench, message, within};

fn to_chat(id: &str) -> InboundMessage {
    InboundMessage {
        channel: ChannelId::from("chat"),
        address: Some(Box::new(Address {
            chat: "a".into(),
            thread: None,
            reply_to: None,
        })),
        ..message(id, "hello")
    }
}

fn start(folder: &Path, chat: &Arc<Chat>) -> Bench {
    Bench::with(folder, vec![Arc::clone(chat) as Arc<dyn Channel>])
}

/// The texts of the reply, without log and questions.
fn reply(chat: &Chat) -> Vec<String> {
    let of_reply = |key: &str| !key.contains("/log/") && !key.contains("/question/");
    let reads = chat.reads("a").into_iter();
    reads
        .filter(|(key, _)| of_reply(key))
        .map(|(_, text)| text)
        .collect()
}

/// Returns once the reply of the turn is settled.
async fn settled(bench: &Bench, id: &str) {
    let events = within(bench.app.attach(TurnId(format!("chat/{id}")))).await;
    within(events.unwrap().collect::<Vec<_>>()).await;
    within(async {
        loop {
            let answer = format!("{:?}", bench.send("status", "/status").await);
            if answer.contains("Replies: 0 on their way") {
                return;
            }
            tokio::task::yield_now().await;
        }
    })
    .await;
}

/// Returns once the person reads this.
async fn reads(chat: &Chat, text: &str) {
    within(async {
        let mut calls = 0;
        while !chat.texts("a").iter().any(|shown| shown.contains(text)) {
            calls += 1;
            chat.called(calls).await;
            tokio::task::yield_now().await;
        }
    })
    .await;
}

#[tokio::test]
async fn a_reply_grows_in_its_message() {
    let folder = tempfile::tempdir().unwrap();
    let chat = Chat::new(100, Vec::new());
    let bench = start(folder.path(), &chat);
    within(bench.app.submit(to_chat("1"))).await.unwrap();
    let asked = bench.asked().await;
    asked.say("Once");
    reads(&chat, "Once").await;
    asked
        .say(" upon")
        .call("c", "look", r#"{"text":"around"}"#)
        .done();
    reads(&chat, "✓ look seen").await;
    bench.asked().await.say("a time").done();
    settled(&bench, "1").await;
    assert_eq!(reply(&chat), ["Once upon\n\na time"]);
}

#[tokio::test]
async fn the_first_message_is_still_on_its_way_when_the_turn_ends() {
    let folder = tempfile::tempdir().unwrap();
    let chat = Chat::new(100, vec![Fault::Hold]);
    let bench = start(folder.path(), &chat);
    within(bench.app.submit(to_chat("1"))).await.unwrap();
    let asked = bench.asked().await;
    asked.say("Once");
    within(chat.held.notified()).await;
    asked.say(" upon a time").done();
    let events = within(bench.app.attach(TurnId::from("chat/1")))
        .await
        .unwrap();
    let events: Vec<_> = within(events.collect()).await;
    assert!(matches!(events.last(), Some(TurnEvent::Finished { .. })));
    chat.release.notify_one();
    settled(&bench, "1").await;
    assert_eq!(reply(&chat), ["Once upon a time"]);
}

#[tokio::test]
async fn nothing_newer_is_shown_before_a_reply() {
    let folder = tempfile::tempdir().unwrap();
    let chat = Chat::new(100, vec![Fault::Hold]);
    let bench = start(folder.path(), &chat);
    for id in ["1", "2"] {
        within(bench.app.submit(to_chat(id))).await.unwrap();
    }
    let asked = bench.asked().await;
    asked.say("first");
    within(chat.held.notified()).await;
    asked.done();
    let asked = bench.asked().await;
    asked.say("second");
    for _ in 0..200 {
        tokio::task::yield_now().await;
    }
    chat.release.notify_one();
    asked.done();
    settled(&bench, "2").await;
    assert_eq!(reply(&chat), ["first", "second"]);
}

#[tokio::test]
async fn a_question_is_a_message_of_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let chat = Chat::new(200, Vec::new());
    let bench = start(folder.path(), &chat);
    within(bench.app.submit(to_chat("1"))).await.unwrap();
    let asked = bench.asked().await;
    asked.call("c", "send", r#"{"text":"dear all"}"#).done();
    reads(&chat, "dear all").await;
    let question = chat.texts("a").pop().unwrap();
    assert!(question.contains("May `send` run?"), "{question}");
    let (_, call) = question.rsplit_once("/deny ").unwrap();
    bench.send("order", &format!("/deny {call}")).await;
    bench.asked().await.say("Then not.").done();
    settled(&bench, "1").await;
    assert_eq!(reply(&chat), ["Then not."]);
}

fn fault() -> impl Strategy<Value = Fault> {
    prop_oneof![
        4 => Just(Fault::None),
        2 => Just(Fault::Before),
        2 => Just(Fault::After),
        2 => Just(Fault::Slow),
        2 => Just(Fault::Refuse),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, ..ProptestConfig::default() })]
    #[test]
    fn in_the_end_the_whole_reply_is_there_once(
        pieces in prop::collection::vec(("[a-e😀]{1,12}", 0..12_usize, any::<bool>()), 1..8),
        faults in prop::collection::vec(fault(), 0..40),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let folder = tempfile::tempdir().unwrap();
            let chat = Chat::new(16, faults);
            let bench = start(folder.path(), &chat);
            bench.app.submit(to_chat("1")).await.unwrap();
            let mut asked = bench.asked().await;
            let mut expected = String::new();
            for (number, (piece, rounds, look)) in pieces.iter().enumerate() {
                asked.say(piece);
                expected.push_str(piece);
                if *look && number < 4 {
                    asked.call(&number.to_string(), "look", r#"{"text":"around"}"#).done();
                    asked = bench.asked().await;
                }
                for _ in 0..*rounds {
                    tokio::task::yield_now().await;
                }
            }
            asked.done();
            settled(&bench, "1").await;
            let shown: String = reply(&chat).concat().split_whitespace().collect();
            assert_eq!(shown, expected);
        });
    }
}
