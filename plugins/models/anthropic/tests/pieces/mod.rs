//! Answers in pieces.

use super::measuring::Said;

/// An answer of so many pieces, each a text as it stands in JSON.
pub(crate) fn body(said: Said, piece: &str, pieces: usize) -> String {
    let (block, kind, field) = match said {
        Said::Text => (r#"{"type":"text","text":""}"#, "text_delta", "text"),
        Said::Thought => (
            r#"{"type":"thinking","thinking":"","signature":""}"#,
            "thinking_delta",
            "thinking",
        ),
        Said::Arguments => (
            r#"{"type":"tool_use","id":"toolu_1","name":"shell","input":{}}"#,
            "input_json_delta",
            "partial_json",
        ),
    };
    let event =
        |name: &str, more: &str| format!("event: {name}\ndata: {{\"type\":\"{name}\",{more}}}\n\n");
    let start = event(
        "content_block_start",
        &format!(r#""index":0,"content_block":{block}"#),
    );
    let delta = event(
        "content_block_delta",
        &format!(r#""index":0,"delta":{{"type":"{kind}","{field}":"{piece}"}}"#),
    );
    let reason = r#""delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":9}"#;
    let end = event("message_delta", reason) + &event("message_stop", r#""x":0"#);
    start + &delta.repeat(pieces) + &end
}
