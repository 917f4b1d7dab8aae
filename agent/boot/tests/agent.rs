//! The real program from outside.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

#[expect(dead_code, reason = "the other tests use the rest")]
mod support;

use std::process::Stdio;

use http_body_util::Full;
use hyper::Request;
use rivetos_protocol::{AgentStatus, DrainReport, DrainStatus, HealthReport, Outcome, StreamFrame};
use support::agent::{Home, TOKEN, make_fifo, read_by_somebody};
use support::fake::Fake;
use support::{client, within};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

fn get(path: &str) -> Request<Full<bytes::Bytes>> {
    let request = Request::get(path).header("host", "a");
    request.body(Full::default()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_conversation_survives_a_restart() {
    let fake = Fake::start().await;
    let home = Home::new(&fake);
    let agent = home.start().await;
    client::post(home.port, "1", "My name is Ada.").await;
    fake.asked().await.say("Hello Ada.").done("stop");
    assert_eq!(
        client::send(home.port, "1", "again").await.response,
        "Hello Ada."
    );
    agent.kill().await;

    let agent = home.start().await;
    client::post(home.port, "2", "What is my name?").await;
    let asked = fake.asked().await;
    assert_eq!(asked.len(), 3);
    assert!(asked.request.to_string().contains("Hello Ada."));
    let system = asked.request["messages"][0]["content"]
        .as_str()
        .unwrap()
        .to_owned();
    assert!(
        system.starts_with("## CORE.md") && system.contains("## MEMORY.md"),
        "{system}"
    );
    asked.say("Ada.").done("stop");
    assert_eq!(client::send(home.port, "2", "again").await.response, "Ada.");
    fake.all_was_well().await;
    drop(agent);
}

#[tokio::test(flavor = "multi_thread")]
async fn stop_drops_the_answer_and_kills_the_command() {
    let fake = Fake::start().await;
    let home = Home::new(&fake);
    let agent = home.start().await;
    let mut frames = client::stream(home.port, "1", "talk").await;
    let asked = fake.asked().await;
    asked.say("Once upon a time");
    frames.said().await;
    let stop = client::send(home.port, "s1", "/stop").await;
    assert_eq!(
        (stop.outcome, stop.response.as_str()),
        (Outcome::Command, "Stopped.")
    );
    asked.dropped().await;
    let reply = frames.done().await;
    assert_eq!(
        (reply.outcome, reply.response.as_str()),
        (Outcome::Interrupted, "Once upon a time")
    );

    make_fifo(&home.path("work/gate"));
    let mut frames = client::stream(home.port, "2", "work").await;
    let command = serde_json::json!({"command": "cat gate"});
    fake.asked()
        .await
        .call("a", "shell", &command)
        .done("tool_calls");
    let mut gate = read_by_somebody(home.path("work/gate")).await;
    client::send(home.port, "s2", "/stop").await;
    assert_eq!(frames.done().await.outcome, Outcome::Interrupted);
    let broken = move || {
        std::io::Write::write_all(&mut gate, b"x")
            .unwrap_err()
            .kind()
    };
    let kind = tokio::task::spawn_blocking(broken).await.unwrap();
    assert_eq!(
        kind,
        std::io::ErrorKind::BrokenPipe,
        "nobody reads any more"
    );

    client::post(home.port, "3", "go on").await;
    let asked = fake.asked().await;
    asked.say("Yes.").done("stop");
    assert_eq!(client::send(home.port, "3", "again").await.response, "Yes.");
    fake.all_was_well().await;
    drop(agent);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_id_attaches_to_the_running_turn() {
    let fake = Fake::start().await;
    let home = Home::new(&fake);
    let agent = home.start().await;
    let mut first = client::stream(home.port, "1", "count").await;
    let asked = fake.asked().await;
    asked.say("one ");
    first.said().await;
    drop(first);
    let mut second = client::stream(home.port, "1", "count").await;
    let snapshot = StreamFrame::Snapshot {
        text: "one ".into(),
    };
    assert_eq!(
        second
            .until(|frame| matches!(frame, StreamFrame::Snapshot { .. }))
            .await,
        snapshot
    );
    asked.say("two").done("stop");
    assert_eq!(second.done().await.response, "one two");
    fake.all_was_well().await;
    drop(agent);
}

#[tokio::test(flavor = "multi_thread")]
async fn sigterm_lets_the_running_turn_end() {
    let fake = Fake::start().await;
    let home = Home::new(&fake);
    let mut agent = home.start().await;
    let mut frames = client::stream(home.port, "1", "hello").await;
    let asked = fake.asked().await;
    agent.terminate();
    agent.logged("draining").await;
    let health = client::request(home.port, get("/health")).await;
    assert_eq!(health.status(), 503);
    asked.say("Bye.").done("stop");
    assert_eq!(frames.done().await.response, "Bye.");
    assert!(agent.ended().await.success());
    fake.all_was_well().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_drains_and_reads_what_came_of_it() {
    let fake = Fake::start().await;
    let home = Home::new(&fake);
    let mut agent = home.start().await;
    let mut frames = client::stream(home.port, "1", "hello").await;
    let asked = fake.asked().await;
    let guest = Request::post("/api/drain")
        .header("host", "a")
        .header("authorization", format!("Bearer {TOKEN}"))
        .body(Full::default())
        .unwrap();
    let refused = client::request(home.port, guest).await.status();
    assert_eq!(refused, 404, "it is the operator's");

    let body = r#"{"deadline_ms":600000}"#;
    let mut drain = client::operate(home.port, "POST /api/drain", body).await;
    agent.logged("draining").await;
    let health = client::text(client::request(home.port, get("/health")).await).await;
    let health: HealthReport = serde_json::from_str(&health).unwrap();
    assert_eq!(health.status, AgentStatus::Draining);
    asked.say("Bye.").done("stop");
    assert_eq!(frames.done().await.response, "Bye.");
    drop(frames);
    let report: DrainReport = drain.json().await;
    assert_eq!(
        (report.status, report.finished, report.handed_over),
        (DrainStatus::Drained, 1, 0)
    );
    assert_eq!((report.parked, report.undelivered), (Some(0), Some(0)));

    agent.terminate();
    agent.logged("finished=1").await;
    assert!(agent.ended().await.success());
    fake.all_was_well().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_line_of_a_turn_says_which_one_it_is() {
    let home = Home::rehearsing();
    let variables = [
        ("RIVETOS_LOG_FORMAT", "json"),
        ("RIVETOS_LOG_LEVEL", "debug"),
    ];
    let mut agent = home.start_with(&variables).await;
    client::send(home.port, "1", "run: true").await;
    for words in ["tool call ended", "turn answered"] {
        let line = agent.logged(words).await;
        let line: serde_json::Value = serde_json::from_str(&line).unwrap();
        assert_eq!(line["span"]["turn"], "http/1", "{line}");
        assert_eq!(line["span"]["session"], "http:c", "{line}");
    }
    agent.kill().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_stand_in_runs_a_real_tool() {
    let home = Home::rehearsing();
    let agent = home.start().await;
    let mut frames = client::stream(home.port, "1", "run: echo $((6 * 7))").await;
    let reply = frames.done().await;
    assert!(reply.response.contains("42"), "{}", reply.response);
    drop(agent);
}

#[tokio::test(flavor = "multi_thread")]
async fn health_and_connect_work_from_beside_the_agent() {
    let home = Home::rehearsing();
    let down = home.command("health").output().await.unwrap();
    assert_eq!(down.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&down.stderr).contains("no agent answers"));
    let agent = home.start().await;
    let up = home.command("health").output().await.unwrap();
    assert!(
        up.status.success(),
        "{}",
        String::from_utf8_lossy(&up.stderr)
    );

    let mut bridge = home
        .command("connect")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut input = bridge.stdin.take().unwrap();
    let body = r#"{"id":"o1","fromAgent":"operator","message":"/help"}"#;
    let request = format!(
        "GET /health HTTP/1.1\r\nhost: a\r\n\r\nPOST /api/message HTTP/1.1\r\nhost: a\r\n\
         connection: close\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    input.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    within(bridge.stdout.take().unwrap().read_to_string(&mut answer))
        .await
        .unwrap();
    assert!(
        answer.contains("/stop"),
        "the operator needs no token: {answer}"
    );
    let report = answer.split("\r\n\r\n").nth(1).unwrap();
    let mut reports = serde_json::Deserializer::from_str(report).into_iter::<HealthReport>();
    assert_eq!(reports.next().unwrap().unwrap().uid.as_deref(), Some("u1"));
    assert!(within(bridge.wait()).await.unwrap().success());
    drop(agent);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_configuration_ends_with_64_and_a_reason() {
    let home = Home::rehearsing();
    std::fs::write(home.config(), "agents: {opus: {provider: nobody}}\n").unwrap();
    let output = home.command("run").output().await.unwrap();
    assert_eq!(output.status.code(), Some(64));
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(
        text.contains("error: the configuration is not valid"),
        "{text}"
    );
    std::fs::remove_file(home.config()).unwrap();
    assert_eq!(
        home.command("run").output().await.unwrap().status.code(),
        Some(64)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_taken_port_is_named() {
    let home = Home::rehearsing();
    let _taken = std::net::TcpListener::bind(("127.0.0.1", home.port)).unwrap();
    let output = home.command("run").output().await.unwrap();
    assert_eq!(output.status.code(), Some(1));
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(
        text.contains(&format!("127.0.0.1:{} cannot be listened on", home.port)),
        "{text}"
    );
}
