use rivetos_types::message::ToolCall;

use super::*;

fn read(body: &str, end: End) -> (Vec<StreamEvent>, Result<(), ModelError>) {
    let mut parser = StreamParser::new("m-1");
    let mut events = Vec::new();
    let result = parser
        .push(body.as_bytes(), &mut events)
        .and_then(|()| parser.end(end, &mut events));
    (events, result)
}

fn body(chunks: &[impl AsRef<str>]) -> String {
    let events: Vec<String> = chunks
        .iter()
        .map(|chunk| {
            format!(
                "data: {}

",
                chunk.as_ref()
            )
        })
        .collect();
    events.concat()
}

fn delta(delta: &str) -> String {
    format!(r#"{{"choices":[{{"index":0,"delta":{{{delta}}}}}]}}"#)
}

fn finish(reason: &str) -> String {
    format!(r#"{{"choices":[{{"index":0,"delta":{{}},"finish_reason":"{reason}"}}]}}"#)
}

fn call(id: &str, name: &str, arguments: &str) -> StreamEvent {
    StreamEvent::ToolCall(ToolCall {
        id: id.into(),
        name: name.into(),
        arguments: arguments.into(),
    })
}

fn done(stop: StopReason, input: u64, output: u64) -> StreamEvent {
    StreamEvent::Done {
        stop,
        usage: TokenUsage {
            input,
            output,
            ..TokenUsage::default()
        },
    }
}

#[test]
fn text_reasoning_and_usage_in_a_chunk_without_choices() {
    let chunks = [
        &delta(r#""role":"assistant","content":"""#),
        &delta(r#""reasoning_content":"hm","reasoning":"hm""#),
        &delta(r#""content":"Hel""#),
        &delta(r#""content":"lo","refusal":null,"tool_calls":null"#),
        &finish("stop"),
        r#"{"choices":[],"usage":{"prompt_tokens":5,"completion_tokens":2,"x":{}}}"#,
        "[DONE]",
        "nothing of this is read",
    ];
    let expected = vec![
        StreamEvent::Reasoning("hm".into()),
        StreamEvent::Text("Hel".into()),
        StreamEvent::Text("lo".into()),
        done(StopReason::End, 5, 2),
    ];
    assert_eq!(read(&body(&chunks), End::Broken), (expected, Ok(())));
}

#[test]
fn calls_are_put_together_by_index_in_any_order() {
    let fragments = [
        &delta(r#""tool_calls":[{"index":1,"id":"b","function":{"name":"two","arguments":"{"}}]"#),
        &delta(r#""tool_calls":[{"index":0,"id":"a","function":{"name":"one","arguments":""}}]"#),
        &delta(
            r#""tool_calls":[{"index":1,"function":{"arguments":"}"}},{"index":2,"function":{"name":"three","arguments":{"x":1}}}]"#,
        ),
        &finish("stop"),
    ];
    let expected = vec![
        call("a", "one", "{}"),
        call("b", "two", "{}"),
        call("call_2", "three", "{\"x\":1}"),
        done(StopReason::ToolUse, 0, 0),
    ];
    assert_eq!(read(&body(&fragments), End::Clean), (expected, Ok(())));
}

#[test]
fn calls_without_an_index_are_told_apart_by_identifier() {
    let fragments = [
        &delta(r#""tool_calls":[{"id":"a","function":{"name":"one","arguments":"{\"x\""}}]"#),
        &delta(r#""tool_calls":[{"function":{"arguments":":1}"}}]"#),
        &delta(r#""tool_calls":[{"id":"b","function":{"name":"two","arguments":"{}"}}]"#),
        &finish("tool_calls"),
        "[DONE]",
    ];
    let expected = vec![
        call("a", "one", "{\"x\":1}"),
        call("b", "two", "{}"),
        done(StopReason::ToolUse, 0, 0),
    ];
    assert_eq!(read(&body(&fragments), End::Clean), (expected, Ok(())));
}

#[test]
fn half_a_call_never_runs() {
    let fragments = [
        &delta(r#""tool_calls":[{"index":0,"id":"a","function":{"name":"one","arguments":"{}"}}]"#),
        &delta(
            r#""tool_calls":[{"index":1,"id":"b","function":{"name":"rm","arguments":"{\"p"}}]"#,
        ),
        &finish("length"),
        "[DONE]",
    ];
    let expected = vec![call("a", "one", "{}"), done(StopReason::Length, 0, 0)];
    assert_eq!(read(&body(&fragments), End::Clean), (expected, Ok(())));
}

#[test]
fn an_end_counts_only_after_a_finish_reason() {
    let incomplete =
        |result: &Result<(), ModelError>| matches!(result, Err(ModelError::Incomplete { .. }));
    let text = delta(r#""content":"half""#);
    for (chunks, end, complete) in [
        (vec![], End::Clean, false),
        (vec![text.clone()], End::Clean, false),
        (vec![text.clone(), finish("stop")], End::Broken, false),
        (vec![text.clone(), finish("stop")], End::Clean, true),
        (vec![text.clone(), "[DONE]".into()], End::Broken, true),
        (vec![text.clone(), "not json".into()], End::Clean, false),
        (
            vec![text.clone(), finish("error"), "[DONE]".into()],
            End::Clean,
            false,
        ),
    ] {
        let chunks: Vec<&str> = chunks.iter().map(String::as_str).collect();
        let (events, result) = read(&body(&chunks), end);
        assert_eq!(result.is_ok(), complete, "{chunks:?}");
        assert_eq!(incomplete(&result), !complete, "{chunks:?}: {result:?}");
        let has_done = events
            .iter()
            .any(|event| matches!(event, StreamEvent::Done { .. }));
        assert_eq!(has_done, complete, "{chunks:?}");
    }
}

#[test]
fn an_error_inside_the_stream_is_told_by_when_it_comes() {
    let overloaded = r#"{"error":{"message":"try later","code":503}}"#;
    let (_, first) = read(&body(&[overloaded]), End::Clean);
    let message = "try later".to_owned();
    let transient = ModelError::Transient {
        message: message.clone(),
        retry_after_ms: None,
    };
    assert_eq!(first, Err(transient));
    let (events, later) = read(&body(&[&delta(r#""content":"a""#), overloaded]), End::Clean);
    assert_eq!(events, vec![StreamEvent::Text("a".into())]);
    assert_eq!(later, Err(ModelError::Incomplete { message }));
    let refused = r#"{"error":{"message":"no such model","code":"model_not_found"},"choices":[]}"#;
    let (_, fatal) = read(&body(&[refused]), End::Clean);
    assert_eq!(
        fatal,
        Err(ModelError::Fatal {
            status: Some(404),
            message: "no such model".into()
        })
    );
}

#[test]
fn a_flood_of_calls_is_bounded() {
    let many: String = (0..200)
        .map(|index| {
            let call = format!(r#""tool_calls":[{{"index":{index},"function":{{"name":"x"}}}}]"#);
            body(&[&delta(&call)])
        })
        .collect();
    let (events, result) = read(&many, End::Clean);
    assert_eq!(events, vec![]);
    assert!(
        matches!(result, Err(ModelError::Incomplete { .. })),
        "{result:?}"
    );
}

fn vendor(block: serde_json::Value) -> StreamEvent {
    StreamEvent::Vendor(VendorBlock {
        vendor: VENDOR.into(),
        model: "m-1".into(),
        block,
    })
}

#[test]
fn thoughts_in_the_text_are_told_apart() {
    let chunks = [
        &delta(r#""content":"<th""#),
        &delta(r#""content":"ink>hm</""#),
        &delta(r#""content":"think>\n\nye""#),
        &delta(r#""content":"s""#),
        &finish("stop"),
    ];
    let expected = vec![
        StreamEvent::Reasoning("hm".into()),
        StreamEvent::Text("ye".into()),
        StreamEvent::Text("s".into()),
        done(StopReason::End, 0, 0),
    ];
    assert_eq!(read(&body(&chunks), End::Clean), (expected, Ok(())));
    let unclosed = [&delta(r#""content":"<think>hm</th""#), &finish("length")];
    let expected = vec![
        StreamEvent::Reasoning("hm".into()),
        StreamEvent::Reasoning("</th".into()),
        done(StopReason::Length, 0, 0),
    ];
    assert_eq!(read(&body(&unclosed), End::Clean), (expected, Ok(())));
}

#[test]
fn reasoning_goes_back_with_its_calls_only() {
    let reasoning = delta(r#""reasoning_content":"h""#);
    let more = delta(r#""reasoning_content":"m""#);
    let calls =
        delta(r#""tool_calls":[{"index":0,"id":"a","function":{"name":"one","arguments":"{}"}}]"#);
    let (events, _) = read(
        &body(&[&reasoning, &more, &calls, &finish("tool_calls")]),
        End::Clean,
    );
    let expected = [
        vendor(serde_json::json!({ "reasoning_content": "hm" })),
        call("a", "one", "{}"),
        done(StopReason::ToolUse, 0, 0),
    ];
    assert_eq!(events[2..], expected);
    let (events, _) = read(&body(&[&reasoning, &finish("stop")]), End::Clean);
    assert_eq!(events.len(), 2, "{events:?}");
}

#[test]
fn details_of_reasoning_are_put_together() {
    let detail = |more: &str| {
        delta(&format!(
            r#""reasoning_details":[{{"type":"reasoning.text","index":0,{more}}}]"#
        ))
    };
    let calls =
        delta(r#""tool_calls":[{"index":0,"id":"a","function":{"name":"one","arguments":"{}"}}]"#);
    let sealed =
        delta(r#""reasoning_details":[{"type":"reasoning.encrypted","index":1,"data":"x"}]"#);
    let chunks = [
        &detail(r#""text":"h","signature":null"#),
        &detail(r#""text":"m""#),
        &detail(r#""signature":"s","text":null"#),
        &sealed,
        &calls,
        &finish("tool_calls"),
    ];
    let (events, _) = read(&body(&chunks), End::Clean);
    let expected = vendor(serde_json::json!({ "reasoning_details": [
        { "type": "reasoning.text", "index": 0, "text": "hm", "signature": "s" },
        { "type": "reasoning.encrypted", "index": 1, "data": "x" },
    ]}));
    assert_eq!(events[0], expected);
}

#[test]
fn tokens_are_counted_once() {
    let usage = |usage: &str| {
        let chunk = format!(r#"{{"choices":[],"usage":{{{usage}}}}}"#);
        let (events, result) = read(&body(&[&finish("stop"), &chunk]), End::Clean);
        assert_eq!(result, Ok(()));
        match events.last() {
            Some(StreamEvent::Done { usage, .. }) => *usage,
            other => panic!("{other:?}"),
        }
    };
    let tokens = |input, output, cache_read, reasoning| TokenUsage {
        input,
        output,
        cache_read,
        cache_write: 0,
        reasoning,
    };
    let details = r#""completion_tokens_details":{"reasoning_tokens":4},"prompt_tokens_details":{"cached_tokens":3}"#;
    let within = format!(r#""prompt_tokens":9,"completion_tokens":5,"total_tokens":14,{details}"#);
    assert_eq!(usage(&within), tokens(9, 5, 3, 4));
    let apart = format!(r#""prompt_tokens":9,"completion_tokens":5,"total_tokens":18,{details}"#);
    assert_eq!(usage(&apart), tokens(9, 9, 3, 4));
    let deepseek = r#""prompt_tokens":9,"completion_tokens":5,"prompt_cache_hit_tokens":8"#;
    assert_eq!(usage(deepseek), tokens(9, 5, 8, 0));
}

#[test]
fn half_a_call_does_not_run_though_the_endpoint_calls_it_whole() {
    let half = delta(
        r#""tool_calls":[{"index":0,"id":"a","function":{"name":"one","arguments":"{\"x"}}]"#,
    );
    let end = r#"{"choices":[{"delta":{},"finish_reason":"tool_calls","native_finish_reason":"max_output_tokens"}]}"#;
    let expected = vec![done(StopReason::Length, 0, 0)];
    assert_eq!(read(&body(&[&half, end]), End::Clean), (expected, Ok(())));
}

#[test]
fn a_refusal_is_told() {
    let refusal = delta(r#""refusal":"no""#);
    let expected = vec![
        StreamEvent::Text("no".into()),
        done(StopReason::Refusal(None), 0, 0),
    ];
    assert_eq!(
        read(&body(&[&refusal, &finish("stop")]), End::Clean),
        (expected, Ok(()))
    );
}

#[test]
fn an_error_may_be_the_whole_event() {
    let error = r#"{"object":"error","message":"too much: the context length is 9","type":"BadRequestError","code":400}"#;
    let (_, result) = read(&body(&[error]), End::Clean);
    assert!(
        matches!(result, Err(ModelError::TooLong { .. })),
        "{result:?}"
    );
}

#[test]
fn a_filter_says_what_it_found() {
    let ended = |more: &str| {
        let chunk = format!(r#"{{"choices":[{{"finish_reason":"content_filter",{more}}}]}}"#);
        let (events, result) = read(&body(&[&chunk]), End::Clean);
        assert_eq!(result, Ok(()));
        let [StreamEvent::Done { stop, .. }] = &events[..] else {
            panic!("{events:?}")
        };
        stop.clone()
    };
    let filter = |found: &str| StopReason::ContentFilter(Some(found.to_owned()));
    let azure = r#""content_filter_results":{"hate":{"filtered":false,"severity":"safe"},
        "sexual":{"filtered":true,"severity":"high"},"jailbreak":{"filtered":true,"detected":true},
        "error":null}"#
        .replace('\n', "");
    assert_eq!(ended(&azure), filter("sexual, jailbreak"));
    let openrouter = r#""native_finish_reason":"PROHIBITED_CONTENT""#;
    assert_eq!(ended(openrouter), filter("PROHIBITED_CONTENT"));
    let nothing = r#""native_finish_reason":"content_filter","content_filter_results":{}"#;
    assert_eq!(ended(nothing), StopReason::ContentFilter(None));
}
