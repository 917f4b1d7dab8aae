use rivetos_types::message::{ToolCall, VendorBlock};
use serde_json::json;

use super::*;

fn read(events: &[Value], end: End) -> (Vec<StreamEvent>, Result<(), ModelError>) {
    let events: Vec<String> = events.iter().map(Value::to_string).collect();
    read_text(&format!("data: {}\n\n", events.join("\n\ndata: ")), end)
}

fn read_text(body: &str, end: End) -> (Vec<StreamEvent>, Result<(), ModelError>) {
    let mut parser = StreamParser::new("m-1");
    let mut events = Vec::new();
    let result = parser
        .push(body.as_bytes(), &mut events)
        .and_then(|()| parser.end(end, &mut events));
    (events, result)
}

fn start(index: u64, block: Value) -> Value {
    let mut event = json!({ "type": "content_block_start", "index": index });
    event["content_block"] = block;
    event
}

fn delta(index: u64, delta: Value) -> Value {
    let mut event = json!({ "type": "content_block_delta", "index": index });
    event["delta"] = delta;
    event
}

fn stop(index: u64) -> Value {
    json!({ "type": "content_block_stop", "index": index })
}

fn text(index: u64, text: &str) -> Value {
    delta(index, json!({ "type": "text_delta", "text": text }))
}

fn finish(reason: &str) -> [Value; 2] {
    let delta = json!({ "type": "message_delta", "delta": { "stop_reason": reason } });
    [delta, json!({ "type": "message_stop" })]
}

fn call(index: u64, id: &str, input: Value) -> [Value; 2] {
    let mut block = json!({ "type": "tool_use", "id": id, "name": "shell" });
    block["input"] = input;
    [start(index, block), stop(index)]
}

fn vendor(block: Value) -> StreamEvent {
    StreamEvent::Vendor(VendorBlock {
        vendor: "anthropic".into(),
        model: "m-1".into(),
        block,
    })
}

fn called(id: &str, arguments: &str) -> StreamEvent {
    StreamEvent::ToolCall(ToolCall {
        id: id.into(),
        name: "shell".into(),
        arguments: arguments.into(),
    })
}

fn said(text: &str) -> StreamEvent {
    StreamEvent::Text(text.into())
}

fn done(stop: StopReason) -> StreamEvent {
    StreamEvent::Done {
        stop,
        usage: TokenUsage::default(),
    }
}

#[test]
fn every_reason_to_stop_has_its_meaning() {
    for (reason, stop) in [
        ("end_turn", StopReason::End),
        ("stop_sequence", StopReason::End),
        ("tool_use", StopReason::End),
        ("max_tokens", StopReason::Length),
        ("model_context_window_exceeded", StopReason::Length),
        ("refusal", StopReason::Refusal(None)),
        ("pause_turn", StopReason::Pause),
        ("of_tomorrow", StopReason::End),
    ] {
        let (events, result) = read(&finish(reason), End::Broken);
        assert_eq!((events, result), (vec![done(stop)], Ok(())), "{reason}");
    }
}

#[test]
fn a_refusal_says_why() {
    let category = json!({ "type": "refusal", "category": "cyber", "explanation": null });
    let both = json!({ "category": "cyber", "explanation": "It could do harm." });
    for (details, why) in [
        (json!(null), None),
        (json!("new"), None),
        (category, Some("cyber")),
        (both, Some("It could do harm. (`cyber`)")),
    ] {
        let [mut reason, end] = finish("refusal");
        reason["delta"]["stop_details"] = details;
        let (events, _) = read(&[reason, end], End::Clean);
        let stop = StopReason::Refusal(why.map(str::to_owned));
        assert_eq!(events, vec![done(stop)]);
    }
}

#[test]
fn the_end_is_the_vendors_or_clean_after_a_reason() {
    let [reason, end] = finish("end_turn");
    let reason = [text(0, "unasked"), reason];
    assert_eq!(
        read(&reason, End::Clean),
        (vec![done(StopReason::End)], Ok(()))
    );
    assert_eq!(
        read(&[end], End::Broken),
        (vec![done(StopReason::End)], Ok(()))
    );
    for (events, how) in [(reason.to_vec(), End::Broken), (Vec::new(), End::Clean)] {
        let (said, result) = read(&events, how);
        assert_eq!(said, Vec::new());
        assert!(
            matches!(result, Err(ModelError::Incomplete { .. })),
            "{result:?}"
        );
    }
}

#[test]
fn arguments_come_in_pieces_or_whole_or_not_at_all() {
    let json = |text: &str| {
        delta(
            1,
            json!({ "type": "input_json_delta", "partial_json": text }),
        )
    };
    let [open, close] = call(1, "b", json!({}));
    let mut events = call(0, "a", json!({ "command": "ls" })).to_vec();
    events.extend([open, json("{\"command\":"), json("\"pwd\"}"), close]);
    events.extend(call(2, "c", Value::Null));
    events.extend(finish("tool_use"));
    let expected = vec![
        called("a", "{\"command\":\"ls\"}"),
        called("b", "{\"command\":\"pwd\"}"),
        called("c", "{}"),
        done(StopReason::ToolUse),
    ];
    assert_eq!(read(&events, End::Clean), (expected, Ok(())));
}

#[test]
fn what_follows_a_call_says_where_the_call_stands() {
    let caller = json!({ "type": "code_execution_20250825", "tool_id": "s" });
    let mut called_by = call(3, "c", json!({}));
    called_by[0]["content_block"]["caller"] = caller.clone();
    let mut direct = call(0, "a", json!({}));
    direct[0]["content_block"]["caller"] = json!({ "type": "direct" });
    let mut events = direct.to_vec();
    events.extend(call(1, "b", json!({})));
    events.extend([start(2, json!({ "type": "text", "text": "and" })), stop(2)]);
    events.extend(called_by);
    events.extend(finish("tool_use"));
    let expected = vec![
        vendor(json!({ "type": "call", "index": 1 })),
        said("and"),
        vendor(json!({ "type": "call", "index": 2, "caller": caller })),
        called("a", "{}"),
        called("b", "{}"),
        called("c", "{}"),
        done(StopReason::ToolUse),
    ];
    assert_eq!(read(&events, End::Clean), (expected, Ok(())));
}

#[test]
fn unsigned_thinking_is_shown_and_forgotten() {
    let thinking = delta(0, json!({ "type": "thinking_delta", "thinking": "hm" }));
    let mut events = vec![start(0, json!({ "type": "thinking" })), thinking, stop(0)];
    events.extend(finish("end_turn"));
    let expected = vec![StreamEvent::Reasoning("hm".into()), done(StopReason::End)];
    assert_eq!(read(&events, End::Clean), (expected, Ok(())));
}

#[test]
fn what_is_unknown_is_kept_whole_or_skipped() {
    let piece = |text: &str| delta(0, json!({ "type": "of_tomorrow_delta", "content": text }));
    let block = json!({ "type": "of_tomorrow", "content": null, "more": [1] });
    let mut events = vec![
        json!({ "type": "invented", "index": "three", "delta": 7 }),
        json!({ "type": "ping", "usage": "none" }),
        start(0, block),
        piece("a"),
        piece("b"),
        stop(0),
    ];
    events.extend(finish("end_turn"));
    let expected = vec![
        vendor(json!({ "type": "of_tomorrow", "content": "ab", "more": [1] })),
        done(StopReason::End),
    ];
    assert_eq!(read(&events, End::Clean), (expected, Ok(())));
}

#[test]
fn tokens_are_counted_once() {
    let first = json!({ "input_tokens": 10, "output_tokens": 1, "cache_read_input_tokens": 100 });
    let last = json!({ "output_tokens": 9, "cache_creation_input_tokens": 20,
        "output_tokens_details": { "thinking_tokens": 4 }, "input_tokens": null });
    let [mut reason, end] = finish("end_turn");
    reason["usage"] = last;
    let message = json!({ "type": "message_start", "message": { "usage": first } });
    let (events, result) = read(&[message, reason, end], End::Clean);
    let usage = TokenUsage {
        input: 130,
        output: 9,
        cache_read: 100,
        cache_write: 20,
        reasoning: 4,
    };
    let stop = StopReason::End;
    assert_eq!(
        (events, result),
        (vec![StreamEvent::Done { stop, usage }], Ok(()))
    );
}

#[test]
fn an_error_may_pass_until_something_was_said() {
    let error = |kind: &str, said: &str| {
        let error = json!({ "type": kind, "message": said });
        json!({ "type": "error", "error": error, "request_id": "req_1" })
    };
    let overloaded = error("overloaded_error", "Overloaded");
    let message = "Overloaded (`overloaded_error`, request req_1)".to_owned();
    let transient = ModelError::Transient {
        message: message.clone(),
        retry_after_ms: None,
    };
    let begun = start(0, json!({ "type": "text", "text": "" }));
    let events = [begun.clone(), overloaded.clone()];
    assert_eq!(read(&events, End::Clean), (Vec::new(), Err(transient)));
    let events = [begun, text(0, "so"), overloaded];
    let incomplete = ModelError::Incomplete { message };
    assert_eq!(
        read(&events, End::Clean),
        (vec![said("so")], Err(incomplete))
    );
    let (_, result) = read(
        &[error("invalid_request_error", "prompt is too long: 9")],
        End::Clean,
    );
    assert!(
        matches!(result, Err(ModelError::TooLong { .. })),
        "{result:?}"
    );
    let (_, result) = read(&[error("permission_error", "no")], End::Clean);
    assert!(
        matches!(result, Err(ModelError::Fatal { .. })),
        "{result:?}"
    );
}

#[test]
fn gateways_leave_out_kinds_and_add_an_end() {
    let body = "event: content_block_start\ndata: {\"content_block\":{\"type\":\"text\",\"text\":\"a\"}}\n\n\
                event: message_delta\ndata: {\"delta\":{\"stop_reason\":\"end_turn\"}}\n\n\
                data:\n\ndata: [DONE]\n\n";
    let expected = vec![said("a"), done(StopReason::End)];
    assert_eq!(read_text(body, End::Clean), (expected, Ok(())));
}

#[test]
fn an_answer_has_bounds() {
    let open = |index| start(index, json!({ "type": "text", "text": "" }));
    let events: Vec<Value> = (0..20).map(open).collect();
    let (_, result) = read(&events, End::Clean);
    assert!(
        matches!(result, Err(ModelError::Incomplete { .. })),
        "{result:?}"
    );
}
