//! `kill -9` at the points of a turn where something could be lost or happen twice. Each point is
//! found from outside: by what the model was asked, what the client got, and what a command waits
//! for.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

#[expect(dead_code, reason = "the other tests use the rest")]
mod support;

use std::fs::File;

use rivetos_protocol::{Outcome, StreamFrame};
use serde_json::{Value, json};
use support::agent::{Agent, Home, make_fifo, read_by_somebody};
use support::client;
use support::fake::{Asked, Fake};
use support::rows::{Rows, Store};

const STORES: [(&str, Store); 1] = [("SQLite", Store::Sqlite)];

const PUBLISHED: &str = include_str!("../../../docs/reference/crash-matrix.md");

/// Where the process is killed.
#[derive(Debug, Clone, Copy)]
enum Point {
    Inbox,
    BeforeModel,
    MidStream,
    AssistantStored,
    BeforeTool,
    AfterEffect,
    AfterResult,
    BeforeSend,
    BeforeSettle,
    Parked,
    Compaction,
    HandOver,
}

/// One line of the published table.
struct Row {
    point: Point,
    killed: &'static str,
    /// How often the command took effect.
    effects: usize,
    /// What the model reads as the result of its call.
    result: &'static str,
}

const RAN: &str = "exit code 0";
const UNKNOWN: &str = "effect is unknown";
const DENIED: &str = "Not run";

const MATRIX: [Row; 12] = [
    row(Point::Inbox, "after the inbox row", 1, RAN),
    row(Point::BeforeModel, "before the model answers", 1, RAN),
    row(Point::MidStream, "in the middle of the stream", 1, RAN),
    row(
        Point::AssistantStored,
        "after the assistant's message is stored",
        0,
        DENIED,
    ),
    row(
        Point::BeforeTool,
        "before a mutating tool takes effect",
        0,
        UNKNOWN,
    ),
    row(
        Point::AfterEffect,
        "after the tool's effect, before its result is stored",
        1,
        UNKNOWN,
    ),
    row(Point::AfterResult, "after the result is stored", 1, RAN),
    row(Point::BeforeSend, "before the reply is sent", 1, RAN),
    row(
        Point::BeforeSettle,
        "after the reply is sent, before it is settled",
        1,
        RAN,
    ),
    row(Point::Parked, "while the turn waits for approval", 1, RAN),
    row(
        Point::Compaction,
        "while older turns are summarised",
        1,
        RAN,
    ),
    row(
        Point::HandOver,
        "while a drain hands the turn over",
        1,
        UNKNOWN,
    ),
];

const fn row(point: Point, killed: &'static str, effects: usize, result: &'static str) -> Row {
    Row {
        point,
        killed,
        effects,
        result,
    }
}

impl Row {
    fn reply(&self) -> String {
        let mut reply = "At once.\n\nDone.".to_owned();
        if self.result == UNKNOWN {
            reply.push_str(
                "\n\nNote: I was restarted while `shell` ran. Its effect is unknown; it was not \
                 repeated.",
            );
        }
        reply
    }

    fn published(&self, store: &str) -> String {
        let note = if self.result == UNKNOWN {
            "the reply, with a note"
        } else {
            "the reply"
        };
        format!("| {} | {store} | {note} | {} |", self.killed, self.effects)
    }
}

/// An agent that was told `hello`, and what the model will say to `do it`.
struct Scene {
    point: Point,
    fake: Fake,
    home: Home,
    rows: Rows,
}

impl Scene {
    async fn new(point: Point, store: Store) -> (Self, Agent) {
        let fake = Fake::start().await;
        let (agent, provider) = match point {
            Point::AssistantStored => ("    tools: {policy: {file_write: deny}}\n", ""),
            Point::Parked => ("    tools: {policy: {shell: ask}}\n", ""),
            Point::Compaction => ("", "    context_window: 20000\n"),
            Point::Inbox
            | Point::BeforeModel
            | Point::MidStream
            | Point::BeforeTool
            | Point::AfterEffect
            | Point::AfterResult
            | Point::BeforeSend
            | Point::BeforeSettle
            | Point::HandOver => ("", ""),
        };
        let home = Home::with(&fake, agent, provider);
        let mut agent = home.start().await;
        let scene = Self {
            point,
            rows: store.rows(&home),
            fake,
            home,
        };
        let reply = scene.answered("0", "hello").await;
        assert!(reply.starts_with("Hi."));
        agent.logged("turn answered").await;
        (scene, agent)
    }

    /// What the model says to the last message of a request.
    fn answer(&self, asked: &Asked) {
        if asked.request["tools"].is_null() {
            return asked.say("In short: greetings.").done("stop");
        }
        let last = asked.request["messages"]
            .as_array()
            .unwrap()
            .last()
            .unwrap();
        if last["role"] == "tool" {
            return asked.say("Done.").done("stop");
        }
        // A summary may stand before what the person said, and a word about the window behind it.
        let said = asked.last();
        if said.lines().any(|line| line == "do it") {
            let (tool, arguments) = self.call();
            asked.say("At once.").call("a", tool, &arguments);
            return asked.done("tool_calls");
        }
        asked.say("Hi.");
        if said == "hello" && matches!(self.point, Point::Compaction) {
            asked.say(&" It is a fine day.".repeat(2000));
        }
        asked.done("stop");
    }

    fn call(&self) -> (&'static str, Value) {
        let command = match self.point {
            Point::AssistantStored => {
                return (
                    "file_write",
                    json!({"path": "effects", "content": "done\n"}),
                );
            }
            Point::BeforeTool => "cat gate; echo done >> effects",
            Point::AfterEffect | Point::HandOver => "echo done >> effects; cat gate",
            Point::Inbox
            | Point::BeforeModel
            | Point::MidStream
            | Point::AfterResult
            | Point::BeforeSend
            | Point::BeforeSettle
            | Point::Parked
            | Point::Compaction => "echo done >> effects",
        };
        ("shell", json!({"command": command}))
    }

    /// Sends a message, or asks for its reply again, while the model says what it has to.
    async fn answered(&self, id: &str, text: &str) -> String {
        let sent = client::send(self.home.port, id, text);
        tokio::pin!(sent);
        let reply = loop {
            tokio::select! {
                reply = &mut sent => break reply,
                asked = self.fake.asked() => self.answer(&asked),
            }
        };
        assert_eq!(reply.outcome, Outcome::Completed, "{}", reply.response);
        reply.response
    }

    async fn post(&self) {
        client::post(self.home.port, "1", "do it").await;
    }

    async fn stream(&self) -> client::Frames {
        client::stream(self.home.port, "1", "do it").await
    }

    async fn model_answers(&self) {
        self.answer(&self.fake.asked().await);
    }

    /// Returns when the command waits for the gate.
    async fn tool_runs(&self) -> File {
        make_fifo(&self.home.path("work/gate"));
        self.model_answers().await;
        read_by_somebody(self.home.path("work/gate")).await
    }

    /// Kills the agent at the point. What the command waits for is kept: it does not go on.
    async fn kill(&self, mut agent: Agent) -> Option<File> {
        match self.point {
            Point::Inbox => {
                client::post(self.home.port, "before", "wait").await;
                let _asked = self.fake.asked().await;
                self.post().await;
                agent.kill().await;
            }
            Point::BeforeModel => {
                self.post().await;
                let _asked = self.fake.asked().await;
                agent.kill().await;
            }
            Point::MidStream => {
                let mut frames = self.stream().await;
                let asked = self.fake.asked().await;
                asked.say("At on");
                frames.said().await;
                agent.kill().await;
                while frames.next().await.is_some() {}
            }
            Point::AssistantStored | Point::AfterResult => {
                self.post().await;
                self.model_answers().await;
                let _asked = self.fake.asked().await;
                agent.kill().await;
            }
            Point::BeforeTool | Point::AfterEffect => {
                self.post().await;
                let gate = self.tool_runs().await;
                agent.kill().await;
                return Some(gate);
            }
            Point::BeforeSend | Point::BeforeSettle => {
                self.post().await;
                self.model_answers().await;
                self.model_answers().await;
                agent.logged("turn answered").await;
                if matches!(self.point, Point::BeforeSettle) {
                    self.rows.refuse_settling();
                    client::send(self.home.port, "1", "do it").await;
                    agent.kill().await;
                    self.rows.allow_settling();
                } else {
                    agent.kill().await;
                }
                assert_eq!(self.rows.unsettled(), 1);
            }
            Point::Parked => {
                let mut frames = self.stream().await;
                self.model_answers().await;
                let asked = |frame: &StreamFrame| matches!(frame, StreamFrame::Asked { .. });
                frames.until(asked).await;
                agent.kill().await;
            }
            Point::Compaction => {
                self.post().await;
                let asked = self.fake.asked().await;
                assert!(asked.request["tools"].is_null(), "{}", asked.request);
                agent.kill().await;
            }
            Point::HandOver => self.kill_in_hand_over(agent).await,
        }
        None
    }

    async fn kill_in_hand_over(&self, mut agent: Agent) {
        let mut frames = self.stream().await;
        let gate = self.tool_runs().await;
        agent.terminate();
        agent.logged("draining").await;
        // So that what is handed over cannot be stored.
        self.rows.lock();
        drop(gate);
        let ended = |frame: &StreamFrame| matches!(frame, StreamFrame::ToolEnd { .. });
        frames.until(ended).await;
        agent.kill().await;
        self.rows.unlock();
    }

    /// Whether the next request has all that was said.
    async fn check_transcript(&self, row: &Row) {
        client::post(self.home.port, "2", "and now?").await;
        let asked = self.fake.asked().await;
        let messages = asked.request["messages"].as_array().unwrap();
        let turn = &messages[messages.len() - 5..];
        let said = |at: usize| turn[at]["content"].as_str().unwrap();
        let earlier = if matches!(self.point, Point::Compaction) {
            "In short: greetings."
        } else {
            "hello"
        };
        let all = asked.request.to_string();
        assert!(all.contains(earlier), "{all}");
        assert!(said(0).ends_with("do it"), "{all}");
        assert_eq!(said(1), "At once.");
        assert_eq!(turn[1]["tool_calls"].as_array().map(Vec::len), Some(1));
        assert!(said(2).contains(row.result), "{}", said(2));
        assert_eq!(said(3), "Done.");
        assert!(said(4).starts_with("and now?"));
        asked.say("Nothing.").done("stop");
        assert_eq!(self.answered("2", "and now?").await, "Nothing.");
    }

    fn effects(&self) -> usize {
        let effects = std::fs::read_to_string(self.home.path("work/effects"));
        effects.map_or(0, |effects| effects.lines().count())
    }
}

async fn check(row: &Row, store: Store) {
    let (scene, agent) = Scene::new(row.point, store).await;
    let gate = scene.kill(agent).await;
    let agent = scene.home.start().await;
    if matches!(row.point, Point::Parked) {
        assert_eq!(scene.effects(), 0, "nobody allowed it yet");
        let approved = scene.home.order("approve", "/approve").await;
        assert_eq!(approved.outcome, Outcome::Command);
    }
    let reply = scene.answered("1", "do it").await;
    assert_eq!(reply, row.reply());
    assert_eq!(scene.answered("1", "do it").await, reply, "there is one");
    scene.check_transcript(row).await;
    assert_eq!(scene.effects(), row.effects);
    assert_eq!(scene.rows.open_turns(), 0);
    assert_eq!(scene.rows.replies(), scene.rows.turns(), "one for each");
    scene.fake.all_was_well().await;
    drop((agent, gate));
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_at_every_point_nothing_is_lost_and_nothing_happens_twice() {
    for (name, store) in STORES {
        for row in &MATRIX {
            eprintln!("{name}: killed {}", row.killed);
            let published = row.published(name);
            assert!(
                PUBLISHED.contains(&published),
                "not published:\n{published}"
            );
            check(row, store).await;
        }
    }
}
