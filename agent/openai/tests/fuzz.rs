//! No answer of an endpoint breaks the codec.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

#[path = "../../protocol/tests/fuzzing/mod.rs"]
mod fuzzing;
#[path = "../../http/tests/reading/mod.rs"]
mod reading;

use std::collections::BTreeMap;
use std::sync::Arc;

use fuzzing::fuzz;
use reading::check_chunks;
use rivetos_http::End;
use rivetos_openai::stream::StreamParser;
use rivetos_openai::{Documents, Endpoint};
use rivetos_types::message::Message;
use rivetos_types::model::ModelRequest;
use rivetos_types::settings::{History, ToolCalls};
use serde_json::Map;

#[test]
fn an_answer_does_not_depend_on_its_chunks_and_ends_once() {
    let nothing = Map::new();
    let endpoint = Endpoint {
        vendor: "test",
        model: "m-1",
        history: History::Stored,
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
        messages: vec![Message::user("hi")].into(),
        tools: Arc::default(),
    };
    let words = [
        "data: {\"type\":\"response.output_text.delta\",\"delta\":\"x\"}\n\n",
        "data: {\"type\":\"response.completed\",\"response\":{\"output\":[]}}\n\n",
        "\"status\":\"incomplete\",",
        "\"output_index\":18446744073709551615,",
        "\"type\":\"function_call\",\"call_id\":\"a\",",
        "\"type\":\"reasoning\",\"encrypted_content\":\"x\",",
        "\"error\":{\"message\":\"x\"},",
        "\"delta\":{},",
    ];
    fuzz("responses", &words, |bytes| {
        for end in [End::Clean, End::Broken] {
            drop(check_chunks(bytes, end, &|| {
                StreamParser::new(&endpoint, &request)
            }));
        }
    });
}
