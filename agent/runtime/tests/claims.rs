//! A turn that ends its processes is given up; one that gets further with each of them is not.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

#[expect(dead_code, reason = "the other tests use the rest")]
mod support;

use std::path::Path;

use rivetos_core::turn::{TurnInput, encode};
use rivetos_memory_sqlite::SqliteStore;
use rivetos_types::message::{ContentPart, TurnOutcome};
use rivetos_types::store::{Checkpoint, CheckpointKind, Commit, Durability, Lease, TurnStore};
use rivetos_types::time::Timestamp;
use support::{Bench, message};

/// More than a turn may have without getting further.
const CLAIMS: i64 = 12;

/// As processes leave a turn that were killed one after the other, each when it had stored this.
async fn claimed_often(folder: &Path, inputs: &[TurnInput]) {
    let store = SqliteStore::open(&folder.join("store.db")).unwrap();
    store.accept(message("1", "hello")).await.unwrap();
    for number in 0..CLAIMS {
        let now = Timestamp(number * 1000);
        let lease = Lease {
            owner: number.to_string(),
            now,
            until: now.plus_ms(10),
        };
        let claimed = store.claim(lease).await.unwrap().unwrap();
        let checkpoint = |input| Checkpoint {
            kind: CheckpointKind::BeforeModel,
            body: encode(input).unwrap(),
        };
        let journal = inputs.iter().map(checkpoint).collect();
        let commit = Commit::step(journal, now, Durability::ProcessCrash);
        store.commit(claimed.claim, commit).await.unwrap();
    }
}

#[tokio::test]
async fn claims_without_progress_end_a_turn() {
    let folder = tempfile::tempdir().unwrap();
    claimed_often(folder.path(), &[TurnInput::Restored]).await;
    let bench = Bench::start(folder.path());
    let outcome = bench.reply("1").await.outcome;
    assert!(
        matches!(&outcome, TurnOutcome::Failed { reason } if reason.contains("restarted 8 times")),
        "{outcome:?}"
    );
}

#[tokio::test]
async fn a_turn_that_gets_further_with_each_claim_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let content = vec![ContentPart::text("and")];
    let inputs = [TurnInput::Restored, TurnInput::Steered { content }];
    claimed_often(folder.path(), &inputs).await;
    let bench = Bench::start(folder.path());
    bench.asked().await.say("done").done();
    assert_eq!(bench.reply("1").await.outcome, TurnOutcome::Completed);
}
