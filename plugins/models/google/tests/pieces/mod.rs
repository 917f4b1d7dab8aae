//! Answers in pieces.

use super::measuring::Said;

/// An answer of so many pieces, each a text as it stands in JSON, with all that the vendor says
/// beside each. Calls come whole.
pub(crate) fn body(said: Said, piece: &str, pieces: usize) -> String {
    let event = |part: &str, more: &str| {
        format!(
            "data: {{\"candidates\":[{{\"content\":{{\"parts\":[{part}],\"role\":\"model\"}},{more}\
             \"index\":0}}],\"usageMetadata\":{{\"promptTokenCount\":70,\"candidatesTokenCount\":31,\
             \"totalTokenCount\":101,\"promptTokensDetails\":[{{\"modality\":\"TEXT\",\
             \"tokenCount\":70}}],\"serviceTier\":\"standard\"}},\"modelVersion\":\"gemini-2.5-flash\",\
             \"responseId\":\"r-1\"}}\r\n\r\n"
        )
    };
    let thought = match said {
        Said::Text | Said::Arguments => "",
        Said::Thought => ",\"thought\":true",
    };
    let part = format!("{{\"text\":\"{piece}\"{thought}}}");
    let last = event("{\"text\":\"\"}", "\"finishReason\":\"STOP\",");
    event(&part, "").repeat(pieces) + &last
}
