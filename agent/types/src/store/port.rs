//! The port.

use thiserror::Error;

use crate::BoxFuture;
use crate::id::{ChannelId, SessionId, TurnId};
use crate::message::{InboundMessage, OutboundMessage};
use crate::time::Timestamp;

use super::approval::{Approval, Decided};
use super::commit::Commit;
use super::ledger::Spent;
use super::queue::{Acceptance, Claim, ClaimedTurn, Lease, TurnRecord};
use super::session::{Resumed, SessionSettings};

/// Inbox, journal, approvals, transcript, ledger and outbox.
///
/// # Guarantees
/// - Every method is one transaction: all of it is stored, or nothing.
/// - [`Durability::PowerLoss`](super::Durability::PowerLoss) writes are on the disk when the future
///   is ready; others survive `kill -9` of the process.
/// - Writes of a claim that was lost (its lease expired and somebody else claimed the turn) fail
///   with [`StoreError::Fenced`] and change nothing.
pub trait TurnStore: Send + Sync {
    /// Takes a message into the inbox, surviving power loss. Deduplicates by turn id.
    fn accept(&self, message: InboundMessage) -> BoxFuture<'_, Result<Acceptance, StoreError>>;

    /// [`accept`](Self::accept) and [`claim`](Self::claim) of this very message in one write,
    /// when it is new and nothing of its session is open: the turn that came of it, else `None`.
    ///
    /// It survives `kill -9`, so the turn can be begun; loss of power only after
    /// [`sync`](Self::sync), before which nobody may be told that the message was taken.
    fn accept_and_claim(
        &self,
        message: InboundMessage,
        lease: Lease,
    ) -> BoxFuture<'_, Result<(Acceptance, Option<ClaimedTurn>), StoreError>>;

    /// Returns when everything that was written before the call survives loss of power.
    fn sync(&self) -> BoxFuture<'_, Result<(), StoreError>>;

    /// Claims the oldest turn that is neither finished, nor claimed by a live lease, nor parked,
    /// and whose session has no other claimed turn. `None` when there is nothing to do.
    fn claim(&self, lease: Lease) -> BoxFuture<'_, Result<Option<ClaimedTurn>, StoreError>>;

    /// Prolongs a lease.
    fn renew(&self, claim: Claim, until: Timestamp) -> BoxFuture<'_, Result<(), StoreError>>;

    /// Stores what a claimed turn did. [`Commit::then`] says what becomes of the claim.
    fn commit(&self, claim: Claim, commit: Commit) -> BoxFuture<'_, Result<(), StoreError>>;

    /// The reply was delivered. Final; settling twice is harmless.
    fn settle(&self, turn: TurnId) -> BoxFuture<'_, Result<(), StoreError>>;

    /// The same, with another write or a moment later: for a reply that somebody has fetched, and
    /// that nobody would send again if this were lost.
    fn settle_soon(&self, turn: TurnId) -> BoxFuture<'_, Result<(), StoreError>>;

    /// What is known of a turn.
    fn turn(&self, turn: TurnId) -> BoxFuture<'_, Result<TurnRecord, StoreError>>;

    /// What a session goes on with: its settings, the summary of what was compacted, and the
    /// newest `messages_max` messages behind it, cut so that they start with one of the person.
    /// Turns that were accepted before the last reset are left out, whenever they ended.
    fn resume(
        &self,
        session: SessionId,
        messages_max: usize,
    ) -> BoxFuture<'_, Result<Resumed, StoreError>>;

    /// The session starts afresh: [`TurnStore::resume`] no longer sees turns that were accepted
    /// until now. The transcript keeps everything.
    fn reset(&self, session: SessionId, at: Timestamp) -> BoxFuture<'_, Result<(), StoreError>>;

    /// Keeps what a person set for a session.
    fn configure(
        &self,
        session: SessionId,
        settings: SessionSettings,
    ) -> BoxFuture<'_, Result<(), StoreError>>;

    /// The approvals that wait for a decision, of one session or of all, oldest first.
    fn approvals(
        &self,
        session: Option<SessionId>,
        now: Timestamp,
    ) -> BoxFuture<'_, Result<Vec<Approval>, StoreError>>;

    /// Decides, surviving power loss; the parked turn can be claimed at once. `false` when this
    /// call of this turn waits for no decision (any more): the first one counts.
    fn decide(
        &self,
        turn: TurnId,
        decided: Decided,
        now: Timestamp,
    ) -> BoxFuture<'_, Result<bool, StoreError>>;

    /// What was spent since `since`, by one session or by all.
    fn spent(
        &self,
        session: Option<SessionId>,
        since: Timestamp,
    ) -> BoxFuture<'_, Result<Spent, StoreError>>;

    /// The oldest `replies_max` replies of `channel` that are neither settled, nor expired, nor
    /// given up.
    fn outbox(
        &self,
        channel: ChannelId,
        now: Timestamp,
        replies_max: usize,
    ) -> BoxFuture<'_, Result<Vec<OutboundMessage>, StoreError>>;

    /// The reply cannot be delivered, ever; it becomes a dead letter until it expires.
    fn give_up(&self, turn: TurnId, reason: String) -> BoxFuture<'_, Result<(), StoreError>>;

    /// How the outbox stands.
    fn letters(&self, now: Timestamp) -> BoxFuture<'_, Result<Letters, StoreError>>;

    /// Drops expired replies, and the journals and approvals of finished turns.
    fn sweep(&self, now: Timestamp) -> BoxFuture<'_, Result<Swept, StoreError>>;

    /// Returns when another process may have changed the store since the last call.
    fn changed(&self) -> BoxFuture<'_, ()>;
}

/// How the outbox stands.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Letters {
    /// Replies that wait for their delivery.
    pub waiting: u64,
    /// Replies that could not be delivered.
    pub dead: u64,
}

/// What [`TurnStore::sweep`] dropped.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Swept {
    /// Replies that nobody fetched in time.
    pub undelivered: u64,
}

/// Why the store refused or failed.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum StoreError {
    /// Somebody else has claimed the turn since.
    #[error("turn {0} was taken over by another process")]
    Fenced(TurnId),
    /// The disk is full; nothing was stored.
    #[error("the disk of the store is full")]
    Full,
    /// A newer version wrote this store.
    #[error("the store has schema {found}, this version understands up to {known}")]
    Newer {
        /// In the file.
        found: i64,
        /// In this program.
        known: i64,
    },
    /// Anything else the store said.
    #[error("{operation}: {cause}")]
    Failed {
        /// What was tried.
        operation: &'static str,
        /// What the store said.
        cause: String,
    },
}
