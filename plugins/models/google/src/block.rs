//! What has to go back to the vendor as it came.
//!
//! A thought signature belongs to one part of an answer and is worth nothing on another. Calls
//! are meant by their place in the answer: their names for us may change on the way.

use rivetos_types::message::VendorBlock;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// The vendor of our blocks.
const VENDOR: &str = "google";

/// The content of a [`VendorBlock`] of ours.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Block {
    /// About a call, at whose place in the answer it stands.
    Call {
        /// Which one of the answer.
        index: usize,
        /// The vendor's name of it.
        #[serde(skip_serializing_if = "Option::is_none")]
        id: Option<String>,
        /// What is signed.
        #[serde(skip_serializing_if = "Option::is_none")]
        signature: Option<String>,
    },
    /// About the end of the text before it.
    Text {
        /// How much of it is signed; nothing: a part without text.
        bytes: usize,
        /// What is signed.
        signature: String,
    },
    /// A part that nobody else reads: code that the vendor ran, what came of it, signed thoughts.
    Part(Map<String, Value>),
}

impl Block {
    /// The block for the conversation; `None` when it cannot be written, which does not happen.
    pub(crate) fn said_by(self, model: &str) -> Option<VendorBlock> {
        Some(VendorBlock {
            vendor: VENDOR.to_owned(),
            model: model.to_owned(),
            block: serde_json::to_value(self).ok()?,
        })
    }

    /// What `model` said, if it was this model.
    pub(crate) fn read_by(block: &VendorBlock, model: &str) -> Option<Self> {
        let block = block.read_by(VENDOR, model)?;
        Self::deserialize(block).ok()
    }
}
