//! What a channel may ask of the runtime.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::id::{SessionId, TurnId};
use crate::media::{
    ATTACHMENT_BYTES_MAX, ATTACHMENTS_BYTES_MAX, ATTACHMENTS_MAX, Attachment, MediaType, SentFile,
};
use crate::message::{InboundMessage, OutboundMessage};
use crate::store::Approval;
use crate::{BoxFuture, BoxStream};

/// The runtime as a channel sees it.
pub trait Intake: Send + Sync {
    /// Keeps the files that a message of `session` will have as its attachments. When it returns
    /// `Ok`, they survive power loss: only then a message may name them.
    fn keep(
        &self,
        session: SessionId,
        files: Vec<SentFile>,
    ) -> BoxFuture<'_, Result<Vec<Attachment>, KeepError>>;

    /// Takes a message. When it returns `Ok`, the message survives power loss.
    ///
    /// A message whose (channel, id) is known is not taken twice: the answer is the same turn,
    /// and [`Intake::attach`] follows it. Commands (`/stop`, `/new`) are answered at once and
    /// bypass the session's queue.
    fn submit(&self, message: InboundMessage) -> BoxFuture<'_, Result<Submitted, IntakeError>>;

    /// [`submit`](Self::submit), and [`attach`](Self::attach) to the turn before it can end.
    fn follow(&self, message: InboundMessage) -> BoxFuture<'_, Result<Followed, IntakeError>> {
        Box::pin(async move {
            Ok(match self.submit(message).await? {
                Submitted::Turn(turn) => {
                    let events = self.attach(turn.clone()).await;
                    Followed::Turn(turn, events)
                }
                Submitted::Command(answer) => Followed::Command(answer),
            })
        })
    }

    /// Follows a turn from where it is now: one [`TurnEvent::Snapshot`], the tool events that
    /// nobody has seen, then what happens, then exactly one [`TurnEvent::Finished`]. A stream that
    /// ends without it means that the agent cannot go on; another attempt later will do. `None`
    /// when no such turn is known or its reply expired.
    fn attach(&self, turn: TurnId) -> BoxFuture<'_, Option<BoxStream<'static, TurnEvent>>>;

    /// A file of the reply of a finished turn, counted from 0, and its bytes. `None` when there is
    /// no such file, or no longer.
    fn file(&self, turn: TurnId, index: usize) -> BoxFuture<'_, Option<(Attachment, Vec<u8>)>>;

    /// The reply reached the other side: the outbox row is settled, for good.
    fn settle(&self, turn: TurnId) -> BoxFuture<'_, ()>;
}

/// Why the files of a message are not taken; none of them is.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum KeepError {
    /// They are too many.
    #[error("{0} files are too many for one message, at most {ATTACHMENTS_MAX} are possible")]
    TooMany(usize),
    /// One of them is too long.
    #[error("the file `{name}` has {bytes} bytes, at most {ATTACHMENT_BYTES_MAX} are possible")]
    TooLarge {
        /// Its name.
        name: String,
        /// Its length.
        bytes: usize,
    },
    /// They are too long together.
    #[error(
        "the files have {0} bytes together, at most {ATTACHMENTS_BYTES_MAX} are possible in one \
         message"
    )]
    TooMuch(usize),
    /// One of them is of a kind that is not taken.
    #[error("the file `{name}` is of no kind that is taken: {}", MediaType::WORDS)]
    Kind {
        /// Its name.
        name: String,
    },
    /// The session has so many that a message which waits for its turn could lose its own.
    #[error("the conversation has {0} bytes of files, most of them of the last hour; try later")]
    SessionFull(u64),
    /// They cannot be stored.
    #[error("the files could not be stored: {0}")]
    Store(String),
}

/// What became of a submitted message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Submitted {
    /// A turn answers it, or already did.
    Turn(TurnId),
    /// It was a command; this is the answer. Nothing is stored or settled.
    Command(String),
}

/// What became of a message that was submitted to be followed.
pub enum Followed {
    /// A turn answers it, and this is what happens: see [`Intake::attach`].
    Turn(TurnId, Option<BoxStream<'static, TurnEvent>>),
    /// It was a command; this is the answer. Nothing is stored or settled.
    Command(String),
}

/// Why a message was not taken.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum IntakeError {
    /// The agent is shutting down; another attempt later will do.
    #[error("the agent is draining")]
    Draining,
    /// The queue of the session, or of the agent, is full.
    #[error("too many messages are waiting, {0} of them in this session")]
    QueueFull(usize),
    /// The store failed; nothing was taken.
    #[error("the message could not be stored: {0}")]
    Store(String),
}

/// What happens in a running turn, for whoever watches.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum TurnEvent {
    /// The text so far, sent when somebody attaches or when the turn starts over after a crash.
    Snapshot {
        /// Everything that was said until now.
        text: String,
    },
    /// More text.
    Text {
        /// What to append.
        text: String,
    },
    /// More reasoning.
    Reasoning {
        /// What to append.
        text: String,
    },
    /// A tool starts.
    ToolStart {
        /// Its name.
        name: String,
        /// Its arguments, shortened for one line.
        summary: String,
    },
    /// A tool ended.
    ToolEnd {
        /// Its name.
        name: String,
        /// Whether it did its work.
        ok: bool,
        /// What it said, shortened for one line.
        summary: String,
    },
    /// A person has to decide about a call; the turn waits for it.
    Asked {
        /// The question.
        approval: Approval,
    },
    /// Something worth knowing, for example a retry.
    Status {
        /// One line.
        text: String,
    },
    /// The turn is over. Nothing follows.
    Finished {
        /// The whole reply.
        reply: OutboundMessage,
    },
}
