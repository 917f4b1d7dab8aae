//! What a model thought before it called tools. It wants to read it again with their results.

use rivetos_types::message::{ContentPart, VendorBlock};
use serde_json::{Value, json};

const VENDOR: &str = "ollama";

/// A block for the conversation.
pub(crate) fn thought(model: &str, thoughts: &str) -> VendorBlock {
    VendorBlock {
        vendor: VENDOR.to_owned(),
        model: model.to_owned(),
        block: json!({ "thinking": thoughts }),
    }
}

/// What `model` thought when it said this.
pub(crate) fn thoughts_in<'a>(content: &'a [ContentPart], model: &str) -> Option<&'a str> {
    content.iter().find_map(|part| match part {
        ContentPart::Vendor(block) => block
            .read_by(VENDOR, model)?
            .get("thinking")
            .and_then(Value::as_str),
        ContentPart::Text { .. } | ContentPart::Attachment(_) => None,
    })
}
