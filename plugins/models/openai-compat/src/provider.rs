//! Sending a request.

use std::sync::Arc;

use rivetos_http::{Http, Request};
use rivetos_openai::models::{self, ListedModel};
use rivetos_openai::{Endpoint, answer};
use rivetos_openai::{request as responses, stream as responses_stream};
use rivetos_types::BoxStream;
use rivetos_types::model::{ModelError, ModelProvider, ModelRequest, StreamEvent};
use rivetos_types::secret::{Secret, SecretResolver};
use rivetos_types::settings::{self, CompatApi, History, ToolCalls};
use serde_json::{Value, json};

use crate::request;
use crate::stream::{StreamParser, VENDOR};

/// The word for whatever model the endpoint has.
const ANY_MODEL: &str = "default";

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

    /// The models that the endpoint has. Nothing is billed.
    pub async fn list_models(&self) -> Result<Vec<ListedModel>, ModelError> {
        let mut models = models::list(&self.http, self.get(self.url("models"))?).await?;
        if let [model] = &mut *models
            && model.context.is_none()
        {
            model.context = self.llama_context().await;
        }
        Ok(models)
    }

    /// Whether somebody is there who takes the key. Nothing is billed.
    pub async fn check(&self) -> Result<(), ModelError> {
        let get = self.get(self.url("models"))?;
        models::list(&self.http, get).await.map(drop)
    }

    /// The size of the context that llama-server was started with; no other server says it there.
    async fn llama_context(&self) -> Option<u64> {
        let base = self.settings.base_url.trim_end_matches('/');
        let root = base.strip_suffix("/v1").unwrap_or(base);
        let get = self.get(format!("{root}/props")).ok()?;
        let reply = self.http.fetch(get).await.ok()?;
        let props: Value = serde_json::from_slice(&reply.body).ok()?;
        props
            .pointer("/default_generation_settings/n_ctx")?
            .as_u64()
    }

    async fn post(
        &self,
        path: &str,
        mut body: Value,
        request: &ModelRequest,
    ) -> Result<Request, ModelError> {
        if self.model(request) == ANY_MODEL {
            let models = models::list(&self.http, self.get(self.url("models"))?).await?;
            let first = models.into_iter().next().ok_or_else(|| ModelError::Fatal {
                status: None,
                message: format!("`{}` has no model", self.settings.name),
            })?;
            body["model"] = json!(first.name);
        }
        let body = body.to_string().into_bytes();
        let mut post = Request::post(self.url(path), body, self.settings.idle_timeout);
        post.accept = &["text/event-stream"];
        post.first_byte_timeout = self.settings.first_byte_timeout;
        self.with_key(post)
    }

    fn get(&self, url: String) -> Result<Request, ModelError> {
        self.with_key(Request::get(url, self.settings.first_byte_timeout))
    }

    fn url(&self, path: &str) -> String {
        format!("{}/{path}", self.settings.base_url.trim_end_matches('/'))
    }

    fn with_key(&self, request: Request) -> Result<Request, ModelError> {
        let settings = &self.settings;
        let Some(key) = &settings.api_key else {
            return Ok(request);
        };
        let key = self.secrets.resolve(key).map_err(|error| {
            let message = format!("the key of `{}`: {error}", settings.name);
            ModelError::Fatal {
                status: None,
                message,
            }
        })?;
        let bearer = Secret::new(format!("Bearer {}", key.expose()));
        Ok(request.with("authorization", bearer))
    }

    fn model<'a>(&'a self, request: &'a ModelRequest) -> &'a str {
        request.model.as_deref().unwrap_or(&self.settings.model)
    }

    /// How a Responses API is asked. Many endpoints keep no answers, and some models refuse to be
    /// asked for encrypted reasoning; those that are told an effort do not.
    fn endpoint<'a>(&'a self, request: &'a ModelRequest) -> Endpoint<'a> {
        let settings = &self.settings;
        let effort = request.thinking.and_then(request::effort);
        let include: &[&str] = match effort {
            Some(_) => &["reasoning.encrypted_content"],
            None => &[],
        };
        Endpoint {
            vendor: VENDOR,
            model: self.model(request),
            history: History::Stateless,
            effort,
            include,
            tool_calls: ToolCalls::Parallel,
            documents: request::documents(settings),
            server_tools: Vec::new(),
            max_tokens: settings.max_tokens,
            temperature: settings.temperature,
            top_p: settings.top_p,
            extra_body: &settings.extra_body,
        }
    }

    fn chat(&self, request: ModelRequest) -> BoxStream<'_, Result<StreamEvent, ModelError>> {
        let reader = StreamParser::new(self.model(&request));
        let post = async move {
            let body = request::body(&self.settings, &request);
            self.post("chat/completions", body, &request).await
        };
        self.http.answer(post, reader)
    }

    fn responses(&self, request: ModelRequest) -> BoxStream<'_, Result<StreamEvent, ModelError>> {
        let reader = responses_stream::StreamParser::new(&self.endpoint(&request), &request);
        let request = Arc::new(request);
        answer(&self.http, reader, |scope| {
            let request = Arc::clone(&request);
            async move {
                let body = responses::body(&self.endpoint(&request), &request, scope);
                self.post("responses", body, &request).await
            }
        })
    }
}

impl ModelProvider for OpenAiCompat {
    fn name(&self) -> &str {
        &self.settings.name
    }

    fn stream(&self, request: ModelRequest) -> BoxStream<'_, Result<StreamEvent, ModelError>> {
        match self.settings.api {
            CompatApi::Chat => self.chat(request),
            CompatApi::Responses => self.responses(request),
        }
    }
}
