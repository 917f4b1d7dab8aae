//! The durable side of a turn.
//!
//! One port, because what one turn writes (journal, transcript, ledger, outbox, inbox) is one
//! transaction.

mod approval;
mod commit;
mod ledger;
mod port;
mod queue;
mod session;

pub use approval::{Approval, CallHash, Decided, Decision};
pub use commit::{Checkpoint, CheckpointKind, Commit, Compaction, Durability, Reply, Then};
pub use ledger::{Expense, Spent};
pub use port::{Letters, StoreError, Swept, TurnStore};
pub use queue::{Acceptance, Claim, ClaimedTurn, Lease, TurnRecord};
pub use session::{Resumed, SessionSettings, Thinking, Visibility};
