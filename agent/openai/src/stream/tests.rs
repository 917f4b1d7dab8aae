use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::LazyLock;

use rivetos_types::message::{Message, TokenUsage, ToolCall};
use rivetos_types::settings::ToolCalls;
use serde_json::{Map, json};

use super::*;
use crate::Documents;

static NOTHING: LazyLock<Map<String, Value>> = LazyLock::new(Map::new);

fn parser(history: History) -> StreamParser {
    let endpoint = Endpoint {
        vendor: "test",
        model: "m-1",
        history,
        effort: None,
        include: &[],
        tool_calls: ToolCalls::Parallel,
        documents: Documents::Described,
        server_tools: Vec::new(),
        max_tokens: None,
        temperature: None,
        top_p: None,
        extra_body: &NOTHING,
    };
    let request = ModelRequest {
        model: None,
        images: BTreeMap::new(),
        thinking: None,
        system: Arc::default(),
        messages: vec![Message::user("hi")].into(),
        tools: Arc::default(),
    };
    StreamParser::new(&endpoint, &request)
}

fn read(events: &[Value]) -> (Vec<StreamEvent>, Result<(), ModelError>) {
    let pieces = events.iter().map(|event| format!("data: {event}\n\n"));
    let body = pieces.collect::<Vec<_>>().concat();
    let mut parser = parser(History::Stateless);
    let mut events = Vec::new();
    let result = parser
        .push(body.as_bytes(), &mut events)
        .and_then(|()| parser.end(End::Clean, &mut events));
    (events, result)
}

fn event(kind: &str, more: Value) -> Value {
    let mut event = more;
    event["type"] = kind.into();
    event
}

fn item(kind: &str, index: u64, item: &Value) -> Value {
    let kind = format!("response.output_item.{kind}");
    event(&kind, json!({ "output_index": index, "item": item }))
}

fn completed() -> Value {
    event(
        "response.completed",
        json!({ "response": { "id": "resp_1", "status": "completed" } }),
    )
}

fn function(call_id: &str, name: &str, arguments: &str) -> Value {
    json!({
        "type": "function_call",
        "id": format!("fc_{call_id}"),
        "call_id": call_id,
        "name": name,
        "arguments": arguments,
    })
}

fn call(id: &str, name: &str, arguments: &str) -> StreamEvent {
    StreamEvent::ToolCall(ToolCall {
        id: id.into(),
        name: name.into(),
        arguments: arguments.into(),
    })
}

fn done(stop: StopReason) -> StreamEvent {
    let usage = TokenUsage::default();
    StreamEvent::Done { stop, usage }
}

#[test]
fn text_reasoning_and_usage() {
    let usage = json!({
        "input_tokens": 9,
        "input_tokens_details": { "cached_tokens": 4 },
        "output_tokens": 7,
        "output_tokens_details": { "reasoning_tokens": 5 },
        "cost_in_usd_ticks": 1,
    });
    let part = "response.reasoning_summary_part.added";
    let summary = "response.reasoning_summary_text.delta";
    let message =
        json!({ "type": "message", "content": [{ "type": "output_text", "text": "Hello" }] });
    let events = [
        event(
            "response.created",
            json!({ "response": { "id": "resp_1", "output": null } }),
        ),
        event("response.of_the_future", json!({ "delta": { "x": 1 } })),
        event(part, json!({ "summary_index": 0 })),
        event(summary, json!({ "delta": "hm" })),
        event(part, json!({ "summary_index": 1 })),
        event(summary, json!({ "delta": "well" })),
        event("response.reasoning_text.delta", json!({ "delta": "!" })),
        event(
            "response.output_text.delta",
            json!({ "output_index": 1, "delta": "Hel" }),
        ),
        event(
            "response.output_text.delta",
            json!({ "output_index": 1, "delta": "lo" }),
        ),
        item("done", 1, &message),
        event(
            "response.completed",
            json!({ "response": { "usage": usage } }),
        ),
        json!({ "type": "error", "message": "nothing of this is read" }),
    ];
    let expected = vec![
        StreamEvent::Reasoning("hm".into()),
        StreamEvent::Reasoning("\n\n".into()),
        StreamEvent::Reasoning("well".into()),
        StreamEvent::Reasoning("!".into()),
        StreamEvent::Text("Hel".into()),
        StreamEvent::Text("lo".into()),
        StreamEvent::Done {
            stop: StopReason::End,
            usage: TokenUsage {
                input: 9,
                output: 7,
                cache_read: 4,
                cache_write: 0,
                reasoning: 5,
            },
        },
    ];
    assert_eq!(read(&events), (expected, Ok(())));
}

#[test]
fn calls_are_put_together_in_the_order_of_the_answer() {
    let arguments = "response.function_call_arguments.delta";
    let events = [
        item("added", 2, &function("b", "two", "")),
        item("added", 0, &function("a", "one", "")),
        event(arguments, json!({ "output_index": 0, "delta": "{\"x\"" })),
        event(arguments, json!({ "output_index": 2, "delta": "{}" })),
        event(arguments, json!({ "output_index": 0, "delta": ":1}" })),
        item("done", 2, &function("b", "two", "{\"y\":2}")),
        item("added", 3, &function("c", "three", "")),
        completed(),
    ];
    let expected = vec![
        call("a", "one", "{\"x\":1}"),
        call("b", "two", "{\"y\":2}"),
        call("c", "three", "{}"),
        done(StopReason::ToolUse),
    ];
    assert_eq!(read(&events), (expected, Ok(())));
}

#[test]
fn calls_without_a_place_are_told_apart_by_identifier() {
    let mut events = vec![
        event(
            "response.output_item.added",
            json!({ "item": function("a", "one", "") }),
        ),
        event(
            "response.output_item.added",
            json!({ "item": function("b", "two", "") }),
        ),
    ];
    for (id, delta) in [
        ("fc_b", "{\"b\":"),
        ("fc_a", "{\"a\":"),
        ("fc_b", "2}"),
        ("fc_a", "1}"),
    ] {
        let more = json!({ "item_id": id, "delta": delta });
        events.push(event("response.function_call_arguments.delta", more));
    }
    events.push(completed());
    let expected = vec![
        call("a", "one", "{\"a\":1}"),
        call("b", "two", "{\"b\":2}"),
        done(StopReason::ToolUse),
    ];
    assert_eq!(read(&events), (expected, Ok(())));
}

#[test]
fn half_a_call_of_a_cut_off_answer_is_dropped() {
    let details = json!({ "response": {
        "status": "incomplete",
        "incomplete_details": { "reason": "max_output_tokens" },
    }});
    let events = [
        item("done", 0, &function("a", "one", "{}")),
        item("added", 1, &function("b", "two", "")),
        event(
            "response.function_call_arguments.delta",
            json!({ "output_index": 1, "delta": "{\"command\":\"rm -r" }),
        ),
        event("response.incomplete", details),
    ];
    let expected = vec![call("a", "one", "{}"), done(StopReason::Length)];
    assert_eq!(read(&events), (expected, Ok(())));
    let details = json!({ "response": { "incomplete_details": { "reason": "content_filter" } } });
    let filtered = [event("response.incomplete", details)];
    let expected = vec![done(StopReason::ContentFilter(None))];
    assert_eq!(read(&filtered), (expected, Ok(())));
}

#[test]
fn a_refusal_is_said_and_told() {
    let events = [
        event("response.refusal.delta", json!({ "delta": "I will not." })),
        completed(),
    ];
    let said = StreamEvent::Text("I will not.".into());
    let expected = vec![said.clone(), done(StopReason::Refusal(None))];
    assert_eq!(read(&events), (expected.clone(), Ok(())));
    let whole =
        json!({ "type": "message", "content": [{ "type": "refusal", "refusal": "I will not." }] });
    assert_eq!(
        read(&[item("done", 0, &whole), completed()]),
        (expected, Ok(()))
    );
}

#[test]
fn an_endpoint_may_stream_nothing_but_the_end() {
    let message =
        json!({ "type": "message", "content": [{ "type": "output_text", "text": "hi" }] });
    let output = json!([message, function("a", "one", "{}")]);
    let events = [event(
        "response.done",
        json!({ "response": { "output": output } }),
    )];
    let expected = vec![
        StreamEvent::Text("hi".into()),
        call("a", "one", "{}"),
        done(StopReason::ToolUse),
    ];
    assert_eq!(read(&events), (expected, Ok(())));
}

#[test]
fn reasoning_goes_back_as_it_came_in_front_of_its_call() {
    let sealed = |id: &str| {
        json!({
            "type": "reasoning",
            "id": id,
            "status": "completed",
            "summary": [],
            "encrypted_content": "x",
        })
    };
    let open = json!({ "type": "reasoning", "id": "rs_0", "summary": [] });
    let events = [
        item("done", 0, &open),
        item("done", 1, &sealed("rs_1")),
        item("done", 2, &function("a", "one", "{}")),
        item("done", 3, &sealed("rs_2")),
        item("done", 4, &function("b", "two", "{}")),
        completed(),
    ];
    let (events, result) = read(&events);
    assert_eq!(result, Ok(()));
    let blocks: Vec<_> = events
        .iter()
        .filter_map(|event| match event {
            StreamEvent::Vendor(block) => Some((&block.block["after_calls"], &block.block["item"])),
            _ => None,
        })
        .collect();
    let item = |id: &str| json!({ "type": "reasoning", "id": id, "summary": [], "encrypted_content": "x" });
    assert_eq!(
        blocks,
        [(&json!(0), &item("rs_1")), (&json!(1), &item("rs_2"))]
    );
}

#[test]
fn an_answer_that_is_kept_says_what_was_asked() {
    let kept = |response: Value| {
        let body = format!(
            "data: {}\n\n",
            event("response.completed", json!({ "response": response }))
        );
        let mut events = Vec::new();
        parser(History::Stored)
            .push(body.as_bytes(), &mut events)
            .unwrap();
        events.into_iter().find_map(|event| match event {
            StreamEvent::Vendor(block) => Some(block.block),
            _ => None,
        })
    };
    let asked = digest("", &[Message::user("hi")]);
    let output = json!([function("call_1", "one", "{}")]);
    let block = kept(json!({ "id": "resp_1", "output": output })).unwrap();
    let expected = json!({
        "kind": "response",
        "id": "resp_1",
        "asked": asked,
        "calls": ["call_1"],
    });
    assert_eq!(block, expected);
    assert_eq!(kept(json!({ "id": "resp_1", "store": false })), None);
    assert_eq!(kept(json!({ "status": "completed" })), None);
}

#[test]
fn failures_are_errors_wherever_they_stand() {
    let transient = |message: &str| ModelError::Transient {
        message: message.into(),
        retry_after_ms: None,
    };
    let error = json!({ "code": "server_error", "message": "oops" });
    for failure in [
        event(
            "response.failed",
            json!({ "response": { "status": "failed", "error": error } }),
        ),
        event("error", error.clone()),
        event("error", json!({ "error": error })),
        json!({ "error": error }),
    ] {
        let (events, result) = read(std::slice::from_ref(&failure));
        assert_eq!((events, result), (Vec::new(), Err(transient("oops"))));
        let text = event("response.output_text.delta", json!({ "delta": "a" }));
        let (events, result) = read(&[text, failure]);
        assert_eq!(events.len(), 1);
        assert!(matches!(result, Err(ModelError::Incomplete { .. })));
    }
    let long = json!({ "code": "context_length_exceeded", "message": "too much" });
    let failed = event("response.failed", json!({ "response": { "error": long } }));
    assert!(matches!(read(&[failed]).1, Err(ModelError::TooLong { .. })));
}

#[test]
fn an_end_without_a_last_event_is_none() {
    let mut parser = parser(History::Stateless);
    let mut events = Vec::new();
    let result = parser.push(b"data: [DONE]\n\n", &mut events);
    assert_eq!(result, Ok(()));
    let result = parser.end(End::Clean, &mut events);
    assert!(matches!(result, Err(ModelError::Incomplete { .. })));
    let text = event("response.output_text.delta", json!({ "delta": "a" }));
    let (_, result) = read(&[text]);
    assert!(matches!(result, Err(ModelError::Incomplete { .. })));
}
