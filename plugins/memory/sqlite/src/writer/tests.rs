use super::*;

fn writer() -> Writer {
    let db = Connection::open_in_memory().unwrap();
    db.execute_batch("CREATE TABLE t (x BLOB)").unwrap();
    Writer::start(db).unwrap()
}

const CRASH: Option<Durability> = Some(Durability::ProcessCrash);

fn insert(bytes: i64) -> impl FnOnce(&Connection) -> Result<usize, Failure> + Send {
    move |db| Ok(db.execute("INSERT INTO t VALUES (zeroblob(?1))", [bytes])?)
}

fn count(db: &Connection) -> Result<i64, Failure> {
    Ok(db.query_row("SELECT count(*) FROM t", [], |row| row.get(0))?)
}

#[tokio::test]
async fn a_failing_job_is_undone_alone() {
    let writer = writer();
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
    assert_eq!(writer.call("d", None, count).await, Ok(2));
}

#[tokio::test]
async fn a_full_disk_is_told_and_changes_nothing() {
    let writer = writer();
    let limit = |db: &Connection| Ok(db.execute_batch("PRAGMA max_page_count = 20")?);
    writer.call("limit", None, limit).await.unwrap();
    assert_eq!(
        writer.call("fill", CRASH, insert(1 << 20)).await,
        Err(StoreError::Full)
    );
    assert_eq!(writer.call("count", None, count).await, Ok(0));
    assert_eq!(writer.call("small", CRASH, insert(1)).await, Ok(1));
}

#[tokio::test]
async fn what_may_wait_goes_with_the_next_write() {
    let writer = writer();
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
    assert_eq!(writer.call("count", None, count).await, Ok(3));
}
