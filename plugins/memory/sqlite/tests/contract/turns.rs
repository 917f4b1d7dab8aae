//! What becomes of a claim, and what a turn leaves beside its reply.

use rivetos_types::id::{ChannelId, SessionId};
use rivetos_types::message::{Message, TokenUsage};
use rivetos_types::store::{
    Approval, CallHash, Commit, Compaction, Decided, Decision, Durability, Expense, Letters,
    SessionSettings, StoreError, Then, Thinking, TurnStore,
};
use rivetos_types::time::Timestamp;

use super::{LEASE_MS, Open, claimed, last, message, turn};

fn then(then: Then) -> Commit {
    Commit {
        then,
        ..Commit::step(Vec::new(), Timestamp(8), Durability::PowerLoss)
    }
}

fn approval(id: &str, call: &str, expires_at: i64) -> Approval {
    let of = message("s", id);
    Approval {
        call: CallHash(call.into()),
        turn: of.turn(),
        session: of.session,
        channel: of.channel,
        tool: "shell".into(),
        arguments: "{}".into(),
        expires_at: Timestamp(expires_at),
    }
}

fn decided(call: &str, decision: Decision) -> Decided {
    Decided {
        call: CallHash(call.into()),
        decision,
        by: "operator".into(),
    }
}

async fn run(store: &dyn TurnStore, id: &str, commit: Commit) {
    store.accept(message("s", id)).await.unwrap();
    let held = claimed(store, "p", 0).await.unwrap();
    store.commit(held.claim, commit).await.unwrap();
}

pub(crate) async fn a_parked_turn_waits_for_its_decision(open: Open<'_>) {
    let store = open();
    store.accept(message("s", "1")).await.unwrap();
    let held = claimed(&*store, "p", 0).await.unwrap();
    let question = approval("1", "aa", 5000);
    let park = then(Then::Park(question.clone()));
    store.commit(held.claim.clone(), park).await.unwrap();
    let again = last(&held.message, "late", 100);
    let fenced = Err(StoreError::Fenced(turn("1")));
    assert_eq!(store.commit(held.claim, again).await, fenced);
    drop(store);

    let store = open();
    assert_eq!(
        claimed(&*store, "q", 4 * LEASE_MS).await,
        None,
        "over a restart"
    );
    let at = Timestamp(4000);
    let asked = |session: &str| store.approvals(Some(SessionId::from(session)), at);
    assert_eq!(asked("s").await, Ok(vec![question.clone()]));
    assert_eq!(asked("other").await, Ok(vec![]));
    assert_eq!(store.approvals(None, at).await, Ok(vec![question]));
    let decide = |call: &str, decision| store.decide(turn("1"), decided(call, decision), at);
    assert_eq!(
        decide("bb", Decision::Approved).await,
        Ok(false),
        "another call"
    );
    assert_eq!(decide("aa", Decision::Denied).await, Ok(true));
    assert_eq!(
        decide("aa", Decision::Approved).await,
        Ok(false),
        "the first one counts"
    );
    assert_eq!(asked("s").await, Ok(vec![]));
    let held = claimed(&*store, "q", 4000).await.unwrap();
    assert_eq!(held.decided, Some(decided("aa", Decision::Denied)));
    assert_eq!(held.attempt, 1, "parking is no failure");
}

pub(crate) async fn a_question_that_nobody_answers_expires(open: Open<'_>) {
    let store = open();
    run(&*store, "1", then(Then::Park(approval("1", "aa", 5000)))).await;
    let late = decided("aa", Decision::Approved);
    let at = Timestamp(5000);
    assert_eq!(store.approvals(None, at).await, Ok(vec![]));
    assert_eq!(store.decide(turn("1"), late, at).await, Ok(false));
    let held = claimed(&*store, "p", 5000).await.unwrap();
    assert_eq!(held.decided, None);
}

pub(crate) async fn a_turn_that_is_handed_over_can_be_claimed_at_once(open: Open<'_>) {
    let (here, there) = (open(), open());
    run(&*here, "1", then(Then::HandOver)).await;
    let held = claimed(&*there, "there", 0).await.unwrap();
    assert_eq!(held.attempt, 1);
    let again = claimed(&*there, "there", LEASE_MS).await.unwrap();
    assert_eq!(again.attempt, 2, "that one died");
}

pub(crate) async fn what_a_turn_cost_is_summed(open: Open<'_>) {
    let store = open();
    let expense = |model: &str, micro_usd| Expense {
        model: model.into(),
        usage: TokenUsage {
            input: 10,
            output: 2,
            cache_read: 3,
            cache_write: 4,
            reasoning: 0,
        },
        micro_usd,
    };
    let commit = |at, ledger: Vec<Expense>| Commit {
        ledger,
        ..Commit::step(Vec::new(), Timestamp(at), Durability::ProcessCrash)
    };
    store.accept(message("s", "1")).await.unwrap();
    let held = claimed(&*store, "p", 0).await.unwrap();
    for (at, ledger) in [
        (10, vec![expense("b/two", 5), expense("a/one", 7)]),
        (20, vec![expense("a/one", 11)]),
    ] {
        store
            .commit(held.claim.clone(), commit(at, ledger))
            .await
            .unwrap();
    }
    let of =
        |session: Option<&str>, since| store.spent(session.map(SessionId::from), Timestamp(since));
    let all = of(None, 0).await.unwrap();
    let models = all
        .by_model
        .iter()
        .map(|one| (one.model.as_str(), one.micro_usd));
    let models: Vec<_> = models.collect();
    assert_eq!(models, [("a/one", 18), ("b/two", 5)]);
    assert_eq!(all.by_model[0].usage.input, 20);
    assert_eq!(all.by_model[0].usage.cache_write, 8);
    assert_eq!(of(Some("s"), 11).await.unwrap().micro_usd(), 11);
    assert_eq!(of(Some("other"), 0).await.unwrap().micro_usd(), 0);
}

pub(crate) async fn replies_of_a_channel_wait_for_their_delivery(open: Open<'_>) {
    let store = open();
    for (id, expires_at) in [("1", 100), ("2", 50), ("3", 100), ("4", 100)] {
        run(&*store, id, last(&message("s", id), id, expires_at)).await;
    }
    let waiting = |channel: &str, max| {
        let replies = store.outbox(ChannelId::from(channel), Timestamp(60), max);
        async {
            let replies = replies.await.unwrap();
            replies
                .into_iter()
                .map(|reply| reply.text)
                .collect::<Vec<_>>()
        }
    };
    assert_eq!(waiting("http", 9).await, ["1", "3", "4"], "one expired");
    assert_eq!(waiting("http", 2).await, ["1", "3"]);
    assert_eq!(waiting("telegram", 9).await, Vec::<String>::new());
    store.settle(turn("1")).await.unwrap();
    store
        .give_up(turn("3"), "the chat is gone".into())
        .await
        .unwrap();
    assert_eq!(waiting("http", 9).await, ["4"]);
    let letters = Letters {
        waiting: 1,
        dead: 1,
    };
    assert_eq!(store.letters(Timestamp(60)).await, Ok(letters));
    assert_eq!(store.letters(Timestamp(100)).await, Ok(Letters::default()));
    // A reply that tells another one along settles it with the same write.
    let mut telling = last(&message("s", "5"), "5", 100);
    if let Then::Finish(reply) = &mut telling.then {
        reply.tells = vec![turn("4"), turn("nobody")];
    }
    run(&*store, "5", telling).await;
    assert_eq!(waiting("http", 9).await, ["5"]);
}

pub(crate) async fn a_summary_stands_for_what_it_covers(open: Open<'_>) {
    let store = open();
    for id in ["1", "2", "3"] {
        run(&*store, id, last(&message("s", id), id, 100)).await;
    }
    store.accept(message("s", "4")).await.unwrap();
    let held = claimed(&*store, "p", 0).await.unwrap();
    let compaction = Compaction {
        summary: "one and two".into(),
        kept_messages: 2,
    };
    let commit = Commit {
        compaction: Some(compaction),
        ..then(Then::GoOn)
    };
    store.commit(held.claim.clone(), commit).await.unwrap();
    let end = last(&held.message, "4", 100);
    store.commit(held.claim, end).await.unwrap();
    let store = open();
    let session = SessionId::from("s");
    let resumed = store.resume(session.clone(), 99).await.unwrap();
    assert_eq!(resumed.summary.as_deref(), Some("one and two"));
    assert_eq!(resumed.messages.len(), 4);
    assert_eq!(resumed.messages[0], Message::user("this is 3"));
    store.reset(session.clone(), Timestamp(1)).await.unwrap();
    let resumed = store.resume(session, 99).await.unwrap();
    assert_eq!((resumed.summary, resumed.messages), (None, vec![]));
}

pub(crate) async fn what_was_open_at_a_reset_belongs_to_the_time_before(open: Open<'_>) {
    let store = open();
    store.accept(message("s", "1")).await.unwrap();
    let held = claimed(&*store, "p", 0).await.unwrap();
    let session = SessionId::from("s");
    store.reset(session.clone(), Timestamp(1)).await.unwrap();
    store.accept(message("s", "2")).await.unwrap();
    let end = last(&held.message, "1", 100);
    store.commit(held.claim, end).await.unwrap();
    let next = claimed(&*store, "p", 0).await.unwrap();
    let end = last(&next.message, "2", 100);
    store.commit(next.claim, end).await.unwrap();
    let resumed = store.resume(session, 99).await.unwrap();
    assert_eq!(resumed.messages[0], Message::user("this is 2"));
}

pub(crate) async fn settings_stay(open: Open<'_>) {
    let settings = SessionSettings {
        thinking: Some(Thinking::Low),
        pins: vec!["a.md".into()],
        ..SessionSettings::default()
    };
    let session = SessionId::from("s");
    let resumed = open().resume(session.clone(), 9).await.unwrap();
    assert_eq!(resumed.settings, SessionSettings::default());
    open()
        .configure(session.clone(), settings.clone())
        .await
        .unwrap();
    let store = open();
    store.reset(session.clone(), Timestamp(1)).await.unwrap();
    assert_eq!(store.resume(session, 9).await.unwrap().settings, settings);
}

pub(crate) async fn what_another_process_changes_is_noticed(open: Open<'_>) {
    let (here, there) = (open(), open());
    // The first look compares with nothing.
    here.changed().await;
    let news = here.changed();
    there.accept(message("s", "1")).await.unwrap();
    news.await;
    assert!(claimed(&*here, "here", 0).await.is_some());
}
