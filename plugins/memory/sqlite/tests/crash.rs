//! `kill -9`: what was answered is there afterwards.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[expect(
    dead_code,
    reason = "the contract's checks run elsewhere, its builders are used here"
)]
mod contract;

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};

use contract::{LEASE_MS, last, lease, message, reply, step, turn};
use rivetos_memory_sqlite::SqliteStore;
use rivetos_types::id::SessionId;
use rivetos_types::store::{Acceptance, CheckpointKind, TurnRecord, TurnStore};

const STORE: &str = "RIVETOS_TEST_STORE";

/// Not a test by itself: the process that the test below kills. It works until it dies, and says
/// after each turn that the store has confirmed it.
#[tokio::test]
async fn victim() {
    let Some(path) = std::env::var_os(STORE) else {
        return;
    };
    let store = SqliteStore::open(Path::new(&path)).unwrap();
    for n in 0_u64.. {
        let one = message("s", &n.to_string());
        store.accept(one.clone()).await.unwrap();
        let held = store.claim(lease("victim", 0)).await.unwrap().unwrap();
        let before = step(CheckpointKind::BeforeModel, &n.to_string());
        store.commit(held.claim.clone(), before).await.unwrap();
        say(&format!("claimed {n}"));
        store
            .commit(held.claim, last(&one, &n.to_string(), 100))
            .await
            .unwrap();
        say(&format!("finished {n}"));
    }
}

fn say(line: &str) {
    // Through a handle: the test harness captures what the macros print.
    let mut pipe = std::io::stderr();
    writeln!(pipe, "{line}").unwrap();
}

/// Lets the victim work for `lines` lines, kills it, and returns the last lines that it got out.
fn kill_after(path: &Path, lines: usize) -> (Option<u64>, Option<u64>) {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "victim", "--nocapture"])
        .env(STORE, path)
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let output = BufReader::new(child.stderr.take().unwrap());
    let (mut claimed, mut finished, mut seen) = (None, None, 0);
    for line in output.lines().map(Result::unwrap) {
        if let Some(n) = line.strip_prefix("claimed ") {
            claimed = n.parse().ok();
        } else if let Some(n) = line.strip_prefix("finished ") {
            finished = n.parse().ok();
        }
        seen += 1;
        if seen == lines {
            child.kill().unwrap();
        }
    }
    assert!(!child.wait().unwrap().success());
    (claimed, finished)
}

#[tokio::test]
async fn what_was_confirmed_survives_kill_nine() {
    for lines in [1, 2, 7, 24, 61] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("store.db");
        let (claimed, finished) = kill_after(&path, lines);
        let store = SqliteStore::open(&path).unwrap();
        let finished_count = finished.map_or(0, |n| n + 1);
        for n in 0..finished_count {
            let id = n.to_string();
            let record = store.turn(turn(&id)).await.unwrap();
            assert_eq!(record, TurnRecord::Finished(reply(&message("s", &id), &id)));
        }
        let said = store
            .resume(SessionId::from("s"), 10_000)
            .await
            .unwrap()
            .messages
            .len();
        assert!(said as u64 >= 2 * finished_count);
        assert_eq!(said % 2, 0, "half a turn was stored");
        // A turn that was begun and not finished is there to be taken over, with its journal.
        let last = message("s", &claimed.unwrap().to_string());
        assert_eq!(store.accept(last.clone()).await, Ok(Acceptance::Known));
        if let Some(held) = store.claim(lease("next", LEASE_MS)).await.unwrap() {
            let n: u64 = held.message.id.as_str().parse().unwrap();
            assert!(n >= finished_count);
            let before = step(CheckpointKind::BeforeModel, &n.to_string()).journal;
            let fresh = n > claimed.unwrap();
            assert!(held.journal == before || (fresh && held.journal.is_empty()));
        }
    }
}
