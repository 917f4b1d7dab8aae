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
use rivetos_model_anthropic::stream::StreamParser;

#[test]
fn an_event_allocates_its_text() {
    for said in [Said::Text, Said::Thought, Said::Arguments] {
        let body = |piece: &str, count| pieces::body(said, piece, count);
        check(said, &body, &|| StreamParser::new("m-1"));
    }
}
