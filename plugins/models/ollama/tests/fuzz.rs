//! No answer of a server breaks the provider.

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
use rivetos_model_ollama::error::of_refusal;
use rivetos_model_ollama::pull::{Progress, PullReader};
use rivetos_model_ollama::stream::StreamParser;
use rivetos_types::model::ModelError;

#[test]
fn a_stream_does_not_depend_on_its_chunks_and_ends_once() {
    let words = [
        "{\"message\":{\"content\":\"x\"},\"done\":false}\n",
        "{\"done\":true}\n",
        "\"done_reason\":\"length\",",
        "\"thinking\":\"x\",",
        "\"tool_calls\":[{\"function\":{\"name\":\"look\"}}],",
        "{\"error\":\"x\"}\n",
        "\"eval_count\":18446744073709551615,",
    ];
    fuzz("stream", &words, |bytes| {
        for end in [End::Clean, End::Broken] {
            drop(check_chunks(bytes, end, &|| StreamParser::new("m")));
        }
    });
}

/// The words of a server, in characters.
const MESSAGE_CHARS_MAX: usize = 1200;

#[test]
fn a_refusal_is_short_and_without_keys() {
    let words = [
        "\"error\":",
        "\"message\":",
        "not found",
        "context length",
        "image",
    ];
    refusing::check(&words, [400, 404, 500, 503], of_refusal);
}

fn pulled(bytes: &[u8], size: usize) -> (Vec<Progress>, Result<(), ModelError>) {
    let mut reader = PullReader::new();
    let mut told = Vec::new();
    for piece in bytes.chunks(size) {
        if let Err(error) = reader.push(piece, &mut told) {
            return (told, Err(error));
        }
    }
    let result = reader.end(End::Clean, &mut told);
    (told, result)
}

#[test]
fn a_pull_does_not_depend_on_its_chunks_and_ends_once() {
    let words = [
        "{\"status\":\"success\"}\n",
        "\"digest\":\"sha256:6a\",",
        "\"total\":100,",
        "\"completed\":18446744073709551615,",
        "{\"error\":\"x\"}\n",
    ];
    fuzz("pull", &words, |bytes| {
        let whole = pulled(bytes, bytes.len().max(1));
        for size in [1, 7] {
            assert_eq!(pulled(bytes, size), whole, "in chunks of {size}");
        }
        let (told, result) = whole;
        let done = told.iter().position(|one| *one == Progress::Done);
        let last = result.is_ok().then(|| told.len() - 1);
        assert_eq!(done, last, "{told:?}");
        let fits = |one: &Progress| match one {
            Progress::Has { bytes, of, .. } => bytes <= of,
            Progress::Doing(words) => words.chars().count() <= MESSAGE_CHARS_MAX,
            Progress::Done => true,
        };
        assert!(told.iter().all(fits), "{told:?}");
    });
}
