//! `provider status`: whether providers answer, and have the model that is configured.

use std::time::{Duration, Instant, SystemTime};

use futures_util::future::join_all;
use rivetos_config::Provider;
use rivetos_model_anthropic::login;
use serde_json::{Value, json};

use super::{Asking, print};
use crate::error::BootError;
use crate::models::{Listed, written};

/// What a provider with a login is not asked with: a token that ends so soon. Longer than what
/// would make the plugin renew it.
const VALID_FOR: Duration = Duration::from_mins(10);

/// How a provider stands.
enum Standing {
    /// It has listed its models.
    Answers { took: Duration, models: Vec<Listed> },
    /// It was not asked, for this reason.
    NotAsked(String),
    /// It did not list its models, for this reason.
    Fails(String),
}

/// Looks at one provider or all of them at once. An error when one of them fails.
pub(super) async fn run(asking: &Asking, name: Option<&str>) -> Result<(), BootError> {
    let providers: Vec<(&str, &Provider)> = if let Some(name) = name {
        vec![(name, asking.provider(name)?)]
    } else {
        let all = asking.setup.config.providers.iter();
        all.map(|(name, provider)| (name.as_str(), provider))
            .collect()
    };
    let looks = providers.iter().map(|(name, _)| look(asking, name));
    let standings = join_all(looks).await;
    let seen: Vec<_> = providers.into_iter().zip(&standings).collect();
    if asking.json {
        let providers: Vec<Value> = seen.iter().map(|(one, how)| entry(*one, how)).collect();
        print::document(&json!({ "schema_version": 1, "providers": providers }))?;
    } else {
        let head = ["PROVIDER", "KIND", "MODEL", "STATE"].map(str::to_owned);
        let mut rows = vec![head.to_vec()];
        rows.extend(seen.iter().map(|(one, how)| row(*one, how)));
        print::table(&rows)?;
    }
    let failing = standings
        .iter()
        .filter(|how| matches!(how, Standing::Fails(_)));
    match failing.count() {
        0 => Ok(()),
        count => Err(BootError::ProvidersFail(count)),
    }
}

async fn look(asking: &Asking, name: &str) -> Standing {
    if let Some(reason) = asking.cannot_ask(name) {
        return Standing::NotAsked(reason);
    }
    let began = Instant::now();
    let vendor = match asking.vendor(name).await {
        Ok(vendor) => vendor,
        Err(error) => return Standing::Fails(error.to_string()),
    };
    match vendor.list_models().await {
        Ok(models) => Standing::Answers {
            took: began.elapsed(),
            models,
        },
        Err(error) => Standing::Fails(error.to_string()),
    }
}

impl Asking {
    /// Why a provider with a login is not asked.
    pub(super) fn cannot_ask(&self, name: &str) -> Option<String> {
        let login = self.provider(name).ok()?.login()?;
        match login::valid_until(&written(&self.setup.folder, login)) {
            Ok(until) if until > SystemTime::now() + VALID_FOR => None,
            Ok(_) => {
                Some("the tokens written here have ended; its agent renews its own".to_owned())
            }
            Err(error) => Some(format!("{error}: `rivetos login {name}`")),
        }
    }
}

fn row((name, provider): (&str, &Provider), standing: &Standing) -> Vec<String> {
    let state = match standing {
        Standing::Answers { took, models } => {
            let missing = if Listed::has(models, provider) {
                ""
            } else {
                "; the model is not among those that it lists"
            };
            let (count, ms) = (models.len(), took.as_millis());
            format!("answers, {count} models, {ms} ms{missing}")
        }
        Standing::NotAsked(reason) => format!("not asked: {reason}"),
        Standing::Fails(reason) => format!("fails: {reason}"),
    };
    let kind = provider.kind.word();
    [name, kind, &provider.model, &state]
        .map(str::to_owned)
        .to_vec()
}

fn entry((name, provider): (&str, &Provider), standing: &Standing) -> Value {
    let (state, reason) = match standing {
        Standing::Answers { .. } => ("answers", None),
        Standing::NotAsked(reason) => ("not_asked", Some(reason)),
        Standing::Fails(reason) => ("fails", Some(reason)),
    };
    let (models, model_listed, took_ms) = match standing {
        Standing::Answers { took, models } => (
            Some(models.len()),
            Some(Listed::has(models, provider)),
            u64::try_from(took.as_millis()).ok(),
        ),
        Standing::NotAsked(_) | Standing::Fails(_) => (None, None, None),
    };
    json!({
        "name": name,
        "kind": provider.kind.word(),
        "model": provider.model,
        "state": state,
        "reason": reason,
        "models": models,
        "model_listed": model_listed,
        "took_ms": took_ms,
    })
}
