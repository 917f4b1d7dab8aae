use futures_util::StreamExt;
use rivetos_types::message::{TokenUsage, TurnOutcome};

use super::*;

fn text(text: &str) -> TurnEvent {
    let text = text.to_owned();
    TurnEvent::Text { text }
}

fn snapshot(text: &str) -> TurnEvent {
    let text = text.to_owned();
    TurnEvent::Snapshot { text }
}

fn started(name: &str) -> TurnEvent {
    TurnEvent::ToolStart {
        name: name.to_owned(),
        summary: String::new(),
    }
}

fn reply(text: &str) -> OutboundMessage {
    OutboundMessage {
        turn: "http/1".into(),
        channel: "http".into(),
        session: "s".into(),
        address: None,
        text: text.to_owned(),
        files: Vec::new(),
        outcome: TurnOutcome::Completed,
        usage: TokenUsage::default(),
    }
}

async fn all(events: BoxStream<'static, TurnEvent>) -> Vec<TurnEvent> {
    events.collect().await
}

fn feed() -> (Arc<Feed>, Arc<Watchers>) {
    (Arc::default(), Arc::default())
}

#[tokio::test]
async fn each_watcher_sees_what_happens_from_where_it_came() {
    let (feed, watchers) = feed();
    feed.event(started("unseen"));
    let first = feed.watch(&watchers);
    feed.text("a", true);
    let second = feed.watch(&watchers);
    feed.event(started("seen"));
    feed.finish(reply("ab"));
    let end = [
        started("seen"),
        text("b"),
        TurnEvent::Finished { reply: reply("ab") },
    ];
    let from_start = [snapshot(""), started("unseen"), text("a")];
    assert_eq!(all(first).await, [&from_start[..], &end[..]].concat());
    assert_eq!(all(second).await, [&[snapshot("a")][..], &end[..]].concat());
    let late = feed.watch(&watchers);
    assert_eq!(all(late).await, end[2..]);
}

#[tokio::test]
async fn who_falls_behind_gets_a_snapshot() {
    let (feed, watchers) = feed();
    let mut slow = feed.watch(&watchers);
    assert_eq!(slow.next().await, Some(snapshot("")));
    for _ in 0..=BEHIND_EVENTS_MAX {
        feed.text("x", false);
    }
    let shown = "x".repeat(BEHIND_EVENTS_MAX + 1);
    assert_eq!(slow.next().await, Some(snapshot(&shown)));
    feed.text("y", false);
    assert_eq!(slow.next().await, Some(text("y")));
    feed.abandon();
    assert_eq!(slow.next().await, None);
}

#[tokio::test]
async fn who_waits_is_woken() {
    let (feed, watchers) = feed();
    let mut watcher = feed.watch(&watchers);
    assert_eq!(watcher.next().await, Some(snapshot("")));
    let (event, ()) = tokio::join!(watcher.next(), async { feed.text("x", false) });
    assert_eq!(event, Some(text("x")));
    let (event, ()) = tokio::join!(watcher.next(), async { feed.abandon() });
    assert_eq!(event, None);
    feed.over().await;
}

#[test]
fn nothing_is_kept_for_nobody() {
    let (feed, watchers) = feed();
    feed.text("a", false);
    assert!(lock(&feed.state).events.is_empty());
    let watcher = feed.watch(&watchers);
    feed.text("b", false);
    assert_eq!(lock(&feed.state).events.len(), 1);
    drop(watcher);
    assert!(lock(&feed.state).events.is_empty());
}
