//! Many conversations at once, and many turns in the store.

use std::ops::Range;
use std::path::Path;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use http_body_util::BodyExt;
use rivetos_memory_sqlite::SqliteStore;
use rivetos_types::message::{Authority, ContentPart, InboundMessage, Message, OutboundMessage};
use rivetos_types::message::{TokenUsage, TurnOutcome};
use rivetos_types::store::{Commit, Durability, Lease, Reply, Then, TurnStore};
use rivetos_types::time::Timestamp;

use crate::endpoint::{Endpoint, LATE};
use crate::wire::{connect, message, timed};

/// Conversations that go on at the same time, each on its own connection.
pub(crate) const CONVERSATIONS: usize = 64;

/// Numbers of messages that nothing else has.
const FIRST_NUMBER: usize = 1_000_000;

/// Runs `turns` turns over `sessions`. Takes the numbers of messages from `first` on.
pub(crate) async fn turns_at_once(
    port: u16,
    first: usize,
    turns: usize,
    sessions: Range<usize>,
) -> Duration {
    let (first_session, sessions) = (sessions.start, sessions.len());
    let begun = Instant::now();
    let conversations = (0..CONVERSATIONS).map(|conversation| {
        tokio::spawn(async move {
            let mut client = connect(port).await;
            for turn in (conversation..turns).step_by(CONVERSATIONS) {
                let request = message(
                    first + turn,
                    first_session + turn % sessions,
                    "How do you do?",
                );
                timed(&mut client, request).await;
            }
        })
    });
    for ended in join_all(conversations).await {
        ended.unwrap();
    }
    begun.elapsed()
}

/// How long the model's first word takes from the endpoint to the client, in `turns` turns.
pub(crate) async fn first_words(port: u16, endpoint: &Endpoint, turns: usize) -> Vec<Duration> {
    let mut client = connect(port).await;
    let mut took = Vec::new();
    for turn in 0..turns {
        let mut request = message(FIRST_NUMBER + turn, 0, LATE);
        let accept = "text/event-stream".parse().unwrap();
        request.headers_mut().insert("accept", accept);
        client.ready().await.unwrap();
        let mut body = client.send_request(request).await.unwrap().into_body();
        let mut seen = false;
        while let Some(frame) = body.frame().await {
            let data = frame.unwrap().into_data().unwrap_or_default();
            if !seen && data.windows(4).any(|part| part == b"Good") {
                took.push(endpoint.said_at().elapsed());
                seen = true;
            }
        }
    }
    assert_eq!(took.len(), turns, "every turn says its first word");
    took
}

/// Fills the store at `path` with `turns` finished turns in `sessions` sessions.
pub(crate) async fn store_turns(path: &Path, turns: usize, sessions: usize) {
    let store = SqliteStore::open(path).unwrap();
    for first in (0..turns).step_by(CONVERSATIONS) {
        let batch = first..turns.min(first + CONVERSATIONS);
        let accepted = batch.map(|turn| {
            let session = format!("agent:stored:{}", turn % sessions);
            store.accept(asked(turn, &session))
        });
        for accepted in join_all(accepted).await {
            accepted.unwrap();
        }
        let claims = join_all((0..CONVERSATIONS).map(|_| store.claim(lease()))).await;
        let claims = claims.into_iter().filter_map(Result::unwrap);
        let commits = claims.map(|held| {
            let end = end(&held.message);
            store.commit(held.claim, end)
        });
        for committed in join_all(commits).await {
            committed.unwrap();
        }
    }
    store.sweep(Timestamp(2)).await.unwrap();
}

fn lease() -> Lease {
    Lease {
        owner: "bench".into(),
        now: Timestamp(0),
        until: Timestamp(1),
    }
}

fn asked(turn: usize, session: &str) -> InboundMessage {
    InboundMessage {
        channel: "agent".into(),
        id: format!("stored-{turn}").as_str().into(),
        session: session.into(),
        from: "bench".into(),
        authority: Authority::Owner,
        address: None,
        content: vec![ContentPart::text("What is the weather like?")],
        received_at: Timestamp(0),
    }
}

fn end(asked: &InboundMessage) -> Commit {
    let answer = "Fair, with some wind from the west in the afternoon.";
    let reply = OutboundMessage {
        turn: asked.turn(),
        channel: asked.channel.clone(),
        session: asked.session.clone(),
        address: None,
        text: answer.to_owned(),
        files: Vec::new(),
        outcome: TurnOutcome::Completed,
        usage: TokenUsage::default(),
    };
    let question = Message::User {
        content: asked.content.clone(),
    };
    Commit {
        transcript: vec![question, Message::assistant(answer)],
        then: Then::Finish(Reply {
            message: reply,
            expires_at: Timestamp(1),
            tells: Vec::new(),
        }),
        ..Commit::step(Vec::new(), Timestamp(0), Durability::ProcessCrash)
    }
}
