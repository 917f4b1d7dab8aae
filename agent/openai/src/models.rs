//! The list of an endpoint's models, which costs nothing.

use rivetos_http::{Http, Refusal, Request};
use rivetos_types::model::ModelError;
use serde::Deserialize;
use serde_json::Value;

use crate::error;

/// Where servers say how long a conversation may be: `OpenRouter` and Together, vLLM, LM Studio.
const CONTEXT: &[&str] = &["/context_length", "/max_model_len", "/max_context_length"];

/// A model that an endpoint has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedModel {
    /// What to ask for.
    pub name: String,
    /// What it can read and write in all, in tokens, where the endpoint says so.
    pub context: Option<u64>,
}

/// Asks for the list: that is a `GET …/models`. No endpoint bills it, so it tells too whether there
/// is somebody who takes the key.
pub async fn list(http: &Http, request: Request) -> Result<Vec<ListedModel>, ModelError> {
    let reply = http
        .fetch(request)
        .await
        .map_err(|error| ModelError::from(&error))?;
    if !(200..300).contains(&reply.status) {
        return Err(error::of_refusal(&Refusal::new(reply.status, reply.body)));
    }
    let list: List = serde_json::from_slice(&reply.body).map_err(|error| ModelError::Fatal {
        status: Some(reply.status),
        message: format!("the list of models cannot be read: {error}"),
    })?;
    Ok(list.data.iter().filter_map(listed).collect())
}

#[derive(Debug, Deserialize)]
struct List {
    data: Vec<Value>,
}

fn listed(model: &Value) -> Option<ListedModel> {
    let name = model.get("id")?.as_str()?.to_owned();
    let context = CONTEXT
        .iter()
        .find_map(|place| model.pointer(place)?.as_u64());
    Some(ListedModel { name, context })
}
