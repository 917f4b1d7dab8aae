//! What a turn writes.

use serde::{Deserialize, Serialize};

use crate::id::TurnId;
use crate::message::{Message, OutboundMessage};
use crate::time::Timestamp;
use crate::tool::Effect;

use super::approval::Approval;
use super::ledger::Expense;

/// One step of a turn that is done. The body is the turn machine's own, versioned text; the store
/// never looks inside.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checkpoint {
    /// Where the turn stands after it.
    pub kind: CheckpointKind,
    /// JSON of the machine's input, with its version.
    pub body: String,
}

/// Where a turn stands between two effects: what a process that takes it up does next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CheckpointKind {
    /// The model is asked, once more if need be.
    BeforeModel,
    /// A tool runs: a read-only one once more if need be. Whether a mutating one took effect is
    /// unknown, and it does not run again.
    BeforeTool(Effect),
    /// A tool answered, and others of the same answer have not.
    AfterTool,
    /// The reply is stored and delivered.
    BeforeDeliver,
    /// A person has to decide.
    Parked,
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
    /// Added to the ledger.
    pub ledger: Vec<Expense>,
    /// The session's older turns became a summary.
    pub compaction: Option<Compaction>,
    /// What becomes of the claim.
    pub then: Then,
    /// When it happened.
    pub at: Timestamp,
    /// What it must survive.
    pub durability: Durability,
}

impl Commit {
    /// Nothing but journal entries; the claim goes on.
    pub fn step(journal: Vec<Checkpoint>, at: Timestamp, durability: Durability) -> Self {
        Self {
            journal,
            transcript: Vec::new(),
            ledger: Vec::new(),
            compaction: None,
            then: Then::GoOn,
            at,
            durability,
        }
    }
}

/// What becomes of a claim after a commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Then {
    /// It goes on.
    GoOn,
    /// It ends. Somebody may claim the turn again once the approval is decided or expired.
    Park(Approval),
    /// It ends. Anybody may claim the turn at once.
    HandOver,
    /// It ends, and so does the turn.
    Finish(Reply),
}

/// The older part of a conversation as a summary. The transcript keeps every word; the summary
/// stands for it when the session is resumed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Compaction {
    /// What was said, in short.
    pub summary: String,
    /// How many of the newest messages in the session's transcript the summary does not cover.
    pub kept_messages: usize,
}

/// A reply on its way out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// The reply.
    pub message: OutboundMessage,
    /// Unsettled replies older than this are dropped: nobody wants them hours later.
    pub expires_at: Timestamp,
    /// Other replies that this one tells along: they are settled with it, and told by no other.
    pub tells: Vec<TurnId>,
}
