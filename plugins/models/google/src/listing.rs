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
    /// How much it reads and writes, where the vendor says so.
    pub limits: Option<Limits>,
}

/// One page of the list.
#[derive(Debug)]
pub(crate) struct Page {
    pub(crate) models: Vec<Listed>,
    /// What asks for the next one.
    pub(crate) next: Option<String>,
}

/// The path of a page of at most `size` models, behind the one that gave `token`.
pub(crate) fn path(size: usize, token: Option<&str>) -> String {
    let escaped = |byte: u8| {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            char::from(byte).to_string()
        } else {
            format!("%{byte:02X}")
        }
    };
    let after = token.map(|token| {
        let token: Vec<String> = token.bytes().map(escaped).collect();
        format!("&pageToken={}", token.concat())
    });
    format!("models?pageSize={size}{}", after.unwrap_or_default())
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
        limits: model.input_token_limit.zip(model.output_token_limit).map(
            |(context_tokens, output_tokens)| Limits {
                context_tokens,
                output_tokens,
            },
        ),
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
    input_token_limit: Option<u64>,
    output_token_limit: Option<u64>,
    #[serde(default)]
    supported_generation_methods: Vec<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_one_word_of_the_path() {
        assert_eq!(path(1, None), "models?pageSize=1");
        let path = path(9, Some("a+b/c=&d"));
        assert_eq!(path, "models?pageSize=9&pageToken=a%2Bb%2Fc%3D%26d");
    }

    #[test]
    fn a_model_without_limits_is_listed() {
        let body =
            br#"{"models":[{"name":"models/m","supportedGenerationMethods":["generateContent"]}]}"#;
        let page = page_of(body).unwrap();
        assert_eq!(page.models[0].name, "m");
        assert_eq!(page.models[0].limits, None);
        assert_eq!(page.next, None);
        assert!(page_of(b"[]").is_err());
    }
}
