//! Sending a request.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use futures_util::stream;
use rivetos_http::{Body, End, Http, Opened, Refusal, Request};
use rivetos_types::BoxStream;
use rivetos_types::model::{ModelError, ModelProvider, ModelRequest, StreamEvent};
use rivetos_types::secret::{Secret, SecretResolver};
use rivetos_types::settings;
use serde_json::{Value, json};

use crate::error;
use crate::models::{Listed, Shown, list_of, shown_of, version_of};
use crate::pull::{Progress, PullReader};
use crate::request;
use crate::stream::StreamParser;

/// What lines of JSON are called; some gateways call them something else.
const LINES: &[&str] = &["application/x-ndjson", "application/json"];

/// How many models are remembered.
const SHOWN_MODELS_MAX: usize = 64;

/// A [`ModelProvider`] for the models of one server.
pub struct Ollama {
    settings: settings::Ollama,
    secrets: Arc<dyn SecretResolver>,
    http: Http,
    /// What the server said of its models. A model of a name can do the same as long as we live,
    /// unless somebody builds another one.
    shown: Mutex<BTreeMap<String, Shown>>,
}

impl Ollama {
    /// A provider. Nothing is opened or resolved before the first request.
    pub fn new(settings: settings::Ollama, secrets: Arc<dyn SecretResolver>, http: Http) -> Self {
        Self {
            settings,
            secrets,
            http,
            shown: Mutex::default(),
        }
    }

    /// The version of the server: it is there.
    ///
    /// # Errors
    /// It cannot be reached, refuses, or answers with something else.
    pub async fn version(&self) -> Result<String, ModelError> {
        version_of(&self.fetch(self.get("api/version")?).await?)
    }

    /// The models that the server has.
    ///
    /// # Errors
    /// As of [`Ollama::version`].
    pub async fn list_models(&self) -> Result<Vec<Listed>, ModelError> {
        list_of(&self.fetch(self.get("api/tags")?).await?)
    }

    /// What a model can.
    ///
    /// # Errors
    /// As of [`Ollama::version`], or the server has no such model.
    pub async fn show(&self, model: &str) -> Result<Shown, ModelError> {
        let post = self.post("api/show", &json!({ "model": model }))?;
        shown_of(&self.fetch(post).await?)
    }

    /// Has the server fetch a model; the stream ends with [`Progress::Done`] or an error. Dropping
    /// it stops the server, which goes on next time where it was.
    pub fn pull(&self, model: &str) -> BoxStream<'_, Result<Progress, ModelError>> {
        let post = self.post("api/pull", &json!({ "model": model, "stream": true }));
        let start = Pulling::Start(Box::new(post));
        Box::pin(stream::unfold(start, |state| self.next(state)))
    }

    async fn next(&self, state: Pulling) -> Option<(Result<Progress, ModelError>, Pulling)> {
        let mut reading = match state {
            Pulling::Over => return None,
            Pulling::Reading(reading) => reading,
            Pulling::Start(post) => match self.start(*post).await {
                Err(error) => return Some((Err(error), Pulling::Over)),
                Ok(reading) => Box::new(reading),
            },
        };
        while reading.told.is_empty() && !reading.reader.is_over() {
            if let Err(error) = reading.read().await {
                reading.failed = Some(error);
                break;
            }
        }
        if let Some(told) = reading.told.pop_front() {
            return Some((Ok(told), Pulling::Reading(reading)));
        }
        let error = reading.failed.take()?;
        Some((Err(error), Pulling::Over))
    }

    async fn start(&self, post: Result<Request, ModelError>) -> Result<Reading, ModelError> {
        let opened = self.http.open(post?).await;
        match opened.map_err(|error| ModelError::from(&error))? {
            Opened::Refused(refusal) => Err(error::of_refusal(&refusal)),
            Opened::Body(body) => Ok(Reading {
                body,
                reader: PullReader::new(),
                told: VecDeque::new(),
                failed: None,
            }),
        }
    }

    async fn request(&self, request: &ModelRequest) -> Result<Request, ModelError> {
        let settings = &self.settings;
        let think = self.think(request).await?;
        let mut post = self.post("api/chat", &request::body(settings, request, think))?;
        post.first_byte_timeout = settings.first_byte_timeout;
        post.accept = LINES;
        Ok(post)
    }

    /// What the model is told about thinking. What it can do is asked for once.
    async fn think(&self, request: &ModelRequest) -> Result<Option<Value>, ModelError> {
        let Some(thinking) = request.thinking else {
            return Ok(None);
        };
        let model = request::model(&self.settings, request);
        let known = self
            .remembered()
            .get(model)
            .map(|shown| shown.think(thinking));
        if let Some(think) = known {
            return Ok(think);
        }
        let shown = match self.show(model).await {
            Ok(shown) => shown,
            Err(error @ ModelError::Transient { .. }) => return Err(error),
            // Gateways know `chat` and no `show`; whether there is such a model, `chat` will say.
            Err(_) => return Ok(Shown::default().think(thinking)),
        };
        let think = shown.think(thinking);
        let mut remembered = self.remembered();
        if remembered.len() == SHOWN_MODELS_MAX {
            remembered.clear();
        }
        remembered.insert(model.to_owned(), shown);
        Ok(think)
    }

    fn remembered(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, Shown>> {
        self.shown.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn fetch(&self, request: Request) -> Result<Vec<u8>, ModelError> {
        let reply = self.http.fetch(request).await;
        let reply = reply.map_err(|error| ModelError::from(&error))?;
        if reply.status == 200 {
            return Ok(reply.body);
        }
        Err(error::of_refusal(&Refusal::new(reply.status, reply.body)))
    }

    fn get(&self, path: &str) -> Result<Request, ModelError> {
        let url = self.url(path);
        self.with_key(Request::get(url, self.settings.idle_timeout))
    }

    fn post(&self, path: &str, body: &Value) -> Result<Request, ModelError> {
        let body = body.to_string().into_bytes();
        self.with_key(Request::post(
            self.url(path),
            body,
            self.settings.idle_timeout,
        ))
    }

    fn url(&self, path: &str) -> String {
        format!("{}/{path}", self.settings.base_url.trim_end_matches('/'))
    }

    fn with_key(&self, request: Request) -> Result<Request, ModelError> {
        let Some(key) = &self.settings.api_key else {
            return Ok(request);
        };
        let key = self
            .secrets
            .resolve(key)
            .map_err(|error| ModelError::Fatal {
                status: None,
                message: format!("the key of `{}`: {error}", self.settings.name),
            })?;
        let bearer = Secret::new(format!("Bearer {}", key.expose()));
        Ok(request.with("authorization", bearer))
    }
}

impl ModelProvider for Ollama {
    fn name(&self) -> &str {
        &self.settings.name
    }

    fn stream(&self, request: ModelRequest) -> BoxStream<'_, Result<StreamEvent, ModelError>> {
        let parser = StreamParser::new(request::model(&self.settings, &request));
        let post = async move { self.request(&request).await };
        self.http.answer(post, parser)
    }
}

/// Where a pull stands between two words.
enum Pulling {
    Start(Box<Result<Request, ModelError>>),
    Reading(Box<Reading>),
    Over,
}

struct Reading {
    body: Body,
    reader: PullReader,
    told: VecDeque<Progress>,
    failed: Option<ModelError>,
}

impl Reading {
    async fn read(&mut self) -> Result<(), ModelError> {
        let mut told = Vec::new();
        let result = match self.body.next().await {
            Ok(Some(bytes)) => self.reader.push(&bytes, &mut told),
            Ok(None) => self.reader.end(End::Clean, &mut told),
            Err(error) => {
                let ended = self.reader.end(End::Broken, &mut told);
                ended.map_err(|ended| ended.map_message(|_| error.to_string()))
            }
        };
        self.told.extend(told);
        result
    }
}
