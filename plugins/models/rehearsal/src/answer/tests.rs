use super::*;

fn request(messages: &serde_json::Value, tools: &[&str]) -> ChatRequest {
    let tools: Vec<_> = tools
        .iter()
        .map(|name| json!({ "function": { "name": name } }))
        .collect();
    serde_json::from_value(json!({ "messages": messages, "tools": tools, "stream": true })).unwrap()
}

fn user(text: &str) -> serde_json::Value {
    json!([{ "role": "system", "content": "run: nothing" }, { "role": "user", "content": text }])
}

fn call(name: &'static str, arguments: &str) -> Answer {
    Answer::Call {
        name,
        arguments: arguments.into(),
    }
}

const ALL: [&str; 2] = ["shell", "file_read"];

#[test]
fn orders_become_calls() {
    for (said, expected) in [
        ("run: uname -a", call("shell", r#"{"command":"uname -a"}"#)),
        (
            "please\n  run:  echo \"a b\" \nthanks",
            call("shell", r#"{"command":"echo \"a b\""}"#),
        ),
        (
            "read: notes/ä.md",
            call("file_read", r#"{"path":"notes/ä.md"}"#),
        ),
    ] {
        assert_eq!(answer(&request(&user(said), &ALL)), expected, "{said}");
    }
}

#[test]
fn everything_else_is_echoed_with_the_first_line_first() {
    for said in ["hello", "run:", "prerun: x", ""] {
        let Answer::Text(text) = answer(&request(&user(said), &ALL)) else {
            panic!("{said}")
        };
        assert!(text.starts_with(FIRST_LINE), "{text}");
        assert!(text.contains(&format!("You said: {said}\n")), "{text}");
        assert!(
            text.contains("`run: COMMAND`") && text.contains("`read: PATH`"),
            "{text}"
        );
    }
}

#[test]
fn a_tool_that_is_not_offered_is_not_called() {
    let Answer::Text(text) = answer(&request(&user("run: ls"), &["file_read"])) else {
        panic!()
    };
    assert!(text.contains("`shell` is not there"), "{text}");
}

#[test]
fn results_are_told_and_old_orders_are_not_obeyed_again() {
    let mut messages = json!([
        { "role": "user", "content": [{ "type": "text", "text": "run: date" }] },
        { "role": "assistant", "content": null, "tool_calls": [{ "id": "c" }] },
        { "role": "tool", "tool_call_id": "c", "content": "Monday" },
    ]);
    let Answer::Text(text) = answer(&request(&messages, &ALL)) else {
        panic!()
    };
    assert_eq!(
        text,
        format!("{FIRST_LINE}\n\nThe tool answered:\n\nMonday")
    );
    let list = messages.as_array_mut().unwrap();
    list.push(json!({ "role": "assistant", "content": text }));
    list.push(json!({ "role": "user", "content": "thanks" }));
    let Answer::Text(text) = answer(&request(&messages, &ALL)) else {
        panic!()
    };
    assert!(text.contains("You said: thanks\n"), "{text}");
}
