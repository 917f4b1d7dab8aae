//! What reading an answer costs.
//!
//! ```text
//! cargo bench -p rivetos-model-ollama --bench parse
//! ```

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::cast_precision_loss,
    reason = "a benchmark fails by panicking and prints a table"
)]

use std::hint::black_box;
use std::time::Instant;

use rivetos_http::{AnswerReader, End};
use rivetos_model_ollama::stream::StreamParser;

/// Pieces of one answer: few, so that a busy machine leaves some rounds alone.
const EVENTS: usize = 500;
/// As they come from a socket.
const CHUNK_BYTES: usize = 8 * 1024;
const ROUNDS: usize = 2000;

/// An answer in pieces of `words` words.
fn body(words: usize) -> String {
    let line = |text: &str, done: bool| {
        format!(
            "{{\"model\":\"qwen3:4b\",\"created_at\":\"2026-11-22T10:00:00.772341Z\",\
             \"message\":{{\"role\":\"assistant\",\"content\":\"{text}\"}},\"done\":{done}}}\n"
        )
    };
    let piece = "said \\\"so\\\", ".repeat(words);
    format!("{}{}", line(&piece, false).repeat(EVENTS), line("", true))
}

fn main() {
    println!("| words of a piece | MB/s | µs for a piece |\n|---|---|---|");
    for words in [1, 4, 16] {
        let body = body(words);
        let mut best = f64::INFINITY;
        for _ in 0..ROUNDS {
            let mut parser = StreamParser::new("m");
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
