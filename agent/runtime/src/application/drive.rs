//! One turn: asks the machine what to do, does it, and stores what happened.

use std::sync::Arc;
use std::time::{Duration, Instant};

use rivetos_core::turn::{
    Abort, Opening, PlannedCall, Turn, TurnAction, TurnInput, cut_history, decode, encode,
};
use rivetos_types::message::{InboundMessage, OutboundMessage, TurnOutcome};
use rivetos_types::model::ModelRequest;
use rivetos_types::store::{Checkpoint, Claim, ClaimedTurn, Commit, Durability, Reply, StoreError};
use rivetos_types::tool::Effect;

use super::model_step::{Answer, AskError, ask};
use super::open_turns::LiveTurn;
use super::sessions::Session;
use super::state::State;
use super::tool_step::{ToolRun, run_calls};
use crate::clock::now;

/// How long an unfetched reply is kept, in milliseconds.
const REPLY_KEPT_MS: i64 = 3_600_000;

/// How often the last commit of a turn is tried.
const COMMIT_ATTEMPTS_MAX: u32 = 4;

/// Runs the turn to its reply. An error means that the turn is still open in the store.
pub(super) async fn drive(
    state: &State,
    claimed: ClaimedTurn,
    live: &LiveTurn,
) -> Result<(), StoreError> {
    let mut run = Run::begin(state, claimed, live).await?;
    loop {
        match run.turn.next() {
            TurnAction::CallModel => run.call_model().await?,
            TurnAction::CallTools { calls } => run.call_tools(calls).await?,
            TurnAction::Finish { outcome, text } => return run.finish(outcome, text).await,
        }
    }
}

struct Run<'a> {
    state: &'a State,
    live: &'a LiveTurn,
    claim: Claim,
    message: InboundMessage,
    session: Session,
    turn: Turn,
    /// What happened and is not stored yet.
    pending: Vec<Checkpoint>,
    began: Instant,
    /// What earlier processes spent on the turn, in milliseconds.
    spent_ms: u64,
}

impl<'a> Run<'a> {
    async fn begin(
        state: &'a State,
        claimed: ClaimedTurn,
        live: &'a LiveTurn,
    ) -> Result<Self, StoreError> {
        let ClaimedTurn {
            claim,
            message,
            journal,
        } = claimed;
        let session = state.session(&message.session, claim.token).await?;
        let turn = Turn::new(Opening {
            history: Arc::clone(&session.history),
            content: message.content.clone(),
            effects: Arc::clone(&state.effects),
            limits: state.parts.limits.clone(),
        });
        let mut run = Self {
            state,
            live,
            claim,
            message,
            session,
            turn,
            pending: Vec::new(),
            began: Instant::now(),
            spent_ms: 0,
        };
        run.restore(&journal)?;
        Ok(run)
    }

    /// Folds what an earlier process did.
    fn restore(&mut self, journal: &[Checkpoint]) -> Result<(), StoreError> {
        if journal.is_empty() {
            return Ok(());
        }
        tracing::info!(turn = %self.claim.turn, steps = journal.len(), "taking up a turn");
        for checkpoint in journal {
            match decode(checkpoint) {
                Ok(input) => self.turn.on(input),
                Err(error) => {
                    tracing::error!(turn = %self.claim.turn, %error, "the journal is unusable");
                    let reason = format!("the turn could not be taken up: {error}");
                    self.turn.on(TurnInput::Failed {
                        reason,
                        partial: String::new(),
                    });
                    return Ok(());
                }
            }
        }
        self.spent_ms = self.turn.elapsed_ms();
        self.live.feed.show(self.turn.said());
        self.record(TurnInput::Restored)
    }

    async fn call_model(&mut self) -> Result<(), StoreError> {
        self.flush(Durability::ProcessCrash).await?;
        let request = || ModelRequest {
            system: self.session.system.to_string(),
            messages: self.turn.conversation(),
            tools: self.state.parts.tools.specs().to_vec(),
        };
        let mut answer = Answer::default();
        let ended = tokio::select! {
            biased;
            by = self.aborted() => Err(by),
            result = ask(self.state, &self.live.feed, request, &mut answer) => Ok(result),
        };
        self.state.metrics.steps.add(1);
        let elapsed_ms = self.elapsed_ms();
        let input = match ended {
            Err(by) | Ok(Err(AskError::TooLong(by))) => TurnInput::Aborted {
                by,
                partial: answer.text,
            },
            Ok(Err(AskError::Failed(reason))) => TurnInput::Failed {
                reason,
                partial: answer.text,
            },
            Ok(Ok((stop, usage))) => {
                let Answer { text, calls, .. } = answer;
                TurnInput::Answered {
                    text,
                    calls,
                    stop,
                    usage,
                    elapsed_ms,
                }
            }
        };
        self.record(input)
    }

    async fn call_tools(&mut self, calls: Vec<PlannedCall>) -> Result<(), StoreError> {
        let mutating = calls
            .iter()
            .find(|planned| planned.effect == Effect::Mutating);
        if let Some(planned) = mutating {
            self.record(TurnInput::ToolStarted {
                call_id: planned.call.id.clone(),
            })?;
            self.flush(Durability::PowerLoss).await?;
        } else {
            self.flush(Durability::ProcessCrash).await?;
        }
        let mut ended = Vec::new();
        let (feed, turn) = (&self.live.feed, &self.claim.turn);
        let aborted = tokio::select! {
            biased;
            by = self.aborted() => Some(by),
            () = run_calls(self.state, feed, turn, calls, &mut ended) => None,
        };
        let elapsed_ms = self.elapsed_ms();
        let partial = String::new;
        for run in ended {
            self.record(match run {
                ToolRun::Answered(result) => TurnInput::ToolEnded { result, elapsed_ms },
                ToolRun::Fatal(reason) => TurnInput::Failed {
                    reason,
                    partial: partial(),
                },
            })?;
        }
        aborted.map_or(Ok(()), |by| {
            self.record(TurnInput::Aborted {
                by,
                partial: partial(),
            })
        })
    }

    async fn finish(mut self, outcome: TurnOutcome, text: String) -> Result<(), StoreError> {
        let message = OutboundMessage {
            turn: self.claim.turn.clone(),
            channel: self.message.channel.clone(),
            session: self.message.session.clone(),
            text,
            outcome,
            usage: self.turn.usage(),
        };
        let transcript = self.turn.into_transcript();
        let history = Arc::make_mut(&mut self.session.history);
        history.extend(transcript.iter().cloned());
        cut_history(history, self.state.parts.limits.history_bytes_max);
        // Before the commit: after it the session's next turn may begin at any time.
        self.state
            .sessions
            .put(message.session.clone(), self.session);
        let at = now();
        let commit = Commit {
            journal: Vec::new(),
            transcript,
            outbox: Some(Reply {
                message: message.clone(),
                expires_at: at.plus_ms(REPLY_KEPT_MS),
            }),
            at,
            durability: Durability::PowerLoss,
        };
        if let Err(error) = commit_last(self.state, &self.claim, commit).await {
            self.state.sessions.take(&message.session);
            self.live.feed.show(&message.text);
            return Err(error);
        }
        log_end(&message, self.began.elapsed());
        self.state.metrics.turn(&message.outcome, message.usage);
        self.live.feed.finish(message);
        Ok(())
    }

    /// Gives the machine what happened, and keeps it for the journal.
    fn record(&mut self, input: TurnInput) -> Result<(), StoreError> {
        let checkpoint = encode(&input).map_err(|error| StoreError::Failed {
            operation: "journal",
            cause: error.to_string(),
        })?;
        self.pending.push(checkpoint);
        self.turn.on(input);
        Ok(())
    }

    async fn flush(&mut self, durability: Durability) -> Result<(), StoreError> {
        if self.pending.is_empty() {
            return Ok(());
        }
        let commit = Commit {
            journal: std::mem::take(&mut self.pending),
            transcript: Vec::new(),
            outbox: None,
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

    fn elapsed_ms(&self) -> u64 {
        let now_ms = u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.spent_ms.saturating_add(now_ms)
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
