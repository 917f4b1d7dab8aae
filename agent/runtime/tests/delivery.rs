//! Replies that wait in the store reach a chat service once, whatever fails and whoever restarts.

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
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use chat::{Chat, Fault};
use proptest::prelude::*;
use rivetos_memory_sqlite::SqliteStore;
use rivetos_protocol::AgentStatus;
use rivetos_types::channel::{Address, Channel, Connection};
use rivetos_types::id::{ChannelId, SessionId};
use rivetos_types::intake::Intake;
use rivetos_types::message::{InboundMessage, OutboundMessage, TokenUsage, TurnOutcome};
use rivetos_types::store::{Commit, Durability, Lease, Letters, Reply, Then, TurnStore};
use rivetos_types::time::Timestamp;
use support::{Bench, message, within};

fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    Timestamp(i64::try_from(since.as_millis()).unwrap())
}

fn to_chat(id: &str, session: &str) -> InboundMessage {
    InboundMessage {
        channel: ChannelId::from("chat"),
        session: SessionId::from(session),
        address: Some(Box::new(Address {
            chat: session.to_owned(),
            thread: None,
            reply_to: None,
        })),
        ..message(id, "hello")
    }
}

fn open(folder: &Path) -> SqliteStore {
    SqliteStore::open(&folder.join("store.db")).unwrap()
}

/// A reply in the outbox, as a process left it that was killed right then.
async fn answered(store: &SqliteStore, asked: InboundMessage, text: &str, expires_at: Timestamp) {
    store.accept(asked.clone()).await.unwrap();
    let lease = Lease {
        owner: "earlier".into(),
        now: now(),
        until: now().plus_ms(1000),
    };
    let claimed = store.claim(lease).await.unwrap().unwrap();
    let message = OutboundMessage {
        files: Vec::new(),
        turn: asked.turn(),
        channel: asked.channel,
        session: asked.session,
        address: asked.address,
        text: text.to_owned(),
        outcome: TurnOutcome::Completed,
        usage: TokenUsage::default(),
    };
    let commit = Commit {
        then: Then::Finish(Reply {
            message,
            expires_at,
            tells: Vec::new(),
        }),
        ..Commit::step(Vec::new(), now(), Durability::PowerLoss)
    };
    store.commit(claimed.claim, commit).await.unwrap();
}

fn in_an_hour() -> Timestamp {
    now().plus_ms(3_600_000)
}

fn start(folder: &Path, chat: &Arc<Chat>) -> Bench {
    let bench = Bench::with(folder, vec![Arc::clone(chat) as Arc<dyn Channel>]);
    bench.app.listening();
    bench
}

/// Returns once nothing waits in the outbox.
async fn flushed(store: &SqliteStore) -> Letters {
    within(async {
        loop {
            let letters = store.letters(now()).await.unwrap();
            if letters.waiting == 0 {
                return letters;
            }
            tokio::task::yield_now().await;
        }
    })
    .await
}

#[tokio::test]
async fn replies_of_an_earlier_process_wait_for_the_connection() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    answered(&store, to_chat("1", "a"), "one", in_an_hour()).await;
    answered(&store, to_chat("2", "a"), "two", in_an_hour()).await;
    answered(&store, to_chat("3", "b"), "old", now().plus_ms(-1)).await;
    let chat = Chat::new(100, Vec::new());
    let reason = "no network".to_owned();
    chat.connect(Connection::Down { reason });
    let bench = start(folder.path(), &chat);
    let health = within(async {
        loop {
            let health = bench.app.health().await;
            if health.reason.contains("no network") {
                return health;
            }
            tokio::task::yield_now().await;
        }
    })
    .await;
    assert_eq!(health.status, AgentStatus::Starting);
    assert_eq!(chat.texts("a"), [""; 0]);

    chat.connect(Connection::Up);
    flushed(&store).await;
    assert_eq!(chat.texts("a"), ["one", "two"]);
    assert_eq!(chat.texts("b"), [""; 0]);
    within(async {
        while bench.app.health().await.status != AgentStatus::Ready {
            tokio::task::yield_now().await;
        }
    })
    .await;
    let reason = "gone".to_owned();
    chat.connect(Connection::Down { reason });
    within(async {
        while bench.app.health().await.status != AgentStatus::Degraded {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

#[tokio::test]
async fn what_can_never_be_delivered_is_a_dead_letter_and_holds_up_nobody() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    answered(&store, to_chat("1", "a"), "one", in_an_hour()).await;
    answered(&store, to_chat("2", "a"), "two", in_an_hour()).await;
    let nowhere = InboundMessage {
        address: None,
        ..to_chat("3", "b")
    };
    answered(&store, nowhere, "three", in_an_hour()).await;
    let chat = Chat::new(100, vec![Fault::Never]);
    let _bench = start(folder.path(), &chat);
    let letters = flushed(&store).await;
    assert_eq!(letters.dead, 2);
    assert_eq!(chat.texts("a"), ["two"]);
}

#[tokio::test]
async fn replies_that_wait_for_their_chats_hold_up_no_other() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    for number in 0..150 {
        let asked = to_chat(&number.to_string(), &format!("busy{number}"));
        answered(&store, asked, "later", in_an_hour()).await;
    }
    answered(&store, to_chat("150", "free"), "now", in_an_hour()).await;
    let chat = Chat::new(100, Vec::new());
    chat.is_busy("busy");
    let _bench = start(folder.path(), &chat);
    within(async {
        while chat.texts("free") != ["now"] {
            tokio::task::yield_now().await;
        }
    })
    .await;
    assert_eq!(store.letters(now()).await.unwrap().dead, 0);
}

#[tokio::test]
async fn a_drain_flushes_what_can_be_delivered() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let chat = Chat::new(100, vec![Fault::Slow; 10]);
    let bench = start(folder.path(), &chat);
    within(bench.app.submit(to_chat("1", "a"))).await.unwrap();
    let asked = bench.asked().await;
    asked.say("a last word").done();
    within(bench.app.drain(Duration::from_secs(10))).await;
    assert_eq!(chat.texts("a"), ["a last word"]);
    assert_eq!(store.letters(now()).await.unwrap().waiting, 0);
}

#[tokio::test]
async fn files_of_a_reply_are_sent_and_too_large_ones_named() {
    let folder = tempfile::tempdir().unwrap();
    let chat = Chat::new(1000, Vec::new());
    let bench = start(folder.path(), &chat);
    within(bench.app.submit(to_chat("1", "a"))).await.unwrap();
    let asked = bench.asked().await;
    asked
        .call("c", "hand", r#"{"text":"one"}"#)
        .call("d", "hand", r#"{"text":"much too long"}"#)
        .done();
    bench.asked().await.say("Here it is.").done();
    within(bench.app.drain(Duration::from_secs(10))).await;
    let [_tools, text, file] = &chat.texts("a")[..] else {
        panic!("{:?}", chat.texts("a"));
    };
    assert_eq!(file, "<one.txt: one>");
    let line =
        "Here it is.\n\n[attachment much too long.txt: text/plain, 13 bytes, kept at .media/";
    assert!(text.starts_with(line), "{text}");
    assert!(!text.contains("one.txt"), "{text}");
}

/// Whatever fails, and in whichever call: the text and each file are there once; a file that never
/// works, or is gone, is named.
#[tokio::test]
async fn a_file_is_there_once_or_named() {
    for (faults, files) in [
        (&[Fault::After] as &[Fault], 1),
        (&[Fault::Before, Fault::After], 1),
        (&[Fault::Never], 0),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let chat = Chat::new(1000, Vec::new());
        chat.fail_files(faults);
        let bench = start(folder.path(), &chat);
        within(bench.app.submit(to_chat("1", "a"))).await.unwrap();
        let asked = bench.asked().await;
        asked.call("c", "hand", r#"{"text":"one"}"#).done();
        bench.asked().await.say("Here it is.").done();
        let store = open(folder.path());
        let texts = within(async {
            loop {
                flushed(&store).await;
                let texts = chat.texts("a");
                if texts.iter().any(|text| text.contains("one.txt")) {
                    return texts;
                }
            }
        })
        .await;
        let sent = texts.iter().filter(|text| *text == "<one.txt: one>");
        assert_eq!(sent.count(), files, "{faults:?}: {texts:?}");
        let named = texts[1].contains("[attachment one.txt: ");
        assert_eq!(named, files == 0, "{faults:?}: {texts:?}");
        assert_eq!(texts.len(), 2 + files, "{faults:?}: {texts:?}");
        bench.crash().await;
    }
}

fn fault() -> impl Strategy<Value = Fault> {
    prop_oneof![
        3 => Just(Fault::None),
        2 => Just(Fault::Before),
        2 => Just(Fault::After),
        2 => Just(Fault::Slow),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]
    #[test]
    fn every_reply_is_shown_once_and_in_order(
        replies in prop::collection::vec((0..3_usize, "[a-e]{1,30}"), 1..6),
        faults in prop::collection::vec(fault(), 0..30),
        kills in prop::collection::vec(1..12_usize, 0..3),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let folder = tempfile::tempdir().unwrap();
            let store = open(folder.path());
            let mut expected = vec![String::new(); 3];
            for (number, (session, text)) in replies.iter().enumerate() {
                let asked = to_chat(&number.to_string(), &session.to_string());
                answered(&store, asked, text, in_an_hour()).await;
                expected[*session].push_str(text);
            }
            let chat = Chat::new(10, faults);
            let mut calls = 0;
            for kill in kills {
                calls += kill;
                let bench = start(folder.path(), &chat);
                tokio::select! {
                    () = chat.called(calls) => {}
                    _ = flushed(&store) => {}
                }
                bench.crash().await;
            }
            let _bench = start(folder.path(), &chat);
            flushed(&store).await;
            for (session, text) in expected.iter().enumerate() {
                assert_eq!(chat.texts(&session.to_string()).concat(), *text);
            }
        });
    }
}
