//! A damaged row costs its own session something, and no other.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

#[expect(dead_code, reason = "the contract's tests use the rest")]
mod contract;
#[path = "../../../../agent/protocol/tests/fuzzing/mod.rs"]
mod fuzzing;

use contract::{last, lease, message, step, turn};
use fuzzing::fuzz;
use rivetos_memory_sqlite::SqliteStore;
use rivetos_types::id::{SessionId, TurnId};
use rivetos_types::message::Message;
use rivetos_types::store::{
    Approval, CallHash, CheckpointKind, Commit, Durability, Then, TurnStore,
};
use rivetos_types::time::Timestamp;
use rusqlite::Connection;
use tokio::runtime::{self, Runtime};

/// Two sessions that have said something and have something to do.
struct Bench {
    store: SqliteStore,
    db: Connection,
    runtime: Runtime,
    _folder: tempfile::TempDir,
}

impl Bench {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("store.db");
        let runtime = runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        let store = SqliteStore::open(&path).unwrap();
        runtime.block_on(async {
            for session in ["damaged", "sound"] {
                let said = message(session, &format!("{session}-said"));
                store.accept(said.clone()).await.unwrap();
                let claimed = store.claim(lease("p", 0)).await.unwrap().unwrap();
                store
                    .commit(claimed.claim, last(&said, "yes", 1_000_000))
                    .await
                    .unwrap();
            }
            for session in ["damaged", "sound"] {
                store.accept(message(session, session)).await.unwrap();
                let claimed = store.claim(lease("p", 0)).await.unwrap().unwrap();
                let step = step(CheckpointKind::BeforeModel, "{}");
                store.commit(claimed.claim.clone(), step).await.unwrap();
                let question = Approval {
                    call: CallHash("aa".into()),
                    turn: turn(session),
                    session: session.into(),
                    channel: "http".into(),
                    tool: "shell".into(),
                    arguments: "{}".into(),
                    expires_at: Timestamp(1_000_000),
                };
                let park = Commit {
                    then: Then::Park(question),
                    ..Commit::step(Vec::new(), Timestamp(8), Durability::ProcessCrash)
                };
                store.commit(claimed.claim, park).await.unwrap();
            }
        });
        let db = Connection::open(&path).unwrap();
        db.pragma_update(None, "synchronous", "OFF").unwrap();
        Self {
            store,
            db,
            runtime,
            _folder: folder,
        }
    }

    /// What `seen` says while `text` stands in the newest row of the damaged session.
    fn damaged<T>(&self, (table, column): (&str, &str), text: &str, seen: impl FnOnce() -> T) -> T {
        let row = match table {
            "session" => "name = 'damaged'",
            "inbox" => "turn = 'http/damaged'",
            "transcript" => {
                "seq = (SELECT max(seq) FROM transcript JOIN session ON session.id = session
                        WHERE name = 'damaged')"
            }
            "outbox" => "turn = (SELECT seq FROM inbox WHERE turn = 'http/damaged-said')",
            _ => "turn = (SELECT seq FROM inbox WHERE turn = 'http/damaged')",
        };
        let read = format!("SELECT {column} FROM {table} WHERE {row}");
        let before: Option<String> = self.db.query_row(&read, [], |row| row.get(0)).unwrap();
        let write = format!("UPDATE {table} SET {column} = ?1 WHERE {row}");
        assert_eq!(self.db.execute(&write, [text]), Ok(1));
        let seen = seen();
        self.db.execute(&write, [before]).unwrap();
        seen
    }

    /// The turns that can be claimed when nobody has a lease.
    fn claimable(&self) -> Vec<TurnId> {
        let free = "UPDATE session SET lease_until = 0";
        self.db.execute(free, []).unwrap();
        let claim = || {
            self.runtime
                .block_on(self.store.claim(lease("p", 0)))
                .unwrap()
        };
        std::iter::from_fn(claim)
            .map(|claimed| claimed.claim.turn)
            .collect()
    }
}

const WORDS: [&str; 6] = [
    "\"role\":\"user\"",
    "\"type\":\"text\",\"text\":\"a\"",
    "\"session\":\"sound\"",
    "\"before_model\"",
    "\"channel\":\"http\",",
    "\"authority\":\"owner\",",
];

#[test]
fn a_damaged_row_keeps_no_other_session_waiting() {
    let bench = Bench::new();
    fuzz("rows", &WORDS, |bytes| {
        let text = String::from_utf8_lossy(bytes);
        for place in [
            ("inbox", "message"),
            ("journal", "kind"),
            ("journal", "body"),
        ] {
            let turns = bench.damaged(place, &text, || bench.claimable());
            assert!(turns.contains(&turn("sound")), "{place:?}: {turns:?}");
        }
        let outbox = || {
            bench
                .runtime
                .block_on(bench.store.outbox("http".into(), Timestamp(1), 9))
        };
        let replies = bench.damaged(("outbox", "reply"), &text, outbox).unwrap();
        assert!(replies.iter().any(|reply| reply.turn == turn("sound-said")));
        let approvals = || {
            bench
                .runtime
                .block_on(bench.store.approvals(None, Timestamp(1)))
        };
        let questions = bench
            .damaged(("approval", "approval"), &text, approvals)
            .unwrap();
        assert!(questions.iter().any(|asked| asked.turn == turn("sound")));
        let resume = || {
            bench
                .runtime
                .block_on(bench.store.resume("damaged".into(), 10))
        };
        let resumed = bench.damaged(("session", "settings"), &text, resume);
        assert!(resumed.is_ok(), "{resumed:?}");
        // What was said before is told as far as it can be read, from the person on.
        let resume = || {
            let session = SessionId::from("damaged");
            bench.runtime.block_on(bench.store.resume(session, 10))
        };
        let resumed = bench
            .damaged(("transcript", "message"), &text, resume)
            .unwrap();
        let first = resumed.messages.first();
        assert!(first.is_none_or(|first| matches!(first, Message::User { .. })));
    });
}
