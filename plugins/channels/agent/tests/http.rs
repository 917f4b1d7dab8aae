//! The channel over real sockets.

mod support;

use data_encoding::BASE64;
use rivetos_protocol::{OPERATOR_UPGRADE, attachment_path, check_handshake, operator_handshake};
use rivetos_types::intake::{IntakeError, TurnEvent};
use rivetos_types::media::{Attachment, FileDigest, MediaType, SentFile};
use rivetos_types::message::TurnOutcome;
use support::{BEARER, STREAM, answer, finished, post, read_until, world};
use tokio::io::AsyncWriteExt;

fn body(id: &str) -> String {
    format!(r#"{{"id":"{id}","fromAgent":"grok","message":"hi"}}"#)
}

#[tokio::test]
async fn who_may_speak() {
    let world = world().await;
    let command = r#"{"fromAgent":"grok","message":"/stop"}"#;
    for (header, status) in [
        ("", 401),
        ("Authorization: Basic t0ken\r\n", 401),
        ("Authorization: Bearer \r\n", 401),
        ("Authorization: Bearer wrong\r\n", 403),
        ("Authorization: Bearer t0ke\r\n", 403),
        ("Authorization: Bearer t0kenx\r\n", 403),
        ("Authorization: Bearer undefined\r\n", 403),
        ("Authorization: bearer t0ken\r\n", 200),
        (BEARER, 200),
    ] {
        let (got, text) = world.ask(&post(header, command)).await;
        assert_eq!(got, status, "{header}");
        assert_eq!(
            text.contains("\"code\":\"CHANNEL_UNAUTHORIZED\""),
            status != 200,
            "{text}"
        );
        let operator = format!("GET /api/operator HTTP/1.1\r\nHost: x\r\n{header}\r\n");
        let expected = if status == 200 { 426 } else { status };
        assert_eq!(world.ask(&operator).await.0, expected, "operator: {header}");
    }
    // A rotated token works at once, the old one no longer; a lost one lets nobody in.
    *world.token.0.lock().unwrap() = Some("other");
    assert_eq!(world.ask(&post(BEARER, command)).await.0, 403);
    assert_eq!(
        world
            .ask(&post("Authorization: Bearer other\r\n", command))
            .await
            .0,
        200
    );
    *world.token.0.lock().unwrap() = None;
    assert_eq!(world.ask(&post(BEARER, command)).await.0, 503);
    let (status, ping) = world
        .ask("GET /api/mesh/ping?x=1 HTTP/1.1\r\nHost: x\r\n\r\n")
        .await;
    assert!(
        status == 200 && ping.contains(r#""status":"ok","agent":"opus""#),
        "{ping}"
    );
}

#[tokio::test]
async fn a_reply_is_settled_after_it_was_written() {
    let world = world().await;
    let stream = world
        .open(&post(&format!("{BEARER}Connection: close\r\n"), &body("1")))
        .await;
    let taken = world.stage.taken(1).await;
    assert_eq!(taken[0].session.as_str(), "http:grok");
    assert_eq!(taken[0].from, "agent:grok");
    assert!(world.stage.settled.borrow().is_empty());
    world.stage.play(
        "1",
        TurnEvent::Text {
            text: "only a part".into(),
        },
    );
    world.stage.play("1", finished("1", TurnOutcome::Completed));
    let (status, text) = answer(stream).await;
    assert_eq!(status, 200);
    assert!(
        text.contains(r#""response":"answer to 1","outcome":"completed""#),
        "{text}"
    );
    assert!(
        text.contains(r#""inputTokens":3,"outputTokens":4"#),
        "{text}"
    );
    assert_eq!(world.stage.settled(1).await[0].as_str(), "http/1");
}

#[tokio::test]
async fn a_stream_tells_what_happens_and_is_settled_at_its_end() {
    let world = world().await;
    let mut stream = world.open(&post(STREAM, &body("1"))).await;
    world.stage.taken(1).await;
    assert!(
        read_until(&mut stream, "accepted\",\"id\":\"1\"")
            .await
            .contains("event: accepted\n")
    );
    world.stage.play(
        "1",
        TurnEvent::Snapshot {
            text: "so far".into(),
        },
    );
    world.stage.play(
        "1",
        TurnEvent::ToolEnd {
            name: "sh".into(),
            ok: false,
            summary: "x".into(),
        },
    );
    read_until(&mut stream, "\"type\":\"tool_end\"").await;
    assert!(world.stage.settled.borrow().is_empty());
    let failed = TurnOutcome::Failed {
        reason: "no model".into(),
    };
    world.stage.play("1", finished("1", failed));
    let end = read_until(&mut stream, "\r\n0\r\n\r\n").await;
    assert!(
        end.contains("event: done\n") && end.contains("\"reason\":\"no model\""),
        "{end}"
    );
    assert_eq!(world.stage.settled.borrow().len(), 1);
}

#[tokio::test]
async fn who_left_before_the_end_did_not_get_the_reply() {
    let world = world().await;
    for (id, headers) in [("1", STREAM), ("2", BEARER)] {
        let stream = world.open(&post(headers, &body(id))).await;
        world.stage.taken(1).await;
        world.stage.taken.send_modify(Vec::clear);
        drop(stream);
        world.stage.left(id).await;
    }
    assert!(world.stage.settled.borrow().is_empty());
}

#[tokio::test]
async fn the_same_id_attaches() {
    let world = world().await;
    let (status, text) = world
        .ask(&post(
            BEARER,
            r#"{"id":"1","fromAgent":"g","message":"hi","waitForResponse":false}"#,
        ))
        .await;
    assert!(
        status == 202 && text.contains(r#"{"type":"accepted","id":"1"}"#),
        "{text}"
    );
    let stream = world
        .open(&post(&format!("{BEARER}Connection: close\r\n"), &body("1")))
        .await;
    world.stage.play("1", finished("1", TurnOutcome::Completed));
    assert_eq!(answer(stream).await.0, 200);
    assert_eq!(world.stage.settled(1).await.len(), 1);
    // The stage gives each turn away once; a second attempt is like one after the expiry.
    let (status, text) = world.ask(&post(BEARER, &body("1"))).await;
    assert!(status == 410 && text.contains("CHANNEL_EXPIRED"), "{text}");
}

#[tokio::test]
async fn a_wait_ends_and_the_turn_goes_on() {
    let world = world().await;
    let (status, text) = world
        .ask(&post(
            BEARER,
            r#"{"fromAgent":"g","message":"hi","timeoutMs":30}"#,
        ))
        .await;
    assert!(status == 504 && text.contains("CHANNEL_TIMEOUT"), "{text}");
    let id = world.stage.taken(1).await[0].id.clone();
    assert!(
        text.contains(&format!("`{id}`")),
        "the made-up id is told: {text}"
    );
}

#[tokio::test]
async fn outcomes_and_refusals_have_their_status() {
    let world = world().await;
    for (id, outcome, status) in [
        ("1", TurnOutcome::Interrupted, 200),
        (
            "2",
            TurnOutcome::LimitReached {
                reason: "75 steps".into(),
            },
            200,
        ),
        (
            "3",
            TurnOutcome::Failed {
                reason: "broken".into(),
            },
            502,
        ),
    ] {
        let stream = world
            .open(&post(&format!("{BEARER}Connection: close\r\n"), &body(id)))
            .await;
        world.stage.taken(1).await;
        world.stage.taken.send_modify(Vec::clear);
        world.stage.play(id, finished(id, outcome));
        assert_eq!(answer(stream).await.0, status, "{id}");
    }
    for (error, status, code) in [
        (IntakeError::Draining, 503, "RUNTIME_DRAINING"),
        (IntakeError::QueueFull(9), 429, "RUNTIME_QUEUE_FULL"),
        (IntakeError::Store("disk".into()), 503, "MEMORY_FAILED"),
    ] {
        *world.stage.refuse.lock().unwrap() = Some(error);
        let (got, text) = world.ask(&post(BEARER, &body("9"))).await;
        assert!(got == status && text.contains(code), "{text}");
    }
}

#[tokio::test]
async fn what_is_no_message_is_refused() {
    let world = world().await;
    let long = "x".repeat(201);
    for text in [
        "",
        "nonsense",
        "{}",
        "[1]",
        r#"{"fromAgent":"g"}"#,
        r#"{"fromAgent":"g","message":" "}"#,
        r#"{"fromAgent":"","message":"hi"}"#,
        r#"{"fromAgent":"g","message":"hi","id":"a\nb"}"#,
        &format!(r#"{{"fromAgent":"g","message":"hi","id":"{long}"}}"#),
    ] {
        let (status, answer) = world.ask(&post(BEARER, text)).await;
        assert!(
            status == 400 && answer.contains("CHANNEL_REJECTED"),
            "{text}: {answer}"
        );
    }
    let text = format!(
        r#"{{"fromAgent":"g","message":"{}"}}"#,
        "x".repeat(1024 * 1024)
    );
    let (status, _) = world.ask(&post(BEARER, &text)).await;
    assert_eq!(status, 413);
    assert!(world.stage.taken.borrow().is_empty());
    let latin = "Content-Type: text/plain; charset=latin1\r\nAuthorization: Bearer t0ken\r\n";
    let command = r#"{"fromAgent":"g","message":"/new"}"#;
    let (status, text) = world.ask(&post(latin, command)).await;
    assert!(status == 200 && text.contains(r#""response":"did /new","outcome":"command""#));
    let (_, text) = world.ask(&post(STREAM, command)).await;
    assert!(text.contains("event: done\n"), "{text}");
    assert!(
        world.stage.settled.borrow().is_empty(),
        "a command has nothing to settle"
    );
}

#[tokio::test]
async fn files_come_with_a_message() {
    let world = world().await;
    let with = |message: &str, files: &str| {
        format!(
            r#"{{"id":"1","fromAgent":"g","conversationId":"c","waitForResponse":false,
            "message":"{message}","attachments":[{files}]}}"#
        )
    };
    // Longer than a message without files may be, and of the kind that it is, not is said to be.
    let long = BASE64.encode("x".repeat(1024 * 1024).as_bytes());
    let files = format!(
        r#"{{"name":"a.png","data":"iVBORw0KGgo=","mediaType":"text/plain"}},
        {{"name":"b","data":"{long}"}}"#
    );
    let (status, text) = world.ask(&post(BEARER, &with("", &files))).await;
    assert_eq!(status, 202, "{text}");
    let taken = world.stage.taken(1).await.remove(0);
    assert_eq!(taken.session.to_string(), "http:c");
    let kept = taken.content[1..].iter().map(|part| {
        let file = part.attachment().unwrap();
        (file.path.as_str(), file.media)
    });
    let expected = [
        ("http:c/a.png", MediaType::Png),
        ("http:c/b", MediaType::Text),
    ];
    assert_eq!(kept.collect::<Vec<_>>(), expected);
    for (files, status, said) in [
        (r#"{"name":"a.exe","data":"TVoA"}"#, 415, "`a.exe`"),
        (r#"{"name":"a.png","data":"%%%%"}"#, 400, "not Base64"),
        (r#"{"data":"TVo="}"#, 400, "`name`"),
    ] {
        let (got, text) = world.ask(&post(BEARER, &with("look", files))).await;
        assert!(got == status && text.contains(said), "{text}");
    }
    let (got, _) = world.ask(&post(BEARER, &with(&long, &files))).await;
    assert_eq!(got, 413, "the text is still bounded");
    assert_eq!(world.stage.taken.borrow().len(), 1);
}

#[tokio::test]
async fn files_of_a_reply_are_named_in_it_and_fetched_beside_it() {
    let world = world().await;
    let stream = world
        .open(&post(&format!("{BEARER}Connection: close\r\n"), &body("1")))
        .await;
    world.stage.taken(1).await;
    let TurnEvent::Finished { mut reply } = finished("1", TurnOutcome::Completed) else {
        unreachable!()
    };
    let sent = SentFile {
        name: "a.txt".into(),
        content: b"<b>".to_vec(),
    };
    let digest = FileDigest("d".into());
    reply.files = vec![Attachment::new(
        &sent,
        MediaType::Text,
        digest,
        "a.txt".into(),
    )];
    world.stage.play("1", TurnEvent::Finished { reply });
    let (_, text) = answer(stream).await;
    let named = r#""attachments":[{"name":"a.txt","mediaType":"text/plain","bytes":3,"sha256":"d","path":"a.txt"}]"#;
    assert!(text.contains(named), "{text}");
    let get = |header: &str, index: usize| {
        format!(
            "GET {} HTTP/1.1\r\nHost: x\r\n{header}\r\n",
            attachment_path("1", index)
        )
    };
    let (status, text) = world.ask(&get(BEARER, 1)).await;
    assert_eq!(status, 200, "{text}");
    assert!(
        text.contains("content-type: text/plain\r\n") && text.ends_with("\r\n<b>"),
        "{text}"
    );
    assert!(text.contains("x-content-type-options: nosniff"), "{text}");
    assert_eq!(world.ask(&get(BEARER, 0)).await.0, 404);
    assert_eq!(world.ask(&get("", 1)).await.0, 401);
}

#[tokio::test]
async fn an_operator_speaks_without_a_bearer_once_let_in() {
    let world = world().await;
    let mut stream = world.open(&operator_handshake("t0ken")).await;
    let text = read_until(&mut stream, "\r\n\r\n").await;
    assert_eq!(check_handshake(text.as_bytes()), Ok(Some(text.len())));
    assert!(
        text.to_lowercase()
            .contains(&format!("upgrade: {OPERATOR_UPGRADE}")),
        "{text}"
    );
    stream
        .write_all(b"GET /health HTTP/1.1\r\nHost: agent\r\n\r\n")
        .await
        .unwrap();
    read_until(&mut stream, "fine").await;
    stream
        .write_all(post("Accept: text/event-stream\r\n", &body("1")).as_bytes())
        .await
        .unwrap();
    assert_eq!(world.stage.taken(1).await[0].from, "operator");
    world.stage.play("1", finished("1", TurnOutcome::Completed));
    read_until(&mut stream, "\r\n0\r\n\r\n").await;
    assert_eq!(world.stage.settled(1).await.len(), 1);
    stream
        .write_all(operator_handshake("t0ken").as_bytes())
        .await
        .unwrap();
    read_until(&mut stream, "404").await;
}

#[tokio::test]
async fn what_is_the_operators_is_not_there_for_others() {
    let world = world().await;
    let drain = post(BEARER, "").replacen("/api/message", "/api/drain", 1);
    assert_eq!(world.ask(&drain).await.0, 404);
    let mut stream = world.open(&operator_handshake("t0ken")).await;
    read_until(&mut stream, "\r\n\r\n").await;
    let drain = drain.replacen("Host: x\r\n", "Host: x\r\nConnection: close\r\n", 1);
    stream.write_all(drain.as_bytes()).await.unwrap();
    let (status, text) = answer(stream).await;
    assert!(status == 200 && text.ends_with("drained"), "{text}");
}
