//! What reading an answer costs.
//!
//! Time is that of the processor, where the system counts it: others may use the machine.

use std::fs;
use std::hint::black_box;
use std::time::{Duration, Instant};

use rivetos_http::{AnswerReader, End};
use rivetos_types::model::StreamEvent;

/// Pieces of one answer.
const PIECES: usize = 5_000;
/// As they come from a socket.
const CHUNK_BYTES: usize = 8 * 1024;
/// How often it is read in a round: the system counts a thread's time in steps of some
/// milliseconds, which are to be nothing beside a round.
const ANSWERS: usize = 100;
/// Others use caches and memory too: the best round is what reading costs.
const ROUNDS: usize = 10;

/// What is said in a piece of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Said {
    Text,
    Thought,
    /// A part of the arguments of a call.
    Arguments,
}

/// So many words, the last in quotation marks, as they stand in JSON.
pub(crate) fn quoted(words: usize) -> String {
    format!("{}\\\"so\\\" ", "words ".repeat(words - 1))
}

/// So many words, of which JSON stands as it is.
pub(crate) fn plain(words: usize) -> String {
    "words ".repeat(words)
}

/// The head of the table.
pub(crate) fn head() -> &'static str {
    "| API | words of a piece | MB/s | µs for a piece |\n|---|---|---|---|"
}

/// Rows for pieces of 1, 8 and 32 words; `body` makes an answer of so many of such pieces.
pub(crate) fn rows<R: AnswerReader>(
    api: &str,
    body: &dyn Fn(&str, usize) -> String,
    new: &dyn Fn() -> R,
) -> String {
    let row = |words: usize| {
        let body = body(&quoted(words), PIECES);
        let best = (0..ROUNDS).map(|_| time(&body, new)).min().unwrap();
        let best_s = best.as_secs_f64() / ANSWERS as f64;
        let speed = body.len() as f64 / best_s / 1e6;
        let each = best_s * 1e6 / PIECES as f64;
        format!("| {api} | {words} | {speed:.0} | {each:.2} |\n")
    };
    [1, 8, 32].map(row).concat()
}

fn time<R: AnswerReader>(body: &str, new: &dyn Fn() -> R) -> Duration {
    let started = Clock::start();
    for _ in 0..ANSWERS {
        read(body, new());
    }
    started.elapsed()
}

/// Reads an answer to its end and lets go of what it says. Returns how many events there were.
pub(crate) fn read<R: AnswerReader>(body: &str, mut reader: R) -> usize {
    let mut events: Vec<StreamEvent> = Vec::new();
    let mut count = 0;
    for chunk in body.as_bytes().chunks(CHUNK_BYTES) {
        reader.push(chunk, &mut events).unwrap();
        black_box(&events);
        count += events.len();
        events.clear();
    }
    reader.end(End::Clean, &mut events).unwrap();
    count + events.len()
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
