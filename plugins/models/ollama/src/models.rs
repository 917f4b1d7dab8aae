//! What the server has, and what its models can. The server knows; we keep no list of our own.

use rivetos_types::model::ModelError;
use rivetos_types::store::Thinking;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

/// A model that the server has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// The name for a request.
    pub name: String,
    /// What it takes on the server's disk, in bytes.
    pub bytes: u64,
    /// How large it is, for example `4.0B`.
    pub parameters: Option<String>,
    /// How it was made smaller, for example `Q4_K_M`.
    pub quantization: Option<String>,
}

/// What a model can.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Shown {
    /// The longest conversation that it was made for. The server makes room for fewer tokens,
    /// unless it is told otherwise.
    pub context_tokens: Option<u64>,
    /// For example `tools`, `vision`, `thinking`; absent where the server is too old to say.
    pub capabilities: Option<Vec<String>>,
    family: Option<String>,
    /// What the model takes for `think`, where the server says so.
    levels: Option<Vec<Value>>,
}

impl Shown {
    /// What `think` is to be; `None` when there is nothing to choose. A model that cannot think
    /// refuses a request that wants it to.
    pub(crate) fn think(&self, thinking: Thinking) -> Option<Value> {
        let word = match thinking {
            Thinking::Off | Thinking::Low => "low",
            Thinking::Medium => "medium",
            Thinking::High => "high",
        };
        let on = thinking != Thinking::Off;
        if let Some(levels) = &self.levels {
            let wanted = if on {
                [json!(word), json!(true)]
            } else {
                [json!(false), json!(word)]
            };
            return wanted.into_iter().find(|value| levels.contains(value));
        }
        let thinks = |names: &Vec<String>| names.iter().any(|name| name == "thinking");
        if !self.capabilities.as_ref().is_none_or(thinks) {
            return None;
        }
        // The one family that knows levels and no end of thinking.
        let levels = self.family.as_deref() == Some("gptoss");
        Some(if levels { json!(word) } else { json!(on) })
    }
}

pub(crate) fn version_of(body: &[u8]) -> Result<String, ModelError> {
    let Version { version } = parsed(body, "the server's version")?;
    Ok(version)
}

pub(crate) fn list_of(body: &[u8]) -> Result<Vec<Listed>, ModelError> {
    let tags: Tags = parsed(body, "the list of models")?;
    let listed = |model: Tag| {
        let details = model.details.unwrap_or_default();
        Listed {
            name: model.name,
            bytes: model.size.unwrap_or(0),
            parameters: details.parameter_size,
            quantization: details.quantization_level,
        }
    };
    Ok(tags.models.into_iter().map(listed).collect())
}

pub(crate) fn shown_of(body: &[u8]) -> Result<Shown, ModelError> {
    let show: Show = parsed(body, "what the server says of the model")?;
    let info = show.model_info.unwrap_or_default();
    let context = info
        .iter()
        .find(|(name, _)| name.ends_with(".context_length"));
    Ok(Shown {
        context_tokens: context.and_then(|(_, tokens)| tokens.as_u64()),
        capabilities: show.capabilities,
        family: show.details.and_then(|details| details.family),
        levels: show.thinking.and_then(|thinking| thinking.values),
    })
}

fn parsed<T: DeserializeOwned>(body: &[u8], what: &str) -> Result<T, ModelError> {
    serde_json::from_slice(body).map_err(|error| ModelError::Fatal {
        status: None,
        message: format!("{what} cannot be read: {error}"),
    })
}

#[derive(Debug, Deserialize)]
struct Version {
    version: String,
}

#[derive(Debug, Deserialize)]
struct Tags {
    models: Vec<Tag>,
}

#[derive(Debug, Deserialize)]
struct Tag {
    name: String,
    size: Option<u64>,
    details: Option<Details>,
}

#[derive(Debug, Default, Deserialize)]
struct Details {
    family: Option<String>,
    parameter_size: Option<String>,
    quantization_level: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Show {
    model_info: Option<Map<String, Value>>,
    details: Option<Details>,
    capabilities: Option<Vec<String>>,
    thinking: Option<ThinkingValues>,
}

#[derive(Debug, Deserialize)]
struct ThinkingValues {
    values: Option<Vec<Value>>,
}

#[cfg(test)]
mod tests;
