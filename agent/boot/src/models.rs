//! Which models may answer.

mod logins;
mod settings;
mod vendor;

use std::sync::Arc;

use rivetos_config::{Agent, Config, Provider};
use rivetos_core::fallback::Choice;
use rivetos_http::Http;
use rivetos_runtime::{Models, Source};
use rivetos_types::secret::SecretResolver;

use crate::error::BootError;

pub(crate) use logins::{Logins, written};
pub(crate) use vendor::{Listed, Vendor};

/// A provider of the configuration, and its name there.
#[derive(Clone, Copy)]
pub(crate) struct Wanted<'a> {
    pub(crate) name: &'a str,
    pub(crate) provider: &'a Provider,
    pub(crate) logins: &'a Logins,
}

/// The models of `agent`: its own, and those that answer when it cannot.
pub(crate) async fn models(
    config: &Config,
    agent: &Agent,
    logins: &Logins,
    (secrets, http): (Arc<dyn SecretResolver>, Http),
) -> Result<Models, BootError> {
    let mut sources = Vec::new();
    for name in agent.providers() {
        let mut provider = provider_of(config, name)?.clone();
        let own = agent.model.as_ref().filter(|_| name == agent.provider);
        if let Some(model) = own {
            provider.model.clone_from(model);
        }
        let wanted = Wanted {
            name,
            provider: &provider,
            logins,
        };
        let vendor = Vendor::open(wanted, Arc::clone(&secrets), http.clone()).await?;
        if provider.verify_model_on_init {
            let asked = Vendor::open(wanted, Arc::clone(&secrets), http.clone()).await?;
            tokio::spawn(verify(name.to_owned(), provider.clone(), asked));
        }
        sources.push(Source {
            provider: vendor.into_provider(),
            model: provider.model.clone(),
            window_tokens: Box::new(move |model| settings::window_tokens(&provider, model)),
        });
    }
    let mut fallbacks = Vec::new();
    for fallback in &agent.fallbacks {
        let model = match &fallback.model {
            Some(model) => model.clone(),
            None => provider_of(config, &fallback.provider)?.model.clone(),
        };
        fallbacks.push(Choice {
            provider: fallback.provider.clone(),
            model,
        });
    }
    let own = sources.remove(0);
    Ok(Models::new(own, sources, fallbacks))
}

/// Looks whether the provider lists its model. Nobody waits for it: a vendor that is away is no
/// reason for an agent not to start.
async fn verify(name: String, provider: Provider, vendor: Vendor) {
    let model = &provider.model;
    match vendor.list_models().await {
        Ok(models) if Listed::has(&models, &provider) => {
            tracing::info!(provider = name, model, "the provider has the model");
        }
        Ok(_) => tracing::error!(
            provider = name,
            model,
            "the provider does not list the model"
        ),
        Err(error) => tracing::error!(provider = name, %error, "the provider lists no models"),
    }
}

fn provider_of<'c>(config: &'c Config, name: &str) -> Result<&'c Provider, BootError> {
    let provider = config.providers.get(name);
    provider.ok_or_else(|| BootError::NoProvider(name.to_owned()))
}
