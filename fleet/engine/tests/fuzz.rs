//! Journals that were cut off or damaged, and whatever answers in place of an agent, never break
//! the engine.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

#[path = "../../../agent/protocol/tests/fuzzing/mod.rs"]
mod fuzzing;

use std::fs;

use fuzzing::fuzz;
use rivetos_engine::{AgentClient, past_run, past_runs};
use rivetos_protocol::{MessageRequest, StreamFrame};
use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};
use tokio::runtime;

#[test]
fn a_journal_is_read_as_far_as_it_goes() {
    let words = [
        "{\"unix_ms\":1700000000001,\"line\":",
        "{\"what\":\"begin\",\"step\":\"s1\"}}\n",
        "{\"what\":\"done\",\"step\":\"s1\"}}\n",
        "{\"what\":\"end\",\"exit\":",
        "\"unix_ms\":0,",
    ];
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("1700000000000-7.jsonl");
    fuzz("journal", &words, |bytes| {
        let read = |bytes: &[u8]| {
            fs::write(&file, bytes).unwrap();
            past_run(folder.path(), "1700000000000-7").unwrap().unwrap()
        };
        let half = read(&bytes[..bytes.len() / 2]);
        let whole = read(bytes);
        let runs = past_runs(folder.path(), 2).unwrap();
        assert_eq!(runs, std::slice::from_ref(&whole));
        assert_eq!(whole.began_unix_ms, 1_700_000_000_000);
        assert!(whole.last_unix_ms >= half.last_unix_ms);
        // What was begun stays begun, whatever follows.
        let ids = |run: rivetos_engine::PastRun| run.steps.into_iter().map(|step| step.id);
        let begun: Vec<_> = ids(half).collect();
        assert!(ids(whole).take(begun.len()).eq(begun));
    });
}

/// What an operator sees when an agent's connection carries `bytes`, at most `at_once` at a time;
/// the error as its first words.
fn heard(runtime: &runtime::Runtime, bytes: &[u8], at_once: usize) -> (Vec<StreamFrame>, String) {
    runtime.block_on(async {
        let (ours, mut agents) = duplex(at_once);
        let bytes = bytes.to_vec();
        let agent = tokio::spawn(async move {
            // The request first: an answer to nothing is none.
            let mut request = Vec::new();
            while !request.ends_with(b"}") {
                agents.read_buf(&mut request).await.unwrap();
            }
            agents.write_all(&bytes).await.ok();
        });
        let request = MessageRequest {
            id: None,
            from_agent: "operator".to_owned(),
            message: "hello".to_owned(),
            attachments: Vec::new(),
            conversation_id: None,
            wait_for_response: true,
            timeout_ms: None,
        };
        let mut frames = Vec::new();
        let mut client = AgentClient::new(ours).await.unwrap();
        let ended = async {
            let mut answer = client.send(&request).await?;
            while let Some(frame) = answer.next().await {
                frames.push(frame?);
            }
            Ok::<(), rivetos_engine::ClientError>(())
        };
        let ended = ended.await;
        agent.abort();
        (
            frames,
            ended.map_or_else(|error| error.to_string(), |()| "done".to_owned()),
        )
    })
}

#[test]
fn frames_do_not_depend_on_how_they_arrive_and_end_once() {
    let words = [
        "HTTP/1.1 200 OK\r\n",
        "transfer-encoding: chunked\r\n\r\n",
        "content-length: 10\r\n",
        "event: text\ndata: {\"type\":\"text\",\"text\":\"x\"}\n\n",
        "event: done\n",
        "event: unknown\ndata: 1\n\n",
    ];
    let runtime = runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    fuzz("frames", &words, |bytes| {
        let (frames, end) = heard(&runtime, bytes, 1 << 20);
        assert_eq!(heard(&runtime, bytes, 5), (frames.clone(), end.clone()));
        let is_done = |frame: &StreamFrame| matches!(frame, StreamFrame::Done { .. });
        let done = frames.iter().position(is_done);
        assert_eq!(done.is_some(), end == "done", "{end}");
        assert!(done.is_none_or(|at| at + 1 == frames.len()));
    });
}
