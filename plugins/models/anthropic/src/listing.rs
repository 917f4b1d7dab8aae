//! The list of models.

use rivetos_types::model::ModelError;
use serde::Deserialize;

use crate::models::{self, Limits};

/// A model as the vendor lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// The name for a request.
    pub name: String,
    /// How much it reads and writes: what the vendor says, else what the data file says.
    pub limits: Option<Limits>,
}

/// One page of the list.
#[derive(Debug)]
pub(crate) struct Page {
    pub(crate) models: Vec<Listed>,
    /// The last model, when more follow it.
    pub(crate) more_after: Option<String>,
}

pub(crate) fn page_of(body: &[u8]) -> Result<Page, ModelError> {
    let page: RawPage = serde_json::from_slice(body).map_err(|error| ModelError::Fatal {
        status: None,
        message: format!("the list of models cannot be read: {error}"),
    })?;
    let more_after = match page.has_more {
        Some(true) => page.last_id,
        Some(false) | None => None,
    };
    let listed = |model: Raw| Listed {
        limits: limits_of(&model).or_else(|| models::limits(&model.id)),
        name: model.id,
    };
    Ok(Page {
        models: page.data.into_iter().map(listed).collect(),
        more_after,
    })
}

fn limits_of(model: &Raw) -> Option<Limits> {
    Some(Limits {
        context_tokens: model.max_input_tokens?,
        output_tokens: model.max_tokens?,
    })
}

#[derive(Debug, Deserialize)]
struct RawPage {
    #[serde(default)]
    data: Vec<Raw>,
    has_more: Option<bool>,
    last_id: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Raw {
    id: String,
    max_input_tokens: Option<u64>,
    max_tokens: Option<u64>,
}
