//! Sending a request.

use std::sync::Arc;

use rivetos_http::{Http, Request};
use rivetos_types::BoxStream;
use rivetos_types::model::{ModelError, ModelProvider, ModelRequest, StreamEvent};
use rivetos_types::secret::{Secret, SecretResolver};
use rivetos_types::settings;

use crate::request;
use crate::stream::StreamParser;

/// A [`ModelProvider`] for one model behind one endpoint. The key is resolved for each request.
pub struct OpenAiCompat {
    settings: settings::OpenAiCompat,
    secrets: Arc<dyn SecretResolver>,
    http: Http,
}

impl OpenAiCompat {
    /// A provider. Nothing is opened or resolved before the first request.
    pub fn new(
        settings: settings::OpenAiCompat,
        secrets: Arc<dyn SecretResolver>,
        http: Http,
    ) -> Self {
        Self {
            settings,
            secrets,
            http,
        }
    }

    fn request(&self, request: &ModelRequest) -> Result<Request, ModelError> {
        let settings = &self.settings;
        let url = format!(
            "{}/chat/completions",
            settings.base_url.trim_end_matches('/')
        );
        let body = request::body(settings, request).to_string().into_bytes();
        let mut post = Request::post(url, body, settings.idle_timeout);
        post.first_byte_timeout = settings.first_byte_timeout;
        post.accept = &["text/event-stream"];
        let Some(key) = &settings.api_key else {
            return Ok(post);
        };
        let key = self.secrets.resolve(key).map_err(|error| {
            let message = format!("the key of `{}`: {error}", settings.name);
            ModelError::Fatal {
                status: None,
                message,
            }
        })?;
        let bearer = Secret::new(format!("Bearer {}", key.expose()));
        Ok(post.with("authorization", bearer))
    }
}

impl ModelProvider for OpenAiCompat {
    fn name(&self) -> &str {
        &self.settings.name
    }

    fn stream(&self, request: ModelRequest) -> BoxStream<'_, Result<StreamEvent, ModelError>> {
        let post = async move { self.request(&request) };
        self.http.answer(post, StreamParser::new())
    }
}
