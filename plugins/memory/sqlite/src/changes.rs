//! What other processes do to the store, and that they died.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use rivetos_types::store::{Durability, StoreError};
use rusqlite::Connection;
use tokio::time::{Instant, sleep_until};

use crate::failure::Failure;
use crate::presence::Presence;
use crate::writer::{Access, Writer};

/// How often the file is looked at. SQLite tells nobody about changes, and the look reads a few
/// bytes of shared memory.
pub(crate) const LOOK_EVERY: Duration = Duration::from_millis(250);

/// The last known state of the file, as SQLite counts it: the number changes with every commit of
/// another connection, and never with our own (<https://sqlite.org/pragma.html#pragma_data_version>).
#[derive(Debug, Default)]
pub(crate) struct Changes {
    version: AtomicI64,
    /// Kept over calls: a caller that has much to do asks again and again and waits for none of
    /// them to end.
    next_look: Mutex<Option<Instant>>,
}

impl Changes {
    /// Returns when the number is another one than last time, or when the leases of a dead process
    /// were ended. A look that fails tells nothing: whoever works with the store will see the
    /// error.
    pub(crate) async fn next(&self, writer: &Writer, presence: &Presence) {
        loop {
            sleep_until(self.due()).await;
            let ended = end_leases_of_dead(writer, presence).await;
            let version = writer
                .call("look for changes", Access::ReadToWrite, version)
                .await;
            *self.next_look() = None;
            let changed = match version {
                Ok(version) => self.version.swap(version, Ordering::AcqRel) != version,
                Err(_) => false,
            };
            if changed || ended == Ok(true) {
                return;
            }
        }
    }

    fn due(&self) -> Instant {
        *self
            .next_look()
            .get_or_insert_with(|| Instant::now() + LOOK_EVERY)
    }

    fn next_look(&self) -> std::sync::MutexGuard<'_, Option<Instant>> {
        self.next_look
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether there was anybody.
async fn end_leases_of_dead(writer: &Writer, presence: &Presence) -> Result<bool, StoreError> {
    let operation = "end the leases of a dead process";
    let dead = presence.dead().map_err(|error| StoreError::Failed {
        operation,
        cause: error.to_string(),
    })?;
    if dead.is_empty() {
        return Ok(false);
    }
    let work = move |db: &Connection| {
        dead.iter().try_for_each(|dead| dead.end_leases(db))?;
        Ok(dead)
    };
    let dead = writer
        .call(operation, Access::Write(Durability::ProcessCrash), work)
        .await?;
    for dead in dead {
        // What stays is seen, and found to be over, once more.
        let _ = dead.forget();
    }
    Ok(true)
}

fn version(db: &Connection) -> Result<i64, Failure> {
    Ok(db
        .prepare_cached("PRAGMA data_version")?
        .query_row([], |row| row.get(0))?)
}
