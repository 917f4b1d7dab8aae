//! What every [`TurnStore`] must do, independent of the store behind it.
//!
//! Each check takes a factory: every call of it opens the same, initially empty store once more,
//! as a further process would.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

pub(crate) mod turns;

use rivetos_types::id::{ChannelId, ExternalId, SessionId, TurnId};
use rivetos_types::message::{Authority, ContentPart, InboundMessage, Message, OutboundMessage};
use rivetos_types::message::{TokenUsage, TurnOutcome};
use rivetos_types::store::{
    Acceptance, Checkpoint, CheckpointKind, ClaimedTurn, Commit, Durability, Lease, Reply,
    StoreError, Swept, Then, TurnRecord, TurnStore,
};
use rivetos_types::time::Timestamp;
use rivetos_types::tool::Effect;

pub(crate) type Open<'a> = &'a dyn Fn() -> Box<dyn TurnStore>;

pub(crate) const LEASE_MS: i64 = 1000;

pub(crate) fn message(session: &str, id: &str) -> InboundMessage {
    InboundMessage {
        channel: ChannelId::from("http"),
        id: ExternalId::from(id),
        session: SessionId::from(session),
        from: "operator".into(),
        authority: Authority::Owner,
        address: None,
        content: vec![ContentPart::text(format!("this is {id}"))],
        received_at: Timestamp(7),
    }
}

pub(crate) fn turn(id: &str) -> TurnId {
    message("", id).turn()
}

pub(crate) fn lease(owner: &str, now: i64) -> Lease {
    Lease {
        owner: owner.into(),
        now: Timestamp(now),
        until: Timestamp(now + LEASE_MS),
    }
}

pub(crate) fn step(kind: CheckpointKind, body: &str) -> Commit {
    let journal = vec![Checkpoint {
        kind,
        body: body.into(),
    }];
    Commit::step(journal, Timestamp(8), Durability::ProcessCrash)
}

pub(crate) fn reply(message: &InboundMessage, text: &str) -> OutboundMessage {
    OutboundMessage {
        files: Vec::new(),
        turn: message.turn(),
        channel: message.channel.clone(),
        session: message.session.clone(),
        address: None,
        text: text.into(),
        outcome: TurnOutcome::Completed,
        usage: TokenUsage {
            input: 3,
            output: 4,
            ..TokenUsage::default()
        },
    }
}

pub(crate) fn last(message: &InboundMessage, text: &str, expires_at: i64) -> Commit {
    Commit {
        transcript: vec![
            Message::User {
                content: message.content.clone(),
            },
            Message::assistant(text),
        ],
        then: Then::Finish(Reply {
            message: reply(message, text),
            expires_at: Timestamp(expires_at),
            tells: Vec::new(),
        }),
        ..Commit::step(Vec::new(), Timestamp(9), Durability::PowerLoss)
    }
}

async fn claimed(store: &dyn TurnStore, owner: &str, now: i64) -> Option<ClaimedTurn> {
    store.claim(lease(owner, now)).await.unwrap()
}

async fn claimed_id(store: &dyn TurnStore, now: i64) -> Option<String> {
    claimed(store, "p", now)
        .await
        .map(|claimed| claimed.message.id.to_string())
}

pub(crate) async fn a_message_is_taken_once(open: Open<'_>) {
    let store = open();
    let first = message("s", "1");
    assert_eq!(store.accept(first.clone()).await, Ok(Acceptance::New));
    assert_eq!(store.accept(first.clone()).await, Ok(Acceptance::Known));
    let ClaimedTurn {
        claim,
        message: got,
        journal,
        ..
    } = claimed(&*store, "p", 0).await.unwrap();
    assert_eq!((got, journal), (first.clone(), Vec::new()));
    store.commit(claim, last(&first, "a", 100)).await.unwrap();
    assert_eq!(
        open().accept(first).await,
        Ok(Acceptance::Known),
        "also when it is finished"
    );
    assert_eq!(claimed(&*store, "p", 5000).await, None);
}

pub(crate) async fn what_is_taken_into_a_free_session_is_claimed_at_once(open: Open<'_>) {
    let store = open();
    let take = |session, id| store.accept_and_claim(message(session, id), lease("p", 0));
    let (new, first) = take("s", "1").await.unwrap();
    let first = first.unwrap();
    assert_eq!(store.sync().await, Ok(()));
    assert_eq!((new, first.attempt), (Acceptance::New, 1));
    assert_eq!(
        (&first.message, &first.journal),
        (&message("s", "1"), &vec![])
    );
    assert_eq!(take("s", "1").await, Ok((Acceptance::Known, None)));
    assert_eq!(
        take("s", "2").await,
        Ok((Acceptance::New, None)),
        "behind it"
    );
    assert_eq!(claimed(&*store, "q", 0).await, None, "it is really claimed");
    let end = last(&message("s", "1"), "a", 100);
    store.commit(first.claim.clone(), end).await.unwrap();
    let second = claimed(&*store, "q", 0).await.unwrap();
    assert_eq!(second.message, message("s", "2"));
    assert!(second.claim.token > first.claim.token);
    store.settle_soon(turn("1")).await.unwrap();
    assert_eq!(store.letters(Timestamp(1)).await.unwrap().waiting, 0);
}

pub(crate) async fn turns_come_in_order_and_one_at_a_time_per_session(open: Open<'_>) {
    let store = open();
    for (session, id) in [("s", "1"), ("s", "2"), ("t", "3"), ("s", "4")] {
        store.accept(message(session, id)).await.unwrap();
    }
    let first = claimed(&*store, "p", 0).await.unwrap();
    assert_eq!(first.message.id.as_str(), "1");
    assert_eq!(
        claimed_id(&*store, 0).await.as_deref(),
        Some("3"),
        "session s is busy"
    );
    assert_eq!(claimed_id(&*store, 0).await, None);
    store
        .commit(first.claim, last(&first.message, "a", 100))
        .await
        .unwrap();
    assert_eq!(claimed_id(&*store, 0).await.as_deref(), Some("2"));
    assert_eq!(
        claimed_id(&*open(), 0).await,
        None,
        "nor for another process"
    );
}

pub(crate) async fn an_expired_lease_is_taken_over_and_fenced(open: Open<'_>) {
    let (here, there) = (open(), open());
    here.accept(message("s", "1")).await.unwrap();
    let old = claimed(&*here, "here", 0).await.unwrap();
    here.commit(old.claim.clone(), step(CheckpointKind::BeforeModel, "one"))
        .await
        .unwrap();
    here.renew(old.claim.clone(), Timestamp(2 * LEASE_MS))
        .await
        .unwrap();
    assert_eq!(
        claimed(&*there, "there", 2 * LEASE_MS - 1).await,
        None,
        "still held"
    );
    let new = claimed(&*there, "there", 2 * LEASE_MS).await.unwrap();
    assert!(new.claim.token > old.claim.token);
    assert_eq!(
        new.journal,
        step(CheckpointKind::BeforeModel, "one").journal
    );
    let fenced = Err(StoreError::Fenced(turn("1")));
    assert_eq!(
        here.renew(old.claim.clone(), Timestamp(99_999)).await,
        fenced
    );
    let late = last(&old.message, "late", 100);
    assert_eq!(here.commit(old.claim, late).await, fenced);
    assert_eq!(
        here.turn(turn("1")).await,
        Ok(TurnRecord::Open),
        "nothing was changed"
    );
    there
        .commit(new.claim.clone(), last(&new.message, "mine", 100))
        .await
        .unwrap();
    let again = last(&new.message, "twice", 100);
    assert_eq!(
        there.commit(new.claim, again).await,
        fenced,
        "a finished turn has no owner"
    );
}

pub(crate) async fn a_late_owner_may_write_until_somebody_takes_over(open: Open<'_>) {
    let store = open();
    store.accept(message("s", "1")).await.unwrap();
    let held = claimed(&*store, "p", 0).await.unwrap();
    store.renew(held.claim.clone(), Timestamp(1)).await.unwrap();
    store
        .commit(held.claim, last(&held.message, "late", 100))
        .await
        .unwrap();
}

pub(crate) async fn the_journal_comes_back_in_order(open: Open<'_>) {
    let store = open();
    store.accept(message("s", "1")).await.unwrap();
    let held = claimed(&*store, "p", 0).await.unwrap();
    let steps = [
        (CheckpointKind::BeforeModel, "a"),
        (CheckpointKind::BeforeModel, "b"),
        (CheckpointKind::BeforeTool(Effect::Mutating), "c"),
        (CheckpointKind::AfterTool, "{\"ü\":\"\\u0000\"}"),
    ];
    for (kind, body) in steps {
        store
            .commit(held.claim.clone(), step(kind, body))
            .await
            .unwrap();
    }
    let again = claimed(&*open(), "q", LEASE_MS).await.unwrap();
    let journal = again
        .journal
        .iter()
        .map(|one| (one.kind, one.body.as_str()));
    assert_eq!(journal.collect::<Vec<_>>(), steps);
}

pub(crate) async fn a_reply_is_known_until_it_expires(open: Open<'_>) {
    let store = open();
    assert_eq!(store.turn(turn("1")).await, Ok(TurnRecord::Unknown));
    for id in ["1", "2"] {
        let one = message(id, id);
        store.accept(one.clone()).await.unwrap();
        assert_eq!(store.turn(one.turn()).await, Ok(TurnRecord::Open));
        let held = claimed(&*store, "p", 0).await.unwrap();
        store
            .commit(held.claim, last(&one, "done", 100))
            .await
            .unwrap();
        let known = TurnRecord::Finished(reply(&one, "done"));
        assert_eq!(store.turn(one.turn()).await, Ok(known));
    }
    store.settle(turn("1")).await.unwrap();
    store.settle(turn("1")).await.unwrap();
    store.settle(turn("nobody")).await.unwrap();
    let swept = |undelivered| Ok(Swept { undelivered });
    assert_eq!(store.sweep(Timestamp(99)).await, swept(0));
    assert!(matches!(
        store.turn(turn("1")).await,
        Ok(TurnRecord::Finished(_))
    ));
    assert_eq!(
        store.sweep(Timestamp(100)).await,
        swept(1),
        "one was settled, one was not"
    );
    assert_eq!(store.turn(turn("1")).await, Ok(TurnRecord::Unknown));
    assert_eq!(store.turn(turn("2")).await, Ok(TurnRecord::Unknown));
    assert_eq!(store.sweep(Timestamp(100)).await, swept(0));
}

pub(crate) async fn sweeping_leaves_open_turns_alone(open: Open<'_>) {
    let store = open();
    store.accept(message("s", "1")).await.unwrap();
    let held = claimed(&*store, "p", 0).await.unwrap();
    store
        .commit(held.claim, step(CheckpointKind::BeforeModel, "kept"))
        .await
        .unwrap();
    let swept = store.sweep(Timestamp(i64::MAX)).await;
    assert_eq!(swept, Ok(Swept::default()));
    assert_eq!(
        claimed(&*store, "p", LEASE_MS).await.unwrap().journal.len(),
        1
    );
}

pub(crate) async fn history_starts_with_the_person_and_after_the_reset(open: Open<'_>) {
    let store = open();
    for id in ["1", "2", "3"] {
        let one = message("s", id);
        store.accept(one.clone()).await.unwrap();
        let held = claimed(&*store, "p", 0).await.unwrap();
        store.commit(held.claim, last(&one, id, 100)).await.unwrap();
    }
    let texts = |messages: Vec<Message>| -> Vec<String> {
        let text = |message| match message {
            Message::User { content } | Message::Assistant { content, .. } => {
                rivetos_types::message::text_of(&content)
            }
            Message::Tool(result) => result.content,
        };
        messages.into_iter().map(text).collect()
    };
    let store = open();
    let read = |session: &str, max| {
        let resumed = store.resume(SessionId::from(session), max);
        async { resumed.await.map(|resumed| resumed.messages) }
    };
    assert_eq!(
        texts(read("s", 4).await.unwrap()),
        ["this is 2", "2", "this is 3", "3"]
    );
    assert_eq!(
        texts(read("s", 3).await.unwrap()),
        ["this is 3", "3"],
        "cut to a whole turn"
    );
    assert_eq!(read("s", 1).await.unwrap(), []);
    assert_eq!(read("other", 9).await.unwrap(), []);
    store
        .reset(SessionId::from("s"), Timestamp(1))
        .await
        .unwrap();
    store
        .reset(SessionId::from("new"), Timestamp(1))
        .await
        .unwrap();
    assert_eq!(read("s", 9).await.unwrap(), []);
    let one = message("s", "4");
    store.accept(one.clone()).await.unwrap();
    let held = claimed(&*store, "p", 0).await.unwrap();
    store
        .commit(held.claim, last(&one, "4", 100))
        .await
        .unwrap();
    assert_eq!(texts(read("s", 9).await.unwrap()), ["this is 4", "4"]);
}

pub(crate) async fn many_workers_share_the_work_without_doubles(open: Open<'_>) {
    let stores = [open(), open()];
    for n in 0..40 {
        stores[n % 2]
            .accept(message(&format!("s{}", n % 7), &n.to_string()))
            .await
            .unwrap();
    }
    let work = |store: &'static str, index: usize| {
        let stores = &stores;
        async move {
            let mut done = Vec::new();
            while let Some(held) = claimed(&*stores[index], store, 0).await {
                done.push(held.message.id.to_string());
                let end = last(&held.message, "x", 100);
                stores[index].commit(held.claim, end).await.unwrap();
            }
            done
        }
    };
    let (a, b, c, d) = tokio::join!(work("a", 0), work("b", 1), work("c", 0), work("d", 1));
    let mut all: Vec<String> = [a, b, c, d].concat();
    let count = all.len();
    all.sort();
    all.dedup();
    assert_eq!(all.len(), count, "a turn was worked on twice");
    // A worker stops when every open turn's session is busy; what is left is still claimable.
    let mut rest = 0;
    while let Some(held) = claimed(&*stores[0], "e", 0).await {
        stores[0]
            .commit(held.claim, last(&held.message, "x", 100))
            .await
            .unwrap();
        rest += 1;
    }
    assert_eq!(count + rest, 40);
}
