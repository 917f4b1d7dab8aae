//! What goes back to the vendor, and what the vendor keeps.

use data_encoding::BASE32_NOPAD;
use rivetos_types::message::{ContentPart, Message, ToolCall, VendorBlock};
use rivetos_types::model::ModelRequest;
use rivetos_types::settings::History;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::request::Endpoint;

/// The bytes of a digest that are enough to tell two conversations apart.
const DIGEST_BYTES: usize = 15;

/// A block of an answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Block {
    /// Reasoning in the vendor's encryption.
    Reasoning {
        /// How many of the answer's calls come before it.
        after_calls: usize,
        /// The item, as the vendor wants it back.
        item: Value,
    },
    /// The answer, which the vendor keeps together with all that was asked.
    Response {
        /// The vendor's name of it.
        id: String,
        /// The [`digest`] of what was asked.
        asked: String,
        /// The vendor's names of its calls.
        calls: Vec<String>,
    },
}

impl Block {
    /// The block, if this endpoint wrote it and reads it.
    pub(crate) fn of(block: &VendorBlock, endpoint: &Endpoint<'_>) -> Option<Self> {
        let block = block.read_by(endpoint.vendor, endpoint.model)?;
        Self::deserialize(block).ok()
    }
}

/// The answer that a request can go on from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Kept<'a> {
    /// The vendor's name of it.
    pub(crate) id: String,
    /// The calls of the answer, and the vendor's names of them.
    pub(crate) calls: Vec<(&'a ToolCall, String)>,
    /// What came after it.
    pub(crate) rest: &'a [Message],
}

impl<'a> Kept<'a> {
    /// The last answer of this endpoint, if the vendor keeps it and all before it is as it was
    /// sent: a conversation that was summed up, or got a word in between, is another one.
    pub(crate) fn of(endpoint: &Endpoint<'_>, request: &'a ModelRequest) -> Option<Self> {
        if endpoint.history == History::Stateless {
            return None;
        }
        let messages = request.messages.as_slice();
        let (at, (block, tool_calls)) = messages
            .iter()
            .enumerate()
            .rev()
            .find_map(|(at, message)| Some((at, response(message, endpoint)?)))?;
        let Block::Response { id, asked, calls } = block else {
            return None;
        };
        let rest = &messages[at + 1..];
        let whole = calls.len() == tool_calls.len() && !rest.is_empty();
        if !whole || digest(&request.system, &messages[..at]) != asked {
            return None;
        }
        let calls = tool_calls.iter().zip(calls).collect();
        Some(Self { id, calls, rest })
    }
}

fn response<'a>(message: &'a Message, endpoint: &Endpoint<'_>) -> Option<(Block, &'a [ToolCall])> {
    let Message::Assistant {
        content,
        tool_calls,
    } = message
    else {
        return None;
    };
    let block = content.iter().rev().find_map(|part| match part {
        ContentPart::Vendor(block) => {
            Block::of(block, endpoint).filter(|block| matches!(block, Block::Response { .. }))
        }
        ContentPart::Text { .. } | ContentPart::Attachment(_) => None,
    })?;
    Some((block, tool_calls))
}

/// What a conversation is known by.
pub fn digest(system: &str, messages: &[Message]) -> String {
    // What cannot be written has no digest, and is never gone on from.
    let Ok(text) = serde_json::to_vec(&(system, messages)) else {
        return String::new();
    };
    let digest = Sha256::digest(&text);
    BASE32_NOPAD
        .encode(&digest[..DIGEST_BYTES])
        .to_ascii_lowercase()
}
