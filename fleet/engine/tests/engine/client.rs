//! The client of an agent, against a real HTTP server.

use crate::agent::{Script, connect, start};
use rivetos_engine::{AgentClient, ClientError};
use rivetos_protocol::{AgentStatus, MessageReply, MessageRequest, Outcome, StreamFrame, sse};

fn request() -> MessageRequest {
    MessageRequest {
        id: Some("m1".to_owned()),
        from_agent: "operator".to_owned(),
        message: "hello".to_owned(),
        attachments: Vec::new(),
        conversation_id: None,
        wait_for_response: true,
        timeout_ms: None,
    }
}

fn every_frame() -> Vec<StreamFrame> {
    let text = || "x\ny".to_owned();
    vec![
        StreamFrame::Accepted {
            id: "m1".to_owned(),
        },
        StreamFrame::Snapshot { text: text() },
        StreamFrame::Text { text: text() },
        StreamFrame::Reasoning { text: text() },
        StreamFrame::ToolStart {
            name: "shell".to_owned(),
            summary: text(),
        },
        StreamFrame::ToolEnd {
            name: "shell".to_owned(),
            ok: true,
            summary: text(),
        },
        StreamFrame::Asked {
            call: text(),
            tool: text(),
            arguments: text(),
        },
        StreamFrame::Status { text: text() },
        StreamFrame::Done {
            reply: MessageReply {
                id: "m1".to_owned(),
                agent: "a".to_owned(),
                from_agent: "operator".to_owned(),
                attachments: Vec::new(),
                response: text(),
                outcome: Outcome::Completed,
                reason: None,
                input_tokens: 1,
                output_tokens: 2,
                timestamp: 3,
            },
        },
    ]
}

/// As an agent writes it: the event is named after the frame's tag.
fn encoded(frame: &StreamFrame) -> String {
    let value = serde_json::to_value(frame).unwrap();
    sse::encode(value["type"].as_str().unwrap(), &value.to_string())
}

/// The frames that come when the body is `reply`, and how they end.
async fn frames(reply: Vec<String>) -> (Vec<StreamFrame>, Option<ClientError>) {
    let port = start(Script {
        reply,
        ..Script::default()
    })
    .await;
    let mut client = AgentClient::new(connect(port).await).await.unwrap();
    let mut stream = client.send(&request()).await.unwrap();
    // The stream outlives the client that it came from.
    drop(client);
    let mut frames = Vec::new();
    while let Some(next) = stream.next().await {
        match next {
            Ok(frame) => frames.push(frame),
            Err(error) => {
                assert!(stream.next().await.is_none());
                return (frames, Some(error));
            }
        }
    }
    (frames, None)
}

#[tokio::test]
async fn every_kind_of_frame_arrives_however_the_bytes_are_cut() {
    let text: String = every_frame().iter().map(encoded).collect();
    for piece in [1, 7, 1000] {
        let pieces = text.as_bytes().chunks(piece);
        let pieces = pieces
            .map(|bytes| String::from_utf8(bytes.to_vec()).unwrap())
            .collect();
        let (received, error) = frames(pieces).await;
        assert!(error.is_none(), "{error:?}");
        assert_eq!(received, every_frame());
    }
}

#[tokio::test]
async fn a_reply_without_its_end_is_interrupted() {
    let text: Vec<String> = every_frame()[..3].iter().map(encoded).collect();
    let (received, error) = frames(text).await;
    assert_eq!(received, &every_frame()[..3]);
    assert!(
        matches!(error, Some(ClientError::Interrupted { .. })),
        "{error:?}"
    );
}

#[tokio::test]
async fn frames_of_newer_agents_are_passed_over_and_broken_ones_are_not() {
    let done = encoded(&every_frame()[8]);
    let newer = sse::encode("hologram", r#"{"type":"hologram"}"#);
    let (received, error) = frames(vec![newer, done.clone()]).await;
    assert!(error.is_none(), "{error:?}");
    assert_eq!(received, &every_frame()[8..]);
    let broken = sse::encode("text", r#"{"type":"text"}"#);
    let (_, error) = frames(vec![broken, done]).await;
    assert!(
        matches!(error, Some(ClientError::Malformed { .. })),
        "{error:?}"
    );
}

#[tokio::test]
async fn a_refusal_says_why() {
    for (body, expected) in [
        (
            r#"{"code":"RUNTIME_DRAINING","error":"shutting down"}"#,
            "the agent refused (503): shutting down",
        ),
        (
            "<html>",
            "the agent's answer is not understood: HTTP status 503 without a reason",
        ),
    ] {
        let script = Script {
            refusal: Some((503, body.to_owned())),
            ..Script::default()
        };
        let mut client = AgentClient::new(connect(start(script).await).await)
            .await
            .unwrap();
        let Err(error) = client.send(&request()).await else {
            panic!("it was refused")
        };
        assert_eq!(error.to_string(), expected);
    }
}

#[tokio::test]
async fn health_is_asked_again_on_the_same_connection() {
    let port = start(Script {
        looks_until_ready: 1,
        ..Script::default()
    })
    .await;
    let mut client = AgentClient::new(connect(port).await).await.unwrap();
    assert_eq!(client.health().await.unwrap().status, AgentStatus::Starting);
    assert_eq!(client.health().await.unwrap().status, AgentStatus::Ready);
}
