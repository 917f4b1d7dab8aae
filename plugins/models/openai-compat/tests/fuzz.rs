//! No answer of an endpoint breaks the provider.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

#[path = "../../../../agent/protocol/tests/fuzzing/mod.rs"]
mod fuzzing;

use fuzzing::fuzz;
use rivetos_model_openai_compat::error::of_response;
use rivetos_model_openai_compat::stream::{End, StreamParser};
use rivetos_types::model::{ModelError, StreamEvent};

type Read = (Vec<StreamEvent>, Result<(), ModelError>);

fn read<'a>(chunks: impl IntoIterator<Item = &'a [u8]>, end: End) -> Read {
    let mut parser = StreamParser::new();
    let mut events = Vec::new();
    let mut result = Ok(());
    for chunk in chunks {
        result = parser.push(chunk, &mut events);
        if result.is_err() {
            break;
        }
    }
    let result = result.and_then(|()| parser.end(end, &mut events));
    (events, result)
}

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
            let whole = read([bytes], end);
            for size in [1, 3, 64] {
                assert_eq!(read(bytes.chunks(size), end), whole, "in chunks of {size}");
            }
            let (events, result) = whole;
            let is_done = |event: &StreamEvent| matches!(event, StreamEvent::Done { .. });
            let done = events.iter().position(is_done);
            match result {
                Ok(()) => assert_eq!(done, Some(events.len() - 1)),
                Err(_) => assert_eq!(done, None),
            }
        }
    });
}

const KEY: &str = "canary-of-the-endpoint";

/// The vendor's words and ours around them, in characters.
const MESSAGE_CHARS_MAX: usize = 600;

#[test]
fn a_refusal_is_short_and_without_the_key() {
    let words = [
        KEY,
        "\"error\":",
        "\"message\":",
        "\"code\":429",
        "context length",
        "sk-",
    ];
    fuzz("refusal", &words, |bytes| {
        for status in [400, 401, 429, 500] {
            let error = of_response(status, Some("3"), bytes, Some(KEY));
            let message = error.to_string();
            assert!(!message.contains(KEY), "{message}");
            assert!(message.chars().count() <= MESSAGE_CHARS_MAX, "{message}");
            assert!(message.contains(&format!("HTTP {status}")), "{message}");
        }
    });
}
