//! Two processes on one store: one conversation each, and one of them dies.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

#[expect(dead_code, reason = "the other tests use the rest")]
mod support;

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use rivetos_protocol::Outcome;
use serde_json::json;
use support::agent::{Home, free_port};
use support::client;
use support::fake::{Asked, Fake};
use support::rows::Store;

/// Well below the 60 s of a lease.
const TAKE_OVER_MAX: Duration = Duration::from_secs(10);

const JOBS: i64 = 24;
const CONVERSATIONS: i64 = 6;

#[tokio::test(flavor = "multi_thread")]
async fn the_turn_of_a_killed_process_is_taken_over_before_its_lease_ends() {
    let fake = Fake::start().await;
    let home = Home::new(&fake);
    let other = free_port();
    let (dies, stays) = (home.start().await, home.start_at(other).await);
    let mut frames = client::stream(home.port, "1", "hello").await;
    // Kept, so that the answer does not break off: that would end the turn before the process.
    let half = fake.asked().await;
    half.say("Good mor");
    frames.said().await;
    dies.kill().await;
    drop(half);

    let killed = Instant::now();
    let asked = fake.asked().await;
    assert!(killed.elapsed() < TAKE_OVER_MAX, "{:?}", killed.elapsed());
    asked.say("Good morning").done("stop");
    let reply = client::send(other, "1", "hello").await;
    assert_eq!(reply.response, "Good morning");
    fake.all_was_well().await;
    drop(stays);
}

/// Runs a job, and says that it is done.
fn answer(asked: &Asked) {
    let messages = asked.request["messages"].as_array().unwrap();
    if messages.last().unwrap()["role"] == "tool" {
        return asked.say("Done.").done("stop");
    }
    let command = format!("echo {} >> effects", asked.last());
    asked.call("a", "shell", &json!({"command": command}));
    asked.done("tool_calls");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_share_the_work_and_no_job_is_done_or_answered_twice() {
    let fake = Fake::start().await;
    let home = Home::new(&fake);
    let other = free_port();
    let (dies, stays) = (home.start().await, home.start_at(other).await);
    // Each message goes to both, as from a client that was not sure.
    for n in 0..JOBS {
        let (id, text) = (n.to_string(), format!("job{n}"));
        let (first, second) = if n % 2 == 0 {
            (home.port, other)
        } else {
            (other, home.port)
        };
        let conversation = (n % CONVERSATIONS).to_string();
        client::post_in(first, &conversation, &id, &text).await;
        client::post_in(second, &conversation, &id, &text).await;
    }
    for _ in 0..JOBS / 2 {
        answer(&fake.asked().await);
    }
    dies.kill().await;

    let answered = async {
        for n in 0..JOBS {
            let reply = client::send(other, &n.to_string(), &format!("job{n}")).await;
            assert_eq!(reply.outcome, Outcome::Completed, "{}", reply.response);
            assert!(reply.response.starts_with("Done."), "{}", reply.response);
        }
    };
    tokio::pin!(answered);
    loop {
        tokio::select! {
            () = &mut answered => break,
            asked = fake.asked() => answer(&asked),
        }
    }
    let effects = std::fs::read_to_string(home.path("work/effects")).unwrap();
    let done: BTreeSet<&str> = effects.lines().collect();
    assert_eq!(effects.lines().count(), done.len(), "{effects}");
    let rows = Store::Sqlite.rows(&home);
    assert_eq!((rows.open_turns(), rows.replies()), (0, JOBS));
    fake.all_was_well().await;
    drop(stays);
}
