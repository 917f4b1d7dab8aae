//! What reading an answer costs.
//!
//! ```text
//! cargo bench -p rivetos-model-anthropic --bench parse
//! ```

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::cast_precision_loss,
    reason = "a benchmark fails by panicking and prints a table"
)]

use std::fmt::Write as _;
use std::hint::black_box;
use std::time::Instant;

use rivetos_http::{AnswerReader, End};
use rivetos_model_anthropic::stream::StreamParser;

/// Pieces of one answer.
const EVENTS: usize = 50_000;
/// As they come from a socket.
const CHUNK_BYTES: usize = 8 * 1024;
const ROUNDS: usize = 20;

/// An answer in pieces of `words` words.
fn body(words: usize) -> String {
    let mut body = String::from(
        "event: content_block_start\n\
         data: {\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"text\",\"text\":\"\"}}\n\n",
    );
    let piece = "said \\\"so\\\", ".repeat(words);
    for _ in 0..EVENTS {
        write!(
            body,
            "event: content_block_delta\n\
             data: {{\"type\":\"content_block_delta\",\"index\":0,\"delta\":{{\"type\":\"text_delta\",\"text\":\"{piece}\"}}}}\n\n"
        )
        .unwrap();
    }
    body.push_str(
        "event: message_delta\n\
         data: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\"},\"usage\":{\"output_tokens\":9}}\n\n\
         event: message_stop\n\
         data: {\"type\":\"message_stop\"}\n\n",
    );
    body
}

fn main() {
    println!("| words of a piece | MB/s | µs for a piece |\n|---|---|---|");
    for words in [1, 4, 16] {
        let body = body(words);
        let mut best = f64::INFINITY;
        for _ in 0..ROUNDS {
            let mut parser = StreamParser::new("m-1");
            let mut events = Vec::new();
            let started = Instant::now();
            for chunk in body.as_bytes().chunks(CHUNK_BYTES) {
                parser.push(chunk, &mut events).unwrap();
                black_box(&events);
                events.clear();
            }
            parser.end(End::Clean, &mut events).unwrap();
            best = best.min(started.elapsed().as_secs_f64());
        }
        let speed = body.len() as f64 / best / 1e6;
        println!(
            "| {words} | {speed:.0} | {:.2} |",
            best * 1e6 / EVENTS as f64
        );
    }
}
