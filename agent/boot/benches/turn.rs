//! What an agent costs: time per turn, memory, start, size.
//!
//! ```text
//! cargo bench -p rivetos-agent --bench turn
//! RIVETOS_AGENT_BIN=PATH cargo bench -p rivetos-agent --bench turn     # another build of it
//! cargo bench -p rivetos-agent --bench turn -- turn at-once            # only these parts
//! ```
//!
//! The program is the real one, as a process of its own. The model is an endpoint in this process
//! that answers at once. Each turn is one `POST /api/message` on a kept connection, durable as
//! always: two of its writes wait for the disk, whose own time is measured beside it in the same
//! folder.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a benchmark fails by panicking and prints a table"
)]

use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::time::{Duration, Instant};

use http_body_util::Full;
use hyper::Request;

#[path = "turn/agent.rs"]
mod agent;
#[path = "turn/endpoint.rs"]
mod endpoint;
#[path = "turn/load.rs"]
mod load;
#[path = "turn/wire.rs"]
mod wire;

use agent::{Agent, Home};
use endpoint::Endpoint;
use load::{CONVERSATIONS, first_words, store_turns, turns_at_once};
use wire::{connect, message, timed};

const TURNS: usize = 1000;
/// Turns before, until what is kept is full.
const WARM_UP_TURNS: usize = 1000;
/// Turns of one conversation: each sends the whole history along.
const SESSION_TURNS: usize = 20;
const STARTS: usize = 20;
const SYNCS: usize = 300;

/// Turns of many conversations at once, and in how many sessions.
const MANY_TURNS: usize = 10_000;
const MANY_SESSIONS: usize = 1000;
/// Turns of all conversations that go on at once.
const CONVERSATION_TURNS: usize = 6400;
const STORED_TURNS: usize = 100_000;
const FIRST_WORDS: usize = 200;

#[tokio::main]
async fn main() {
    let endpoint = Endpoint::start().await;
    let folder = tempfile::tempdir().unwrap();
    let home = Home::new(folder.path(), endpoint.port);
    let size = std::fs::metadata(&home.program).unwrap().len();
    row("program", &home.program.display().to_string());
    row("size", &mib(size));
    if wanted("start") {
        row("start to ready", &spread(&mut starts(&home).await));
    }
    if wanted("turn") {
        one_by_one(&home, folder.path(), endpoint.port).await;
    }
    if wanted("first-word") {
        let agent = home.start();
        agent.ready().await;
        let mut words = first_words(home.port, &endpoint, FIRST_WORDS).await;
        row("first word, from the model on", &spread(&mut words));
    }
    if wanted("at-once") {
        let folder = tempfile::tempdir().unwrap();
        at_once(&Home::new(folder.path(), endpoint.port)).await;
    }
    if wanted("many") {
        let folder = tempfile::tempdir().unwrap();
        many(&Home::new(folder.path(), endpoint.port)).await;
    }
    if wanted("stored") {
        let folder = tempfile::tempdir().unwrap();
        let home = Home::new(folder.path(), endpoint.port);
        store_turns(&folder.path().join("store.db"), STORED_TURNS, MANY_SESSIONS).await;
        let name = format!("start to ready, {STORED_TURNS} turns stored");
        row(&name, &spread(&mut starts(&home).await));
    }
}

/// Whether this part was asked for: all are, unless the arguments name some.
fn wanted(part: &str) -> bool {
    // Cargo adds arguments of its own, which begin with a dash.
    let named = std::env::args().skip(1).filter(|arg| !arg.starts_with('-'));
    let mut named = named.peekable();
    named.peek().is_none() || named.any(|name| name == part)
}

async fn starts(home: &Home) -> Vec<Duration> {
    let mut starts = Vec::new();
    for _ in 0..STARTS {
        let begun = Instant::now();
        let agent = home.start();
        agent.ready().await;
        starts.push(begun.elapsed());
    }
    starts
}

/// Turns one after the other, each waited for.
async fn one_by_one(home: &Home, folder: &Path, endpoint_port: u16) {
    let agent = home.start();
    agent.ready().await;
    memory_row(&agent, "memory when idle (VmRSS)");
    row(
        "  of it anonymous (RssAnon)",
        &mib(agent.memory("RssAnon:")),
    );
    let mut model = connect(endpoint_port).await;
    let mut direct = Vec::new();
    for _ in 0..TURNS {
        let request = Request::post("/v1/chat/completions").header("host", "m");
        direct.push(timed(&mut model, request.body(Full::from("{}")).unwrap()).await);
    }
    let mut syncs = sync_times(folder);
    let mut client = connect(home.port).await;
    let mut turns = Vec::new();
    for number in 0..WARM_UP_TURNS + TURNS {
        let request = message(number, 1 + number / SESSION_TURNS, "How do you do?");
        let took = timed(&mut client, request).await;
        if number >= WARM_UP_TURNS {
            turns.push(took);
        }
    }
    row("one request to the endpoint alone", &spread(&mut direct));
    row("one write and fdatasync alone", &spread(&mut syncs));
    row("one durable turn", &spread(&mut turns));
    let count = u64::try_from(WARM_UP_TURNS + TURNS).unwrap();
    let processor_us = agent.processor_us() / count;
    row("  processor time of it", &format!("{processor_us} µs"));
    let sleeps = agent.sleeps() * 10 / count;
    let sleeps = format!("{}.{}", sleeps / 10, sleeps % 10);
    row("  how often a thread of it slept", &sleeps);
    memory_row(&agent, "memory after 2000 turns");
}

/// Turns of many conversations at once; the load comes from this process, on the same processors.
async fn at_once(home: &Home) {
    let agent = home.start();
    agent.ready().await;
    turns_at_once(home.port, 0, WARM_UP_TURNS, 0..CONVERSATIONS).await;
    let mut took = Duration::ZERO;
    let rounds = CONVERSATION_TURNS / (CONVERSATIONS * SESSION_TURNS);
    for round in 1..=rounds {
        let turns = CONVERSATIONS * SESSION_TURNS;
        // A fresh session for each conversation, as one by one.
        let first = round * MANY_TURNS;
        took += turns_at_once(home.port, first, turns, first..first + CONVERSATIONS).await;
    }
    let turns = u128::try_from(rounds * CONVERSATIONS * SESSION_TURNS).unwrap();
    let rate = turns * 1_000_000 / took.as_micros();
    let name = format!("{CONVERSATIONS} conversations at once");
    row(&name, &format!("{rate} turns/s"));
    let processor_us = u128::from(agent.processor_us()) / (turns + WARM_UP_TURNS as u128);
    row("  processor time of a turn", &format!("{processor_us} µs"));
}

/// What many sessions leave in memory.
async fn many(home: &Home) {
    let agent = home.start();
    agent.ready().await;
    turns_at_once(home.port, 0, MANY_SESSIONS, 0..MANY_SESSIONS).await;
    turns_at_once(home.port, MANY_TURNS, MANY_TURNS, 0..MANY_SESSIONS).await;
    memory_row(&agent, "memory after 11000 turns in 1000 sessions");
}

fn memory_row(agent: &Agent, name: &str) {
    row(name, &mib(agent.memory("VmRSS:")));
}

/// What the disk needs, for writes like those of the store.
fn sync_times(folder: &Path) -> Vec<Duration> {
    let mut file = File::create(folder.join("sync")).unwrap();
    let page = [7_u8; 4096];
    (0..SYNCS)
        .map(|_| {
            let begun = Instant::now();
            file.write_all(&page).unwrap();
            file.sync_data().unwrap();
            begun.elapsed()
        })
        .collect()
}

fn spread(times: &mut [Duration]) -> String {
    times.sort_unstable();
    let at = |percent: usize| times[(times.len() - 1) * percent / 100].as_secs_f64() * 1000.0;
    let (best, median, most, worst) = (at(5), at(50), at(95), at(99));
    format!(
        "median {median:.2} ms (5 % {best:.2}, 95 % {most:.2}, 99 % {worst:.2}, {} times)",
        times.len()
    )
}

#[expect(clippy::cast_precision_loss, reason = "sizes are far below 2^52 bytes")]
fn mib(bytes: u64) -> String {
    format!("{:.2} MB", bytes as f64 / 1e6)
}

fn row(name: &str, value: &str) {
    println!("{name:<44}{value}");
}
