//! `rivetos-agent provider`: what model providers say when they are asked directly.

mod fetch;
mod list;
mod look;
mod print;
mod trial;

use std::sync::Arc;

use rivetos_config::Provider;
use rivetos_http::Http;

use crate::args::{ProviderAction, ProviderArgs};
use crate::error::BootError;
use crate::models::{Logins, Vendor, Wanted};
use crate::setup::Setup;

/// Does what was asked; an error when a provider does not answer as it should.
pub(crate) fn run(args: &ProviderArgs) -> Result<(), BootError> {
    let asking = Asking {
        setup: Setup::look_at(&args.config)?,
        http: Http::new(),
        json: args.json,
    };
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(BootError::Runtime)?
        .block_on(async {
            match &args.action {
                ProviderAction::Status(name) => look::run(&asking, name.as_deref()).await,
                ProviderAction::Test(name, model) => trial::run(&asking, name, model.clone()).await,
                ProviderAction::Models(name) => list::run(&asking, name).await,
                ProviderAction::Pull(name, model) => fetch::run(&asking, name, model).await,
            }
        })
}

/// Who asks, and in which shape the answer is wanted.
struct Asking {
    setup: Setup,
    http: Http,
    json: bool,
}

impl Asking {
    fn provider(&self, name: &str) -> Result<&Provider, BootError> {
        let found = self.setup.config.providers.get(name);
        found.ok_or_else(|| BootError::NoProvider(name.to_owned()))
    }

    async fn vendor(&self, name: &str) -> Result<Vendor, BootError> {
        let wanted = Wanted {
            name,
            provider: self.provider(name)?,
            // Nothing is renewed here: the agent that has the login would lose it.
            logins: &Logins::Written {
                from: self.setup.folder.clone(),
            },
        };
        Vendor::open(
            wanted,
            Arc::clone(&self.setup.secrets) as _,
            self.http.clone(),
        )
        .await
    }
}
