//! Answers in pieces.

use std::collections::BTreeMap;
use std::sync::Arc;

use rivetos_openai::{Documents, Endpoint, stream};
use rivetos_types::model::ModelRequest;
use rivetos_types::settings::{History, ToolCalls};
use serde_json::Map;

use super::measuring::Said;

/// An answer by chat completions of so many pieces, each a text as it stands in JSON.
pub(crate) fn chat(said: Said, piece: &str, pieces: usize) -> String {
    let chunk = |delta: &str, finish: &str| {
        format!(
            "data: {{\"id\":\"chatcmpl-1\",\"object\":\"chat.completion.chunk\",\"created\":0,\
             \"model\":\"m-1\",\"choices\":[{{\"index\":0,\"delta\":{{{delta}}},\"logprobs\":null,\
             \"finish_reason\":{finish}}}],\"usage\":null}}\n\n"
        )
    };
    let call = |name: &str, arguments: &str| {
        format!(
            "\"tool_calls\":[{{\"index\":0,\"function\":{{{name}\"arguments\":\"{arguments}\"}}}}]"
        )
    };
    let (start, delta) = match said {
        Said::Text => (String::new(), format!("\"content\":\"{piece}\"")),
        Said::Thought => (String::new(), format!("\"reasoning_content\":\"{piece}\"")),
        Said::Arguments => (call("\"name\":\"shell\",", ""), call("", piece)),
    };
    let end = chunk("", "\"stop\"") + "data: [DONE]\n\n";
    chunk(&start, "null") + &chunk(&delta, "null").repeat(pieces) + &end
}

/// The same by a Responses API.
pub(crate) fn responses(said: Said, piece: &str, pieces: usize) -> String {
    let kind = match said {
        Said::Text => "response.output_text.delta",
        Said::Thought => "response.reasoning_summary_text.delta",
        Said::Arguments => "response.function_call_arguments.delta",
    };
    let event = |kind: &str, more: &str| {
        format!("event: {kind}\ndata: {{\"type\":\"{kind}\",\"sequence_number\":4,{more}}}\n\n")
    };
    let call = "\"output_index\":0,\"item\":{\"type\":\"function_call\",\"id\":\"item_1\",\
                \"call_id\":\"call_1\",\"name\":\"shell\",\"arguments\":\"\"}";
    let start = match said {
        Said::Text | Said::Thought => String::new(),
        Said::Arguments => event("response.output_item.added", call),
    };
    let delta = format!(
        "\"item_id\":\"item_1\",\"output_index\":0,\"content_index\":0,\"delta\":\"{piece}\",\
         \"logprobs\":[],\"obfuscation\":\"Ab3dE\""
    );
    let end = event("response.completed", "\"response\":{\"id\":\"resp_1\"}");
    start + &event(kind, &delta).repeat(pieces) + &end
}

/// A reader of a Responses API's answer.
pub(crate) fn reader() -> stream::StreamParser {
    let nothing = Map::new();
    let endpoint = Endpoint {
        vendor: "test",
        model: "m-1",
        history: History::Stateless,
        effort: None,
        include: &[],
        tool_calls: ToolCalls::Parallel,
        documents: Documents::Described,
        server_tools: Vec::new(),
        max_tokens: None,
        temperature: None,
        top_p: None,
        extra_body: &nothing,
    };
    let request = ModelRequest {
        model: None,
        images: BTreeMap::new(),
        thinking: None,
        system: Arc::default(),
        messages: Arc::default(),
        tools: Arc::default(),
    };
    stream::StreamParser::new(&endpoint, &request)
}
