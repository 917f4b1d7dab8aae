//! An event of an answer allocates nothing beyond its text.

#![expect(
    clippy::unwrap_used,
    clippy::cast_precision_loss,
    reason = "a test fails by panicking"
)]

#[path = "../../../../agent/http/tests/counting/mod.rs"]
mod counting;
#[path = "../../../../agent/http/tests/measuring/mod.rs"]
#[expect(dead_code, reason = "a benchmark uses the rest")]
mod measuring;
mod pieces;

use counting::check;
use measuring::Said;
use rivetos_model_openai_compat::stream::StreamParser;

const ALL: [Said; 3] = [Said::Text, Said::Thought, Said::Arguments];

#[test]
fn an_event_of_chat_completions_allocates_its_text() {
    for said in ALL {
        let body = |piece: &str, count| pieces::chat(said, piece, count);
        check(said, &body, &|| StreamParser::new("m-1"));
    }
}

#[test]
fn an_event_of_a_responses_api_allocates_its_text() {
    for said in ALL {
        let body = |piece: &str, count| pieces::responses(said, piece, count);
        check(said, &body, &pieces::reader);
    }
}
