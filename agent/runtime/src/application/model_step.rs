//! Which model is asked, how often, and what a failure means.

use std::time::Duration;

use rivetos_core::fallback::Choice;
use rivetos_core::turn::Abort;
use rivetos_types::error::ErrorCode;
use rivetos_types::intake::TurnEvent;
use rivetos_types::message::TokenUsage;
use rivetos_types::model::{ModelError, ModelRequest, StopReason};

use super::answer::Answer;
use super::feed::Feed;
use super::models::Asked;
use super::state::State;
use crate::clock::now;
use crate::telemetry::{SpanEnd, Trace};

/// How often one request is sent.
const ATTEMPTS_MAX: u32 = 4;

/// The longest pause between two attempts that we choose ourselves.
const BACKOFF_MAX: Duration = Duration::from_secs(30);

/// The longest pause that a vendor may ask for; beyond it the turn fails.
const RETRY_AFTER_MAX: Duration = Duration::from_mins(2);

/// The same two while somebody else could be asked.
const ATTEMPTS_BEFORE_FALLBACK_MAX: u32 = 2;
const PAUSE_BEFORE_FALLBACK_MAX: Duration = Duration::from_secs(5);

/// Why there is no whole answer.
pub(super) enum AskError {
    /// The model could not read all of the conversation.
    Overflow(String),
    /// This model does not take the images of the request.
    ImagesRefused(Choice),
    /// For the person.
    Failed(String),
    /// The model did not stop writing.
    TooLong(Abort),
}

/// How a whole answer ended, and whose it is.
pub(super) struct Answered {
    pub(super) stop: StopReason,
    pub(super) usage: TokenUsage,
    pub(super) by: Choice,
}

/// Who asks whom, and who watches.
#[derive(Clone, Copy)]
pub(super) struct Asking<'a> {
    pub(super) state: &'a State,
    pub(super) feed: &'a Feed,
    pub(super) trace: &'a Trace,
    /// The models to ask, in this order; not empty.
    pub(super) choices: &'a [Choice],
}

/// Asks the first model that can answer: again when it failed before its first word and another try
/// may help, then the next one.
pub(super) async fn ask(
    asking: Asking<'_>,
    request: &ModelRequest,
    answer: &mut Answer,
) -> Result<Answered, AskError> {
    let Asking {
        state,
        feed,
        choices,
        ..
    } = asking;
    let models = &state.parts.models;
    let mut failed = None;
    let mut from = 0;
    while let Some(place) = models.next(choices, from, now())
        && let Some(choice) = choices.get(place)
    {
        if from == 0
            && place > 0
            && let Some(first) = choices.first()
        {
            failed = Some(format!("{first} has failed lately and is left alone"));
        }
        if let Some(reason) = failed.take() {
            let text = format!("{reason}; asking {choice}");
            tracing::warn!(%choice, reason, "another model is asked");
            state.metrics.model_fallbacks.add(1);
            feed.event(TurnEvent::Status { text });
        }
        from = place + 1;
        let patience = Patience::with(models.has_other(choices, place, now()));
        let error = match ask_one(asking, (choice, patience), request.clone(), answer).await? {
            Ok((stop, usage)) => {
                models.succeeded(&choice.provider);
                let by = choice.clone();
                return Ok(Answered { stop, usage, by });
            }
            Err(error) => error,
        };
        let fault = Fault::of(&error);
        match fault {
            Fault::Provider { retry_after_ms } => {
                models.failed(&choice.provider, now(), retry_after_ms);
            }
            // Whoever refuses is there.
            Fault::Model | Fault::Request => models.succeeded(&choice.provider),
        }
        let provider = &choice.provider;
        let reason = format!("the model provider `{provider}` failed: {error}");
        match error {
            ModelError::TooLong { .. } => return Err(AskError::Overflow(reason)),
            ModelError::ImagesRefused { .. } if shows(state, choice, request) => {
                return Err(AskError::ImagesRefused(choice.clone()));
            }
            ModelError::ImagesRefused { .. }
            | ModelError::Transient { .. }
            | ModelError::Incomplete { .. }
            | ModelError::Fatal { .. } => {}
        }
        if !answer.is_empty() || fault == Fault::Request {
            return Err(AskError::Failed(reason));
        }
        failed = Some(reason);
    }
    let reason = failed.unwrap_or_else(|| "no model is configured".to_owned());
    Err(AskError::Failed(reason))
}

/// Whether `choice` would see something of the request.
fn shows(state: &State, choice: &Choice, request: &ModelRequest) -> bool {
    let mut images = request.images.keys();
    images.any(|image| !state.refused_images.has(choice, image))
}

/// How much is put up with before somebody else is asked.
#[derive(Clone, Copy)]
struct Patience {
    /// How often one request is sent.
    attempts_max: u32,
    /// The longest pause that a vendor may ask for.
    pause_max: Duration,
}

impl Patience {
    fn with(somebody_else: bool) -> Self {
        if somebody_else {
            return Self {
                attempts_max: ATTEMPTS_BEFORE_FALLBACK_MAX,
                pause_max: PAUSE_BEFORE_FALLBACK_MAX,
            };
        }
        Self {
            attempts_max: ATTEMPTS_MAX,
            pause_max: RETRY_AFTER_MAX,
        }
    }
}

/// Whose fault a failure is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    /// It would fail everybody: another provider may answer.
    Provider { retry_after_ms: Option<u64> },
    /// This model is not there; another one may be.
    Model,
    /// Others would not take it either.
    Request,
}

impl Fault {
    fn of(error: &ModelError) -> Self {
        match error {
            ModelError::Transient { retry_after_ms, .. } => Self::Provider {
                retry_after_ms: *retry_after_ms,
            },
            // Without a status nothing was sent: there is no key, for example. 402: nothing is paid.
            // 429 for good: all that may be used for days is used.
            ModelError::Incomplete { .. }
            | ModelError::Fatal {
                status: None | Some(401..=403 | 429),
                ..
            } => Self::Provider {
                retry_after_ms: None,
            },
            ModelError::Fatal {
                status: Some(404), ..
            } => Self::Model,
            ModelError::Fatal { .. }
            | ModelError::TooLong { .. }
            | ModelError::ImagesRefused { .. } => Self::Request,
        }
    }
}

/// Asks one model.
async fn ask_one(
    Asking {
        state, feed, trace, ..
    }: Asking<'_>,
    (choice, patience): (&Choice, Patience),
    mut request: ModelRequest,
    answer: &mut Answer,
) -> Result<Result<(StopReason, TokenUsage), ModelError>, AskError> {
    let Some(Asked { provider, model }) = state.parts.models.asked(choice) else {
        return Err(AskError::Failed(format!(
            "there is no provider of {choice}"
        )));
    };
    request.model = model;
    let refused = &state.refused_images;
    request
        .images
        .retain(|image, _| !refused.has(choice, image));
    let mut attempt = 1;
    loop {
        let span = trace.request(&choice.model);
        let stream = provider.stream(request.clone());
        let read = answer.read(state, feed, stream).await;
        let error = match read.map_err(AskError::TooLong)? {
            Ok((stop, usage)) => {
                span.used(usage).ended(SpanEnd::Ok);
                return Ok(Ok((stop, usage)));
            }
            Err(error) => error,
        };
        span.ended(SpanEnd::Failed);
        state.metrics.model_errors.add(1);
        let pause = (answer.is_empty() && attempt < patience.attempts_max)
            .then(|| pause_after(&error, attempt, patience.pause_max))
            .flatten();
        let code = ErrorCode::from(&error);
        let retried = pause.is_some();
        tracing::warn!(%code, %choice, %error, attempt, retried, "the model failed");
        let Some(pause) = pause else {
            return Ok(Err(error));
        };
        let text = format!("{error}; trying again in {} s", pause.as_secs_f32().ceil());
        feed.event(TurnEvent::Status { text });
        tokio::time::sleep(pause).await;
        state.metrics.model_retries.add(1);
        attempt += 1;
    }
}

/// How long to wait before the next attempt; `None` when it would not help.
fn pause_after(error: &ModelError, attempt: u32, asked_max: Duration) -> Option<Duration> {
    let own = Duration::from_millis(500 << attempt).min(BACKOFF_MAX);
    match error {
        ModelError::Fatal { .. }
        | ModelError::TooLong { .. }
        | ModelError::ImagesRefused { .. } => None,
        ModelError::Incomplete { .. }
        | ModelError::Transient {
            retry_after_ms: None,
            ..
        } => Some(own),
        ModelError::Transient {
            retry_after_ms: Some(ms),
            ..
        } => Some(Duration::from_millis(*ms)).filter(|asked| *asked <= asked_max),
    }
}
