//! From a claim to a turn that goes on where it stood.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use rivetos_core::turn::{Opening, Turn, TurnAction, TurnInput, decode};
use rivetos_types::store::{Checkpoint, ClaimedTurn, Decided, Decision, StoreError};

use super::Run;
use crate::application::open_turns::LiveTurn;
use crate::application::state::State;
use crate::telemetry::Trace;

/// How often a turn may be claimed without getting any further: more often, and it is the turn
/// that ends its processes.
const CLAIMS_MAX: u32 = 8;

impl<'a> Run<'a> {
    pub(super) async fn begin(
        state: &'a State,
        claimed: ClaimedTurn,
        live: &'a LiveTurn,
    ) -> Result<Self, StoreError> {
        let ClaimedTurn {
            claim,
            message,
            journal,
            attempt,
            decided,
        } = claimed;
        let session = state.session(&message.session, claim.token).await?;
        live.feed.limit_to(&session.settings);
        let turn = Turn::new(Opening {
            turn: claim.turn.clone(),
            summary: session.summary.clone(),
            history: Arc::clone(&session.history),
            content: message.content.clone(),
            rules: Arc::clone(&state.rules),
            room: state.room(&session),
            limits: state.parts.limits.clone(),
        });
        let mut run = Self {
            state,
            live,
            trace: Trace::begin(state.exporter.as_ref(), &claim, &message),
            claim,
            message,
            session,
            turn,
            pending: Vec::new(),
            images: BTreeMap::new(),
            expenses: Vec::new(),
            began: Instant::now(),
            spent_ms: 0,
        };
        let useful = run.restore(&journal, decided)?;
        if attempt.saturating_sub(useful) > CLAIMS_MAX {
            tracing::error!(turn = %run.claim.turn, attempt, "the turn is given up");
            let reason =
                format!("the agent was restarted {CLAIMS_MAX} times while it worked on it");
            run.record(TurnInput::Failed {
                reason,
                partial: String::new(),
            })?;
        }
        Ok(run)
    }

    /// Folds what an earlier process did, and what a person decided since. Returns how many claims
    /// brought the turn further.
    fn restore(
        &mut self,
        journal: &[Checkpoint],
        decided: Option<Decided>,
    ) -> Result<u32, StoreError> {
        if journal.is_empty() {
            return Ok(0);
        }
        let mut useful = 0;
        let mut before = TurnInput::Restored;
        tracing::info!(turn = %self.claim.turn, steps = journal.len(), "taking up a turn");
        for checkpoint in journal {
            match decode(checkpoint) {
                Ok(input) => {
                    let goes_on = before == TurnInput::Restored && input != TurnInput::Restored;
                    useful += u32::from(goes_on);
                    before = input.clone();
                    self.turn.on(input);
                }
                Err(error) => {
                    tracing::error!(turn = %self.claim.turn, %error, "the journal is unusable");
                    let reason = format!("the turn could not be taken up: {error}");
                    self.turn.on(TurnInput::Failed {
                        reason,
                        partial: String::new(),
                    });
                    return Ok(useful);
                }
            }
        }
        self.spent_ms = self.turn.elapsed_ms();
        self.live.feed.show(self.turn.said());
        match self.turn.next() {
            // Nobody can claim a parked turn before somebody decided or the time is over.
            TurnAction::Ask { planned, hash } => {
                let decided = decided.filter(|decided| decided.call == hash);
                let (session, turn) = (&self.message.session, &self.claim.turn);
                self.state
                    .note_not_approved(session, turn, &planned.call, decided.as_ref());
                let decision = decided.map(|decided| decided.decision);
                let decision = decision.unwrap_or_else(|| {
                    self.state.metrics.decided(Decision::Expired);
                    Decision::Expired
                });
                self.record(TurnInput::Decided {
                    call: hash,
                    decision,
                })?;
            }
            TurnAction::Compact
            | TurnAction::CallModel
            | TurnAction::CallTools { .. }
            | TurnAction::Finish { .. } => self.record(TurnInput::Restored)?,
        }
        Ok(useful)
    }
}
