//! Random kills over a long conversation with a tool that changes something.
//!
//! When the process is killed is chosen by counting what can be seen from outside: requests to the
//! model, pieces of its answers, and what the client gets. `RIVETOS_TEST_SEED` repeats a run.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

#[expect(dead_code, reason = "the other tests use the rest")]
mod support;

use std::collections::BTreeMap;
use std::io::Write;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use rivetos_protocol::{MessageReply, Outcome, StreamFrame};
use serde_json::json;
use support::agent::{Agent, Home};
use support::client::{self, Frames};
use support::fake::{Asked, Fake};
use support::rows::{Rows, Store};

/// Set by `./test --soak`.
const SOAK: &str = "RIVETOS_TEST_SOAK";
const SEED: &str = "RIVETOS_TEST_SEED";
const KILLS: u64 = 20;
const SOAK_KILLS: u64 = 500;

/// At most so many events are let pass before the next kill: about as many as two turns have.
const EVENTS_MAX: u64 = 16;

/// `SplitMix64`: any seed is a good one.
struct Random(u64);

impl Random {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % end
    }
}

/// What the client saw of the stream.
enum Seen {
    Frame,
    Reply(MessageReply),
    Broken,
}

struct Soak {
    fake: Fake,
    home: Home,
    rows: Rows,
    agent: Option<Agent>,
    random: Random,
    /// Until the next kill.
    events: u64,
    kills: u64,
    kills_max: u64,
    notes: u64,
    given_up: u64,
}

impl Soak {
    async fn new(seed: u64, kills_max: u64) -> Self {
        let fake = Fake::start().await;
        let home = Home::new(&fake);
        let agent = Some(home.start().await);
        let mut random = Random(seed);
        Self {
            rows: Store::Sqlite.rows(&home),
            fake,
            home,
            agent,
            events: 1 + random.below(EVENTS_MAX),
            random,
            kills: 0,
            kills_max,
            notes: 0,
            given_up: 0,
        }
    }

    /// Something happened. Returns whether the process was killed for it.
    async fn happened(&mut self) -> bool {
        self.events -= 1;
        if self.events > 0 || self.kills == self.kills_max {
            self.events = self.events.max(1);
            return false;
        }
        self.agent.take().unwrap().kill().await;
        self.agent = Some(self.home.start().await);
        self.events = 1 + self.random.below(EVENTS_MAX);
        self.kills += 1;
        true
    }

    /// Calls the tool for a message of the person, and ends the turn after its result. Returns
    /// early when the process was killed over it.
    async fn answer(&mut self, asked: &Asked) {
        if self.happened().await {
            return;
        }
        let messages = asked.request["messages"].as_array().unwrap();
        let is_result = messages.last().unwrap()["role"] == "tool";
        let person = messages.iter().rfind(|message| message["role"] == "user");
        let text = person.unwrap()["content"].as_str().unwrap();
        if is_result {
            asked.say("Done ");
            if self.happened().await {
                return;
            }
            return asked.say(text).done("stop");
        }
        asked.say("At once.");
        if self.happened().await {
            return;
        }
        let command = format!("echo {text} >> effects");
        asked.call(text, "shell", &json!({"command": command}));
        asked.done("tool_calls");
    }

    /// One turn, however often the process is killed in it.
    async fn turn(&mut self, n: u64) {
        let (id, text) = (n.to_string(), format!("job{n}"));
        let mut frames: Option<Frames> = None;
        let reply = loop {
            let Some(open) = &mut frames else {
                frames = Some(client::stream(self.home.port, &id, &text).await);
                continue;
            };
            let kills = self.kills;
            tokio::select! {
                seen = see(open) => match seen {
                    // The last kill was after the reply: it is asked for again.
                    Seen::Reply(reply) => if !self.happened().await { break reply },
                    Seen::Frame => { self.happened().await; }
                    Seen::Broken => frames = None,
                },
                asked = self.fake.asked() => self.answer(&asked).await,
            }
            if self.kills > kills {
                frames = None;
            }
        };
        let effects = self.effects().get(&text).copied().unwrap_or(0);
        assert!(effects <= 1, "{text}: {effects} times");
        if reply.outcome == Outcome::Failed {
            let reason = reply.reason.unwrap_or_default();
            assert!(reason.contains("restarted 8 times"), "{text}: {reason}");
            self.given_up += 1;
            return;
        }
        assert_eq!(reply.outcome, Outcome::Completed, "{}", reply.response);
        let said = format!("At once.\n\nDone {text}");
        let rest = reply.response.strip_prefix(said.as_str());
        let rest = rest.unwrap_or_else(|| panic!("{text}: {}", reply.response));
        if rest.is_empty() {
            assert_eq!(effects, 1, "{text}");
        } else {
            assert!(rest.contains("effect is unknown"), "{text}: {rest}");
            self.notes += 1;
        }
    }

    /// How often each command took effect.
    fn effects(&self) -> BTreeMap<String, usize> {
        let all = std::fs::read_to_string(self.home.path("work/effects")).unwrap_or_default();
        let mut effects = BTreeMap::new();
        for line in all.lines() {
            *effects.entry(line.to_owned()).or_default() += 1;
        }
        effects
    }
}

async fn see(frames: &mut Frames) -> Seen {
    match frames.next().await {
        Some(StreamFrame::Done { reply }) => Seen::Reply(reply),
        Some(_) => Seen::Frame,
        None => Seen::Broken,
    }
}

/// Through a handle: the test harness captures what the macros print.
fn say(line: &str) {
    let mut pipe = std::io::stderr();
    writeln!(pipe, "{line}").unwrap();
}

fn settings() -> (u64, u64) {
    let kills_max = if std::env::var_os(SOAK).is_some() {
        SOAK_KILLS
    } else {
        say(&format!(
            "SKIPPED: most of the random kills: {KILLS} instead of {SOAK_KILLS}, {SOAK} is not set"
        ));
        KILLS
    };
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let fresh = u64::from(now.subsec_nanos()) ^ now.as_secs();
    let given = std::env::var(SEED).map(|seed| seed.parse().expect("a number"));
    (given.unwrap_or(fresh), kills_max)
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_at_random_every_job_is_done_at_most_once_and_answered_once() {
    let (seed, kills_max) = settings();
    say(&format!("{SEED}={seed}"));
    let began = Instant::now();
    let mut soak = Soak::new(seed, kills_max).await;
    let mut turns = 0;
    while soak.kills < kills_max {
        turns += 1;
        soak.turn(turns).await;
    }
    // With the session's whole past in the request, as far as it is sent.
    turns += 1;
    client::post(soak.home.port, "last", "last").await;
    let asked = soak.fake.asked().await;
    let messages = asked.request["messages"].as_array().unwrap();
    let said = |message: &&serde_json::Value| message["role"] == "user";
    let person: Vec<&str> = messages
        .iter()
        .filter(said)
        .map(|message| message["content"].as_str().unwrap())
        .collect();
    let first = turns - u64::try_from(person.len()).unwrap() + 1;
    let mut wanted: Vec<String> = (first..turns).map(|n| format!("job{n}")).collect();
    wanted.push("last".into());
    assert_eq!(person, wanted, "each once and in order");
    asked.say("Well done.").done("stop");
    let last = client::send(soak.home.port, "last", "last").await;
    assert_eq!(last.response, "Well done.");

    let effects = soak.effects();
    assert!(effects.values().all(|times| *times == 1), "{effects:?}");
    assert_eq!(soak.rows.open_turns(), 0);
    assert_eq!(soak.rows.replies(), soak.rows.turns(), "one for each");
    soak.fake.all_was_well().await;
    let Soak {
        kills,
        notes,
        given_up,
        ..
    } = soak;
    let took = began.elapsed();
    say(&format!(
        "{kills} kills in {turns} turns, {notes} with a note, {given_up} given up after eight \
         restarts, {took:.1?}"
    ));
}
