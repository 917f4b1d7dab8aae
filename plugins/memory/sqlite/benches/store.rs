//! What durability costs a turn, beside what the disk itself costs.
//!
//! `cargo bench -p rivetos-memory-sqlite --bench store`; `TURNS=n` sets the number of turns and
//! `BENCH_DIR=folder` the disk.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a benchmark is a script"
)]

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rivetos_memory_sqlite::SqliteStore;
use rivetos_types::message::{Authority, ContentPart, InboundMessage, Message, OutboundMessage};
use rivetos_types::message::{TokenUsage, TurnOutcome};
use rivetos_types::store::{
    Checkpoint, CheckpointKind, Commit, Durability, Expense, Lease, Reply, Then, TurnStore,
};
use rivetos_types::time::Timestamp;

fn main() {
    let turns = std::env::var("TURNS").map_or(1000, |turns| turns.parse().unwrap());
    let parent = std::env::var_os("BENCH_DIR")
        .map_or_else(|| PathBuf::from(env!("CARGO_TARGET_TMPDIR")), PathBuf::from);
    let folder = tempfile::tempdir_in(parent).unwrap();
    println!(
        "disk: write 4 KiB and fdatasync  {}",
        median(disk(folder.path()))
    );
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .build()
        .unwrap();
    let store = SqliteStore::open(&folder.path().join("store.db")).unwrap();
    let took = runtime.block_on(async {
        let mut took = Vec::new();
        for n in 0..turns {
            let start = Instant::now();
            turn(&store, n).await;
            took.push(start.elapsed());
        }
        took
    });
    println!(
        "turn: accept, claim, commit, reply, settle  {}",
        median(took)
    );
}

/// Two syncs: the message and the reply.
async fn turn(store: &SqliteStore, n: u64) {
    let message = InboundMessage {
        channel: "http".into(),
        id: n.to_string().as_str().into(),
        session: format!("s{}", n % 8).as_str().into(),
        from: "operator".into(),
        authority: Authority::Owner,
        address: None,
        content: vec![ContentPart::text("What is the weather like?")],
        received_at: Timestamp(0),
    };
    store.accept(message.clone()).await.unwrap();
    let lease = Lease {
        owner: "bench".into(),
        now: Timestamp(0),
        until: Timestamp(1),
    };
    let held = store.claim(lease).await.unwrap().unwrap();
    let journal = vec![Checkpoint {
        kind: CheckpointKind::BeforeModel,
        body: "x".repeat(500),
    }];
    let step = Commit {
        transcript: vec![Message::User {
            content: message.content.clone(),
        }],
        ..Commit::step(journal, Timestamp(0), Durability::ProcessCrash)
    };
    store.commit(held.claim.clone(), step).await.unwrap();
    let reply = OutboundMessage {
        files: Vec::new(),
        turn: message.turn(),
        channel: message.channel.clone(),
        session: message.session.clone(),
        address: None,
        text: "y".repeat(1000),
        outcome: TurnOutcome::Completed,
        usage: TokenUsage::default(),
    };
    let end = Commit {
        transcript: vec![Message::assistant(&*reply.text)],
        ledger: vec![Expense {
            model: "bench/one".into(),
            usage: TokenUsage::default(),
            micro_usd: 1,
        }],
        then: Then::Finish(Reply {
            message: reply,
            expires_at: Timestamp(1),
            tells: Vec::new(),
        }),
        ..Commit::step(Vec::new(), Timestamp(0), Durability::PowerLoss)
    };
    store.commit(held.claim, end).await.unwrap();
    store.settle(message.turn()).await.unwrap();
}

fn disk(folder: &Path) -> Vec<Duration> {
    let mut file = File::create(folder.join("probe")).unwrap();
    let once = |_| {
        let start = Instant::now();
        file.write_all(&[7; 4096]).unwrap();
        file.sync_data().unwrap();
        start.elapsed()
    };
    (0..200).map(once).collect()
}

fn median(mut took: Vec<Duration>) -> String {
    took.sort();
    let (half, tail) = (took[took.len() / 2], took[took.len() * 99 / 100]);
    format!("median {half:.1?}  p99 {tail:.1?}  n {}", took.len())
}
