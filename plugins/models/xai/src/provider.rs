//! Sending a request.

use std::sync::Arc;

use rivetos_http::{Http, Request};
use rivetos_openai::models::{self, ListedModel};
use rivetos_openai::stream::StreamParser;
use rivetos_openai::{Scope, answer, request};
use rivetos_types::BoxStream;
use rivetos_types::model::{ModelError, ModelProvider, ModelRequest, StreamEvent};
use rivetos_types::secret::{Secret, SecretResolver};
use rivetos_types::settings;

use crate::endpoint::endpoint;

/// A [`ModelProvider`] for xAI. The key is resolved for each request.
pub struct Xai {
    settings: settings::Xai,
    secrets: Arc<dyn SecretResolver>,
    http: Http,
}

impl Xai {
    /// A provider. Nothing is opened or resolved before the first request.
    pub fn new(settings: settings::Xai, secrets: Arc<dyn SecretResolver>, http: Http) -> Self {
        Self {
            settings,
            secrets,
            http,
        }
    }

    /// The models that the key may use. Nothing is billed.
    pub async fn list_models(&self) -> Result<Vec<ListedModel>, ModelError> {
        let get = Request::get(self.url("models"), self.settings.first_byte_timeout);
        models::list(&self.http, self.with_key(get)?).await
    }

    /// Whether somebody is there who takes the key. Nothing is billed.
    pub async fn check(&self) -> Result<(), ModelError> {
        self.list_models().await.map(drop)
    }

    fn request(&self, request: &ModelRequest, scope: Scope) -> Result<Request, ModelError> {
        let endpoint = endpoint(&self.settings, request);
        let body = request::body(&endpoint, request, scope)
            .to_string()
            .into_bytes();
        let mut post = Request::post(self.url("responses"), body, self.settings.idle_timeout);
        post.accept = &["text/event-stream"];
        post.first_byte_timeout = self.settings.first_byte_timeout;
        self.with_key(post)
    }

    fn url(&self, path: &str) -> String {
        format!("{}/{path}", self.settings.base_url.trim_end_matches('/'))
    }

    fn with_key(&self, request: Request) -> Result<Request, ModelError> {
        let settings = &self.settings;
        let key = self.secrets.resolve(&settings.api_key).map_err(|error| {
            let message = format!("the key of `{}`: {error}", settings.name);
            ModelError::Fatal {
                status: None,
                message,
            }
        })?;
        let bearer = Secret::new(format!("Bearer {}", key.expose()));
        Ok(request.with("authorization", bearer))
    }
}

impl ModelProvider for Xai {
    fn name(&self) -> &str {
        &self.settings.name
    }

    fn stream(&self, request: ModelRequest) -> BoxStream<'_, Result<StreamEvent, ModelError>> {
        let reader = StreamParser::new(&endpoint(&self.settings, &request), &request);
        let request = Arc::new(request);
        answer(&self.http, reader, |scope| {
            let request = Arc::clone(&request);
            async move { self.request(&request, scope) }
        })
    }
}
