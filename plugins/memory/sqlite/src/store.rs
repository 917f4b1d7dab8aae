//! The port, call by call.

use std::fs::{OpenOptions, Permissions};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;
use std::time::Duration;

use rivetos_types::BoxFuture;
use rivetos_types::id::{ChannelId, SessionId, TurnId};
use rivetos_types::message::{InboundMessage, OutboundMessage};
use rivetos_types::store::{
    Acceptance, Approval, Claim, ClaimedTurn, Commit, Decided, Durability, Lease, Letters, Resumed,
    SessionSettings, Spent, StoreError, Swept, TurnRecord, TurnStore,
};
use rivetos_types::time::Timestamp;
use rusqlite::Connection;
use rusqlite::config::DbConfig;

use crate::changes::Changes;
use crate::failure::Failure;
use crate::presence::Presence;
use crate::writer::{Access, Writer};
use crate::{approval, ledger, outbox, queue, schema, session, turn};

/// How long a call waits for another process that writes.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// Statements that stay compiled; more than this crate has.
const STATEMENTS_MAX: usize = 64;

/// A [`TurnStore`] in one file. Several processes may have it open.
///
/// Dropping it waits until everything that was asked of it is committed.
pub struct SqliteStore {
    writer: Writer,
    changes: Changes,
    presence: Presence,
}

impl SqliteStore {
    /// Opens the store at `path`; makes it, readable for its owner only, when there is none. Its
    /// folder must exist. The leases of processes that no longer have it open are over.
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
            Presence::announce(path, &mut db).map_err(|error| error.during("open the store"))?;
        let writer = Writer::start(db, path)?;
        Ok(Self {
            writer,
            changes: Changes::default(),
            presence,
        })
    }
}

impl SqliteStore {
    /// Under the name by which others see whether this process lives.
    fn own(&self, lease: &Lease) -> Lease {
        Lease {
            owner: self.presence.name().to_owned(),
            ..*lease
        }
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
    // Else statements that could use an index of some rows only are compiled anew for every value
    // that is bound to them. None of ours depends on a value.
    db.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    // The cache of pages is bounded (in KiB): idle memory counts, and rows are read once.
    db.execute_batch("PRAGMA journal_mode = WAL; PRAGMA cache_size = -1024;")?;
    Ok(db)
}

impl TurnStore for SqliteStore {
    fn accept(&self, message: InboundMessage) -> BoxFuture<'_, Result<Acceptance, StoreError>> {
        let work = move |db: &Connection| queue::accept(db, &message);
        Box::pin(self.writer.call_here(
            "take a message",
            Access::Write(Durability::PowerLoss),
            work,
        ))
    }

    fn accept_and_claim(
        &self,
        message: InboundMessage,
        lease: Lease,
    ) -> BoxFuture<'_, Result<(Acceptance, Option<ClaimedTurn>), StoreError>> {
        let lease = self.own(&lease);
        let work = move |db: &Connection| queue::accept_and_claim(db, message, &lease);
        Box::pin(
            self.writer
                .call_here("take a message", Access::WriteEarly, work),
        )
    }

    fn sync(&self) -> BoxFuture<'_, Result<(), StoreError>> {
        Box::pin(self.writer.sync())
    }

    fn claim(&self, lease: Lease) -> BoxFuture<'_, Result<Option<ClaimedTurn>, StoreError>> {
        let lease = self.own(&lease);
        let work = move |db: &Connection| queue::claim(db, &lease);
        Box::pin(self.writer.call_here(
            "claim a turn",
            Access::Write(Durability::ProcessCrash),
            work,
        ))
    }

    fn renew(&self, claim: Claim, until: Timestamp) -> BoxFuture<'_, Result<(), StoreError>> {
        let work = move |db: &Connection| queue::renew(db, &claim, until);
        Box::pin(self.writer.call(
            "renew a lease",
            Access::Write(Durability::ProcessCrash),
            work,
        ))
    }

    fn commit(&self, claim: Claim, commit: Commit) -> BoxFuture<'_, Result<(), StoreError>> {
        let access = Access::Write(commit.durability);
        let work = move |db: &Connection| turn::commit(db, &claim, &commit);
        Box::pin(
            self.writer
                .call_here("store a step of a turn", access, work),
        )
    }

    fn settle(&self, turn: TurnId) -> BoxFuture<'_, Result<(), StoreError>> {
        let work = move |db: &Connection| turn::settle(db, &turn);
        Box::pin(self.writer.call(
            "settle a reply",
            Access::Write(Durability::ProcessCrash),
            work,
        ))
    }

    fn settle_soon(&self, turn: TurnId) -> BoxFuture<'_, Result<(), StoreError>> {
        let work = move |db: &Connection| turn::settle(db, &turn);
        Box::pin(self.writer.call_soon("settle a reply", work))
    }

    fn turn(&self, turn: TurnId) -> BoxFuture<'_, Result<TurnRecord, StoreError>> {
        let work = move |db: &Connection| turn::record(db, &turn);
        Box::pin(self.writer.call("look a turn up", Access::Read, work))
    }

    fn resume(
        &self,
        session: SessionId,
        messages_max: usize,
    ) -> BoxFuture<'_, Result<Resumed, StoreError>> {
        let work = move |db: &Connection| session::resume(db, &session, messages_max);
        Box::pin(
            self.writer
                .call("read a session", Access::ReadToWrite, work),
        )
    }

    fn reset(&self, session: SessionId, at: Timestamp) -> BoxFuture<'_, Result<(), StoreError>> {
        let work = move |db: &Connection| session::reset(db, &session, at);
        Box::pin(self.writer.call(
            "reset a session",
            Access::Write(Durability::ProcessCrash),
            work,
        ))
    }

    fn configure(
        &self,
        session: SessionId,
        settings: SessionSettings,
    ) -> BoxFuture<'_, Result<(), StoreError>> {
        let work = move |db: &Connection| session::configure(db, &session, &settings);
        Box::pin(self.writer.call(
            "configure a session",
            Access::Write(Durability::ProcessCrash),
            work,
        ))
    }

    fn approvals(
        &self,
        session: Option<SessionId>,
        now: Timestamp,
    ) -> BoxFuture<'_, Result<Vec<Approval>, StoreError>> {
        let work = move |db: &Connection| approval::waiting(db, session.as_ref(), now);
        Box::pin(self.writer.call("list approvals", Access::Read, work))
    }

    fn decide(
        &self,
        turn: TurnId,
        decided: Decided,
        now: Timestamp,
    ) -> BoxFuture<'_, Result<bool, StoreError>> {
        let work = move |db: &Connection| approval::decide(db, &turn, &decided, now);
        Box::pin(self.writer.call(
            "store a decision",
            Access::Write(Durability::PowerLoss),
            work,
        ))
    }

    fn spent(
        &self,
        session: Option<SessionId>,
        since: Timestamp,
    ) -> BoxFuture<'_, Result<Spent, StoreError>> {
        let work = move |db: &Connection| ledger::spent(db, session.as_ref(), since);
        Box::pin(self.writer.call("sum the ledger", Access::Read, work))
    }

    fn outbox(
        &self,
        channel: ChannelId,
        now: Timestamp,
        replies_max: usize,
    ) -> BoxFuture<'_, Result<Vec<OutboundMessage>, StoreError>> {
        let work = move |db: &Connection| outbox::waiting(db, &channel, now, replies_max);
        Box::pin(self.writer.call("read the outbox", Access::Read, work))
    }

    fn give_up(&self, turn: TurnId, reason: String) -> BoxFuture<'_, Result<(), StoreError>> {
        let work = move |db: &Connection| outbox::give_up(db, &turn, &reason);
        Box::pin(self.writer.call(
            "give a reply up",
            Access::Write(Durability::ProcessCrash),
            work,
        ))
    }

    fn letters(&self, now: Timestamp) -> BoxFuture<'_, Result<Letters, StoreError>> {
        let work = move |db: &Connection| outbox::letters(db, now);
        Box::pin(self.writer.call("count the outbox", Access::Read, work))
    }

    fn changed(&self) -> BoxFuture<'_, ()> {
        Box::pin(self.changes.next(&self.writer, &self.presence))
    }

    fn sweep(&self, now: Timestamp) -> BoxFuture<'_, Result<Swept, StoreError>> {
        let work = move |db: &Connection| turn::sweep(db, now);
        Box::pin(self.writer.call(
            "sweep the store",
            Access::Write(Durability::ProcessCrash),
            work,
        ))
    }
}
