//! The durable side of a turn.
//!
//! One port, because what one turn writes (journal, transcript, outbox, inbox) is one
//! transaction.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::BoxFuture;
use crate::id::{SessionId, TurnId};
use crate::message::{InboundMessage, Message, OutboundMessage};
use crate::time::Timestamp;

/// Inbox, journal, transcript and outbox.
///
/// # Guarantees
/// - Every method is one transaction: all of it is stored, or nothing.
/// - [`Durability::PowerLoss`] writes are on the disk when the future is ready; others survive
///   `kill -9` of the process.
/// - Writes of a claim that was lost (its lease expired and somebody else claimed the turn) fail
///   with [`StoreError::Fenced`] and change nothing.
pub trait TurnStore: Send + Sync {
    /// Takes a message into the inbox, surviving power loss. Deduplicates by turn id.
    fn accept(&self, message: InboundMessage) -> BoxFuture<'_, Result<Acceptance, StoreError>>;

    /// Claims the oldest turn that is neither finished nor claimed by a live lease, and whose
    /// session has no other claimed turn. `None` when there is nothing to do.
    fn claim(&self, lease: Lease) -> BoxFuture<'_, Result<Option<ClaimedTurn>, StoreError>>;

    /// Prolongs a lease.
    fn renew(&self, claim: Claim, until: Timestamp) -> BoxFuture<'_, Result<(), StoreError>>;

    /// Stores what a claimed turn did. A commit with an `outbox` row finishes the turn and
    /// releases the claim.
    fn commit(&self, claim: Claim, commit: Commit) -> BoxFuture<'_, Result<(), StoreError>>;

    /// The reply was delivered. Final; settling twice is harmless.
    fn settle(&self, turn: TurnId) -> BoxFuture<'_, Result<(), StoreError>>;

    /// What is known of a turn.
    fn turn(&self, turn: TurnId) -> BoxFuture<'_, Result<TurnRecord, StoreError>>;

    /// The newest `messages_max` entries of a session since its last reset, oldest first, cut so
    /// that they start with a message of the person.
    fn resume(
        &self,
        session: SessionId,
        messages_max: usize,
    ) -> BoxFuture<'_, Result<Vec<Message>, StoreError>>;

    /// The session starts afresh: [`TurnStore::resume`] no longer looks behind this point. The
    /// transcript keeps everything.
    fn reset(&self, session: SessionId, at: Timestamp) -> BoxFuture<'_, Result<(), StoreError>>;

    /// Drops expired outbox rows and the journals of finished turns. Returns how many of those
    /// replies were never settled, so nobody fetched them.
    fn sweep(&self, now: Timestamp) -> BoxFuture<'_, Result<u64, StoreError>>;
}

/// What [`TurnStore::accept`] did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Acceptance {
    /// The message is new.
    New,
    /// The message was there already.
    Known,
}

/// Who wants to work, and until when others must keep off.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    /// The process, unique per start.
    pub owner: String,
    /// The present.
    pub now: Timestamp,
    /// The end of the lease unless it is renewed.
    pub until: Timestamp,
}

/// The right to write for a turn. `token` grows by one with every claim in the turn's session, so
/// late writers are refused, and who claims the next number knows that nobody else was there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// The turn.
    pub turn: TurnId,
    /// The fencing token.
    pub token: i64,
}

/// A turn to work on: fresh when `journal` is empty, else to be continued.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClaimedTurn {
    /// The right to write.
    pub claim: Claim,
    /// What is to be answered.
    pub message: InboundMessage,
    /// What an earlier claim got done, in order.
    pub journal: Vec<Checkpoint>,
}

/// One step of a turn that is done. The body is the turn machine's own, versioned text; the store
/// never looks inside.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checkpoint {
    /// What the machine is about to do or has done.
    pub kind: CheckpointKind,
    /// JSON of the machine's input, with its version.
    pub body: String,
}

/// Where a turn stands between two effects.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CheckpointKind {
    /// The model answered.
    AfterModel,
    /// A mutating tool is about to run. After a crash here its effect is unknown.
    BeforeMutatingTool,
    /// A tool answered.
    AfterTool,
}

/// How much a commit must survive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Durability {
    /// `kill -9` of the process.
    ProcessCrash,
    /// Loss of power: the write is on the disk.
    PowerLoss,
}

/// What one step of a turn stores.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Commit {
    /// Appended to the turn's journal.
    pub journal: Vec<Checkpoint>,
    /// Appended to the session's transcript.
    pub transcript: Vec<Message>,
    /// The reply, which ends the turn.
    pub outbox: Option<Reply>,
    /// When it happened.
    pub at: Timestamp,
    /// What it must survive.
    pub durability: Durability,
}

/// A reply on its way out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// The reply.
    pub message: OutboundMessage,
    /// Unsettled replies older than this are dropped: nobody wants them hours later.
    pub expires_at: Timestamp,
}

/// What is known of a turn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TurnRecord {
    /// No such message, or its reply expired.
    Unknown,
    /// Waiting or running.
    Open,
    /// The reply is there.
    Finished(OutboundMessage),
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
