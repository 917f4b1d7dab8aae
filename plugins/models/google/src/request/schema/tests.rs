use super::*;

fn check(schema: &Value, expected: &Value) {
    let tool = json!({ "type": "object", "properties": { "x": schema } });
    let reduced = parameters(&tool).unwrap();
    assert_eq!(reduced["properties"]["x"], *expected, "{schema}");
}

#[test]
fn what_the_vendor_has_no_word_for_is_left_out() {
    let schema = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Args",
        "type": "object",
        "additionalProperties": false,
        "properties": {
            "n": { "type": "integer", "format": "uint", "minimum": 0, "default": 3 },
            "at": { "type": "string", "format": "date-time", "examples": ["now"] },
        },
        "required": ["n", "gone"],
    });
    let expected = json!({
        "title": "Args",
        "type": "object",
        "properties": {
            "n": { "type": "integer", "minimum": 0 },
            "at": { "type": "string", "format": "date-time" },
        },
        "required": ["n"],
    });
    assert_eq!(parameters(&schema), Some(expected));
}

#[test]
fn a_tool_that_takes_nothing_has_no_parameters() {
    assert_eq!(parameters(&json!({ "type": "object" })), None);
    assert_eq!(
        parameters(&json!({ "type": "object", "properties": {} })),
        None
    );
}

#[test]
fn unions_and_absence() {
    check(
        &json!({ "type": ["string", "null"], "description": "d" }),
        &json!({ "type": "string", "nullable": true, "description": "d" }),
    );
    check(
        &json!({ "type": ["string", "integer"], "description": "d" }),
        &json!({ "anyOf": [{ "type": "string" }, { "type": "integer" }], "description": "d" }),
    );
    check(
        &json!({ "anyOf": [{ "type": "boolean" }, { "type": "null" }], "description": "d" }),
        &json!({ "type": "boolean", "nullable": true, "description": "d" }),
    );
    check(
        &json!({ "oneOf": [{ "const": "a" }, { "type": "number", "format": "double" }] }),
        &json!({ "anyOf": [
            { "type": "string", "enum": ["a"] },
            { "type": "number", "format": "double" },
        ] }),
    );
}

#[test]
fn lists_of_choices() {
    check(
        &json!({ "enum": ["a", "b"] }),
        &json!({ "type": "string", "enum": ["a", "b"] }),
    );
    check(
        &json!({ "type": ["string", "null"], "enum": ["a", null] }),
        &json!({ "type": "string", "nullable": true, "enum": ["a"] }),
    );
    check(
        &json!({ "type": "integer", "enum": [1, 2], "description": "Which." }),
        &json!({ "type": "integer", "description": "Which. One of: 1, 2." }),
    );
}

#[test]
fn every_schema_has_a_kind() {
    check(&json!(true), &json!({ "type": "string" }));
    check(&json!({}), &json!({ "type": "string" }));
    check(
        &json!({ "type": "array" }),
        &json!({ "type": "array", "items": { "type": "string" } }),
    );
    check(
        &json!({ "items": { "type": "integer" } }),
        &json!({ "type": "array", "items": { "type": "integer" } }),
    );
    check(
        &json!({ "type": "object", "additionalProperties": { "type": "string" } }),
        &json!({ "type": "object" }),
    );
}

#[test]
fn references_are_replaced() {
    let schema = json!({
        "type": "object",
        "properties": {
            "p": { "$ref": "#/$defs/P", "description": "where" },
            "q": { "allOf": [{ "$ref": "#/$defs/P" }, { "required": ["y"] }] },
            "r": { "$ref": "#/$defs/missing" },
        },
        "$defs": { "P": {
            "type": "object",
            "properties": { "x": { "type": "number" }, "y": { "type": "number" } },
            "required": ["x"],
        } },
    });
    let point = |required: Value| {
        let number = json!({ "type": "number" });
        json!({ "type": "object", "properties": { "x": number, "y": number }, "required": required })
    };
    let mut described = point(json!(["x"]));
    described["description"] = json!("where");
    let reduced = parameters(&schema).unwrap();
    assert_eq!(reduced["properties"]["p"], described);
    assert_eq!(reduced["properties"]["q"], point(json!(["x", "y"])));
    assert_eq!(reduced["properties"]["r"], json!({ "type": "string" }));
}

#[test]
fn what_refers_to_itself_ends() {
    let node = json!({ "$ref": "#/$defs/Node" });
    let schema = json!({
        "type": "object",
        "properties": { "tree": node },
        "$defs": { "Node": {
            "type": "object",
            "properties": { "left": node, "right": node, "more": { "allOf": [node] } },
        } },
    });
    let reduced = parameters(&schema).unwrap();
    assert_eq!(
        reduced["properties"]["tree"]["properties"]["left"]["type"],
        json!("object")
    );
    assert!(reduced.to_string().len() < 200_000);
}
