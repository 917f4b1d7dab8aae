use rivetos_types::message::VendorBlock;
use serde_json::json;

use super::*;

fn read(body: &str, end: End) -> (Vec<StreamEvent>, Result<(), ModelError>) {
    let mut parser = StreamParser::new("m");
    let mut events = Vec::new();
    let result = parser
        .push(body.as_bytes(), &mut events)
        .and_then(|()| parser.end(end, &mut events));
    (events, result)
}

fn lines(lines: &[Value]) -> String {
    let lines: Vec<String> = lines.iter().map(|line| format!("{line}\n")).collect();
    lines.concat()
}

fn said(message: &Value) -> Value {
    json!({ "model": "m", "created_at": "now", "message": message, "done": false })
}

fn done(reason: &str) -> Value {
    json!({
        "message": { "role": "assistant", "content": "" }, "done": true, "done_reason": reason,
        "prompt_eval_count": 7, "eval_count": 3, "total_duration": 1,
    })
}

fn over(stop: StopReason) -> StreamEvent {
    StreamEvent::Done {
        stop,
        usage: TokenUsage {
            input: 7,
            output: 3,
            ..TokenUsage::default()
        },
    }
}

fn broke(result: Result<(), ModelError>) -> String {
    match result {
        Err(ModelError::Incomplete { message }) => message,
        other => panic!("{other:?}"),
    }
}

#[test]
fn thoughts_and_text() {
    let body = lines(&[
        said(&json!({ "role": "assistant", "content": "", "thinking": "hm" })),
        said(&json!({ "content": "Hel" })),
        json!({ "message": { "content": "lo" }, "done": true, "prompt_eval_count": 7, "eval_count": 3 }),
        json!({ "error": "nothing of this is read" }),
    ]);
    let expected = vec![
        StreamEvent::Reasoning("hm".into()),
        StreamEvent::Text("Hel".into()),
        StreamEvent::Text("lo".into()),
        over(StopReason::End),
    ];
    assert_eq!(read(&body, End::Clean), (expected, Ok(())));
}

#[test]
fn calls_bring_the_thoughts_before_them() {
    let call = |id: Value, arguments: Value| json!({ "tool_calls": [{ "id": id, "function": { "name": "look", "arguments": arguments } }] });
    let body = lines(&[
        said(&json!({ "thinking": "I " })),
        said(&json!({ "thinking": "look" })),
        said(&call(json!("c7"), json!({ "at": 1 }))),
        said(&call(Value::Null, json!("{}"))),
        said(&call(json!(""), Value::Null)),
        done("stop"),
    ]);
    let (events, result) = read(&body, End::Clean);
    assert_eq!(result, Ok(()));
    let named = |id: &str, arguments: &str| {
        StreamEvent::ToolCall(ToolCall {
            id: id.into(),
            name: "look".into(),
            arguments: arguments.into(),
        })
    };
    let expected = [
        named("c7", r#"{"at":1}"#),
        named("call_1", "{}"),
        named("call_2", "{}"),
        StreamEvent::Vendor(VendorBlock {
            vendor: "ollama".into(),
            model: "m".into(),
            block: json!({ "thinking": "I look" }),
        }),
        over(StopReason::ToolUse),
    ];
    assert_eq!(events[2..], expected);
}

#[test]
fn why_it_stopped() {
    let a = said(&json!({ "content": "a" }));
    let stop = |reason: &str| read(&lines(&[a.clone(), done(reason)]), End::Clean);
    assert_eq!(stop("length").0[1], over(StopReason::Length));
    assert_eq!(stop("something new").0[1], over(StopReason::End));
    for reason in ["load", "unload"] {
        let message = broke(stop(reason).1);
        assert_eq!(
            message,
            format!("the server answered nothing but `{reason}`")
        );
    }
}

#[test]
fn only_the_last_object_is_the_end() {
    let body = lines(&[said(&json!({ "content": "a" }))]);
    assert_eq!(
        broke(read(&body, End::Clean).1),
        "the body ended before the answer"
    );
    assert_eq!(broke(read(&body, End::Broken).1), "the connection was lost");
    let whole = format!("{body}{}", done("stop"));
    assert_eq!(read(&whole, End::Clean).1, Ok(()), "without a line end");
    assert_eq!(
        broke(read(&whole, End::Broken).1),
        "the connection was lost"
    );
    let whole = format!("{whole}\r\n\r\n");
    assert_eq!(read(&whole, End::Broken).1, Ok(()));
}

#[test]
fn an_error_in_the_stream_ends_it() {
    let error = json!({ "error": "an error was encountered while running the model: EOF" });
    let result = read(&lines(std::slice::from_ref(&error)), End::Clean).1;
    assert!(
        matches!(result, Err(ModelError::Transient { .. })),
        "{result:?}"
    );
    let after = lines(&[said(&json!({ "content": "a" })), error]);
    let message = broke(read(&after, End::Clean).1);
    assert_eq!(
        message,
        "an error was encountered while running the model: EOF"
    );
}

#[test]
fn what_cannot_be_read_is_no_answer() {
    for body in ["data: {}\n", "[1]\n", "{\"message\":{\"content\":1}}\n"] {
        let message = broke(read(body, End::Clean).1);
        assert!(message.starts_with("a line cannot be read"), "{message}");
    }
}

#[test]
fn calls_are_bounded() {
    let call = json!({ "function": { "name": "look" } });
    let body = lines(&[said(&json!({ "tool_calls": vec![call; CALLS_MAX + 1] }))]);
    let message = broke(read(&body, End::Clean).1);
    assert_eq!(message, "more tool calls than are possible in one answer");
}
