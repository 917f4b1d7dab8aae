//! No answer of an endpoint breaks the provider.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

#[path = "../../../../agent/protocol/tests/fuzzing/mod.rs"]
mod fuzzing;
#[path = "../../../../agent/http/tests/reading/mod.rs"]
mod reading;
#[path = "../../../../agent/http/tests/refusing/mod.rs"]
mod refusing;

use fuzzing::fuzz;
use reading::check_chunks;
use rivetos_http::End;
use rivetos_model_openai_compat::stream::StreamParser;
use rivetos_openai::error::of_refusal;

#[test]
fn a_stream_does_not_depend_on_its_chunks_and_ends_once() {
    let words = [
        "data: ",
        "data: [DONE]\n\n",
        "\n\ndata: {\"choices\":[{\"delta\":{\"tool_calls\":[{\"index\":0,\"function\":{}}]}}]}\n\n",
        "\"finish_reason\":\"length\"",
        "\"content\":\"x\",",
        "\"index\":18446744073709551615,",
        "\"id\":\"a\",",
        "\"error\":{\"message\":\"x\"},",
    ];
    fuzz("stream", &words, |bytes| {
        for end in [End::Clean, End::Broken] {
            drop(check_chunks(bytes, end, &|| StreamParser::new("m-1")));
        }
    });
}

#[test]
fn a_refusal_is_short_and_without_keys() {
    let words = [
        "\"error\":",
        "\"message\":",
        "\"code\":429",
        "context length",
    ];
    refusing::check(&words, [400, 401, 429, 500], of_refusal);
}
