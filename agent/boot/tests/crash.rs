//! `kill -9` at the points of a turn where something could be lost or happen twice.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

#[expect(dead_code, reason = "the other tests use the rest")]
mod support;

use rivetos_protocol::Outcome;
use serde_json::json;
use support::agent::{Home, make_fifo, read_by_somebody};
use support::client;
use support::fake::Fake;

#[tokio::test(flavor = "multi_thread")]
async fn killed_in_the_middle_of_an_answer() {
    let fake = Fake::start().await;
    let home = Home::new(&fake);
    let agent = home.start().await;
    let mut frames = client::stream(home.port, "1", "hello").await;
    let asked = fake.asked().await;
    asked.say("Good mor");
    frames.said().await;
    agent.kill().await;
    while frames.next().await.is_some() {}

    let agent = home.start().await;
    let asked = fake.asked().await;
    assert_eq!((asked.last().as_str(), asked.len()), ("hello", 1));
    asked.say("Good morning").done("stop");
    let reply = client::send(home.port, "1", "hello").await;
    assert_eq!(
        (reply.response.as_str(), reply.outcome),
        ("Good morning", Outcome::Completed)
    );
    fake.all_was_well().await;
    drop(agent);
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_after_an_effect_before_its_result_is_stored() {
    let fake = Fake::start().await;
    let home = Home::new(&fake);
    let agent = home.start().await;
    make_fifo(&home.path("work/gate"));
    client::post(home.port, "1", "do it").await;
    let command = json!({"command": "echo done >> effects; cat gate"});
    fake.asked()
        .await
        .say("At once.")
        .call("a", "shell", &command)
        .done("tool_calls");
    let gate = read_by_somebody(home.path("work/gate")).await;
    agent.kill().await;
    drop(gate);

    let agent = home.start().await;
    let asked = fake.asked().await;
    assert!(
        asked.last().contains("effect is unknown"),
        "{}",
        asked.request
    );
    asked.say("I cannot tell whether it worked.").done("stop");
    let reply = client::send(home.port, "1", "do it").await;
    assert_eq!(reply.outcome, Outcome::Completed);
    assert!(
        reply.response.starts_with("At once.\n\nI cannot tell"),
        "{}",
        reply.response
    );
    assert!(
        reply.response.contains("Its effect is unknown"),
        "{}",
        reply.response
    );
    let effects = std::fs::read_to_string(home.path("work/effects")).unwrap();
    assert_eq!(effects, "done\n", "once");
    fake.all_was_well().await;
    drop(agent);
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_after_the_reply_is_stored_before_it_is_delivered() {
    let fake = Fake::start().await;
    let home = Home::new(&fake);
    let mut agent = home.start().await;
    client::post(home.port, "1", "hello").await;
    fake.asked().await.say("Hello.").done("stop");
    agent.logged("turn answered").await;
    agent.kill().await;

    let agent = home.start().await;
    let reply = client::send(home.port, "1", "hello").await;
    assert_eq!(
        (reply.response.as_str(), reply.input_tokens),
        ("Hello.", 11)
    );
    fake.all_was_well().await;
    drop(agent);
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_between_two_tools_the_first_is_not_run_again() {
    let fake = Fake::start().await;
    let home = Home::new(&fake);
    let agent = home.start().await;
    client::post(home.port, "1", "do it").await;
    let command = json!({"command": "echo one >> effects"});
    fake.asked()
        .await
        .call("a", "shell", &command)
        .done("tool_calls");
    let _waiting = fake.asked().await;
    agent.kill().await;

    let agent = home.start().await;
    let asked = fake.asked().await;
    assert_eq!(asked.len(), 3, "message, call and its stored result");
    assert!(!asked.last().contains("unknown"), "{}", asked.request);
    asked.say("Done.").done("stop");
    assert_eq!(
        client::send(home.port, "1", "do it").await.response,
        "Done."
    );
    assert_eq!(
        std::fs::read_to_string(home.path("work/effects")).unwrap(),
        "one\n"
    );
    fake.all_was_well().await;
    drop(agent);
}
