//! Reasoning that endpoints want back with the calls that came of it.

use serde_json::{Map, Value};

/// Text that comes in pieces.
const PIECES: &[&str] = &["text", "summary", "data"];

/// What an answer's reasoning was, in the endpoint's own shape.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Reasoning {
    /// Of `DeepSeek` and its relatives.
    content: String,
    /// Of `OpenRouter`: signed, encrypted or plain, of any vendor behind it.
    details: Vec<Map<String, Value>>,
}

impl Reasoning {
    pub(super) fn add(&mut self, content: &str) {
        self.content.push_str(content);
    }

    /// Adds a piece of the details. Pieces of the same one have the same index and kind.
    pub(super) fn detail(&mut self, piece: Map<String, Value>) {
        let same = |known: &Map<String, Value>| {
            let equal = |name| known.get(name) == piece.get(name);
            piece.contains_key("index") && equal("index") && equal("type")
        };
        let Some(known) = self.details.last_mut().filter(|known| same(known)) else {
            self.details.push(piece);
            return;
        };
        for (name, value) in piece {
            match (known.get_mut(&name), value) {
                (Some(Value::String(text)), Value::String(more))
                    if PIECES.contains(&name.as_str()) =>
                {
                    text.push_str(&more);
                }
                (Some(_), Value::Null) => {}
                (_, value) => {
                    known.insert(name, value);
                }
            }
        }
    }

    /// The members of the message that bring it back; `None` when there is nothing to bring.
    pub(super) fn members(self) -> Option<Value> {
        let mut members = Map::new();
        if !self.content.is_empty() {
            members.insert("reasoning_content".into(), self.content.into());
        }
        if !self.details.is_empty() {
            let details = self.details.into_iter().map(Value::Object).collect();
            members.insert("reasoning_details".into(), Value::Array(details));
        }
        (!members.is_empty()).then(|| members.into())
    }
}
