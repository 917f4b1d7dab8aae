//! A budget that is used up: turns are refused, and the owner hears of it once.

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

use chat::{Chat, OWNERS_CHAT};
use rivetos_runtime::Budget;
use rivetos_types::channel::{Channel, Connection};
use rivetos_types::intake::Intake;
use rivetos_types::message::{Authority, InboundMessage, TurnOutcome};
use support::{Bench, message, within};

const DAY: Budget = Budget {
    day_micro_usd: Some(0),
    month_micro_usd: None,
};

const MONTH: Budget = Budget {
    day_micro_usd: None,
    month_micro_usd: Some(0),
};

fn start(folder: &Path, chat: &Arc<Chat>, budget: Budget) -> Bench {
    Bench::start_with(folder, |parts| {
        parts.channels = vec![Arc::clone(chat) as Arc<dyn Channel>];
        parts.budget = budget;
    })
}

/// A guest asks, and is told why not.
async fn is_refused(bench: &Bench, id: &str, period: &str) {
    let asked = InboundMessage {
        authority: Authority::Guest,
        ..message(id, "hello")
    };
    within(bench.app.submit(asked)).await.unwrap();
    let TurnOutcome::LimitReached { reason } = bench.reply(id).await.outcome else {
        panic!("the turn was not refused")
    };
    let expected = format!("the agent may spend $0.00 {period} (UTC) and has spent $0.00");
    assert_eq!(reason, expected);
}

/// What the owner has read as soon as it is so many messages.
async fn owner_reads(chat: &Chat, messages: usize) -> Vec<String> {
    within(async {
        let mut calls = 0;
        while chat.texts(OWNERS_CHAT).len() < messages {
            calls += 1;
            chat.called(calls).await;
        }
    })
    .await;
    chat.texts(OWNERS_CHAT)
}

#[tokio::test]
async fn the_owner_hears_of_each_budget_once_over_restarts() {
    let folder = tempfile::tempdir().unwrap();
    let chat = Chat::new(1000, Vec::new());
    let bench = start(folder.path(), &chat, DAY);
    is_refused(&bench, "1", "today").await;
    is_refused(&bench, "2", "today").await;
    owner_reads(&chat, 1).await;
    bench.crash().await;

    let bench = start(folder.path(), &chat, DAY);
    is_refused(&bench, "3", "today").await;
    bench.crash().await;

    // Notices come in their order: one too many of the day would be there before this one.
    let bench = start(folder.path(), &chat, MONTH);
    is_refused(&bench, "4", "this month").await;
    let expected = [("today", "tomorrow"), ("this month", "next month")].map(|(period, next)| {
        format!(
            "The budget is used up: the agent may spend $0.00 {period} (UTC) and has spent $0.00. \
             Until {next} turns are refused, unless the budget is raised."
        )
    });
    assert_eq!(owner_reads(&chat, 2).await, expected);
}

#[tokio::test]
async fn a_notice_that_was_accepted_outlives_its_process_and_its_budget() {
    let folder = tempfile::tempdir().unwrap();
    let chat = Chat::new(1000, Vec::new());
    let reason = "no network".to_owned();
    chat.connect(Connection::Down { reason });
    let bench = start(folder.path(), &chat, DAY);
    is_refused(&bench, "1", "today").await;
    bench.crash().await;
    assert_eq!(chat.texts(OWNERS_CHAT), Vec::<String>::new());

    chat.connect(Connection::Up);
    let _bench = start(folder.path(), &chat, Budget::default());
    let read = owner_reads(&chat, 1).await;
    assert!(read[0].starts_with("The budget is used up: "), "{read:?}");
}

#[tokio::test]
async fn without_a_way_to_the_owner_the_next_reply_tells_it_once() {
    let folder = tempfile::tempdir().unwrap();
    let with = |budget| Bench::start_with(folder.path(), |parts| parts.budget = budget);
    let bench = with(DAY);
    is_refused(&bench, "1", "today").await;
    is_refused(&bench, "2", "today").await;
    // Until the notice is on its way.
    within(async {
        while bench.app.health().await.waiting_replies != Some(3) {
            tokio::task::yield_now().await;
        }
    })
    .await;
    bench.crash().await;

    // The budget was raised meanwhile.
    let bench = with(Budget {
        day_micro_usd: Some(1_000_000),
        month_micro_usd: None,
    });
    for (id, told) in [("3", 1), ("4", 0)] {
        bench.send(id, "hello").await;
        bench.asked().await.say("Hello.").done();
        let text = bench.reply(id).await.text;
        assert!(text.starts_with("Hello."), "{text}");
        assert_eq!(
            text.matches("Note: The budget is used up: ").count(),
            told,
            "{text}"
        );
    }
    // It is in no conversation with the model.
    bench.send("5", "hello").await;
    let asked = bench.asked().await;
    assert!(!format!("{:?}", asked.request.messages).contains("budget"));
}
