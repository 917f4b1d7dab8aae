//! Sending a request and receiving its answer.

use std::collections::VecDeque;
use std::error::Error;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use futures_util::stream;
use reqwest::header::{ACCEPT, CONTENT_TYPE, RETRY_AFTER};
use reqwest::{Client, Response, redirect};
use rivetos_types::BoxStream;
use rivetos_types::model::{ModelError, ModelProvider, ModelRequest, StreamEvent};
use rivetos_types::secret::{Secret, SecretResolver};
use rivetos_types::settings;
use tokio::time::timeout;

use crate::stream::{End, StreamParser};
use crate::{error, request, tls};

/// What follows a terminal event is read this long, so that the connection can be used again.
const REST_TIMEOUT: Duration = Duration::from_secs(1);

/// The most of a refusal that is read, in bytes.
const REFUSAL_BYTES_MAX: usize = 64 * 1024;

/// A [`ModelProvider`] for one model behind one endpoint.
///
/// The key is resolved for each request. Redirects are never followed: they would carry it along.
pub struct OpenAiCompat {
    settings: settings::OpenAiCompat,
    secrets: Arc<dyn SecretResolver>,
    /// Made on first use: trust roots are slow to load, and starting is to be quick.
    client: OnceLock<Client>,
}

impl OpenAiCompat {
    /// A provider. Nothing is opened or resolved before the first request.
    pub fn new(settings: settings::OpenAiCompat, secrets: Arc<dyn SecretResolver>) -> Self {
        Self {
            settings,
            secrets,
            client: OnceLock::new(),
        }
    }

    fn client(&self) -> Result<&Client, ModelError> {
        if let Some(client) = self.client.get() {
            return Ok(client);
        }
        let fatal = |message| ModelError::Fatal {
            status: None,
            message,
        };
        let mut builder = Client::builder()
            .redirect(redirect::Policy::none())
            .connect_timeout(self.settings.idle_timeout)
            .tls_backend_preconfigured(tls::client_config().map_err(fatal)?);
        if is_loopback(&self.settings.base_url) {
            builder = builder.no_proxy();
        }
        let client = builder.build().map_err(|error| fatal(deepest(&error)))?;
        Ok(self.client.get_or_init(|| client))
    }

    fn key(&self) -> Result<Option<Secret<String>>, ModelError> {
        let resolve = |secret| self.secrets.resolve(secret);
        self.settings
            .api_key
            .as_ref()
            .map(resolve)
            .transpose()
            .map_err(|error| {
                let message = format!("the key of `{}`: {error}", self.settings.name);
                ModelError::Fatal {
                    status: None,
                    message,
                }
            })
    }

    async fn send(&self, request: &ModelRequest) -> Result<Response, ModelError> {
        let key = self.key()?;
        let url = format!(
            "{}/chat/completions",
            self.settings.base_url.trim_end_matches('/')
        );
        let mut post = self
            .client()?
            .post(url)
            .header(ACCEPT, "text/event-stream")
            .json(&request::body(&self.settings, request));
        if let Some(key) = &key {
            post = post.bearer_auth(key.expose());
        }
        let unreached = |cause: &str| ModelError::Transient {
            message: format!("{} cannot be reached: {cause}", self.settings.base_url),
            retry_after_ms: None,
        };
        let response = match timeout(self.settings.idle_timeout, post.send()).await {
            Err(_) => return Err(unreached("no answer in time")),
            Ok(Err(error)) if error.is_builder() => {
                return Err(ModelError::Fatal {
                    status: None,
                    message: deepest(&error),
                });
            }
            Ok(Err(error)) => return Err(unreached(&deepest(&error))),
            Ok(Ok(response)) => response,
        };
        if response.status().is_success() && is_event_stream(&response) {
            return Ok(response);
        }
        Err(refusal(response, self.settings.idle_timeout, key.as_ref()).await)
    }
}

impl ModelProvider for OpenAiCompat {
    fn name(&self) -> &str {
        &self.settings.name
    }

    fn stream(&self, request: ModelRequest) -> BoxStream<'_, Result<StreamEvent, ModelError>> {
        let start = State::Start(request);
        Box::pin(stream::unfold(start, |state| self.next(state)))
    }
}

/// Where an answer stands between two events.
enum State {
    Start(ModelRequest),
    Reading(Box<Reading>),
    Over,
}

struct Reading {
    response: Option<Response>,
    parser: StreamParser,
    events: VecDeque<StreamEvent>,
    failed: Option<ModelError>,
}

type Step = Option<(Result<StreamEvent, ModelError>, State)>;

impl OpenAiCompat {
    async fn next(&self, state: State) -> Step {
        let mut reading = match state {
            State::Over => return None,
            State::Reading(reading) => reading,
            State::Start(request) => match self.send(&request).await {
                Err(error) => return Some((Err(error), State::Over)),
                Ok(response) => Box::new(Reading {
                    response: Some(response),
                    parser: StreamParser::new(),
                    events: VecDeque::new(),
                    failed: None,
                }),
            },
        };
        loop {
            if let Some(event) = reading.events.pop_front() {
                return Some((Ok(event), State::Reading(reading)));
            }
            if let Some(error) = reading.failed.take() {
                return Some((Err(error), State::Over));
            }
            reading.response.as_ref()?;
            reading.read(self.settings.idle_timeout).await;
        }
    }
}

impl Reading {
    /// Waits for more of the body; afterwards there are events, a failure, or no response.
    async fn read(&mut self, idle_timeout: Duration) {
        let Some(response) = self.response.as_mut() else {
            return;
        };
        let mut events = Vec::new();
        let result = match timeout(idle_timeout, response.chunk()).await {
            Ok(Ok(Some(bytes))) => self.parser.push(&bytes, &mut events),
            Ok(Ok(None)) => self.parser.end(End::Clean, &mut events),
            Ok(Err(_)) => self.parser.end(End::Broken, &mut events),
            Err(_) => Err(ModelError::Incomplete {
                message: format!("nothing came for {} s", idle_timeout.as_secs()),
            }),
        };
        self.events = events.into();
        self.failed = result.err();
        if self.failed.is_some() {
            self.response = None;
        } else if self.parser.is_over()
            && let Some(response) = self.response.take()
        {
            tokio::spawn(timeout(REST_TIMEOUT, finish(response)));
        }
    }
}

/// Reads a body to its end and throws it away.
async fn finish(mut response: Response) {
    while let Ok(Some(_)) = response.chunk().await {}
}

async fn refusal(
    mut response: Response,
    idle_timeout: Duration,
    key: Option<&Secret<String>>,
) -> ModelError {
    let status = response.status();
    let retry_after = response
        .headers()
        .get(RETRY_AFTER)
        .and_then(|value| value.to_str().ok());
    let retry_after = retry_after.map(str::to_owned);
    let mut body = Vec::new();
    while let Ok(Ok(Some(bytes))) = timeout(idle_timeout, response.chunk()).await {
        body.extend_from_slice(&bytes);
        if body.len() > REFUSAL_BYTES_MAX {
            break;
        }
    }
    let key = key.map(|key| key.expose().as_str());
    error::of_response(status.as_u16(), retry_after.as_deref(), &body, key)
}

fn is_event_stream(response: &Response) -> bool {
    let kind = response
        .headers()
        .get(CONTENT_TYPE)
        .and_then(|kind| kind.to_str().ok());
    // Servers that name no type at all are taken at their word.
    kind.is_none_or(|kind| kind.trim_start().starts_with("text/event-stream"))
}

fn is_loopback(base_url: &str) -> bool {
    let host = reqwest::Url::parse(base_url)
        .ok()
        .and_then(|url| url.host_str().map(str::to_owned));
    host.is_some_and(|host| host == "localhost" || host == "[::1]" || host.starts_with("127."))
}

/// The innermost cause says what happened; the outer ones only where.
fn deepest(error: &reqwest::Error) -> String {
    let mut cause: &dyn Error = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    cause.to_string()
}
