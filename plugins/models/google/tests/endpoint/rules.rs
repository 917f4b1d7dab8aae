//! The vendor's published rules for a request.

use serde_json::{Map, Value};

type Checked = Result<(), String>;

const BODY: &[&str] = &[
    "contents",
    "systemInstruction",
    "tools",
    "toolConfig",
    "generationConfig",
];

/// What a part can be.
const DATA: &[&str] = &[
    "text",
    "inlineData",
    "functionCall",
    "functionResponse",
    "executableCode",
    "codeExecutionResult",
];

/// What of the files that we know can stand in a request.
const FILES: &[&str] = &[
    "image/png",
    "image/jpeg",
    "image/webp",
    "application/pdf",
    "audio/ogg",
    "audio/mp3",
    "audio/wav",
];

const SCHEMA: &[&str] = &[
    "type",
    "format",
    "title",
    "description",
    "nullable",
    "enum",
    "minItems",
    "maxItems",
    "properties",
    "required",
    "minProperties",
    "maxProperties",
    "minLength",
    "maxLength",
    "pattern",
    "anyOf",
    "propertyOrdering",
    "items",
    "minimum",
    "maximum",
];

/// The vendor takes this in place of a signature, for calls of other models.
const ANY_SIGNATURE: &str = "skip_thought_signature_validator";

fn must(holds: bool, message: impl Into<String>) -> Checked {
    if holds { Ok(()) } else { Err(message.into()) }
}

/// Whether `model` would take the request after it has `said` these parts.
pub(crate) fn check(model: &str, body: &Value, said: &[Value]) -> Checked {
    let body = body.as_object().ok_or("no object")?;
    let unknown = body.keys().find(|key| !BODY.contains(&key.as_str()));
    must(unknown.is_none(), format!("unknown name {unknown:?}"))?;
    let contents = list(body.get("contents"));
    let roles: Vec<&str> = contents.iter().map(role).collect();
    must(roles.first() == Some(&"user"), "the first role is not user")?;
    must(roles.last() == Some(&"user"), "the last role is not user")?;
    must(
        roles.windows(2).all(|two| two[0] != two[1]),
        "roles do not alternate",
    )?;
    for (at, content) in contents.iter().enumerate() {
        let parts = list(content.get("parts"));
        must(!parts.is_empty(), format!("content {at} has no parts"))?;
        for part in parts {
            check_part(role(content), part, said)
                .map_err(|error| format!("content {at}: {error}"))?;
        }
        let answers = contents
            .get(at + 1)
            .map_or(&[][..], |next| list(next.get("parts")));
        check_answers(parts, answers).map_err(|error| format!("content {at}: {error}"))?;
    }
    let config = body.get("generationConfig").cloned().unwrap_or_default();
    check_thinking(model, &config)?;
    if !model.starts_with("gemini-2") {
        check_signatures(contents)?;
    }
    check_tools(model, body)?;
    for tool in list(body.get("tools")) {
        for declaration in list(tool.get("functionDeclarations")) {
            if let Some(parameters) = declaration.get("parameters") {
                check_schema(parameters)?;
            }
        }
    }
    Ok(())
}

fn list(value: Option<&Value>) -> &[Value] {
    value.and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

fn role(content: &Value) -> &str {
    content["role"].as_str().unwrap_or_default()
}

fn check_part(role: &str, part: &Value, said: &[Value]) -> Checked {
    let part = part.as_object().ok_or("a part is no object")?;
    let data: Vec<&String> = part
        .keys()
        .filter(|key| DATA.contains(&key.as_str()))
        .collect();
    let [data] = data[..] else {
        return Err(format!("a part has the data {data:?}"));
    };
    let theirs = matches!(
        data.as_str(),
        "functionCall" | "executableCode" | "codeExecutionResult"
    );
    let ours = matches!(data.as_str(), "functionResponse" | "inlineData");
    must(
        if role == "user" { !theirs } else { !ours },
        format!("{data} of a {role}"),
    )?;
    for kind in ["functionCall", "functionResponse"] {
        let name = part.get(kind).map(|part| part["name"].as_str());
        let name = name.map(Option::unwrap_or_default);
        must(
            name.is_none_or(is_name),
            format!("Invalid function name {name:?}"),
        )?;
    }
    if let Some(file) = part.get("inlineData") {
        let kind = file["mimeType"].as_str().unwrap_or_default();
        let taken = FILES.contains(&kind) && file["data"].is_string();
        must(taken, format!("Unsupported MIME type: {kind}"))?;
    }
    let Some(signature) = part.get("thoughtSignature") else {
        return must(part[data] != "", "an empty text");
    };
    if data == "functionCall" && signature == ANY_SIGNATURE {
        return Ok(());
    }
    let same = |one: &&Value| one.get("thoughtSignature") == Some(signature);
    let original = said
        .iter()
        .find(same)
        .ok_or("a signature that nobody gave")?;
    must(
        original.get(data) == part.get(data),
        format!("{signature} is on another part"),
    )
}

/// A letter or an underscore, and then what else there may be.
fn is_name(name: &str) -> bool {
    let starts = |c: char| c.is_ascii_alphabetic() || c == '_';
    let takes = |c: char| c.is_ascii_alphanumeric() || "_.:-".contains(c);
    name.starts_with(starts) && name.chars().all(takes) && name.len() <= 64
}

/// All calls are answered by the next content, in order, by name and, where there is one, by id.
fn check_answers(parts: &[Value], answers: &[Value]) -> Checked {
    let of = |parts: &[Value], kind: &str| -> Vec<(Value, Option<Value>)> {
        let found = parts.iter().filter_map(|part| part.get(kind));
        found
            .map(|found| (found["name"].clone(), found.get("id").cloned()))
            .collect()
    };
    let (calls, answers) = (of(parts, "functionCall"), of(answers, "functionResponse"));
    must(
        calls.is_empty() || calls == answers,
        format!("{calls:?} is answered by {answers:?}"),
    )?;
    let code = parts
        .iter()
        .filter(|part| part.get("executableCode").is_some())
        .count();
    let results = parts
        .iter()
        .filter(|part| part.get("codeExecutionResult").is_some())
        .count();
    must(code == results, "code without its result")
}

/// Functions and the vendor's own tools go together only where, and when, that is said.
fn check_tools(model: &str, body: &Map<String, Value>) -> Checked {
    let is_ours = |tool: &&Value| tool.get("functionDeclarations").is_some();
    let tools = list(body.get("tools"));
    let ours = tools.iter().filter(is_ours).count();
    if ours == 0 || ours == tools.len() {
        return Ok(());
    }
    let takes = !model.starts_with("gemini-2");
    must(takes, "Tool use with function calling is unsupported")?;
    let config = body.get("toolConfig").cloned().unwrap_or_default();
    let said = config["includeServerSideToolInvocations"] == true;
    must(
        said,
        "Please enable tool_config.include_server_side_tool_invocations",
    )
}

fn check_thinking(model: &str, config: &Value) -> Checked {
    let config = &config["thinkingConfig"];
    let (budget, level) = (config.get("thinkingBudget"), config.get("thinkingLevel"));
    let takes_budget = model.starts_with("gemini-2.5");
    must(
        budget.is_none() || takes_budget,
        "this model takes no budget",
    )?;
    must(
        level.is_none() || !takes_budget,
        "this model takes no level",
    )
}

/// In the present turn the first call of each step is signed.
fn check_signatures(contents: &[Value]) -> Checked {
    let speaks = |content: &Value| {
        role(content) == "user"
            && list(content.get("parts"))
                .iter()
                .any(|part| part.get("text").is_some())
    };
    let turn = contents.iter().rposition(speaks).unwrap_or(0);
    for content in &contents[turn..] {
        let parts = list(content.get("parts"));
        let first = parts.iter().find(|part| part.get("functionCall").is_some());
        let signed = first.is_none_or(|part| part.get("thoughtSignature").is_some());
        must(
            signed,
            "Function call is missing a thought_signature in functionCall parts.",
        )?;
    }
    Ok(())
}

fn check_schema(schema: &Value) -> Checked {
    let schema: &Map<String, Value> = schema.as_object().ok_or("a schema is no object")?;
    let unknown = schema.keys().find(|key| !SCHEMA.contains(&key.as_str()));
    must(
        unknown.is_none(),
        format!("unknown name {unknown:?} in a schema"),
    )?;
    must(
        schema.contains_key("type") || schema.contains_key("anyOf"),
        "a schema without a type",
    )?;
    if schema.get("type") == Some(&Value::from("array")) {
        check_schema(schema.get("items").ok_or("items: missing field")?)?;
    }
    let properties = schema.get("properties").and_then(Value::as_object);
    for property in properties.into_iter().flat_map(Map::values) {
        check_schema(property)?;
    }
    for way in list(schema.get("anyOf")) {
        check_schema(way)?;
    }
    for name in list(schema.get("required")) {
        let known = name.as_str().zip(properties);
        let known = known.is_some_and(|(name, properties)| properties.contains_key(name));
        must(known, "required: property is not defined")?;
    }
    Ok(())
}
