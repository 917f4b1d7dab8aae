//! Bytes of vendors, agents and peers never break the readers of this crate.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod fuzzing;

use std::fmt::Debug;

use fuzzing::fuzz;
use rivetos_protocol::sse::{Decoder, SseEvent, encode};
use rivetos_protocol::{
    DrainReport, DrainRequest, ErrorReply, HealthReport, MeshPing, MessageReply, MessageRequest,
    StreamFrame, check_handshake,
};
use serde::Serialize;
use serde::de::DeserializeOwned;

fn events<'a>(chunks: impl IntoIterator<Item = &'a [u8]>) -> Vec<SseEvent> {
    let mut decoder = Decoder::new();
    let mut events = Vec::new();
    for chunk in chunks {
        decoder.push(chunk, &mut events).unwrap();
    }
    events
}

#[test]
fn events_do_not_depend_on_the_chunks_and_are_read_back() {
    let words = ["data:", "data", "event:", "event: x\n", "id:", ": ", "\r\r"];
    fuzz("sse", &words, |bytes| {
        let whole = events([bytes]);
        for size in [1, 2, 7] {
            assert_eq!(events(bytes.chunks(size)), whole, "in chunks of {size}");
        }
        let text: String = whole
            .iter()
            .map(|event| encode(&event.event, &event.data))
            .collect();
        assert_eq!(events([text.as_bytes()]), whole);
    });
}

/// What can be read is written so that it is read as the same.
fn is_stable<T: Serialize + DeserializeOwned + PartialEq + Debug>(bytes: &[u8]) {
    if let Ok(value) = serde_json::from_slice::<T>(bytes) {
        let written = serde_json::to_vec(&value).unwrap();
        assert_eq!(serde_json::from_slice::<T>(&written).unwrap(), value);
    }
}

#[test]
fn wire_values_are_read_back() {
    let words = [
        "\"type\":\"done\"",
        "\"type\":\"text\"",
        "\"outcome\":\"failed\"",
        "\"fromAgent\":\"a\",",
        "\"status\":",
        "\"deadline_ms\":",
    ];
    fuzz("wire", &words, |bytes| {
        is_stable::<MessageRequest>(bytes);
        is_stable::<MessageReply>(bytes);
        is_stable::<StreamFrame>(bytes);
        is_stable::<ErrorReply>(bytes);
        is_stable::<HealthReport>(bytes);
        is_stable::<MeshPing>(bytes);
        is_stable::<DrainRequest>(bytes);
        is_stable::<DrainReport>(bytes);
    });
}

#[test]
fn an_answer_to_the_handshake_is_judged_once() {
    let words = ["HTTP/1.1 ", "101", "401", "\r\n\r\n"];
    fuzz("handshake", &words, |bytes| {
        let verdict = check_handshake(bytes);
        if let Ok(Some(end)) = verdict {
            assert!(bytes[..end].ends_with(b"\r\n\r\n"));
        }
        // The answer comes in pieces: what was said of a part holds for the whole.
        for end in 0..bytes.len() {
            let sooner = check_handshake(&bytes[..end]);
            assert!(
                sooner == Ok(None) || sooner == verdict,
                "{sooner:?} at {end}, then {verdict:?}"
            );
        }
    });
}
