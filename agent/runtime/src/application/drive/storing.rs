//! What happened, from the machine to the disk.

use rivetos_core::turn::{TurnInput, encode};
use rivetos_types::store::{Checkpoint, Commit, Compaction, Durability, StoreError, Then};

use super::Run;
use crate::clock::now;

impl Run<'_> {
    /// Gives the machine what happened, and keeps it for the journal.
    pub(super) fn record(&mut self, input: TurnInput) -> Result<(), StoreError> {
        let body = encode(&input).map_err(|error| StoreError::Failed {
            operation: "journal",
            cause: error.to_string(),
        })?;
        self.turn.on(input);
        let kind = self.turn.stands();
        self.pending.push(Checkpoint { kind, body });
        Ok(())
    }

    /// Stores what happened since the last time, if anything did.
    pub(super) async fn flush(&mut self, durability: Durability) -> Result<(), StoreError> {
        if self.pending.is_empty() && self.expenses.is_empty() {
            return Ok(());
        }
        self.store(None, Then::GoOn, durability).await
    }

    pub(super) async fn store(
        &mut self,
        compaction: Option<Compaction>,
        then: Then,
        durability: Durability,
    ) -> Result<(), StoreError> {
        let commit = Commit {
            journal: std::mem::take(&mut self.pending),
            transcript: Vec::new(),
            ledger: std::mem::take(&mut self.expenses),
            compaction,
            then,
            at: now(),
            durability,
        };
        let stored = self
            .state
            .parts
            .store
            .commit(self.claim.clone(), commit)
            .await;
        self.state.watch_store(&stored);
        stored
    }
}
