//! What a server makes sure of before it asks a model.

use serde_json::Value;

/// The one image that there is, in Base64.
const PICTURE: &str = "iVBO";

/// The first rule that a request breaks.
pub(crate) fn check(body: &Value) -> Result<(), String> {
    let must = |holds: bool, message: &str| {
        if holds {
            Ok(())
        } else {
            Err(message.to_owned())
        }
    };
    must(body["stream"] == true, "not streamed")?;
    let options = body["options"].as_object().ok_or("no options")?;
    must(
        options.values().all(Value::is_number),
        "an option is no number",
    )?;
    must(body["keep_alive"].is_number(), "keep_alive")?;
    let thinks = body["model"] != "simple";
    must(
        thinks || body.get("think").is_none(),
        "\"simple\" does not support thinking",
    )?;
    let mut open = 0;
    for message in body["messages"].as_array().ok_or("no messages")? {
        must(message["content"].is_string(), "a content is no text")?;
        let tool = message["role"] == "tool";
        must(open == 0 || tool, "a call without its result")?;
        let images = message.get("images").and_then(Value::as_array);
        must(
            images.is_none_or(|images| images.iter().all(|image| image == PICTURE)),
            "an image",
        )?;
        match message["role"].as_str() {
            Some("system" | "user") => {}
            Some("assistant") => {
                let calls = message.get("tool_calls").and_then(Value::as_array);
                open = calls.map_or(0, Vec::len);
                let objects = |call: &Value| call["function"]["arguments"].is_object();
                must(
                    calls.is_none_or(|calls| calls.iter().all(objects)),
                    "arguments are no object",
                )?;
                must(open > 0 || message["content"] != "", "an empty answer")?;
            }
            Some("tool") => {
                must(open > 0, "a result without its call")?;
                let name = message["tool_name"].as_str().unwrap_or_default();
                must(!name.is_empty(), "a result without a name")?;
                open -= 1;
            }
            _ => return Err("an unknown role".into()),
        }
    }
    must(open == 0, "a call without its result")
}
