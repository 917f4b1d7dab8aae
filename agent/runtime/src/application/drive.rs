//! One turn: asks the machine what to do, does it, and stores what happened.

mod compaction;
mod ending;
mod images;
mod model;
mod notices;
mod storing;
mod taking_up;
mod tools;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rivetos_core::turn::{Abort, Turn, TurnAction, TurnInput};
use rivetos_types::media::FileDigest;
use rivetos_types::message::{Authority, InboundMessage, TurnOutcome, words_of};
use rivetos_types::store::{Checkpoint, Claim, ClaimedTurn, Expense, StoreError};

use super::open_turns::LiveTurn;
use super::sessions::Session;
use super::state::State;
use crate::audit::AuditEvent;
use crate::telemetry::Trace;

/// How this process is through with a turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Driven {
    /// The reply is stored.
    Finished,
    /// A person has to decide.
    Parked,
    /// The agent drains: the next process goes on from here.
    HandedOver,
}

/// Runs the turn as far as it goes. An error means that the turn is still open in the store, and
/// that its lease may run.
pub(super) async fn drive(
    state: &State,
    claimed: ClaimedTurn,
    live: &LiveTurn,
) -> Result<Driven, StoreError> {
    let mut run = Run::begin(state, claimed, live).await?;
    if run.message.authority == Authority::Agent {
        let text = words_of(&run.message.content);
        return run.finish(TurnOutcome::Completed, text).await;
    }
    loop {
        run.take_steers()?;
        let action = run.turn.next();
        if state.draining() && !matches!(action, TurnAction::Finish { .. }) {
            return run.hand_over().await;
        }
        match action {
            TurnAction::Compact => run.compact().await?,
            TurnAction::CallModel => run.call_model().await?,
            TurnAction::CallTools { calls } => run.call_tools(calls).await?,
            TurnAction::Ask { planned, hash } => return run.park(planned, hash).await,
            TurnAction::Finish { outcome, text } => return run.finish(outcome, text).await,
        }
    }
}

struct Run<'a> {
    state: &'a State,
    live: &'a LiveTurn,
    trace: Trace,
    claim: Claim,
    message: InboundMessage,
    session: Session,
    turn: Turn,
    /// What happened and is not stored yet.
    pending: Vec<Checkpoint>,
    /// The images and documents that the model saw last.
    images: BTreeMap<FileDigest, Arc<[u8]>>,
    /// What it cost and is not stored yet.
    expenses: Vec<Expense>,
    began: Instant,
    /// What earlier processes spent on the turn, in milliseconds.
    spent_ms: u64,
}

impl Run<'_> {
    fn take_steers(&mut self) -> Result<(), StoreError> {
        for content in self.live.take_steers() {
            self.record(TurnInput::Steered { content })?;
        }
        Ok(())
    }

    /// Returns when somebody stopped the turn or its time is over.
    async fn aborted(&self) -> Abort {
        let left_ms = self
            .state
            .parts
            .limits
            .turn_ms_max
            .saturating_sub(self.spent_ms);
        let over = self.began + Duration::from_millis(left_ms);
        tokio::select! {
            biased;
            () = self.live.stopped() => Abort::Person,
            () = tokio::time::sleep_until(over.into()) => Abort::Time,
        }
    }

    /// To the audit log.
    fn note(&self, event: AuditEvent, words: &str) {
        let place = (&self.message.session, &self.claim.turn);
        self.state.note_turn(event, place, words);
    }

    fn elapsed_ms(&self) -> u64 {
        let now_ms = u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.spent_ms.saturating_add(now_ms)
    }
}
