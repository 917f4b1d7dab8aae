use std::future::{Future, poll_fn};
use std::task::Poll;

use rivetos_types::store::Durability;
use tempfile::TempDir;

use super::*;

fn writer() -> (Writer, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    let db = Connection::open(&path).unwrap();
    db.execute_batch("PRAGMA journal_mode = WAL; CREATE TABLE t (x BLOB)")
        .unwrap();
    (Writer::start(db, &path).unwrap(), folder)
}

const CRASH: Access = Access::Write(Durability::ProcessCrash);

fn insert(bytes: i64) -> impl FnOnce(&Connection) -> Result<usize, Failure> + Send {
    move |db| Ok(db.execute("INSERT INTO t VALUES (zeroblob(?1))", [bytes])?)
}

fn count(db: &Connection) -> Result<i64, Failure> {
    Ok(db.query_row("SELECT count(*) FROM t", [], |row| row.get(0))?)
}

#[tokio::test]
async fn a_failing_job_is_undone_alone() {
    let (writer, _folder) = writer();
    let half = |db: &Connection| -> Result<(), Failure> {
        insert(1)(db)?;
        Err(Failure::Fenced("t/1".into()))
    };
    let (a, b, c) = tokio::join!(
        writer.call("a", CRASH, insert(1)),
        writer.call("b", CRASH, half),
        writer.call("c", CRASH, insert(1)),
    );
    assert_eq!(a, Ok(1));
    assert_eq!(b, Err(StoreError::Fenced("t/1".into())));
    assert_eq!(c, Ok(1));
    assert_eq!(writer.call("d", Access::Read, count).await, Ok(2));
}

#[tokio::test]
async fn a_full_disk_is_told_and_changes_nothing() {
    let (writer, _folder) = writer();
    let limit = |db: &Connection| Ok(db.execute_batch("PRAGMA max_page_count = 20")?);
    writer.call("limit", Access::Read, limit).await.unwrap();
    assert_eq!(
        writer.call("fill", CRASH, insert(1 << 20)).await,
        Err(StoreError::Full)
    );
    assert_eq!(writer.call("count", Access::Read, count).await, Ok(0));
    assert_eq!(writer.call("small", CRASH, insert(1)).await, Ok(1));
}

#[tokio::test]
async fn what_may_wait_goes_with_the_next_write() {
    let (writer, _folder) = writer();
    let seen = |db: &Connection| {
        insert(1)(db)?;
        count(db)
    };
    // Asked for first, and still there before the write that came later is answered.
    let (soon, write) = tokio::join!(
        writer.call_soon("soon", insert(1)),
        writer.call("write", CRASH, seen),
    );
    assert_eq!((soon, write), (Ok(1), Ok(2)));
    assert_eq!(writer.call_soon("alone", insert(1)).await, Ok(1));
    assert_eq!(writer.call("count", Access::Read, count).await, Ok(3));
}

/// Who only waits for the disk is not told of what somebody else's call came to.
#[tokio::test]
async fn a_sync_beside_a_call_that_fails_is_a_sync() {
    let (writer, _folder) = writer();
    for _ in 0..50 {
        writer
            .call_here("early", Access::WriteEarly, insert(1))
            .await
            .unwrap();
        // On the thread, with luck in one batch.
        let fails = |_: &Connection| Err::<(), _>(Failure::from(rusqlite::Error::InvalidQuery));
        let (failed, synced) = tokio::join!(
            writer.call("fails", CRASH, fails),
            writer.hand_over(Call::sync(writer.room().await.unwrap())),
        );
        assert!(failed.is_err());
        assert_eq!(synced, Ok(()));
        assert!(writer.seat.log.is_synced());
    }
}

#[tokio::test]
async fn who_is_alone_wakes_nobody() {
    let (writer, _folder) = writer();
    let mut call = Box::pin(writer.call_here("write", CRASH, insert(1)));
    let first = poll_fn(|context| Poll::Ready(call.as_mut().poll(context))).await;
    assert_eq!(first, Poll::Ready(Ok(1)));
}

#[tokio::test]
async fn another_process_that_writes_keeps_no_worker() {
    let (writer, folder) = writer();
    let other = Connection::open(folder.path().join("store.db")).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let mut call = Box::pin(writer.call_here("write", CRASH, insert(1)));
    let first = poll_fn(|context| Poll::Ready(call.as_mut().poll(context))).await;
    assert_eq!(first, Poll::Pending);
    other.execute_batch("COMMIT").unwrap();
    assert_eq!(call.await, Ok(1));
}

#[tokio::test]
async fn what_is_told_is_on_the_disk() {
    let (writer, _folder) = writer();
    let log = &writer.seat.log;
    for access in [
        Access::Read,
        Access::Sync,
        Access::Write(Durability::PowerLoss),
    ] {
        let early = writer.call_here("early", Access::WriteEarly, insert(1));
        early.await.unwrap();
        assert!(!log.is_synced());
        writer
            .call("inside", Access::ReadToWrite, count)
            .await
            .unwrap();
        writer.call_here("a step", CRASH, insert(1)).await.unwrap();
        assert!(!log.is_synced());
        match access {
            Access::Sync => writer.sync().await.unwrap(),
            other => writer.call("told", other, |_| Ok(())).await.unwrap(),
        }
        assert!(log.is_synced(), "{access:?}");
    }
}

#[tokio::test]
async fn what_others_wrote_is_synced_before_it_is_told() {
    let (writer, folder) = writer();
    writer.call("look", Access::Read, count).await.unwrap();
    let synced = writer.seat.log.syncs();
    writer.call("look", Access::Read, count).await.unwrap();
    assert_eq!(writer.seat.log.syncs(), synced);
    let other = Connection::open(folder.path().join("store.db")).unwrap();
    other.execute_batch("INSERT INTO t VALUES (1)").unwrap();
    assert_eq!(writer.call("look", Access::Read, count).await, Ok(1));
    assert_eq!(writer.seat.log.syncs(), synced + 1);
}

#[tokio::test]
async fn the_log_does_not_grow_for_ever() {
    let (writer, folder) = writer();
    for _ in 0..300 {
        writer
            .call_here("write", CRASH, insert(100_000))
            .await
            .unwrap();
    }
    let log = folder.path().join("store.db-wal").metadata().unwrap();
    let pages = log.len() / 4120;
    assert!(pages < 3000, "{pages} of 7500 pages are in the log");
}

#[tokio::test]
async fn after_a_failed_sync_the_store_itself_is_synced() {
    let (writer, folder) = writer();
    writer
        .call_here("early", Access::WriteEarly, insert(1))
        .await
        .unwrap();
    writer.seat.log.lose();
    assert_eq!(writer.sync().await, Ok(()));
    assert!(writer.seat.log.is_synced());
    let log = folder.path().join("store.db-wal").metadata().unwrap();
    assert_eq!(log.len(), 0, "all of it was moved");
}

#[tokio::test]
async fn what_was_done_beside_a_call_is_answered_also_when_its_caller_goes() {
    let (writer, _folder) = writer();
    let soon = async { writer.call_soon("soon", insert(1)).await };
    let early = async {
        let early = writer.call_here("early", Access::WriteEarly, insert(1));
        early.await.unwrap();
    };
    let (soon, ()) = tokio::join!(soon, early);
    assert_eq!(soon, Ok(1));
    assert_eq!(writer.call("count", Access::Read, count).await, Ok(2));
}
