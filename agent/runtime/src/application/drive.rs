//! One turn: asks the machine what to do, does it, and stores what happened.

use std::sync::Arc;
use std::time::{Duration, Instant};

use rivetos_core::turn::{
    Abort, Opening, PlannedCall, Turn, TurnAction, TurnInput, cut_history, decode, encode,
};
use rivetos_types::intake::TurnEvent;
use rivetos_types::message::{InboundMessage, OutboundMessage, TokenUsage, TurnOutcome};
use rivetos_types::model::ModelRequest;
use rivetos_types::store::{
    Approval, CallHash, Checkpoint, Claim, ClaimedTurn, Commit, Compaction, Decided, Decision,
    Durability, Expense, Reply, StoreError, Then,
};
use rivetos_types::tool::Effect;

use super::compact::summarise;
use super::model_step::{Answer, AskError, ask};
use super::open_turns::LiveTurn;
use super::sessions::Session;
use super::state::State;
use super::tool_step::{Place, ToolRun, run_calls};
use crate::audit::AuditEvent;
use crate::clock::now;

/// How long an unfetched reply is kept, in milliseconds.
const REPLY_KEPT_MS: i64 = 3_600_000;

/// How long a question waits for its answer, in milliseconds.
const APPROVAL_KEPT_MS: i64 = 3_600_000;

/// How often the last commit of a turn is tried.
const COMMIT_ATTEMPTS_MAX: u32 = 4;

/// How often a turn may be claimed without coming to an end: more often, and it is the turn that
/// ends its processes.
const CLAIMS_MAX: u32 = 8;

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
    claim: Claim,
    message: InboundMessage,
    session: Session,
    turn: Turn,
    /// What happened and is not stored yet.
    pending: Vec<Checkpoint>,
    /// What it cost and is not stored yet.
    expenses: Vec<Expense>,
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
            room: state.room(&session.system),
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
            expenses: Vec::new(),
            began: Instant::now(),
            spent_ms: 0,
        };
        run.restore(&journal, decided)?;
        if attempt > CLAIMS_MAX {
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

    /// Folds what an earlier process did, and what a person decided since.
    fn restore(
        &mut self,
        journal: &[Checkpoint],
        decided: Option<Decided>,
    ) -> Result<(), StoreError> {
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
        match self.turn.next() {
            // Nobody can claim a parked turn before somebody decided or the time is over.
            TurnAction::Ask { planned, hash } => {
                let decided = decided.filter(|decided| decided.call == hash);
                let (session, turn) = (&self.message.session, &self.claim.turn);
                self.state
                    .note_not_approved(session, turn, &planned.call, decided.as_ref());
                let decision = decided.map_or(Decision::Expired, |decided| decided.decision);
                self.record(TurnInput::Decided {
                    call: hash,
                    decision,
                })
            }
            TurnAction::Compact
            | TurnAction::CallModel
            | TurnAction::CallTools { .. }
            | TurnAction::Finish { .. } => self.record(TurnInput::Restored),
        }
    }

    fn take_steers(&mut self) -> Result<(), StoreError> {
        for content in self.live.take_steers() {
            self.record(TurnInput::Steered { content })?;
        }
        Ok(())
    }

    /// Makes room in the model's window. Without a summary the older turns are dropped: the
    /// transcript keeps them, and the session goes on.
    async fn compact(&mut self) -> Result<(), StoreError> {
        let compactable = self.turn.compactable();
        let kept_messages = compactable.kept_messages;
        let messages = compactable.messages.len();
        tracing::info!(turn = %self.claim.turn, messages, "compact:before");
        let text = "summarising older turns".to_owned();
        self.live.feed.event(TurnEvent::Status { text });
        let ended = tokio::select! {
            biased;
            by = self.aborted() => Err(by),
            summary = summarise(self.state, compactable) => Ok(summary),
        };
        let made = match ended {
            Ok(made) => made,
            Err(by) => {
                let partial = String::new();
                return self.record(TurnInput::Aborted { by, partial });
            }
        };
        let summary = made.map(|(summary, usage)| {
            self.spend(usage);
            summary
        });
        tracing::info!(turn = %self.claim.turn, summarised = summary.is_some(), "compact:after");
        let became = match summary {
            Some(_) => "became a summary",
            None => "are no longer shown to the model",
        };
        let words = format!("{messages} messages {became}");
        self.note(AuditEvent::Compacted, &words);
        self.record(TurnInput::Compacted {
            summary,
            kept_messages,
        })?;
        let (summary, history) = self.turn.carried();
        let compaction = summary.map(|summary| Compaction {
            summary: summary.to_string(),
            kept_messages: history.len(),
        });
        self.store(compaction, Then::GoOn, Durability::ProcessCrash)
            .await
    }

    async fn call_model(&mut self) -> Result<(), StoreError> {
        self.flush(Durability::ProcessCrash).await?;
        if let Some(reason) = self.state.over_budget().await? {
            tracing::warn!(turn = %self.claim.turn, reason, "the budget is used up");
            self.note(AuditEvent::BudgetRefused, &reason);
            let by = Abort::Budget { reason };
            let partial = String::new();
            return self.record(TurnInput::Aborted { by, partial });
        }
        let messages = match self.turn.conversation() {
            Ok(messages) => messages,
            Err(error) => {
                let reason = format!("the conversation is broken: {error}");
                let partial = String::new();
                return self.record(TurnInput::Failed { reason, partial });
            }
        };
        let request = ModelRequest {
            system: self.session.system.to_string(),
            messages,
            tools: self.state.parts.tools.specs().to_vec(),
            model: self.session.settings.model.clone(),
            thinking: self.session.settings.thinking.or(self.state.parts.thinking),
        };
        let mut answer = Answer::default();
        let ended = tokio::select! {
            biased;
            by = self.aborted() => Err(by),
            result = ask(self.state, &self.live.feed, &request, &mut answer) => Ok(result),
        };
        self.state.metrics.steps.add(1);
        // What the person said meanwhile comes before the model's word: it may not be the last.
        self.take_steers()?;
        let elapsed_ms = self.elapsed_ms();
        let input = match ended {
            Err(by) | Ok(Err(AskError::TooLong(by))) => TurnInput::Aborted {
                by,
                partial: answer.text,
            },
            Ok(Err(AskError::Overflow(reason))) => TurnInput::Overflowed { reason },
            Ok(Err(AskError::Failed(reason))) => TurnInput::Failed {
                reason,
                partial: answer.text,
            },
            Ok(Ok((stop, usage))) => {
                let micro_usd = self.spend(usage);
                let Answer { text, calls, .. } = answer;
                let (session, turn) = (&self.message.session, &self.claim.turn);
                self.state.note_refused(session, turn, &calls);
                TurnInput::Answered {
                    text,
                    calls,
                    stop,
                    usage,
                    micro_usd,
                    elapsed_ms,
                }
            }
        };
        self.record(input)
    }

    /// Notes an expense for the ledger. Returns what it is, in millionths of a US dollar.
    fn spend(&mut self, usage: TokenUsage) -> u64 {
        let parts = &self.state.parts;
        let own = &parts.identity.model;
        // `provider/model`; a session may have chosen another model of the same provider.
        let chosen = self.session.settings.model.as_ref();
        let chosen = chosen.map(|model| {
            let provider = own.split_once('/').map_or(own.as_str(), |(name, _)| name);
            format!("{provider}/{model}")
        });
        let expense = parts.prices.expense(chosen.as_ref().unwrap_or(own), usage);
        let micro_usd = expense.micro_usd;
        self.expenses.push(expense);
        micro_usd
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
        let place = Place {
            state: self.state,
            feed: &self.live.feed,
            session: &self.message.session,
            turn: &self.claim.turn,
        };
        let aborted = tokio::select! {
            biased;
            by = self.aborted() => Some(by),
            () = run_calls(place, calls, &mut ended) => None,
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

    /// Puts the question to the person and lets go of the turn; whoever claims it next has the
    /// answer.
    async fn park(mut self, planned: PlannedCall, hash: CallHash) -> Result<Driven, StoreError> {
        let call = planned.call;
        tracing::info!(turn = %self.claim.turn, tool = call.name, call = hash.short(), "asking");
        let approval = Approval {
            call: hash,
            turn: self.claim.turn.clone(),
            session: self.message.session.clone(),
            channel: self.message.channel.clone(),
            tool: call.name,
            arguments: call.arguments,
            expires_at: now().plus_ms(APPROVAL_KEPT_MS),
        };
        self.state.note_asked(&approval);
        let event = TurnEvent::Asked {
            approval: approval.clone(),
        };
        self.store(None, Then::Park(approval), Durability::PowerLoss)
            .await?;
        self.live.feed.event(event);
        Ok(Driven::Parked)
    }

    /// Between two effects: the next process goes on without loss.
    async fn hand_over(mut self) -> Result<Driven, StoreError> {
        self.store(None, Then::HandOver, Durability::PowerLoss)
            .await?;
        self.live.feed.abandon();
        Ok(Driven::HandedOver)
    }

    async fn finish(mut self, outcome: TurnOutcome, text: String) -> Result<Driven, StoreError> {
        let message = OutboundMessage {
            turn: self.claim.turn.clone(),
            channel: self.message.channel.clone(),
            session: self.message.session.clone(),
            address: self.message.address.clone(),
            text,
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
        cut_history(history, self.state.parts.limits.history_bytes_max);
        // Before the commit: after it the session's next turn may begin at any time.
        self.state
            .sessions
            .put(message.session.clone(), self.session);
        let at = now();
        let commit = Commit {
            journal: Vec::new(),
            transcript,
            ledger: self.expenses,
            compaction: None,
            then: Then::Finish(Reply {
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
        if self.state.channel(&message.channel).is_some() {
            let outbox = &self.state.outbox;
            outbox.owe(message.channel.clone(), message.session.clone());
        }
        log_end(&message, self.began.elapsed());
        self.state.metrics.turn(&message.outcome, message.usage);
        self.live.feed.finish(message);
        Ok(Driven::Finished)
    }

    /// Gives the machine what happened, and keeps it for the journal.
    fn record(&mut self, input: TurnInput) -> Result<(), StoreError> {
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
    async fn flush(&mut self, durability: Durability) -> Result<(), StoreError> {
        if self.pending.is_empty() && self.expenses.is_empty() {
            return Ok(());
        }
        self.store(None, Then::GoOn, durability).await
    }

    async fn store(
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
