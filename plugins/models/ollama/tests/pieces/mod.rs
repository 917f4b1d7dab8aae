//! Answers in pieces.

use super::measuring::Said;

/// An answer of so many pieces, each a text as it stands in JSON. Calls come whole.
pub(crate) fn body(said: Said, piece: &str, pieces: usize) -> String {
    let line = |message: &str, done: bool| {
        format!(
            "{{\"model\":\"qwen3:4b\",\"created_at\":\"2026-11-22T10:00:00.772341Z\",\
             \"message\":{{\"role\":\"assistant\",{message}}},\"done\":{done}}}\n"
        )
    };
    let message = match said {
        Said::Text | Said::Arguments => format!("\"content\":\"{piece}\""),
        Said::Thought => format!("\"content\":\"\",\"thinking\":\"{piece}\""),
    };
    line(&message, false).repeat(pieces) + &line("\"content\":\"\"", true)
}
