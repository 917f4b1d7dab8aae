//! A provider as its plugin has it: it answers, and it lists its models.

use std::sync::Arc;

use rivetos_config::{Provider, ProviderKind};
use rivetos_http::Http;
use rivetos_model_anthropic::Anthropic;
use rivetos_model_google::Google;
use rivetos_model_ollama::Ollama;
use rivetos_model_openai_compat::OpenAiCompat;
use rivetos_model_xai::Xai;
use rivetos_types::model::{ModelError, ModelProvider};
use rivetos_types::secret::SecretResolver;

use super::{Wanted, settings};
use crate::error::BootError;

/// One of the plugins.
pub(crate) enum Vendor {
    Anthropic(Anthropic),
    Google(Google),
    Ollama(Ollama),
    OpenaiCompat(OpenAiCompat),
    /// The built-in stand-in, and how it is asked. It has nothing to list.
    Rehearsal(OpenAiCompat),
    Xai(Xai),
}

/// A model that a provider has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Listed {
    pub(crate) name: String,
    /// What it reads at once, in tokens, as far as that is known.
    pub(crate) context_tokens: Option<u64>,
    /// What it takes on the server's disk, in bytes.
    pub(crate) bytes: Option<u64>,
}

impl Listed {
    /// Whether the model of `provider` is among `models`.
    pub(crate) fn has(models: &[Self], provider: &Provider) -> bool {
        let is_compat = matches!(provider.kind, ProviderKind::OpenaiCompat(_));
        let wanted = provider.model.as_str();
        // Ollama takes a name without a tag for the one with `:latest`.
        let latest = format!("{wanted}:latest");
        is_compat && wanted == "default" && !models.is_empty()
            || models
                .iter()
                .any(|one| one.name == wanted || one.name == latest)
    }
}

impl Vendor {
    /// The plugin for `wanted`. Nothing is asked yet.
    pub(crate) async fn open(
        wanted: Wanted<'_>,
        secrets: Arc<dyn SecretResolver>,
        http: Http,
    ) -> Result<Self, BootError> {
        Ok(match &wanted.provider.kind {
            ProviderKind::Anthropic(own) => {
                let settings = settings::anthropic(wanted, own)?;
                Self::Anthropic(Anthropic::new(settings, secrets, http))
            }
            ProviderKind::Google(own) => {
                Self::Google(Google::new(settings::google(wanted, own)?, secrets, http))
            }
            ProviderKind::Ollama(own) => {
                Self::Ollama(Ollama::new(settings::ollama(wanted, own), secrets, http))
            }
            ProviderKind::OpenaiCompat(own) => {
                let settings = settings::compat(wanted, own)?;
                Self::OpenaiCompat(OpenAiCompat::new(settings, secrets, http))
            }
            ProviderKind::Xai(own) => {
                Self::Xai(Xai::new(settings::xai(wanted, own)?, secrets, http))
            }
            ProviderKind::Rehearsal => {
                let rehearsal = rivetos_model_rehearsal::serve()
                    .await
                    .map_err(BootError::Rehearsal)?;
                let settings = rehearsal.settings();
                Self::Rehearsal(OpenAiCompat::new(
                    rivetos_types::settings::OpenAiCompat {
                        name: wanted.name.to_owned(),
                        ..settings
                    },
                    Arc::new(rehearsal),
                    http,
                ))
            }
        })
    }

    pub(crate) fn into_provider(self) -> Arc<dyn ModelProvider> {
        match self {
            Self::Anthropic(vendor) => Arc::new(vendor),
            Self::Google(vendor) => Arc::new(vendor),
            Self::Ollama(vendor) => Arc::new(vendor),
            Self::OpenaiCompat(vendor) | Self::Rehearsal(vendor) => Arc::new(vendor),
            Self::Xai(vendor) => Arc::new(vendor),
        }
    }

    /// The models that the provider has. No vendor bills that, so it tells too whether somebody is
    /// there who takes the key.
    pub(crate) async fn list_models(&self) -> Result<Vec<Listed>, ModelError> {
        let listed = |name, context_tokens| Listed {
            name,
            context_tokens,
            bytes: None,
        };
        Ok(match self {
            Self::Anthropic(vendor) => {
                let models = vendor.list_models().await?.into_iter();
                let context =
                    |limits: rivetos_model_anthropic::models::Limits| limits.context_tokens;
                models
                    .map(|one| listed(one.name, one.limits.map(context)))
                    .collect()
            }
            Self::Google(vendor) => {
                let models = vendor.list_models().await?.into_iter();
                let context = |limits: rivetos_model_google::models::Limits| limits.context_tokens;
                models
                    .map(|one| listed(one.name, one.limits.map(context)))
                    .collect()
            }
            Self::Ollama(vendor) => {
                let models = vendor.list_models().await?.into_iter();
                let listed = |one: rivetos_model_ollama::models::Listed| Listed {
                    name: one.name,
                    context_tokens: None,
                    bytes: Some(one.bytes),
                };
                models.map(listed).collect()
            }
            Self::OpenaiCompat(vendor) => {
                let models = vendor.list_models().await?.into_iter();
                models.map(|one| listed(one.name, one.context)).collect()
            }
            Self::Rehearsal(_) => vec![listed("rehearsal".to_owned(), None)],
            Self::Xai(vendor) => {
                let models = vendor.list_models().await?.into_iter();
                models.map(|one| listed(one.name, one.context)).collect()
            }
        })
    }
}
