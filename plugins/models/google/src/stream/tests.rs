use serde_json::json;

use super::*;

const MODEL: &str = "gemini-3-flash-preview";

fn read(chunks: &[Value], end: End) -> (Vec<StreamEvent>, Result<(), ModelError>) {
    let mut parser = StreamParser::new(MODEL);
    let mut events = Vec::new();
    let chunks: Vec<String> = chunks
        .iter()
        .map(|chunk| format!("data: {chunk}\n\n"))
        .collect();
    let body = chunks.concat();
    let result = parser
        .push(body.as_bytes(), &mut events)
        .and_then(|()| parser.end(end, &mut events));
    (events, result)
}

fn parts(parts: &Value) -> Value {
    json!({ "candidates": [{ "content": { "parts": parts, "role": "model" }, "index": 0 }] })
}

fn finish(reason: &str) -> Value {
    json!({ "candidates": [{ "finishReason": reason, "index": 0 }] })
}

fn block(block: Value) -> StreamEvent {
    StreamEvent::Vendor(rivetos_types::message::VendorBlock {
        vendor: "google".into(),
        model: MODEL.into(),
        block,
    })
}

fn call(id: &str, arguments: &str) -> StreamEvent {
    StreamEvent::ToolCall(ToolCall {
        id: id.into(),
        name: "look".into(),
        arguments: arguments.into(),
    })
}

fn text(text: &str) -> StreamEvent {
    StreamEvent::Text(text.into())
}

fn done(stop: StopReason) -> StreamEvent {
    let usage = TokenUsage::default();
    StreamEvent::Done { stop, usage }
}

fn broke(result: Result<(), ModelError>) -> String {
    match result {
        Err(ModelError::Incomplete { message }) => message,
        other => panic!("{other:?}"),
    }
}

#[test]
fn thoughts_text_and_signatures() {
    let chunks = [
        parts(&json!([{ "text": "hm", "thought": true }, { "text": "Hel" }])),
        parts(&json!([{ "text": "lo", "thoughtSignature": "s1" }])),
        parts(&json!([{ "text": " you" }, { "text": "", "thoughtSignature": "s2" }])),
        finish("STOP"),
    ];
    let expected = vec![
        StreamEvent::Reasoning("hm".into()),
        text("Hel"),
        text("lo"),
        block(json!({ "text": { "bytes": 2, "signature": "s1" } })),
        text(" you"),
        block(json!({ "text": { "bytes": 0, "signature": "s2" } })),
        done(StopReason::End),
    ];
    assert_eq!(read(&chunks, End::Clean), (expected, Ok(())));
}

#[test]
fn calls_keep_what_the_vendor_knows_of_them() {
    let look = |args: Value| json!({ "name": "look", "args": args });
    let chunks = [
        parts(&json!([
            { "functionCall": { "name": "look", "args": { "at": 1 }, "id": "f7" }, "thoughtSignature": "s" },
            { "functionCall": look(json!({})) },
            { "functionCall": { "name": "look" } },
        ])),
        finish("STOP"),
    ];
    let expected = vec![
        block(json!({ "call": { "index": 0, "id": "f7", "signature": "s" } })),
        call("f7", r#"{"at":1}"#),
        call("call_1", "{}"),
        call("call_2", "{}"),
        done(StopReason::ToolUse),
    ];
    assert_eq!(read(&chunks, End::Clean), (expected, Ok(())));
}

#[test]
fn parts_that_nobody_else_reads_are_kept_whole() {
    let code =
        json!({ "executableCode": { "code": "1", "language": "PYTHON" }, "thoughtSignature": "s" });
    let thought = json!({ "text": "hm", "thought": true, "thoughtSignature": "t" });
    let unknown = json!({ "text": "x", "news": 1 });
    let (events, result) = read(
        &[parts(&json!([code, thought, unknown, {}])), finish("STOP")],
        End::Clean,
    );
    let expected = vec![
        block(json!({ "part": code })),
        StreamEvent::Reasoning("hm".into()),
        block(json!({ "part": thought })),
        block(json!({ "part": unknown })),
        done(StopReason::End),
    ];
    assert_eq!((events, result), (expected, Ok(())));
}

#[test]
fn usage_is_that_of_the_last_event() {
    let chunks = [
        json!({ "usageMetadata": { "promptTokenCount": 1, "candidatesTokenCount": 1 } }),
        json!({ "usageMetadata": {
            "promptTokenCount": 70,
            "cachedContentTokenCount": 50,
            "toolUsePromptTokenCount": 390,
            "candidatesTokenCount": 31,
            "thoughtsTokenCount": 175,
            "totalTokenCount": 666,
        }, "candidates": [{ "finishReason": "STOP" }] }),
    ];
    let usage = TokenUsage {
        input: 460,
        output: 206,
        cache_read: 50,
        cache_write: 0,
        reasoning: 175,
    };
    let stop = StopReason::End;
    assert_eq!(
        read(&chunks, End::Clean).0,
        vec![StreamEvent::Done { stop, usage }]
    );
}

#[test]
fn a_finish_reason_before_more_is_not_the_end() {
    let more = [finish("STOP"), parts(&json!([{ "text": "more" }]))];
    let message = broke(read(&more, End::Clean).1);
    assert_eq!(message, "the body ended without a finish reason");
    let whole = [&more[..], &[finish("STOP")]].concat();
    assert_eq!(read(&whole, End::Clean).1, Ok(()));
    assert_eq!(
        broke(read(&whole, End::Broken).1),
        "the connection was lost"
    );
}

#[test]
fn only_a_usage_or_a_signature_after_the_finish_reason_changes_nothing() {
    let chunks = [
        parts(&json!([{ "text": "a" }])),
        finish("MAX_TOKENS"),
        parts(&json!([{ "text": "", "thoughtSignature": "s" }])),
        json!({ "usageMetadata": {} }),
    ];
    let (events, result) = read(&chunks, End::Clean);
    assert_eq!(result, Ok(()));
    assert_eq!(events.last(), Some(&done(StopReason::Length)));
}

#[test]
fn filters_are_told() {
    for reason in ["SAFETY", "RECITATION", "PROHIBITED_CONTENT", "SPII"] {
        let chunks = [parts(&json!([{ "text": "a" }])), finish(reason)];
        let stop = StopReason::ContentFilter(Some(reason.to_owned()));
        let expected = vec![text("a"), done(stop)];
        assert_eq!(read(&chunks, End::Clean), (expected, Ok(())), "{reason}");
    }
    let rating = |name: &str, blocked: bool| {
        let category = format!("HARM_CATEGORY_{name}");
        json!({ "category": category, "probability": "HIGH", "blocked": blocked })
    };
    let ratings = json!([
        rating("HARASSMENT", true),
        rating("HATE_SPEECH", false),
        rating("DANGEROUS_CONTENT", true),
        { "category": "HARM_CATEGORY_CIVIC_INTEGRITY" },
    ]);
    let named = "SAFETY (HARM_CATEGORY_HARASSMENT, HARM_CATEGORY_DANGEROUS_CONTENT)";
    let feedback = json!({ "blockReason": "SAFETY", "safetyRatings": ratings });
    let blocked = json!({ "promptFeedback": feedback, "usageMetadata": {} });
    let stop = StopReason::ContentFilter(Some(format!("the prompt was blocked: {named}")));
    assert_eq!(read(&[blocked], End::Clean), (vec![done(stop)], Ok(())));
    let filtered = json!({ "candidates": [{
        "finishReason": "SAFETY", "finishMessage": "Too much.", "safetyRatings": ratings,
    }]});
    let stop = StopReason::ContentFilter(Some(format!("{named}: Too much.")));
    assert_eq!(read(&[filtered], End::Clean), (vec![done(stop)], Ok(())));
}

#[test]
fn a_call_that_is_none_is_tried_again_unless_something_was_said() {
    let wrong = json!({ "candidates": [{
        "content": {}, "finishReason": "MALFORMED_FUNCTION_CALL", "finishMessage": "print(look())",
    }] });
    let message = "the vendor stopped with `MALFORMED_FUNCTION_CALL`: print(look())".to_owned();
    let expected = ModelError::Transient {
        message: message.clone(),
        retry_after_ms: None,
    };
    assert_eq!(
        read(std::slice::from_ref(&wrong), End::Clean).1,
        Err(expected)
    );
    let after = [parts(&json!([{ "text": "a" }])), wrong];
    assert_eq!(broke(read(&after, End::Clean).1), message);
}

#[test]
fn what_is_unknown_is_skipped_and_what_is_broken_is_not() {
    let strange = json!({ "news": [], "candidates": [], "modelStatus": { "a": 1 } });
    let new_reason = finish("SOMETHING_NEW");
    let (events, _) = read(&[strange, new_reason], End::Clean);
    assert_eq!(events, vec![done(StopReason::End)]);
    let message = broke(read(&[json!([1])], End::Clean).1);
    assert!(message.starts_with("an event cannot be read"), "{message}");
}

#[test]
fn an_error_in_the_stream_ends_it() {
    let error =
        json!({ "error": { "code": 503, "message": "overloaded", "status": "UNAVAILABLE" } });
    let message = "overloaded".to_owned();
    let expected = ModelError::Transient {
        message: message.clone(),
        retry_after_ms: None,
    };
    assert_eq!(
        read(std::slice::from_ref(&error), End::Clean).1,
        Err(expected)
    );
    let after = [parts(&json!([{ "text": "a" }])), error];
    assert_eq!(broke(read(&after, End::Clean).1), message);
}

#[test]
fn calls_are_bounded() {
    let call = json!({ "functionCall": { "name": "look" } });
    let calls = vec![call; CALLS_MAX + 1];
    let message = broke(read(&[parts(&json!(calls))], End::Clean).1);
    assert_eq!(message, "more tool calls than are possible in one answer");
}
