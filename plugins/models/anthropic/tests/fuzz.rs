//! No answer of the vendor breaks the provider.

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
use rivetos_model_anthropic::error::of_refusal;
use rivetos_model_anthropic::stream::StreamParser;

#[test]
fn a_stream_does_not_depend_on_its_chunks_and_ends_once() {
    let words = [
        "data: ",
        "\n\ndata: {\"type\":\"message_stop\"}\n\n",
        "\n\ndata: {\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"text\"}}\n\n",
        "\n\ndata: {\"type\":\"content_block_stop\",\"index\":0}\n\n",
        "\"stop_reason\":\"max_tokens\"",
        "\"type\":\"tool_use\"",
        "\"index\":18446744073709551615,",
        "\"caller\":{},",
        "\"signature\":\"c2ln\",",
        "\"type\":\"error\",",
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
        "\"type\":\"overloaded_error\"",
        "prompt is too long",
        "\"request_id\":\"req\"",
    ];
    refusing::check(&words, [400, 401, 429, 529], of_refusal);
}
