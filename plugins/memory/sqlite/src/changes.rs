//! What other processes do to the store.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use rusqlite::Connection;

use crate::failure::Failure;
use crate::writer::Writer;

/// How often the file is looked at. SQLite tells nobody about changes, and the look reads a few
/// bytes of shared memory.
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// The last known state of the file, as SQLite counts it: the number changes with every commit of
/// another connection, and never with our own (<https://sqlite.org/pragma.html#pragma_data_version>).
#[derive(Debug, Default)]
pub(crate) struct Changes(AtomicI64);

impl Changes {
    /// Returns when the number is another one than last time. A look that fails tells nothing:
    /// whoever works with the store will see the error.
    pub(crate) async fn next(&self, writer: &Writer) {
        loop {
            tokio::time::sleep(LOOK_EVERY).await;
            let Ok(version) = writer.call("look for changes", None, version).await else {
                continue;
            };
            if self.0.swap(version, Ordering::AcqRel) != version {
                return;
            }
        }
    }
}

fn version(db: &Connection) -> Result<i64, Failure> {
    Ok(db
        .prepare_cached("PRAGMA data_version")?
        .query_row([], |row| row.get(0))?)
}
