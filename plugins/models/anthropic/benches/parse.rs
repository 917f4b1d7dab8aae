//! What reading an answer costs.
//!
//! ```text
//! cargo bench -p rivetos-model-anthropic --bench parse
//! ```
//!
//! Time is that of the processor, where the system counts it: others may use the machine.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::cast_precision_loss,
    reason = "a benchmark fails by panicking and prints a table"
)]

use std::fmt::Write as _;
use std::fs;
use std::hint::black_box;
use std::time::{Duration, Instant};

use rivetos_http::{AnswerReader, End};
use rivetos_model_anthropic::stream::StreamParser;

/// Pieces of one answer.
const EVENTS: usize = 50_000;
/// As they come from a socket.
const CHUNK_BYTES: usize = 8 * 1024;
const ROUNDS: usize = 20;

/// An answer in pieces of `words` words, one of them in quotation marks.
fn body(words: usize) -> String {
    let mut body = String::from(
        "event: content_block_start\n\
         data: {\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"text\",\"text\":\"\"}}\n\n",
    );
    let piece = format!("{}\\\"so\\\" ", "words ".repeat(words - 1));
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

/// Counts what this thread has used.
enum Clock {
    Processor(Duration),
    Wall(Instant),
}

impl Clock {
    fn start() -> Self {
        used().map_or_else(|| Self::Wall(Instant::now()), Self::Processor)
    }

    fn elapsed(&self) -> Duration {
        match self {
            Self::Processor(before) => used().unwrap_or_default().saturating_sub(*before),
            Self::Wall(started) => started.elapsed(),
        }
    }
}

fn used() -> Option<Duration> {
    let text = fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    let nanoseconds = text.split_whitespace().next()?.parse().ok()?;
    Some(Duration::from_nanos(nanoseconds))
}

fn main() {
    println!("| words of a piece | MB/s | µs for a piece |\n|---|---|---|");
    for words in [1, 8, 32] {
        let body = body(words);
        let mut best = f64::INFINITY;
        for _ in 0..ROUNDS {
            let mut parser = StreamParser::new("m-1");
            let mut events = Vec::new();
            let started = Clock::start();
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
