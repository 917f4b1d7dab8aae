//! The three ways in which a process is through with a turn.

use std::sync::Arc;
use std::time::Duration;

use rivetos_core::turn::{PlannedCall, cut_history};
use rivetos_types::intake::TurnEvent;
use rivetos_types::message::{Authority, OutboundMessage, TurnOutcome};
use rivetos_types::store::{
    Approval, CallHash, Claim, Commit, Durability, Reply, StoreError, Then,
};

use super::notices::with_notices;
use super::{Driven, Run};
use crate::application::state::State;
use crate::clock::now;
use crate::telemetry::SpanEnd;

/// How long an unfetched reply is kept, in milliseconds.
const REPLY_KEPT_MS: i64 = 3_600_000;

/// How long a notice to the owner waits for its channel, in milliseconds.
const NOTICE_KEPT_MS: i64 = 86_400_000;

/// How long a question waits for its answer, in milliseconds.
const APPROVAL_KEPT_MS: i64 = 3_600_000;

/// How often the last commit of a turn is tried.
const COMMIT_ATTEMPTS_MAX: u32 = 4;

impl Run<'_> {
    /// Puts the question to the person and lets go of the turn; whoever claims it next has the
    /// answer.
    pub(super) async fn park(
        mut self,
        planned: PlannedCall,
        hash: CallHash,
    ) -> Result<Driven, StoreError> {
        let call = planned.call;
        tracing::info!(turn = %self.claim.turn, tool = call.name, call = hash.short(), "asking");
        let redactor = &self.state.parts.redactor;
        let approval = Approval {
            call: hash,
            turn: self.claim.turn.clone(),
            session: self.message.session.clone(),
            channel: self.message.channel.clone(),
            tool: call.name,
            arguments: redactor.redact(&call.arguments).into_owned(),
            expires_at: now().plus_ms(APPROVAL_KEPT_MS),
        };
        self.state.note_asked(&approval);
        let event = TurnEvent::Asked {
            approval: approval.clone(),
        };
        self.store(None, Then::Park(approval), Durability::PowerLoss)
            .await?;
        self.live.feed.event(event);
        self.trace.ends("parked", self.turn.usage(), SpanEnd::Ok);
        Ok(Driven::Parked)
    }

    /// Between two effects: the next process goes on without loss.
    pub(super) async fn hand_over(mut self) -> Result<Driven, StoreError> {
        self.store(None, Then::HandOver, Durability::PowerLoss)
            .await?;
        self.live.feed.abandon();
        self.trace
            .ends("handed_over", self.turn.usage(), SpanEnd::Ok);
        Ok(Driven::HandedOver)
    }

    pub(super) async fn finish(
        mut self,
        outcome: TurnOutcome,
        text: String,
    ) -> Result<Driven, StoreError> {
        let notices = self.notices().await;
        let message = OutboundMessage {
            files: self.turn.files().to_vec(),
            turn: self.claim.turn.clone(),
            channel: self.message.channel.clone(),
            session: self.message.session.clone(),
            address: self.message.address.clone(),
            text: with_notices(text, &notices),
            outcome,
            usage: self.turn.usage(),
        };
        let (summary, kept) = self.turn.carried();
        let dropped = self.session.history.len() - kept.len();
        self.session.summary = summary;
        let transcript = self.turn.into_transcript();
        let history = Arc::make_mut(&mut self.session.history);
        history.drain(..dropped);
        history.extend(transcript.iter().cloned());
        let bytes_max = self.state.parts.limits.history_bytes_max;
        self.session.history_bytes = cut_history(history, bytes_max);
        // Before the commit: after it the session's next turn may begin at any time.
        self.state
            .sessions
            .put(message.session.clone(), self.session);
        let kept_ms = match self.message.authority {
            Authority::Guest | Authority::Owner => REPLY_KEPT_MS,
            Authority::Agent => NOTICE_KEPT_MS,
        };
        let at = now();
        let commit = Commit {
            journal: Vec::new(),
            transcript,
            ledger: self.expenses,
            compaction: None,
            then: Then::Finish(Reply {
                message: message.clone(),
                expires_at: at.plus_ms(kept_ms),
                tells: notices.into_iter().map(|notice| notice.turn).collect(),
            }),
            at,
            durability: Durability::PowerLoss,
        };
        if let Err(error) = commit_last(self.state, &self.claim, commit).await {
            self.state.sessions.take(&message.session);
            self.live.feed.show(&message.text);
            return Err(error);
        }
        if self.state.channel(&message.channel).is_some() {
            let outbox = &self.state.outbox;
            outbox.owe(message.channel.clone(), message.session.clone());
        }
        let took = self.began.elapsed();
        log_end(&message, took);
        let took = took.saturating_add(Duration::from_millis(self.spent_ms));
        let metrics = &self.state.metrics;
        metrics.turn(&message.outcome, message.usage, took);
        let (word, end) = end_of(&message.outcome);
        self.trace.ends(word, message.usage, end);
        self.live.feed.finish(message);
        Ok(Driven::Finished)
    }
}

/// A reply that was generated is worth some patience with the store.
async fn commit_last(state: &State, claim: &Claim, commit: Commit) -> Result<(), StoreError> {
    let mut attempt = 1;
    loop {
        let stored = state
            .parts
            .store
            .commit(claim.clone(), commit.clone())
            .await;
        state.watch_store(&stored);
        match stored {
            Err(StoreError::Full | StoreError::Failed { .. }) if attempt < COMMIT_ATTEMPTS_MAX => {
                tokio::time::sleep(Duration::from_millis(100 << attempt)).await;
                attempt += 1;
            }
            other => return other,
        }
    }
}

fn end_of(outcome: &TurnOutcome) -> (&'static str, SpanEnd) {
    match outcome {
        TurnOutcome::Completed => ("completed", SpanEnd::Ok),
        TurnOutcome::Interrupted => ("interrupted", SpanEnd::Stopped),
        TurnOutcome::LimitReached { .. } => ("limit_reached", SpanEnd::Failed),
        TurnOutcome::Failed { .. } => ("failed", SpanEnd::Failed),
    }
}

fn log_end(message: &OutboundMessage, took: Duration) {
    let ms = took.as_millis();
    let (input, output) = (message.usage.input, message.usage.output);
    match &message.outcome {
        TurnOutcome::Completed | TurnOutcome::Interrupted => {
            tracing::info!(turn = %message.turn, ms, input, output, "turn answered");
        }
        TurnOutcome::LimitReached { reason } | TurnOutcome::Failed { reason } => {
            tracing::warn!(turn = %message.turn, ms, input, output, reason, "turn ended early");
        }
    }
}
