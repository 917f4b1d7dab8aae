//! The schema of a tool, reduced to what the vendor takes: a part of `OpenAPI` 3.0.
//!
//! References are replaced by what they name, unions become `anyOf`, and what the vendor has no
//! word for is left out: the tool itself checks its arguments again.

use serde_json::{Map, Value, json};

/// What is kept as it is.
const KEPT: &[&str] = &[
    "description",
    "title",
    "nullable",
    "minimum",
    "maximum",
    "minItems",
    "maxItems",
    "minLength",
    "maxLength",
    "minProperties",
    "maxProperties",
    "pattern",
    "propertyOrdering",
];

/// Formats that mean something to the vendor; it refuses others.
const FORMATS: &[&str] = &["float", "double", "int32", "int64", "date-time"];

/// How deep objects stand in each other. What is deeper, or refers to itself, is any object.
const DEPTH_MAX: usize = 16;

/// The most schemas that come of one tool: references that share what they name multiply.
const SCHEMAS_MAX: usize = 2000;

/// The `parameters` of a declaration; `None` for a tool that takes nothing.
pub(super) fn parameters(schema: &Value) -> Option<Value> {
    let properties = schema.get("properties").and_then(Value::as_object);
    let composed = ["$ref", "allOf", "anyOf", "oneOf"];
    let composed = composed.iter().any(|key| schema.get(key).is_some());
    if !composed && properties.is_none_or(Map::is_empty) {
        return None;
    }
    let mut reducer = Reducer {
        root: schema,
        left: SCHEMAS_MAX,
    };
    Some(reducer.reduce(schema, 0))
}

struct Reducer<'a> {
    root: &'a Value,
    left: usize,
}

impl Reducer<'_> {
    fn reduce(&mut self, schema: &Value, depth: usize) -> Value {
        let Some(schema) = self.plain(schema, depth) else {
            return json!({ "type": "object" });
        };
        let mut out = Map::new();
        for key in KEPT {
            if let Some(value) = schema.get(*key) {
                out.insert((*key).into(), value.clone());
            }
        }
        let format = schema.get("format").and_then(Value::as_str);
        if let Some(format) = format.filter(|format| FORMATS.contains(format)) {
            out.insert("format".into(), json!(format));
        }
        self.types(&schema, depth, &mut out);
        self.union(&schema, depth, &mut out);
        self.members(&schema, depth, &mut out);
        choices(&schema, &mut out);
        if !out.contains_key("type") && !out.contains_key("anyOf") {
            out.insert("type".into(), json!("string"));
        }
        out.into()
    }

    /// The schema with what it refers to and what it must also be; `None` past the bounds.
    fn plain(&mut self, schema: &Value, depth: usize) -> Option<Map<String, Value>> {
        self.left = self.left.checked_sub(1)?;
        if depth > DEPTH_MAX {
            return None;
        }
        // Also `true`, which allows everything.
        let mut schema = schema.as_object().cloned().unwrap_or_default();
        let mut also = match schema.remove("allOf") {
            Some(Value::Array(also)) => also,
            Some(_) | None => Vec::new(),
        };
        if let Some(Value::String(name)) = schema.remove("$ref") {
            let named = name.strip_prefix('#').and_then(|at| self.root.pointer(at));
            also.extend(named.cloned());
        }
        for more in also {
            let more = self.plain(&more, depth + 1)?;
            for (key, value) in more {
                match (schema.get_mut(&key), value) {
                    (Some(Value::Object(ours)), Value::Object(theirs)) => ours.extend(theirs),
                    (Some(Value::Array(ours)), Value::Array(theirs)) if key == "required" => {
                        ours.extend(theirs);
                    }
                    (Some(_), _) => {}
                    (None, value) => {
                        schema.insert(key, value);
                    }
                }
            }
        }
        Some(schema)
    }

    fn types(&mut self, schema: &Map<String, Value>, depth: usize, out: &mut Map<String, Value>) {
        let types: Vec<&str> = match schema.get("type") {
            Some(Value::String(one)) => vec![one],
            Some(Value::Array(several)) => several.iter().filter_map(Value::as_str).collect(),
            Some(_) | None => ["properties", "items"]
                .into_iter()
                .find(|key| schema.contains_key(*key))
                .map(|key| if key == "items" { "array" } else { "object" })
                .into_iter()
                .collect(),
        };
        if types.len() > 1 && types.contains(&"null") {
            out.insert("nullable".into(), json!(true));
        }
        let types: Vec<&str> = types.into_iter().filter(|name| *name != "null").collect();
        if let [one] = types[..] {
            out.insert("type".into(), json!(one));
            return;
        }
        let mut one = schema.clone();
        let each = types.iter().map(|name| {
            one.insert("type".into(), json!(name));
            one.remove("description");
            self.reduce(&Value::Object(one.clone()), depth + 1)
        });
        let each: Vec<Value> = each.collect();
        if !each.is_empty() {
            out.insert("anyOf".into(), each.into());
        }
    }

    fn union(&mut self, schema: &Map<String, Value>, depth: usize, out: &mut Map<String, Value>) {
        let ways = ["anyOf", "oneOf"]
            .into_iter()
            .find_map(|key| schema.get(key));
        let Some(Value::Array(ways)) = ways else {
            return;
        };
        let is_null = |way: &&Value| way.get("type") == Some(&json!("null"));
        if ways.iter().any(|way| is_null(&way)) {
            out.insert("nullable".into(), json!(true));
        }
        let ways = ways.iter().filter(|way| !is_null(way));
        let mut ways: Vec<Value> = ways.map(|way| self.reduce(way, depth + 1)).collect();
        // One way is none to choose.
        if ways.len() == 1
            && let Some(Value::Object(only)) = ways.pop()
        {
            for (key, value) in only {
                out.entry(key).or_insert(value);
            }
            return;
        }
        if !ways.is_empty() {
            out.remove("type");
            out.insert("anyOf".into(), ways.into());
        }
    }

    fn members(&mut self, schema: &Map<String, Value>, depth: usize, out: &mut Map<String, Value>) {
        let kind = out.get("type").and_then(Value::as_str).map(str::to_owned);
        if kind.as_deref() == Some("array") {
            let any = json!({ "type": "string" });
            let items = schema.get("items").unwrap_or(&any);
            let items = self.reduce(items, depth + 1);
            out.insert("items".into(), items);
        }
        let Some(Value::Object(properties)) = schema.get("properties") else {
            return;
        };
        if kind.as_deref() != Some("object") {
            return;
        }
        let reduced: Map<String, Value> = properties
            .iter()
            .map(|(name, schema)| (name.clone(), self.reduce(schema, depth + 1)))
            .collect();
        let required = schema.get("required").and_then(Value::as_array);
        let known = |name: &&Value| name.as_str().is_some_and(|name| reduced.contains_key(name));
        let required: Vec<Value> = required
            .into_iter()
            .flatten()
            .filter(known)
            .cloned()
            .collect();
        out.insert("properties".into(), reduced.into());
        if !required.is_empty() {
            out.insert("required".into(), required.into());
        }
    }
}

/// Only texts can be chosen from a list. Each of another kind would be refused, so it is said.
fn choices(schema: &Map<String, Value>, out: &mut Map<String, Value>) {
    let only = schema.get("const").map(|only| vec![only.clone()]);
    let several = schema.get("enum").and_then(Value::as_array).cloned();
    let Some(mut choices) = several.or(only) else {
        return;
    };
    if choices.contains(&Value::Null) {
        choices.retain(|choice| !choice.is_null());
        out.insert("nullable".into(), json!(true));
    }
    if !choices.is_empty() && choices.iter().all(Value::is_string) {
        out.insert("type".into(), json!("string"));
        out.remove("anyOf");
        out.insert("enum".into(), choices.into());
        return;
    }
    let words: Vec<String> = choices.iter().map(Value::to_string).collect();
    let words = format!("One of: {}.", words.join(", "));
    let said = out.get("description").and_then(Value::as_str);
    let said = said.map_or(words.clone(), |said| format!("{said} {words}"));
    out.insert("description".into(), said.into());
}

#[cfg(test)]
mod tests;
