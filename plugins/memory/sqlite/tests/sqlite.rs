//! The contract of every turn store, and what is particular to this one.

mod contract;

use std::os::unix::fs::PermissionsExt;

use contract::{message, turns};
use rivetos_memory_sqlite::SqliteStore;
use rivetos_types::store::{StoreError, TurnStore};

macro_rules! contract_tests {
    ($module:ident: $($name:ident),+ $(,)?) => {$(
        #[tokio::test]
        async fn $name() {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("store.db");
            let open = || Box::new(SqliteStore::open(&path).unwrap()) as Box<dyn TurnStore>;
            $module::$name(&open).await;
        }
    )+};
}

contract_tests!(contract:
    a_message_is_taken_once,
    what_is_taken_into_a_free_session_is_claimed_at_once,
    turns_come_in_order_and_one_at_a_time_per_session,
    an_expired_lease_is_taken_over_and_fenced,
    a_late_owner_may_write_until_somebody_takes_over,
    the_journal_comes_back_in_order,
    a_reply_is_known_until_it_expires,
    sweeping_leaves_open_turns_alone,
    history_starts_with_the_person_and_after_the_reset,
    many_workers_share_the_work_without_doubles,
);

contract_tests!(turns:
    a_parked_turn_waits_for_its_decision,
    a_question_that_nobody_answers_expires,
    a_turn_that_is_handed_over_can_be_claimed_at_once,
    what_a_turn_cost_is_summed,
    replies_of_a_channel_wait_for_their_delivery,
    a_summary_stands_for_what_it_covers,
    what_was_open_at_a_reset_belongs_to_the_time_before,
    settings_stay,
    what_another_process_changes_is_noticed,
);

#[test]
fn a_newer_store_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    drop(SqliteStore::open(&path).unwrap());
    let db = rusqlite::Connection::open(&path).unwrap();
    db.pragma_update(None, "user_version", 99).unwrap();
    let error = SqliteStore::open(&path).err();
    assert_eq!(
        error,
        Some(StoreError::Newer {
            found: 99,
            known: 2
        })
    );
}

#[tokio::test]
async fn nobody_else_may_read_the_files() {
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(&folder.path().join("store.db")).unwrap();
    store.accept(message("s", "1")).await.unwrap();
    let mut seen = 0;
    for entry in folder.path().read_dir().unwrap() {
        let entry = entry.unwrap();
        let mode = entry.metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!(mode & 0o077, 0, "{:?}", entry.path());
        seen += 1;
    }
    assert!(seen >= 2, "the log of the store is there while it is open");
}

#[test]
fn what_is_no_store_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    std::fs::write(
        &path,
        "this is a text of some length, and by no means a database",
    )
    .unwrap();
    assert!(matches!(
        SqliteStore::open(&path),
        Err(StoreError::Failed { .. })
    ));
    let nowhere = folder.path().join("no/such/folder/store.db");
    assert!(matches!(
        SqliteStore::open(&nowhere),
        Err(StoreError::Failed { .. })
    ));
}

#[test]
fn lookups_use_an_index() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    drop(SqliteStore::open(&path).unwrap());
    let db = rusqlite::Connection::open(&path).unwrap();
    for sql in [
        "SELECT id FROM session WHERE head IS NOT NULL AND lease_until <= 1 ORDER BY head LIMIT 1",
        "SELECT seq FROM inbox WHERE turn = 'x'",
        "SELECT min(seq) FROM inbox WHERE session = 1 AND finished = 0",
        "SELECT message FROM transcript WHERE session = 1 AND seq > 0 ORDER BY seq DESC LIMIT 9",
        "SELECT max(seq) FROM transcript WHERE session = 1",
        "SELECT count(*) FROM outbox WHERE expires_at <= 1 AND settled = 0",
    ] {
        let mut plan = db.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
        let lines = plan.query_map([], |row| row.get::<_, String>(3)).unwrap();
        let lines: Vec<String> = lines.map(Result::unwrap).collect();
        let indexed = lines.iter().all(|line| line.contains("INDEX"));
        let sorted = lines.iter().any(|line| line.contains("TEMP B-TREE"));
        assert!(indexed && !sorted, "{sql}: {lines:?}");
    }
}

#[tokio::test]
async fn the_leases_of_the_dead_are_over_those_of_the_living_are_not() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    let first = SqliteStore::open(&path).unwrap();
    first.accept(contract::message("s", "1")).await.unwrap();
    assert!(
        first
            .claim(contract::lease("first", 0))
            .await
            .unwrap()
            .is_some()
    );
    let second = SqliteStore::open(&path).unwrap();
    assert_eq!(
        second.claim(contract::lease("second", 1)).await.unwrap(),
        None
    );
    drop((first, second));
    let third = SqliteStore::open(&path).unwrap();
    assert!(
        third
            .claim(contract::lease("third", 2))
            .await
            .unwrap()
            .is_some()
    );
}

#[tokio::test]
async fn who_stays_notices_at_once_that_somebody_died() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    let open = || SqliteStore::open(&path).unwrap();
    let (dies, stays, idle) = (open(), open(), open());
    for id in ["1", "2"] {
        dies.accept(contract::message(id, id)).await.unwrap();
    }
    let lost = dies.claim(contract::lease("a", 0)).await.unwrap().unwrap();
    let kept = stays.claim(contract::lease("b", 0)).await.unwrap().unwrap();
    stays.changed().await;
    drop(dies);
    stays.changed().await;
    let lease = || contract::lease("b", 1);
    let next = stays.claim(lease()).await.unwrap().unwrap();
    assert_eq!(next.claim.turn, lost.claim.turn);
    assert!(next.claim.token > lost.claim.token);
    assert_eq!(
        idle.claim(lease()).await,
        Ok(None),
        "the living keep theirs"
    );
    let commit = contract::last(&kept.message, "x", 100);
    assert_eq!(stays.commit(kept.claim, commit).await, Ok(()));
}

#[tokio::test]
async fn a_damaged_row_stops_nobody_else() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    let store = SqliteStore::open(&path).unwrap();
    for (session, id) in [("bad", "1"), ("good", "2")] {
        store.accept(contract::message(session, id)).await.unwrap();
    }
    let db = rusqlite::Connection::open(&path).unwrap();
    let damaged = "UPDATE inbox SET message = '{\"future\":' || message || '}' WHERE seq = 1";
    db.execute(damaged, []).unwrap();
    let claimed = store.claim(contract::lease("a", 0)).await.unwrap().unwrap();
    assert_eq!(claimed.message, contract::message("good", "2"));
    assert_eq!(store.claim(contract::lease("a", 0)).await, Ok(None));

    let repaired = "UPDATE inbox SET message = json_extract(message, '$.future') WHERE seq = 1";
    db.execute(repaired, []).unwrap();
    let later = contract::lease("a", contract::LEASE_MS);
    let claimed = store.claim(later).await.unwrap().unwrap();
    assert_eq!(claimed.message, contract::message("bad", "1"));
    let done = contract::last(&claimed.message, "done", 100);
    store.commit(claimed.claim, done).await.unwrap();
    let session = claimed.message.session;
    assert_eq!(
        store
            .resume(session.clone(), 9)
            .await
            .unwrap()
            .messages
            .len(),
        2
    );
    db.execute("UPDATE transcript SET message = '{}' WHERE seq = 2", [])
        .unwrap();
    assert_eq!(store.resume(session, 9).await.unwrap().messages, []);
}
