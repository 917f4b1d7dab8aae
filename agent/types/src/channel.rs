//! The port to channels that push: chat services that a reply is sent to.
//!
//! What comes in reaches the runtime through [`crate::intake::Intake`]; this is the way out.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::BoxFuture;
use crate::id::{ChannelId, MessageId};
use crate::media::Attachment;

/// A chat service, as the runtime sees it.
///
/// Texts are the Markdown that models write; the channel turns them into what its service shows.
pub trait Channel: Send + Sync {
    /// Its name; unique in the agent.
    fn id(&self) -> ChannelId;

    /// What the service can do.
    fn capabilities(&self) -> Capabilities;

    /// Where the agent's owner reads what nobody asked for, if the channel knows.
    fn owner(&self) -> Option<Address>;

    /// Whether the service can be reached now.
    fn connection(&self) -> Connection;

    /// Returns as soon as [`Channel::connection`] is not `seen`.
    fn connection_changed(&self, seen: Connection) -> BoxFuture<'_, ()>;

    /// Makes a message that says `text`.
    ///
    /// The same key stands for the same message. A channel that knows a key from an earlier call,
    /// be it from before a restart, makes that message say `text` and sends another one only when
    /// the first cannot be changed and was removed. A service that keeps no keys cannot do so; there
    /// a crash between the effect and its record shows a message twice.
    fn send<'a>(
        &'a self,
        to: &'a Address,
        key: &'a MessageKey,
        text: &'a str,
    ) -> BoxFuture<'a, Result<EditResult, ChannelError>>;

    /// Makes a message of the file whose bytes are `content`, with the promises of
    /// [`Channel::send`] about keys. Called for files of at most [`Capabilities::file_bytes_max`]
    /// only. After [`ChannelError::Permanent`] the person reads where the file is instead.
    fn send_file<'a>(
        &'a self,
        to: &'a Address,
        key: &'a MessageKey,
        file: &'a Attachment,
        content: Vec<u8>,
    ) -> BoxFuture<'a, Result<EditResult, ChannelError>>;

    /// Makes a message say `text`. Doing so twice is harmless.
    fn edit<'a>(
        &'a self,
        to: &'a Address,
        shown: &'a EditResult,
        text: &'a str,
    ) -> BoxFuture<'a, Result<EditResult, ChannelError>>;

    /// Removes a message. One that is not there is removed.
    fn retract<'a>(
        &'a self,
        to: &'a Address,
        shown: &'a EditResult,
    ) -> BoxFuture<'a, Result<(), ChannelError>>;

    /// Shows for some seconds that an answer is being written. Nothing depends on it.
    fn typing<'a>(&'a self, to: &'a Address) -> BoxFuture<'a, ()>;
}

/// What a service can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Capabilities {
    /// The longest message.
    pub length_max: LengthMax,
    /// Whether a message can be changed.
    pub edits: Edits,
    /// The largest file that can be sent, in bytes; 0: none.
    pub file_bytes_max: u64,
}

/// The longest text of one message, in the unit that the service counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LengthMax {
    /// In code units of UTF-16.
    Utf16Units(usize),
    /// In characters.
    Chars(usize),
    /// In bytes of UTF-8.
    Bytes(usize),
}

/// Whether a message can be changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Edits {
    /// It stays as it was sent.
    Never,
    /// At most once in this time within one chat.
    Every(Duration),
}

/// Whether a service can be reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Connection {
    /// It can.
    Up,
    /// It cannot, or not yet; the channel tries to.
    Down {
        /// For people.
        reason: String,
    },
}

/// Where in a channel a reply goes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Address {
    /// The chat, as the service names it.
    pub chat: String,
    /// A thread or topic in it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub thread: Option<String>,
    /// The message that is answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reply_to: Option<MessageId>,
}

/// Names one message that the agent sends, the same after a restart.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MessageKey(pub String);

/// The messages of the service that show one text: more than one when the text grew beyond the
/// longest message once it was written as the service wants it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EditResult {
    /// The first.
    pub primary: MessageId,
    /// Those behind it.
    pub overflow: Vec<MessageId>,
}

/// Why a channel did not do what it was asked for.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ChannelError {
    /// Another attempt may help. Whether this one had its effect is unknown.
    #[error("{reason}")]
    Transient {
        /// What failed.
        reason: String,
        /// How long the service wants to be left alone.
        retry_after: Option<Duration>,
    },
    /// This message cannot be changed (any more); another one can be sent.
    #[error("{reason}")]
    EditRefused {
        /// Why not.
        reason: String,
    },
    /// It will never work, for example because the chat is gone. There was no effect.
    #[error("{reason}")]
    Permanent {
        /// Why not.
        reason: String,
    },
}
