//! The streamed answer of a model.

use std::collections::VecDeque;
use std::time::Duration;

use futures_util::stream;
use reqwest::Response;
use reqwest::header::{CONTENT_TYPE, HeaderMap, RETRY_AFTER};
use rivetos_types::BoxStream;
use rivetos_types::model::{ModelError, StreamEvent};
use rivetos_types::secret::Secret;
use tokio::time::timeout;

use crate::client::{Http, HttpError, Request, next_bytes};
use crate::refusal::{Refusal, without};

/// What follows a terminal event is read this long, so that the connection can be used again.
const REST_TIMEOUT: Duration = Duration::from_secs(1);

/// The most of a refusal that is read, in bytes.
const REFUSAL_BYTES_MAX: usize = 64 * 1024;

/// How a body ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// By the rules of HTTP.
    Clean,
    /// Otherwise.
    Broken,
}

/// Reads one answer of a vendor, in pieces of any size.
///
/// # Guarantees
/// - How the bytes are split changes nothing.
/// - After [`StreamEvent::Done`] or an error nothing follows.
/// - An answer is complete with the vendor's terminal event, or with a clean end of the body after
///   a finish reason. Everything else is [`ModelError::Incomplete`].
pub trait AnswerReader: Send {
    /// Takes more of the body and appends what it says to `events`.
    ///
    /// # Errors
    /// The answer is an error or cannot be read; what came before it is in `events`.
    fn push(&mut self, bytes: &[u8], events: &mut Vec<StreamEvent>) -> Result<(), ModelError>;

    /// The body has ended. Appends the terminal event when it was implied.
    ///
    /// # Errors
    /// The answer is not complete.
    fn end(&mut self, end: End, events: &mut Vec<StreamEvent>) -> Result<(), ModelError>;

    /// Whether the terminal event or an error was seen.
    fn is_over(&self) -> bool;

    /// What a refusal means.
    fn refused(&self, refusal: &Refusal) -> ModelError;
}

impl Http {
    /// Sends a request on the first poll and reads its answer. Dropping the stream closes the
    /// connection.
    pub fn answer<'a, R: AnswerReader + 'a>(
        &'a self,
        request: impl Future<Output = Result<Request, ModelError>> + Send + 'a,
        reader: R,
    ) -> BoxStream<'a, Result<StreamEvent, ModelError>> {
        let start = State::Start(request, reader);
        Box::pin(stream::unfold(start, |state| self.next(state)))
    }

    async fn next<F, R>(&self, state: State<F, R>) -> Step<F, R>
    where
        F: Future<Output = Result<Request, ModelError>>,
        R: AnswerReader,
    {
        let mut reading = match state {
            State::Over => return None,
            State::Reading(reading) => reading,
            State::Start(request, reader) => match self.start(request, reader).await {
                Err(error) => return Some((Err(error), State::Over)),
                Ok(reading) => Box::new(reading),
            },
        };
        loop {
            if let Some(event) = reading.events.pop_front() {
                return Some((Ok(event), State::Reading(reading)));
            }
            if let Some(error) = reading.failed.take() {
                let error = error.map_message(|message| without(&reading.secrets, message));
                return Some((Err(error), State::Over));
            }
            reading.response.as_ref()?;
            reading.read().await;
        }
    }

    async fn start<R: AnswerReader>(
        &self,
        request: impl Future<Output = Result<Request, ModelError>>,
        reader: R,
    ) -> Result<Reading<R>, ModelError> {
        let request = request.await?;
        let (accept, idle_timeout) = (request.accept, request.idle_timeout);
        let first_byte_timeout = request.first_byte_timeout;
        let secrets = request.secrets();
        let response = self
            .send(request)
            .await
            .map_err(|error| ModelError::from(&error))?;
        if !response.status().is_success() || !is_any_of(accept, response.headers()) {
            let refusal = refusal(response, idle_timeout, &secrets).await;
            return Err(reader.refused(&refusal));
        }
        Ok(Reading {
            response: Some(response),
            reader,
            // Many vendors send the head of an answer at once and think before its first byte.
            timeout: first_byte_timeout,
            idle_timeout,
            secrets,
            events: VecDeque::new(),
            failed: None,
        })
    }
}

/// Where an answer stands between two events.
enum State<F, R> {
    Start(F, R),
    Reading(Box<Reading<R>>),
    Over,
}

type Step<F, R> = Option<(Result<StreamEvent, ModelError>, State<F, R>)>;

struct Reading<R> {
    response: Option<Response>,
    reader: R,
    timeout: Duration,
    idle_timeout: Duration,
    secrets: Vec<Secret<String>>,
    events: VecDeque<StreamEvent>,
    failed: Option<ModelError>,
}

impl<R: AnswerReader> Reading<R> {
    /// Waits for more of the body; afterwards there are events, a failure, or no response.
    async fn read(&mut self) {
        let Some(response) = self.response.as_mut() else {
            return;
        };
        let mut events = Vec::from(std::mem::take(&mut self.events));
        let waited = next_bytes(response, self.timeout).await;
        self.timeout = self.idle_timeout;
        let result = match waited {
            Ok(Some(bytes)) => self.reader.push(&bytes, &mut events),
            Ok(None) => self.reader.end(End::Clean, &mut events),
            Err(error) => {
                let ended = self.reader.end(End::Broken, &mut events);
                let cause = error.to_string();
                ended.map_err(|error| error.map_message(|_| cause))
            }
        };
        self.events = events.into();
        self.failed = result.err();
        if self.failed.is_some() {
            self.response = None;
        } else if self.reader.is_over()
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

impl From<&HttpError> for ModelError {
    fn from(error: &HttpError) -> Self {
        let message = error.to_string();
        match error {
            HttpError::Unusable(_) | HttpError::TooLong => Self::Fatal {
                status: None,
                message,
            },
            HttpError::Unreached { .. } | HttpError::BrokenOff(_) => Self::Transient {
                message,
                retry_after_ms: None,
            },
        }
    }
}

pub(crate) async fn refusal(
    mut response: Response,
    idle_timeout: Duration,
    secrets: &[Secret<String>],
) -> Refusal {
    let status = response.status().as_u16();
    let retry_after_ms = retry_after_ms(response.headers());
    let request_id = request_id(response.headers());
    let mut body = Vec::new();
    while let Ok(Some(bytes)) = next_bytes(&mut response, idle_timeout).await {
        body.extend_from_slice(&bytes);
        if body.len() > REFUSAL_BYTES_MAX {
            break;
        }
    }
    Refusal {
        status,
        retry_after_ms,
        request_id,
        body: without(secrets, &String::from_utf8_lossy(&body)).into_bytes(),
    }
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

/// OpenAI and its relatives also say it in milliseconds.
fn retry_after_ms(headers: &HeaderMap) -> Option<u64> {
    let exact = text(headers, "retry-after-ms").and_then(|ms| ms.trim().parse().ok());
    exact.or_else(|| {
        let seconds = text(headers, RETRY_AFTER.as_str())?;
        seconds.trim().parse::<u64>().ok()?.checked_mul(1000)
    })
}

/// Anthropic's name of the header, and everybody else's.
fn request_id(headers: &HeaderMap) -> Option<String> {
    let id = text(headers, "request-id").or_else(|| text(headers, "x-request-id"));
    id.map(str::to_owned)
}

fn is_any_of(accept: &[&str], headers: &HeaderMap) -> bool {
    let Some(kind) = text(headers, CONTENT_TYPE.as_str()) else {
        return true;
    };
    let kind = kind.trim_start();
    accept.iter().any(|accepted| kind.starts_with(accepted))
}
