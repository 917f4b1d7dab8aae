//! Turns through the real store.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

#[expect(dead_code, reason = "the other tests use the rest")]
mod support;

use std::time::Duration;

use futures_util::StreamExt;
use rivetos_protocol::AgentStatus;
use rivetos_types::intake::{Intake, IntakeError, Submitted, TurnEvent};
use rivetos_types::message::{Message, ToolStatus, TurnOutcome};
use rivetos_types::model::{ModelError, StreamEvent};
use rivetos_types::secret::Secret;
use support::{Bench, limits, message, turn, within};

#[tokio::test]
async fn a_message_is_answered_once_and_its_reply_stays_attachable() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("CORE.md"), "Be kind.").unwrap();
    let bench = Bench::start(folder.path());
    assert_eq!(bench.send("1", "hello").await, Submitted::Turn(turn("1")));
    let asked = bench.asked().await;
    assert_eq!(&*asked.request.system, "## CORE.md\n\nBe kind.");
    assert_eq!(*asked.request.messages, [Message::user("hello")]);
    let mut stream = bench.watch("1").await;
    assert_eq!(
        stream.next().await,
        Some(TurnEvent::Snapshot {
            text: String::new()
        })
    );
    asked.say("good ").say("day").done();
    assert_eq!(
        stream.next().await,
        Some(TurnEvent::Text {
            text: "good ".into()
        })
    );
    let reply = bench.reply("1").await;
    assert_eq!(
        (reply.text.as_str(), &reply.outcome),
        ("good day", &TurnOutcome::Completed)
    );
    assert_eq!(reply.usage.input, 5);
    assert_eq!(
        bench.send("1", "hello").await,
        Submitted::Turn(turn("1")),
        "known"
    );
    assert_eq!(bench.reply("1").await, reply);
    bench.app.settle(turn("1")).await;
    assert_eq!(bench.app.health().await.open_turns, 0);
    assert!(bench.app.attach(turn("unknown")).await.is_none());
    assert!(
        bench
            .app
            .metrics()
            .await
            .contains("rivetos_turns_total{outcome=\"completed\"} 1")
    );
}

#[tokio::test]
async fn messages_of_a_session_wait_for_each_other_and_the_queue_is_bounded() {
    let folder = tempfile::tempdir().unwrap();
    let bench = Bench::start(folder.path());
    bench.send("0", "first").await;
    let first = bench.asked().await;
    for id in 1..33 {
        bench.send(&id.to_string(), "next").await;
    }
    let refused = bench.app.submit(message("33", "too many")).await;
    assert_eq!(refused, Err(IntakeError::QueueFull(32)));
    first.say("one").done();
    let second = bench.asked().await;
    assert_eq!(second.request.messages.len(), 3, "history and message");
    assert_eq!(second.request.messages[1], Message::assistant("one"));
    second.say("two").done();
    assert_eq!(bench.reply("1").await.text, "two");
}

#[tokio::test]
async fn stop_ends_everything_at_once_and_keeps_what_was_said() {
    let folder = tempfile::tempdir().unwrap();
    let bench = Bench::start(folder.path());
    assert_eq!(
        bench.send("0", "/stop").await,
        Submitted::Command("Nothing is running.".into())
    );
    bench.send("1", "tell me").await;
    let asked = bench.asked().await;
    bench.send("2", "and then").await;
    let mut stream = bench.watch("1").await;
    asked.say("Once upon");
    while stream.next().await
        != Some(TurnEvent::Text {
            text: "Once upon".into(),
        })
    {}
    assert_eq!(
        bench.send("x", "/stop").await,
        Submitted::Command("Stopped.".into())
    );
    within(asked.dropped()).await;
    let reply = bench.reply("1").await;
    assert_eq!(
        (reply.text.as_str(), reply.outcome),
        ("Once upon", TurnOutcome::Interrupted)
    );
    assert_eq!(
        bench.reply("2").await.outcome,
        TurnOutcome::Interrupted,
        "it waited"
    );
    bench.send("3", "go on").await;
    let asked = bench.asked().await;
    let text = format!("{:?}", asked.request.messages);
    assert!(
        text.contains("Once upon") && text.contains("the person stopped"),
        "{text}"
    );
}

#[tokio::test]
async fn new_forgets_the_history_and_other_commands_are_explained() {
    let folder = tempfile::tempdir().unwrap();
    let bench = Bench::start(folder.path());
    bench.send("1", "remember").await;
    let _running = bench.asked().await;
    bench.send("n", "/new").await;
    assert_eq!(bench.reply("1").await.outcome, TurnOutcome::Interrupted);
    bench.send("2", "what?").await;
    assert_eq!(
        *bench.asked().await.request.messages,
        [Message::user("what?")]
    );
    match bench.send("h", "/help").await {
        Submitted::Command(text) => assert!(text.contains("/new"), "{text}"),
        other @ Submitted::Turn(_) => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn tools_answer_the_model_and_are_seen_by_watchers() {
    let folder = tempfile::tempdir().unwrap();
    let bench = Bench::start(folder.path());
    bench.send("1", "note it").await;
    let asked = bench.asked().await;
    assert_eq!(asked.request.tools.len(), 4);
    let stream = bench.watch("1").await;
    asked
        .say("Wait.")
        .call("a", "note", r#"{"text":"milk"}"#)
        .call("a", "nothing", "")
        .done();
    let asked = bench.asked().await;
    let results: Vec<_> = asked.request.messages[2..]
        .iter()
        .map(|message| match message {
            Message::Tool(result) => (result.content.clone(), result.status),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(results[0], ("noted".to_owned(), ToolStatus::Ok));
    assert_eq!(results[1].1, ToolStatus::Error);
    asked.say("Done.").done();
    let events: Vec<TurnEvent> = within(stream.collect()).await;
    let started = TurnEvent::ToolStart {
        name: "note".into(),
        summary: "milk".into(),
    };
    assert!(events.contains(&started), "{events:?}");
    let text: String = events
        .iter()
        .map(|event| match event {
            TurnEvent::Text { text } => text.as_str(),
            _ => "",
        })
        .collect();
    assert_eq!(text, "Wait.\n\nDone.");
    assert_eq!(
        bench.reply("1").await.text,
        text,
        "what streamed is the reply"
    );
    assert_eq!(
        std::fs::read_to_string(folder.path().join("notes")).unwrap(),
        "milk\n"
    );
}

#[tokio::test]
async fn who_comes_late_still_sees_the_tools_that_ran() {
    let folder = tempfile::tempdir().unwrap();
    let bench = Bench::start(folder.path());
    bench.send("1", "look").await;
    bench
        .asked()
        .await
        .call("a", "look", r#"{"text":"up"}"#)
        .done();
    let asked = bench.asked().await;
    let mut first = bench.watch("1").await;
    let mut second = bench.watch("1").await;
    let snapshot = TurnEvent::Snapshot {
        text: String::new(),
    };
    assert_eq!(first.next().await, Some(snapshot.clone()));
    assert_eq!(
        first.next().await,
        Some(TurnEvent::ToolStart {
            name: "look".into(),
            summary: "up".into()
        })
    );
    assert_eq!(
        first.next().await,
        Some(TurnEvent::ToolEnd {
            name: "look".into(),
            ok: true,
            summary: "seen".into()
        })
    );
    asked.say("Done.").done();
    assert_eq!(second.next().await, Some(snapshot));
    let text = "Done.".to_owned();
    assert_eq!(
        second.next().await,
        Some(TurnEvent::Text { text }),
        "somebody saw them"
    );
}

#[tokio::test]
async fn what_tools_answered_before_a_stop_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    let bench = Bench::start(folder.path());
    bench.send("1", "look twice").await;
    let mut stream = bench.watch("1").await;
    bench
        .asked()
        .await
        .call("a", "look", r#"{"text":"up"}"#)
        .call("b", "look", r#"{"text":"for ever"}"#)
        .done();
    while !matches!(stream.next().await, Some(TurnEvent::ToolEnd { .. })) {}
    bench.send("x", "/stop").await;
    assert_eq!(bench.reply("1").await.outcome, TurnOutcome::Interrupted);
    bench.send("2", "and?").await;
    let asked = bench.asked().await;
    let results: Vec<_> = asked
        .request
        .messages
        .iter()
        .filter_map(|message| match message {
            Message::Tool(result) => Some((result.content.as_str(), result.status)),
            Message::User { .. } | Message::Assistant { .. } => None,
        })
        .collect();
    assert_eq!(
        results,
        [
            ("seen", ToolStatus::Ok),
            ("No result: the turn ended before.", ToolStatus::Stopped)
        ]
    );
}

#[tokio::test]
async fn a_prompt_file_that_never_ends_is_left_out() {
    let folder = tempfile::tempdir().unwrap();
    std::os::unix::fs::symlink("/dev/zero", folder.path().join("CORE.md")).unwrap();
    std::fs::write(folder.path().join("USER.md"), "Ada.").unwrap();
    let bench = Bench::start(folder.path());
    bench.send("1", "hi").await;
    assert_eq!(&*bench.asked().await.request.system, "## USER.md\n\nAda.");
}

#[tokio::test]
async fn a_transient_error_is_tried_again_only_before_the_first_word() {
    let folder = tempfile::tempdir().unwrap();
    let bench = Bench::start(folder.path());
    let busy = || ModelError::Transient {
        message: "busy".into(),
        retry_after_ms: Some(0),
    };
    bench.send("1", "hi").await;
    for _ in 0..3 {
        bench.asked().await.send(Err(busy()));
    }
    bench.asked().await.say("here").done();
    assert_eq!(bench.reply("1").await.outcome, TurnOutcome::Completed);
    bench.send("2", "hi").await;
    bench.asked().await.say("half").send(Err(busy()));
    let reply = bench.reply("2").await;
    assert_eq!(reply.text, "half");
    assert!(matches!(reply.outcome, TurnOutcome::Failed { reason } if reason.contains("busy")));
    bench.send("3", "hi").await;
    let too_long = ModelError::Transient {
        message: "x".into(),
        retry_after_ms: Some(3_600_000),
    };
    bench.asked().await.send(Err(too_long));
    assert!(matches!(
        bench.reply("3").await.outcome,
        TurnOutcome::Failed { .. }
    ));
}

#[tokio::test]
async fn an_endless_answer_is_cut() {
    let folder = tempfile::tempdir().unwrap();
    let bench = Bench::start(folder.path());
    bench.send("1", "hi").await;
    let asked = bench.asked().await;
    asked.send(Ok(StreamEvent::Reasoning(
        "r".repeat(limits().answer_bytes_max),
    )));
    asked.say("and");
    assert!(matches!(
        bench.reply("1").await.outcome,
        TurnOutcome::LimitReached { .. }
    ));
}

#[tokio::test]
async fn a_crash_before_the_reply_repeats_the_model_but_never_the_effect() {
    let folder = tempfile::tempdir().unwrap();
    let bench = Bench::start(folder.path());
    bench.send("1", "note it").await;
    let mut stream = bench.watch("1").await;
    let asked = bench.asked().await;
    asked.call("a", "note", r#"{"text":"for ever"}"#).done();
    while !matches!(stream.next().await, Some(TurnEvent::ToolStart { .. })) {}
    bench.crash().await;
    assert_eq!(
        within(stream.next()).await,
        None,
        "the stream ends without a reply"
    );

    let bench = Bench::start(folder.path());
    let asked = bench.asked().await;
    let Some(Message::Tool(result)) = asked.request.messages.last() else {
        panic!("{:?}", asked.request.messages)
    };
    assert_eq!(result.status, ToolStatus::Unknown);
    bench.crash().await;

    let bench = Bench::start(folder.path());
    bench.asked().await.say("I am not sure.").done();
    let reply = bench.reply("1").await;
    assert!(reply.text.contains("I am not sure.") && reply.text.contains("effect is unknown"));
    assert_eq!(
        std::fs::read_to_string(folder.path().join("notes")).unwrap(),
        "for ever\n"
    );
}

#[tokio::test]
async fn draining_refuses_new_work_and_finishes_the_old() {
    let folder = tempfile::tempdir().unwrap();
    let bench = Bench::start(folder.path());
    bench.app.listening();
    bench.send("1", "hi").await;
    let asked = bench.asked().await;
    assert_eq!(bench.app.health().await.status, AgentStatus::Ready);
    let app = bench.app.clone();
    let draining = tokio::spawn(async move { app.drain(Duration::from_secs(20)).await });
    while bench.app.health().await.status != AgentStatus::Draining {
        tokio::task::yield_now().await;
    }
    assert_eq!(
        bench.app.submit(message("2", "hi")).await,
        Err(IntakeError::Draining)
    );
    assert_eq!(
        bench.send("1", "hi").await,
        Submitted::Turn(turn("1")),
        "known"
    );
    asked.say("bye").done();
    within(draining).await.unwrap();
    assert_eq!(bench.reply("1").await.text, "bye");
}

#[tokio::test]
async fn a_slow_watcher_gets_the_text_so_far_instead_of_gaps() {
    let folder = tempfile::tempdir().unwrap();
    let bench = Bench::start(folder.path());
    bench.send("1", "hi").await;
    let asked = bench.asked().await;
    let mut stream = bench.watch("1").await;
    stream.next().await;
    for _ in 0..1000 {
        asked.say("ab");
    }
    asked.done();
    let whole = bench.reply("1").await.text;
    let mut text = String::new();
    while let Some(event) = within(stream.next()).await {
        match event {
            TurnEvent::Snapshot { text: all } => text = all,
            TurnEvent::Text { text: more } => text.push_str(&more),
            TurnEvent::Finished { reply } => text = reply.text,
            TurnEvent::Reasoning { .. }
            | TurnEvent::ToolStart { .. }
            | TurnEvent::ToolEnd { .. }
            | TurnEvent::Asked { .. }
            | TurnEvent::Status { .. } => {}
        }
    }
    assert_eq!(text, whole);
}

#[tokio::test]
async fn a_secret_that_the_model_says_in_pieces_is_never_shown() {
    let folder = tempfile::tempdir().unwrap();
    let bench = Bench::start_with(folder.path(), |parts| {
        parts.redactor.learn(&Secret::from("open sesame"));
    });
    bench.send("1", "what is the word?").await;
    let watched = bench.watch("1").await;
    let asked = bench.asked().await;
    asked.send(Ok(StreamEvent::Reasoning("it is open se".into())));
    asked.send(Ok(StreamEvent::Reasoning("same".into())));
    asked.say("Say open").say(" sesame, or sk-ant-abcdefghijkl");
    asked.say("mnopqrstuvwx").done();
    let events: Vec<TurnEvent> = within(watched.collect()).await;
    let all = format!("{events:?}");
    for secret in ["sesame", "abcdefghijkl", "mnopqrst"] {
        assert!(!all.contains(secret), "{secret} in {all}");
    }
    let expected = "Say [redacted: secret of this agent], or [redacted: api key]";
    assert_eq!(bench.reply("1").await.text, expected);
    bench.send("2", "and now?").await;
    let history = format!("{:?}", bench.asked().await.request.messages);
    assert!(
        history.contains(expected) && !history.contains("sesame"),
        "{history}"
    );
}
