//! Sending a request.

use std::future::ready;
use std::sync::Arc;

use futures_util::{StreamExt, stream};
use rivetos_http::{Http, Refusal, Request};
use rivetos_types::BoxStream;
use rivetos_types::model::{ModelError, ModelProvider, ModelRequest, StreamEvent};
use rivetos_types::secret::{Secret, SecretRef, SecretResolver};
use rivetos_types::settings::{self, AnthropicAccess};

use crate::error;
use crate::listing::{Listed, Page, page_of};
use crate::login::{Login, advice};
use crate::request::{self, Replay};
use crate::stream::StreamParser;

/// Of the API, in every request.
const VERSION: &str = "2023-06-01";

/// Says that the bearer token is one of a login.
const LOGIN_BETA: &str = "oauth-2025-04-20";

/// The most models of one page, and the most pages that are read.
const PAGE_MODELS_MAX: usize = 1000;
const PAGES_MAX: usize = 10;

type Answer<'a> = BoxStream<'a, Result<StreamEvent, ModelError>>;

/// A [`ModelProvider`] for the models of Anthropic. The key or the token is resolved for each
/// request.
pub struct Anthropic {
    settings: settings::Anthropic,
    access: Access,
    secrets: Arc<dyn SecretResolver>,
    http: Http,
}

enum Access {
    Key(SecretRef),
    Login(Login),
}

impl Anthropic {
    /// A provider. Nothing is opened or resolved before the first request.
    pub fn new(
        settings: settings::Anthropic,
        secrets: Arc<dyn SecretResolver>,
        http: Http,
    ) -> Self {
        let access = match &settings.access {
            AnthropicAccess::Key(key) => Access::Key(key.clone()),
            AnthropicAccess::Login(oauth) => Access::Login(Login::new(oauth.clone(), http.clone())),
        };
        Self {
            settings,
            access,
            secrets,
            http,
        }
    }

    /// The models, as the vendor lists them.
    ///
    /// # Errors
    /// The vendor cannot be reached, refuses, or answers with something else.
    pub async fn list_models(&self) -> Result<Vec<Listed>, ModelError> {
        let mut models = Vec::new();
        let mut after = String::new();
        for _ in 0..PAGES_MAX {
            let path = format!("/v1/models?limit={PAGE_MODELS_MAX}{after}");
            let page = self.page(&path).await?;
            models.extend(page.models);
            match page.more_after {
                Some(last) => after = format!("&after_id={last}"),
                None => break,
            }
        }
        Ok(models)
    }

    /// Whether the vendor is there and takes the key. Costs nothing.
    ///
    /// # Errors
    /// As of [`Anthropic::list_models`].
    pub async fn check(&self) -> Result<(), ModelError> {
        self.page("/v1/models?limit=1").await.map(drop)
    }

    async fn page(&self, path: &str) -> Result<Page, ModelError> {
        let get = Request::get(self.url(path), self.settings.first_byte_timeout);
        let betas = self.settings.betas.iter().map(String::as_str).collect();
        let secret = self.secret().await?;
        let get = self.signed(get, betas, &secret);
        let reply = self.http.fetch(get).await;
        let reply = reply.map_err(|error| ModelError::from(&error))?;
        if reply.status == 200 {
            return page_of(&reply.body);
        }
        let error = error::of_refusal(&Refusal::new(reply.status, reply.body));
        let error = error.map_message(|message| message.replace(secret.expose().as_str(), "***"));
        Err(self.advised(error))
    }

    /// Asks, and once more without the thinking of earlier answers when the vendor does not take
    /// that back: the session would be lost otherwise.
    async fn ask(&self, request: Arc<ModelRequest>) -> Answer<'_> {
        let mut answer = self.answer(Arc::clone(&request), Replay::Thinking);
        match answer.next().await {
            Some(Err(error)) if error::is_about_thinking(&error) => {
                self.answer(request, Replay::NoThinking)
            }
            Some(first) => {
                let first = first.map_err(|error| self.advised(error));
                Box::pin(stream::once(ready(first)).chain(answer))
            }
            None => answer,
        }
    }

    /// A token that the vendor does not take, although it is valid still, was taken back.
    fn advised(&self, error: ModelError) -> ModelError {
        let refused = matches!(
            error,
            ModelError::Fatal {
                status: Some(401),
                ..
            }
        );
        match &self.access {
            Access::Login(_) if refused => {
                let advice = advice(&self.settings.name);
                error.map_message(|message| format!("{message}{advice}"))
            }
            Access::Login(_) | Access::Key(_) => error,
        }
    }

    fn answer(&self, request: Arc<ModelRequest>, replay: Replay) -> Answer<'_> {
        let parser = StreamParser::new(request::model(&self.settings, &request));
        let post = async move { self.request(&request, replay).await };
        self.http.answer(post, parser)
    }

    async fn request(&self, request: &ModelRequest, replay: Replay) -> Result<Request, ModelError> {
        let settings = &self.settings;
        let body = request::body(settings, request, replay).to_string();
        let url = self.url("/v1/messages");
        let mut post = Request::post(url, body.into_bytes(), settings.idle_timeout);
        post.first_byte_timeout = settings.first_byte_timeout;
        post.accept = &["text/event-stream"];
        let betas = request::betas(settings, request::model(settings, request));
        Ok(self.signed(post, betas, &self.secret().await?))
    }

    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.settings.base_url.trim_end_matches('/'))
    }

    async fn secret(&self) -> Result<Secret<String>, ModelError> {
        let name = &self.settings.name;
        match &self.access {
            Access::Key(key) => self
                .secrets
                .resolve(key)
                .map_err(|error| ModelError::Fatal {
                    status: None,
                    message: format!("the key of `{name}`: {error}"),
                }),
            Access::Login(login) => login.token().await.map_err(|error| error.for_model(name)),
        }
    }

    fn signed(&self, request: Request, mut betas: Vec<&str>, secret: &Secret<String>) -> Request {
        let request = match &self.access {
            Access::Key(_) => request.with("x-api-key", secret.clone()),
            Access::Login(_) => {
                betas.push(LOGIN_BETA);
                let bearer = Secret::new(format!("Bearer {}", secret.expose()));
                request.with("authorization", bearer)
            }
        };
        let request = request.with_plain("anthropic-version", VERSION);
        if betas.is_empty() {
            return request;
        }
        request.with_plain("anthropic-beta", betas.join(","))
    }
}

impl ModelProvider for Anthropic {
    fn name(&self) -> &str {
        &self.settings.name
    }

    fn stream(&self, request: ModelRequest) -> Answer<'_> {
        Box::pin(stream::once(self.ask(Arc::new(request))).flatten())
    }
}
