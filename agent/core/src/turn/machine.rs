//! The machine: its state, what is to be done next, and where each input goes.

use std::collections::BTreeMap;
use std::sync::Arc;

use rivetos_types::id::TurnId;
use rivetos_types::media::Attachment;
use rivetos_types::message::{ContentPart, Message, TokenUsage, TurnOutcome};
use rivetos_types::store::{CallHash, CheckpointKind};
use rivetos_types::tool::Effect;

use super::approval::{Rule, call_hash};
use super::calls::{OpenCalls, PlannedCall};
use super::context::{Fill, Room};
use super::journal::TurnInput;
use super::limits::Limits;
use super::results::Repeats;

/// What a turn begins with. The same opening and the same inputs give the same turn.
#[derive(Debug, Clone)]
pub struct Opening {
    /// Which turn it is.
    pub turn: TurnId,
    /// What stands for the session's earliest turns.
    pub summary: Option<Arc<str>>,
    /// The session's earlier turns behind the summary, oldest first, each whole.
    pub history: Arc<Vec<Message>>,
    /// What the person said.
    pub content: Vec<ContentPart>,
    /// What holds for each tool; a tool that is not there is unknown and changes nothing.
    pub rules: Arc<BTreeMap<String, Rule>>,
    /// What the model can read at once.
    pub room: Room,
    /// How far the turn may go.
    pub limits: Limits,
}

/// What is to be done next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TurnAction {
    /// Make a summary of [`Turn::compactable`], because the window is full.
    Compact,
    /// Send [`Turn::conversation`] to the model.
    CallModel,
    /// Run these calls: either one that is mutating, or any number of read-only ones, which may
    /// run side by side.
    CallTools {
        /// In the model's order; never empty.
        calls: Vec<PlannedCall>,
    },
    /// Ask a person whether this call may run. Until then nothing happens.
    Ask {
        /// The call.
        planned: PlannedCall,
        /// Its name in the decision.
        hash: CallHash,
    },
    /// The turn is over.
    Finish {
        /// How it ended.
        outcome: TurnOutcome,
        /// The reply; never empty when the turn completed.
        text: String,
    },
}

/// The machine; see the module's text.
#[derive(Debug, Clone)]
pub struct Turn {
    pub(super) opening: Opening,
    pub(super) messages: Vec<Message>,
    pub(super) calls: OpenCalls,
    /// What the person said since the last request.
    pub(super) steers: Vec<Vec<ContentPart>>,
    pub(super) said: String,
    pub(super) step: u32,
    pub(super) usage: TokenUsage,
    pub(super) micro_usd: u64,
    pub(super) elapsed_ms: u64,
    pub(super) output_bytes: usize,
    /// What goes to the person with the reply.
    pub(super) files: Vec<Attachment>,
    pub(super) repeats: BTreeMap<(String, String), Repeats>,
    pub(super) unknown: Vec<String>,
    /// Messages of the history that are no longer sent.
    pub(super) skipped: usize,
    pub(super) summary: Option<Arc<str>>,
    pub(super) fill: Fill,
    /// Requests since the last answer that were too long.
    pub(super) overflows: u32,
    pub(super) overflows_ever: u32,
    pub(super) outcome: Option<TurnOutcome>,
}

impl Turn {
    /// A turn at its beginning.
    pub fn new(opening: Opening) -> Self {
        let messages = vec![Message::User {
            content: opening.content.clone(),
        }];
        let summary = opening.summary.clone();
        Self {
            opening,
            messages,
            calls: OpenCalls::default(),
            steers: Vec::new(),
            said: String::new(),
            step: 0,
            usage: TokenUsage::default(),
            micro_usd: 0,
            elapsed_ms: 0,
            output_bytes: 0,
            files: Vec::new(),
            repeats: BTreeMap::new(),
            unknown: Vec::new(),
            skipped: 0,
            summary,
            fill: Fill::default(),
            overflows: 0,
            overflows_ever: 0,
            outcome: None,
        }
    }

    /// What is to be done next. Asking twice gives the same answer.
    pub fn next(&self) -> TurnAction {
        if let Some(outcome) = &self.outcome {
            return TurnAction::Finish {
                outcome: outcome.clone(),
                text: self.reply(),
            };
        }
        if let Some(planned) = self.calls.asked() {
            let hash = call_hash(&self.opening.turn, &planned);
            return TurnAction::Ask { planned, hash };
        }
        let calls = self.calls.next();
        if !calls.is_empty() {
            return TurnAction::CallTools { calls };
        }
        if self.must_compact() {
            return TurnAction::Compact;
        }
        TurnAction::CallModel
    }

    /// Where the turn stands: what a process that takes it up does next.
    pub fn stands(&self) -> CheckpointKind {
        if self.outcome.is_some() {
            CheckpointKind::BeforeDeliver
        } else if self.calls.asked().is_some() {
            CheckpointKind::Parked
        } else if self.calls.any_started() {
            CheckpointKind::BeforeTool(Effect::Mutating)
        } else if self.calls.is_empty() {
            CheckpointKind::BeforeModel
        } else if self.calls.any_ended() {
            CheckpointKind::AfterTool
        } else {
            CheckpointKind::BeforeTool(Effect::ReadOnly)
        }
    }

    /// Takes what happened. What does not fit the present state changes nothing.
    pub fn on(&mut self, input: TurnInput) {
        if self.outcome.is_some() {
            return;
        }
        match input {
            TurnInput::Answered {
                content,
                calls,
                stop,
                usage,
                micro_usd,
                elapsed_ms,
            } => {
                if self.calls.is_empty() {
                    self.note_nudge();
                    self.usage = self.usage.plus(usage);
                    self.micro_usd = self.micro_usd.saturating_add(micro_usd);
                    self.elapsed_ms = self.elapsed_ms.max(elapsed_ms);
                    self.counted(usage);
                    self.on_answer(content, calls, &stop);
                }
            }
            TurnInput::ToolStarted { call_id } => self.calls.start(&call_id),
            TurnInput::ToolEnded { result, elapsed_ms } => {
                self.elapsed_ms = self.elapsed_ms.max(elapsed_ms);
                self.on_result(result);
            }
            TurnInput::Decided { call, decision } => self.on_decided(&call, decision),
            TurnInput::Steered { content } => self.on_steered(content),
            TurnInput::Compacted {
                summary,
                kept_messages,
            } => self.on_compacted(summary, kept_messages),
            TurnInput::Overflowed { reason } => self.on_overflowed(reason),
            TurnInput::Restored => self.on_restored(),
            TurnInput::Aborted { by, partial } => self.on_aborted(by, partial),
            TurnInput::Failed { reason, partial } => {
                self.end(TurnOutcome::Failed { reason }, partial);
            }
        }
        self.check_fit();
    }

    /// Everything that was said until now: what a watcher has seen.
    pub fn said(&self) -> &str {
        &self.said
    }

    /// The files that go with the reply.
    pub fn files(&self) -> &[Attachment] {
        &self.files
    }

    /// What the model requests took until now.
    pub fn usage(&self) -> TokenUsage {
        self.usage
    }

    /// What they cost, in millionths of a US dollar.
    pub fn micro_usd(&self) -> u64 {
        self.micro_usd
    }

    /// Model requests until now.
    pub fn steps(&self) -> u32 {
        self.step
    }

    /// Time spent, as of the last input.
    pub fn elapsed_ms(&self) -> u64 {
        self.elapsed_ms
    }

    /// What the turn adds to the session. For a turn that is over this is a whole turn: the
    /// person first, every call with its result, the model last.
    pub fn into_transcript(self) -> Vec<Message> {
        self.messages
    }

    /// The turn's messages until now, history excluded.
    pub fn messages(&self) -> &[Message] {
        &self.messages
    }

    /// Summary and history as later turns of the session begin with them.
    pub fn carried(&self) -> (Option<Arc<str>>, &[Message]) {
        (self.summary.clone(), self.history())
    }
}
