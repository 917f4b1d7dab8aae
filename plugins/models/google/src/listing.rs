//! The list of models.

use rivetos_types::model::ModelError;
use serde::Deserialize;

use crate::models::{Limits, bare};

/// What a model has to know to answer us.
const METHOD: &str = "generateContent";

/// A model as the vendor lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// The name for a request.
    pub name: String,
    /// How much it reads and writes.
    pub limits: Limits,
}

/// One page of the list.
#[derive(Debug)]
pub(crate) struct Page {
    pub(crate) models: Vec<Listed>,
    /// What asks for the next one.
    pub(crate) next: Option<String>,
}

pub(crate) fn page_of(body: &[u8]) -> Result<Page, ModelError> {
    let page: RawPage = serde_json::from_slice(body).map_err(|error| ModelError::Fatal {
        status: None,
        message: format!("the list of models cannot be read: {error}"),
    })?;
    let models = page.models.into_iter();
    let answers = |model: &Raw| {
        model
            .supported_generation_methods
            .iter()
            .any(|name| name == METHOD)
    };
    let listed = |model: Raw| Listed {
        name: bare(&model.name).to_owned(),
        limits: Limits {
            context_tokens: model.input_token_limit,
            output_tokens: model.output_token_limit,
        },
    };
    Ok(Page {
        models: models.filter(answers).map(listed).collect(),
        next: page.next_page_token.filter(|token| !token.is_empty()),
    })
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawPage {
    #[serde(default)]
    models: Vec<Raw>,
    next_page_token: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Raw {
    name: String,
    #[serde(default)]
    input_token_limit: u64,
    #[serde(default)]
    output_token_limit: u64,
    #[serde(default)]
    supported_generation_methods: Vec<String>,
}
