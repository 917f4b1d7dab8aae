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
use rivetos_model_google::error::of_refusal;
use rivetos_model_google::stream::StreamParser;

#[test]
fn a_stream_does_not_depend_on_its_chunks_and_ends_once() {
    let words = [
        "data: ",
        "\n\n",
        "\n\ndata: {\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"x\"}]}}]}\n\n",
        "\"finishReason\":\"STOP\",",
        "\"finishReason\":\"MALFORMED_FUNCTION_CALL\",",
        "\"functionCall\":{\"name\":\"look\",\"args\":{}},",
        "\"thoughtSignature\":\"s\",",
        "\"thought\":true,",
        "\"promptFeedback\":{\"blockReason\":\"SAFETY\"},",
        "\"error\":{\"message\":\"x\"},",
    ];
    fuzz("stream", &words, |bytes| {
        for end in [End::Clean, End::Broken] {
            drop(check_chunks(bytes, end, &|| StreamParser::new("m")));
        }
    });
}

#[test]
fn a_refusal_is_short_and_without_keys() {
    let words = [
        "\"error\":",
        "\"message\":",
        "\"code\":429",
        "\"details\":[",
        "\"@type\":\"type.googleapis.com/google.rpc.RetryInfo\",\"retryDelay\":\"",
        "input token count",
    ];
    refusing::check(&words, [400, 401, 429, 500], of_refusal);
}
