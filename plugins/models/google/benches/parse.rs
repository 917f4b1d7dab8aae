//! What reading an answer costs.
//!
//! ```text
//! cargo bench -p rivetos-model-google --bench parse
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
use rivetos_model_google::stream::StreamParser;

fn main() {
    println!("{}", head());
    let body = |piece: &str, count| pieces::body(Said::Text, piece, count);
    print!(
        "{}",
        rows("Gemini", &body, &|| StreamParser::new("gemini-2.5-flash"))
    );
}
