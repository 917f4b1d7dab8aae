//! What reading an answer costs, by chat completions and by a Responses API.
//!
//! ```text
//! cargo bench -p rivetos-model-openai-compat --bench parse
//! ```

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::cast_precision_loss,
    reason = "a benchmark fails by panicking and prints a table"
)]

#[path = "../../../../agent/http/tests/measuring/mod.rs"]
#[expect(dead_code, reason = "a test uses the rest")]
mod measuring;
#[path = "../tests/pieces/mod.rs"]
mod pieces;

use measuring::{Said, head, rows};
use rivetos_model_openai_compat::stream::StreamParser;

fn main() {
    println!("{}", head());
    let body = |piece: &str, count| pieces::chat(Said::Text, piece, count);
    print!(
        "{}",
        rows("chat completions", &body, &|| StreamParser::new("m-1"))
    );
    let body = |piece: &str, count| pieces::responses(Said::Text, piece, count);
    print!("{}", rows("Responses", &body, &pieces::reader));
}
