//! One answer of the model.

use std::time::{Duration, Instant};

use futures_util::StreamExt;
use rivetos_core::redact::Pieces;
use rivetos_core::turn::Abort;
use rivetos_types::error::ErrorCode;
use rivetos_types::intake::TurnEvent;
use rivetos_types::message::{ContentPart, TokenUsage, ToolCall, VendorBlock, text_of};
use rivetos_types::model::{ModelError, ModelRequest, StopReason, StreamEvent};

use super::feed::Feed;
use super::state::State;
use crate::telemetry::{SpanEnd, Trace};

/// How often one request is sent.
const ATTEMPTS_MAX: u32 = 4;

/// The longest pause between two attempts that we choose ourselves.
const BACKOFF_MAX: Duration = Duration::from_secs(30);

/// The longest pause that a vendor may ask for; beyond it the turn fails.
const RETRY_AFTER_MAX: Duration = Duration::from_mins(2);

/// What came of an answer so far; still there when the request is dropped in the middle.
#[derive(Default)]
pub(super) struct Answer {
    /// Without secrets, as far as it is shown.
    pub(super) content: Vec<ContentPart>,
    saying: Pieces,
    thinking: Pieces,
    pub(super) calls: Vec<ToolCall>,
    /// Reasoning and arguments included.
    bytes: usize,
}

impl Answer {
    /// Nothing follows: what was held back is shown too.
    pub(super) fn end(&mut self, state: &State, feed: &Feed) {
        self.end_reasoning(state, feed);
        let text = self.saying.end(&state.parts.redactor);
        self.show(feed, text);
    }

    /// What was said.
    pub(super) fn text(&self) -> String {
        text_of(&self.content)
    }

    fn keep(&mut self, state: &State, feed: &Feed, block: VendorBlock) {
        self.end(state, feed);
        self.bytes += block.block.to_string().len();
        self.content.push(ContentPart::Vendor(block));
    }

    fn say(&mut self, state: &State, feed: &Feed, piece: &str) {
        self.end_reasoning(state, feed);
        self.bytes += piece.len();
        let text = self.saying.push(&state.parts.redactor, piece);
        self.show(feed, text);
    }

    fn show(&mut self, feed: &Feed, more: String) {
        if more.is_empty() {
            return;
        }
        let is_text = |part: &ContentPart| matches!(part, ContentPart::Text { .. });
        feed.text(&more, !self.content.iter().any(is_text));
        if let Some(ContentPart::Text { text }) = self.content.last_mut() {
            text.push_str(&more);
        } else {
            self.content.push(ContentPart::text(more));
        }
    }

    fn think(&mut self, state: &State, feed: &Feed, piece: &str) {
        self.bytes += piece.len();
        reason(feed, self.thinking.push(&state.parts.redactor, piece));
    }

    fn end_reasoning(&mut self, state: &State, feed: &Feed) {
        reason(feed, self.thinking.end(&state.parts.redactor));
    }
}

fn reason(feed: &Feed, text: String) {
    if !text.is_empty() {
        feed.event(TurnEvent::Reasoning { text });
    }
}

/// Why there is no whole answer.
pub(super) enum AskError {
    /// The model could not read all of the conversation.
    Overflow(String),
    /// The model does not take the images of the request.
    ImagesRefused,
    /// For the person.
    Failed(String),
    /// The model did not stop writing.
    TooLong(Abort),
}

/// Who asks, and who watches.
#[derive(Clone, Copy)]
pub(super) struct Asking<'a> {
    pub(super) state: &'a State,
    pub(super) feed: &'a Feed,
    pub(super) trace: &'a Trace,
}

/// Asks the model, again when it failed before its first word and another try may help.
pub(super) async fn ask(
    Asking { state, feed, trace }: Asking<'_>,
    request: &ModelRequest,
    answer: &mut Answer,
) -> Result<(StopReason, TokenUsage), AskError> {
    let own = &state.parts.identity.model;
    let own = own.split_once('/').map_or(own.as_str(), |(_, model)| model);
    let model = request.model.as_deref().unwrap_or(own);
    let mut attempt = 1;
    loop {
        let span = trace.request(model);
        let error = match read(state, feed, request.clone(), answer).await? {
            Ok((stop, usage)) => {
                span.used(usage).ended(SpanEnd::Ok);
                return Ok((stop, usage));
            }
            Err(error) => error,
        };
        span.ended(SpanEnd::Failed);
        state.metrics.model_errors.add(1);
        let pause = (answer.bytes == 0 && attempt < ATTEMPTS_MAX)
            .then(|| pause_after(&error, attempt))
            .flatten();
        let code = ErrorCode::from(&error);
        tracing::warn!(%code, %error, attempt, retried = pause.is_some(), "the model failed");
        let Some(pause) = pause else {
            let name = state.parts.model.name();
            let reason = format!("the model provider `{name}` failed: {error}");
            return Err(match error {
                ModelError::TooLong { .. } => AskError::Overflow(reason),
                ModelError::ImagesRefused { .. } if !request.images.is_empty() => {
                    AskError::ImagesRefused
                }
                ModelError::ImagesRefused { .. }
                | ModelError::Transient { .. }
                | ModelError::Incomplete { .. }
                | ModelError::Fatal { .. } => AskError::Failed(reason),
            });
        };
        let text = format!("{error}; trying again in {} s", pause.as_secs_f32().ceil());
        feed.event(TurnEvent::Status { text });
        tokio::time::sleep(pause).await;
        state.metrics.model_retries.add(1);
        attempt += 1;
    }
}

async fn read(
    state: &State,
    feed: &Feed,
    request: ModelRequest,
    answer: &mut Answer,
) -> Result<Result<(StopReason, TokenUsage), ModelError>, AskError> {
    let bytes_max = state.parts.limits.answer_bytes_max;
    let mut stream = state.parts.model.stream(request);
    let mut asked = Some(Instant::now());
    while let Some(event) = stream.next().await {
        let event = match event {
            Ok(event) => event,
            Err(error) => return Ok(Err(error)),
        };
        if let Some(asked) = asked.take() {
            state.metrics.first_byte_time.observe(asked.elapsed());
        }
        match event {
            StreamEvent::Text(text) => answer.say(state, feed, &text),
            StreamEvent::Reasoning(text) => answer.think(state, feed, &text),
            StreamEvent::ToolCall(call) => {
                answer.bytes += call.name.len() + call.arguments.len();
                answer.calls.push(call);
            }
            StreamEvent::Vendor(block) => answer.keep(state, feed, block),
            StreamEvent::Done { stop, usage } => return Ok(Ok((stop, usage))),
        }
        if answer.bytes > bytes_max {
            return Err(AskError::TooLong(Abort::AnswerBytes));
        }
    }
    Ok(Err(ModelError::Incomplete {
        message: "the stream ended without a word".to_owned(),
    }))
}

/// How long to wait before the next attempt; `None` when it would not help.
fn pause_after(error: &ModelError, attempt: u32) -> Option<Duration> {
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
        } => Some(Duration::from_millis(*ms)).filter(|asked| *asked <= RETRY_AFTER_MAX),
    }
}
