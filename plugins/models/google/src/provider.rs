//! Sending a request.

use std::sync::Arc;

use rivetos_http::{Http, Refusal, Request};
use rivetos_types::BoxStream;
use rivetos_types::model::{ModelError, ModelProvider, ModelRequest, StreamEvent};
use rivetos_types::secret::{Secret, SecretResolver};
use rivetos_types::settings;

use crate::error;
use crate::listing::{Listed, Page, page_of, path};
use crate::request;
use crate::stream::StreamParser;

/// The key never stands in a URL: those are logged everywhere.
const KEY_HEADER: &str = "x-goog-api-key";

/// The most models of one page, and the most pages that are read.
const PAGE_MODELS_MAX: usize = 1000;
const PAGES_MAX: usize = 10;

/// A [`ModelProvider`] for the models of Google. The key is resolved for each request.
pub struct Google {
    settings: settings::Google,
    secrets: Arc<dyn SecretResolver>,
    http: Http,
}

impl Google {
    /// A provider. Nothing is opened or resolved before the first request.
    pub fn new(settings: settings::Google, secrets: Arc<dyn SecretResolver>, http: Http) -> Self {
        Self {
            settings,
            secrets,
            http,
        }
    }

    /// The models that can answer, as the vendor lists them.
    ///
    /// # Errors
    /// The vendor cannot be reached, refuses, or answers with something else.
    pub async fn list_models(&self) -> Result<Vec<Listed>, ModelError> {
        let mut models = Vec::new();
        let mut token: Option<String> = None;
        for _ in 0..PAGES_MAX {
            let path = path(PAGE_MODELS_MAX, token.as_deref());
            let Page { models: more, next } = self.page(&path).await?;
            models.extend(more);
            token = next;
            if token.is_none() {
                break;
            }
        }
        Ok(models)
    }

    /// Whether the vendor is there and takes the key. Costs nothing.
    ///
    /// # Errors
    /// As of [`Google::list_models`].
    pub async fn check(&self) -> Result<(), ModelError> {
        self.page(&path(1, None)).await.map(drop)
    }

    async fn page(&self, path: &str) -> Result<Page, ModelError> {
        let get = Request::get(self.url(path), self.settings.first_byte_timeout);
        let reply = self.http.fetch(self.with_key(get)?).await;
        let reply = reply.map_err(|error| ModelError::from(&error))?;
        if reply.status == 200 {
            return page_of(&reply.body);
        }
        Err(error::of_refusal(&Refusal::new(reply.status, reply.body)))
    }

    fn request(&self, request: &ModelRequest) -> Result<Request, ModelError> {
        let settings = &self.settings;
        let model = request::model(settings, request);
        let url = self.url(&format!("models/{model}:streamGenerateContent?alt=sse"));
        let body = request::body(settings, request).to_string().into_bytes();
        let mut post = Request::post(url, body, settings.idle_timeout);
        post.first_byte_timeout = settings.first_byte_timeout;
        post.accept = &["text/event-stream"];
        self.with_key(post)
    }

    fn url(&self, path: &str) -> String {
        format!("{}/{path}", self.settings.base_url.trim_end_matches('/'))
    }

    fn with_key(&self, request: Request) -> Result<Request, ModelError> {
        let key = self.secrets.resolve(&self.settings.api_key);
        let key = key.map_err(|error| ModelError::Fatal {
            status: None,
            message: format!("the key of `{}`: {error}", self.settings.name),
        })?;
        Ok(request.with(KEY_HEADER, Secret::new(key.expose().clone())))
    }
}

impl ModelProvider for Google {
    fn name(&self) -> &str {
        &self.settings.name
    }

    fn stream(&self, request: ModelRequest) -> BoxStream<'_, Result<StreamEvent, ModelError>> {
        let parser = StreamParser::new(request::model(&self.settings, &request));
        let post = async move { self.request(&request) };
        self.http.answer(post, parser)
    }
}
