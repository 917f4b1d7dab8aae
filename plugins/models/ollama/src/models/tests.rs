use rivetos_types::store::Thinking::{High, Low, Off};

use super::*;

fn shown(body: &Value) -> Shown {
    shown_of(body.to_string().as_bytes()).unwrap()
}

#[test]
fn what_a_server_says_of_a_model() {
    let shown = shown(&json!({
        "model_info": { "general.architecture": "qwen3", "qwen3.context_length": 40960 },
        "details": { "family": "qwen3" },
        "capabilities": ["completion", "tools", "thinking"],
    }));
    assert_eq!(shown.context_tokens, Some(40960));
    let tools = |names: &Vec<String>| names.contains(&"tools".to_owned());
    assert!(shown.capabilities.as_ref().is_some_and(tools));
}

#[test]
fn each_model_is_told_to_think_in_its_own_words() {
    let able = |capabilities: Value, family: &str| json!({ "capabilities": capabilities, "details": { "family": family } });
    let says = |values: Value| json!({ "thinking": { "values": values }, "capabilities": [] });
    for (body, off, low, high) in [
        (json!({}), json!(false), json!(true), json!(true)),
        (
            able(json!(["tools"]), "llama"),
            Value::Null,
            Value::Null,
            Value::Null,
        ),
        (
            able(json!(["thinking"]), "qwen3"),
            json!(false),
            json!(true),
            json!(true),
        ),
        (
            able(json!(["thinking"]), "gptoss"),
            json!("low"),
            json!("low"),
            json!("high"),
        ),
        (says(json!([false])), json!(false), Value::Null, Value::Null),
        (
            says(json!([true, false])),
            json!(false),
            json!(true),
            json!(true),
        ),
        (
            says(json!(["low", "medium", "high"])),
            json!("low"),
            json!("low"),
            json!("high"),
        ),
        (
            says(json!([false, "low", "high"])),
            json!(false),
            json!("low"),
            json!("high"),
        ),
    ] {
        let shown = shown(&body);
        let think = |thinking| shown.think(thinking).unwrap_or_default();
        assert_eq!(
            [think(Off), think(Low), think(High)],
            [off, low, high],
            "{body}"
        );
    }
}

#[test]
fn lists_are_read() {
    let body = json!({ "models": [
        { "name": "qwen3:4b", "size": 2_600_000_000_u64, "details": {
            "parameter_size": "4.0B", "quantization_level": "Q4_K_M",
        } },
        { "name": "bare", "details": null },
    ] });
    let listed = list_of(body.to_string().as_bytes()).unwrap();
    let first = Listed {
        name: "qwen3:4b".into(),
        bytes: 2_600_000_000,
        parameters: Some("4.0B".into()),
        quantization: Some("Q4_K_M".into()),
    };
    assert_eq!(listed[0], first);
    assert_eq!(listed[1].bytes, 0);
    assert_eq!(
        version_of(b"{\"version\":\"0.12.0\"}").as_deref(),
        Ok("0.12.0")
    );
    assert!(list_of(b"[]").is_err());
}
