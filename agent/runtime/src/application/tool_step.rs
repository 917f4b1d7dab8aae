//! The calls of one answer.

use std::sync::Arc;

use futures_util::{StreamExt, stream};
use rivetos_core::turn::PlannedCall;
use rivetos_types::id::{SessionId, TurnId};
use rivetos_types::intake::TurnEvent;
use rivetos_types::media::Attachment;
use rivetos_types::message::{ToolResult, ToolStatus};
use rivetos_types::tool::{ToolContext, ToolError, ToolOutput};
use tokio::task::spawn_blocking;

use super::feed::Feed;
use super::record::{RunningTool, ToolEnd};
use super::state::State;
use crate::telemetry::Trace;

/// The most read-only calls that run side by side.
const PARALLEL_CALLS_MAX: usize = 8;

/// The longest summary that watchers get, in characters.
const SUMMARY_CHARS_MAX: usize = 120;

/// What came of a call.
pub(super) enum ToolRun {
    /// The model reads it.
    Answered(ToolResult),
    /// The turn ends; the reason is for the person.
    Fatal(String),
}

/// Whose calls these are, and who watches.
#[derive(Clone, Copy)]
pub(super) struct Place<'a> {
    pub(super) state: &'a State,
    pub(super) feed: &'a Feed,
    pub(super) session: &'a SessionId,
    pub(super) turn: &'a TurnId,
    pub(super) trace: &'a Trace,
}

/// Runs what the machine planned together. The answers come to `ended` in the order of the calls,
/// and stay there when this is dropped in the middle.
pub(super) async fn run_calls(place: Place<'_>, calls: Vec<PlannedCall>, ended: &mut Vec<ToolRun>) {
    let run = |planned: PlannedCall| run_call(place, planned);
    let mut runs = stream::iter(calls).map(run).buffered(PARALLEL_CALLS_MAX);
    while let Some(run) = runs.next().await {
        ended.push(run);
    }
}

async fn run_call(place: Place<'_>, planned: PlannedCall) -> ToolRun {
    let Place {
        state, feed, turn, ..
    } = place;
    let redact = |text: &str| state.parts.redactor.redact(text).into_owned();
    let PlannedCall {
        call, step, index, ..
    } = planned;
    let name = call.name.clone();
    feed.event(TurnEvent::ToolStart {
        name: name.clone(),
        summary: argument_line(&redact(&call.arguments)),
    });
    let context = ToolContext {
        workspace: state.parts.workspace.clone(),
        output_bytes_max: state.parts.limits.call_output_bytes_max,
        idempotency_key: format!("{turn}/{step}/{index}"),
    };
    let running = RunningTool::start(place, &call);
    let mut files = Vec::new();
    let output = state.parts.tools.call(&call, &context).await;
    let (answer, status) = match keep_files(place, output, &mut files).await {
        Ok(text) => {
            running.ended(ToolEnd::Ok);
            (redact(&text), ToolStatus::Ok)
        }
        Err(ToolError::ForModel(text)) => {
            running.ended(ToolEnd::Error);
            (redact(&text), ToolStatus::Error)
        }
        Err(ToolError::Fatal(reason)) => {
            running.ended(ToolEnd::Error);
            let reason = redact(&reason);
            state.metrics.tool(ToolStatus::Error);
            tracing::error!(%turn, tool = name, reason, "a tool failed for good");
            feed.event(TurnEvent::ToolEnd {
                name: name.clone(),
                ok: false,
                summary: line(&reason),
            });
            return ToolRun::Fatal(format!("the tool `{name}` failed: {reason}"));
        }
    };
    state.metrics.tool(status);
    let ok = status == ToolStatus::Ok;
    tracing::debug!(%turn, tool = name, ok, "tool call ended");
    feed.event(TurnEvent::ToolEnd {
        name,
        ok,
        summary: line(&answer),
    });
    ToolRun::Answered(ToolResult {
        call_id: call.id,
        content: answer,
        status,
        files,
    })
}

/// Keeps what the tool sends, as it is now, in `kept`.
async fn keep_files(
    place: Place<'_>,
    output: Result<ToolOutput, ToolError>,
    kept: &mut Vec<Attachment>,
) -> Result<String, ToolError> {
    let ToolOutput { text, files } = output?;
    if !files.is_empty() {
        let media = Arc::clone(&place.state.media);
        let session = place.session.clone();
        let keep = spawn_blocking(move || media.keep_any(&session, &files)).await;
        let done = keep.map_err(|error| ToolError::Fatal(error.to_string()))?;
        *kept = done.map_err(|error| ToolError::ForModel(format!("not sent: {error}")))?;
    }
    Ok(text)
}

/// The one text of the arguments when there is but one, else the arguments as they are.
fn argument_line(arguments: &str) -> String {
    let parsed: Option<serde_json::Map<String, serde_json::Value>> =
        serde_json::from_str(arguments).ok();
    let mut values = parsed.iter().flat_map(serde_json::Map::values);
    match (values.next(), values.next()) {
        (Some(serde_json::Value::String(text)), None) => line(text),
        _ => line(arguments),
    }
}

/// The first line that says something, shortened.
fn line(text: &str) -> String {
    let first = text
        .lines()
        .map(str::trim)
        .find(|line| !line.is_empty())
        .unwrap_or_default();
    let mut chars = first.chars();
    let mut short: String = chars.by_ref().take(SUMMARY_CHARS_MAX).collect();
    if chars.next().is_some() {
        short.push('…');
    }
    short
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_become_one_line() {
        assert_eq!(argument_line(r#"{"command":"uname -a\nid"}"#), "uname -a");
        assert_eq!(
            argument_line(r#"{"path":"a","text":"b"}"#),
            r#"{"path":"a","text":"b"}"#
        );
        assert_eq!(argument_line("{broken"), "{broken");
        assert_eq!(
            line(&"x".repeat(200)).chars().count(),
            SUMMARY_CHARS_MAX + 1
        );
    }
}
