//! The inbox and the claims on it.

use crate::id::TurnId;
use crate::message::{InboundMessage, OutboundMessage};
use crate::time::Timestamp;

use super::approval::Decided;
use super::commit::Checkpoint;

/// What [`TurnStore::accept`](super::TurnStore::accept) did.
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
    /// How often the turn was claimed, this time included and parking left out: a turn that kills
    /// every process that works on it is known by it.
    pub attempt: u32,
    /// What was decided about the call that the turn was parked for last.
    pub decided: Option<Decided>,
}

/// What is known of a turn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TurnRecord {
    /// No such message, or its reply expired.
    Unknown,
    /// Waiting, running or parked.
    Open,
    /// The reply is there.
    Finished(OutboundMessage),
}
