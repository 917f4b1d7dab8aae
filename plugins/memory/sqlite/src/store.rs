//! The port, call by call.

use std::fs::{OpenOptions, Permissions};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;
use std::time::Duration;

use rivetos_types::BoxFuture;
use rivetos_types::id::{SessionId, TurnId};
use rivetos_types::message::{InboundMessage, Message};
use rivetos_types::store::{
    Acceptance, Claim, ClaimedTurn, Commit, Durability, Lease, StoreError, TurnRecord, TurnStore,
};
use rivetos_types::time::Timestamp;
use rusqlite::Connection;

use crate::failure::Failure;
use crate::presence::{self, Presence};
use crate::writer::Writer;
use crate::{queue, schema, session, turn};

/// How long a call waits for another process that writes.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// Statements that stay compiled; more than this crate has.
const STATEMENTS_MAX: usize = 64;

/// A [`TurnStore`] in one file. Several processes may have it open.
///
/// Dropping it waits until everything that was asked of it is committed.
pub struct SqliteStore {
    writer: Writer,
    _presence: Presence,
}

impl SqliteStore {
    /// Opens the store at `path`; makes it, readable for its owner only, when there is none. Its
    /// folder must exist. When no other process has it open, the leases that are left in it are
    /// over.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        let failed = |cause: String| StoreError::Failed {
            operation: "open the store",
            cause,
        };
        restrict(path).map_err(|error| failed(error.to_string()))?;
        let mut db =
            connect(path).map_err(|error| Failure::from(error).during("open the store"))?;
        schema::migrate(&mut db)?;
        let presence =
            presence::announce(path, &db).map_err(|error| error.during("open the store"))?;
        let writer = Writer::start(db).map_err(|error| failed(error.to_string()))?;
        Ok(Self {
            writer,
            _presence: presence,
        })
    }
}

/// SQLite gives its side files the mode of the main file.
fn restrict(path: &Path) -> std::io::Result<()> {
    let file = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .mode(0o600)
        .open(path)?;
    file.set_permissions(Permissions::from_mode(0o600))
}

fn connect(path: &Path) -> rusqlite::Result<Connection> {
    let db = Connection::open(path)?;
    db.busy_timeout(BUSY_TIMEOUT)?;
    db.set_prepared_statement_cache_capacity(STATEMENTS_MAX);
    // The cache of pages is bounded (in KiB): idle memory counts, and rows are read once.
    db.execute_batch("PRAGMA journal_mode = WAL; PRAGMA cache_size = -1024;")?;
    Ok(db)
}

impl TurnStore for SqliteStore {
    fn accept(&self, message: InboundMessage) -> BoxFuture<'_, Result<Acceptance, StoreError>> {
        let work = move |db: &Connection| queue::accept(db, &message);
        Box::pin(
            self.writer
                .call("take a message", Some(Durability::PowerLoss), work),
        )
    }

    fn claim(&self, lease: Lease) -> BoxFuture<'_, Result<Option<ClaimedTurn>, StoreError>> {
        let work = move |db: &Connection| queue::claim(db, &lease);
        Box::pin(
            self.writer
                .call("claim a turn", Some(Durability::ProcessCrash), work),
        )
    }

    fn renew(&self, claim: Claim, until: Timestamp) -> BoxFuture<'_, Result<(), StoreError>> {
        let work = move |db: &Connection| queue::renew(db, &claim, until);
        Box::pin(
            self.writer
                .call("renew a lease", Some(Durability::ProcessCrash), work),
        )
    }

    fn commit(&self, claim: Claim, commit: Commit) -> BoxFuture<'_, Result<(), StoreError>> {
        let durability = Some(commit.durability);
        let work = move |db: &Connection| turn::commit(db, &claim, &commit);
        Box::pin(self.writer.call("store a step of a turn", durability, work))
    }

    fn settle(&self, turn: TurnId) -> BoxFuture<'_, Result<(), StoreError>> {
        let work = move |db: &Connection| turn::settle(db, &turn);
        Box::pin(
            self.writer
                .call("settle a reply", Some(Durability::ProcessCrash), work),
        )
    }

    fn turn(&self, turn: TurnId) -> BoxFuture<'_, Result<TurnRecord, StoreError>> {
        let work = move |db: &Connection| turn::record(db, &turn);
        Box::pin(self.writer.call("look a turn up", None, work))
    }

    fn resume(
        &self,
        session: SessionId,
        messages_max: usize,
    ) -> BoxFuture<'_, Result<Vec<Message>, StoreError>> {
        let work = move |db: &Connection| session::resume(db, &session, messages_max);
        Box::pin(self.writer.call("read a session", None, work))
    }

    fn reset(&self, session: SessionId, at: Timestamp) -> BoxFuture<'_, Result<(), StoreError>> {
        let work = move |db: &Connection| session::reset(db, &session, at);
        Box::pin(
            self.writer
                .call("reset a session", Some(Durability::ProcessCrash), work),
        )
    }

    fn sweep(&self, now: Timestamp) -> BoxFuture<'_, Result<u64, StoreError>> {
        let work = move |db: &Connection| turn::sweep(db, now);
        Box::pin(
            self.writer
                .call("sweep the store", Some(Durability::ProcessCrash), work),
        )
    }
}
