//! The published rules of a request.

use std::collections::BTreeSet;

use serde_json::Value;

/// What a signature is made of, so that one that was altered is known.
pub(crate) fn signature(thinking: &str) -> String {
    format!("signed({})", thinking.len())
}

/// The first rule that a request breaks. Thinking that was signed is known by its [`signature`].
pub(crate) fn check(body: &Value) -> Result<(), String> {
    check_signed(body, &|block| {
        let signed = block["thinking"].as_str().map(signature);
        signed.as_deref() == block["signature"].as_str()
    })
}

/// The first rule that a request breaks; `is_signed` knows thinking that is as it was signed.
pub(crate) fn check_signed(body: &Value, is_signed: &dyn Fn(&Value) -> bool) -> Result<(), String> {
    let max_tokens = body["max_tokens"].as_u64().unwrap_or(0);
    rule(max_tokens > 0, "max_tokens")?;
    rule(body["stream"] == true, "stream")?;
    rule(
        body.to_string().matches("cache_control").count() <= 4,
        "cache_control",
    )?;
    for tool in body["tools"].as_array().into_iter().flatten() {
        let own = tool.get("type").is_none();
        rule(
            !own || tool["input_schema"]["type"] == "object",
            "input_schema",
        )?;
    }
    let messages = body["messages"].as_array().ok_or("messages")?;
    rule(
        messages
            .first()
            .is_some_and(|first| first["role"] == "user"),
        "the first is the user's",
    )?;
    let blocks = messages
        .iter()
        .filter_map(|message| message["content"].as_array());
    // Code that the vendor runs may call tools of ours before it has a result.
    let answered = blocks
        .flatten()
        .filter_map(|block| block["tool_use_id"].as_str());
    let answered = answered.collect();
    let mut ids = BTreeSet::new();
    let mut open: BTreeSet<&str> = BTreeSet::new();
    for (at, message) in messages.iter().enumerate() {
        let role = ["user", "assistant"][at % 2];
        rule(message["role"] == role, "roles alternate")?;
        let content = message["content"].as_array().ok_or("content")?;
        rule(!content.is_empty(), "content is not empty")?;
        let last = at + 1 == messages.len();
        open = match role {
            "user" => user(content, &open)?,
            _ => assistant(content, last, &answered, &mut ids)?,
        };
    }
    rule(open.is_empty(), "every call is answered")?;
    let mut blocks = messages
        .iter()
        .filter_map(|message| message["content"].as_array())
        .flatten();
    let kept = blocks.all(|block| block["type"] != "thinking" || is_signed(block));
    rule(kept, "Invalid `signature` in `thinking` block")?;
    thinking(body, messages, max_tokens)
}

fn rule(kept: bool, name: &str) -> Result<(), String> {
    if kept { Ok(()) } else { Err(name.to_owned()) }
}

fn user<'a>(content: &'a [Value], open: &BTreeSet<&str>) -> Result<BTreeSet<&'a str>, String> {
    let results = content
        .iter()
        .take_while(|block| block["type"] == "tool_result");
    let ids = results.map(|block| block["tool_use_id"].as_str().unwrap());
    let ids: Vec<&str> = ids.collect();
    rule(
        ids.iter().copied().collect::<BTreeSet<_>>() == *open,
        "each call has a result",
    )?;
    rule(ids.len() == open.len(), "no call has two results")?;
    for block in &content[ids.len()..] {
        match block["type"].as_str().unwrap() {
            "text" => text(block)?,
            kind @ ("image" | "document") => file(kind, &block["source"])?,
            other => return Err(format!("the user says {other}")),
        }
    }
    Ok(BTreeSet::new())
}

fn assistant<'a>(
    content: &'a [Value],
    last: bool,
    answered: &BTreeSet<&str>,
    ids: &mut BTreeSet<&'a str>,
) -> Result<BTreeSet<&'a str>, String> {
    let mut open = BTreeSet::new();
    let end = content.last().unwrap();
    rule(!is_thinking(end), "the final block is not thinking")?;
    let said = end["text"].as_str().unwrap_or_default();
    rule(
        !last || said == said.trim_end(),
        "no blanks at the very end",
    )?;
    for block in content {
        let id = block["id"].as_str().unwrap_or_default();
        match block["type"].as_str().unwrap() {
            "text" => text(block)?,
            "thinking" => {
                rule(
                    block.get("cache_control").is_none(),
                    "thinking is not cached",
                )?;
            }
            "tool_use" => {
                let takes = |c: char| c.is_ascii_alphanumeric() || "_-".contains(c);
                rule(
                    !id.is_empty() && id.chars().all(takes),
                    "the letters of ids",
                )?;
                let name = block["name"].as_str().unwrap_or_default();
                rule(
                    (1..=128).contains(&name.len()) && name.chars().all(takes),
                    "the letters of names",
                )?;
                rule(ids.insert(id), "ids are unique")?;
                rule(block["input"].is_object(), "input is an object")?;
                open.insert(id);
            }
            "server_tool_use" | "mcp_tool_use" => {
                rule(last || answered.contains(id), "a search has a result")?;
                ids.insert(id);
            }
            kind if kind.ends_with("_tool_result") => {
                let of = block["tool_use_id"].as_str().unwrap();
                rule(ids.contains(of), "a result has a search")?;
            }
            "redacted_thinking" => {}
            other => return Err(format!("the assistant says {other}")),
        }
    }
    Ok(open)
}

fn text(block: &Value) -> Result<(), String> {
    let said = block["text"].as_str().unwrap_or_default();
    rule(!said.trim().is_empty(), "no text is blank")
}

fn file(kind: &str, source: &Value) -> Result<(), String> {
    let media = source["media_type"].as_str().unwrap_or_default();
    let fits = match kind {
        "image" => ["image/png", "image/jpeg", "image/gif", "image/webp"].contains(&media),
        _ => media == "application/pdf",
    };
    let whole = source["type"] == "base64" && source["data"].is_string();
    rule(fits && whole, "source")
}

fn is_thinking(block: &Value) -> bool {
    matches!(
        block["type"].as_str(),
        Some("thinking" | "redacted_thinking")
    )
}

fn thinking(body: &Value, messages: &[Value], max_tokens: u64) -> Result<(), String> {
    let thinking = &body["thinking"];
    let blocks = messages
        .iter()
        .flat_map(|message| message["content"].as_array().unwrap());
    let shown = blocks.into_iter().any(is_thinking);
    let kind = thinking["type"].as_str().unwrap_or("disabled");
    if kind == "disabled" {
        return rule(!shown, "who does not think is not shown its thinking");
    }
    rule(body.get("temperature").is_none(), "temperature")?;
    rule(body.get("top_p").is_none(), "top_p")?;
    if kind != "enabled" {
        return Ok(());
    }
    let budget = thinking["budget_tokens"].as_u64().unwrap();
    rule((1024..max_tokens).contains(&budget), "budget_tokens")?;
    let last = messages
        .iter()
        .rev()
        .find(|message| message["role"] == "assistant");
    let begins = |message: &Value| {
        let content = message["content"].as_array().unwrap();
        !content.iter().any(|block| block["type"] == "tool_use") || is_thinking(&content[0])
    };
    rule(
        last.is_none_or(begins),
        "Expected `thinking` or `redacted_thinking`",
    )
}
