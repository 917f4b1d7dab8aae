//! What the tools answered.

use rivetos_types::media::ATTACHMENTS_MAX;
use rivetos_types::message::{Message, ToolCall, ToolResult, ToolStatus};

use super::limits::Limits;
use super::machine::Turn;

/// How often a call gave its answers.
#[derive(Debug, Clone, Default)]
pub(super) struct Repeats {
    last: String,
    status: Option<ToolStatus>,
    /// The same answer in a row.
    count: u32,
}

impl Turn {
    pub(super) fn on_result(&mut self, mut result: ToolResult) {
        cut(&mut result, self.opening.limits.call_output_bytes_max);
        let Some(call) = self.calls.open_call(&result.call_id) else {
            return;
        };
        self.take_files(&mut result);
        self.output_bytes = self.output_bytes.saturating_add(result.content.len());
        let (name, status) = (call.name.clone(), result.status);
        let count = self.count_repeats(call, &result);
        if status == ToolStatus::Ok && count > self.opening.limits.same_results_max / 2 {
            let note = format!("\n\n(This very call has given this very answer {count} times.)");
            result.content.push_str(&note);
        }
        self.calls.end(result);
        self.close_step();
        self.check_result_limits(&name, status, count);
    }

    /// A file goes with the reply once, under the name that it was given last. What the reply has
    /// no room for is not sent, and the model reads so.
    fn take_files(&mut self, result: &mut ToolResult) {
        let mut files = self.files.clone();
        files.retain(|known| result.files.iter().all(|file| file.digest != known.digest));
        files.extend(result.files.iter().cloned());
        if files.len() <= ATTACHMENTS_MAX {
            self.files = files;
            return;
        }
        result.files.clear();
        result.status = ToolStatus::Error;
        result.content = format!("not sent: a reply has at most {ATTACHMENTS_MAX} files");
    }

    /// How often this call has given this answer without another one in between, this time
    /// included.
    fn count_repeats(&mut self, call: ToolCall, result: &ToolResult) -> u32 {
        let repeats = self.repeats.entry((call.name, call.arguments)).or_default();
        let same = repeats.status == Some(result.status) && repeats.last == result.content;
        if !same {
            *repeats = Repeats {
                last: result.content.clone(),
                status: Some(result.status),
                count: 0,
            };
        }
        repeats.count += 1;
        repeats.count
    }

    fn check_result_limits(&mut self, name: &str, status: ToolStatus, count: u32) {
        let Limits {
            same_failures_max,
            same_results_max,
            turn_output_bytes_max,
            ..
        } = self.opening.limits;
        if status == ToolStatus::Error && count >= same_failures_max {
            self.limit(format!(
                "the same call of `{name}` failed {count} times in the same way"
            ));
        } else if status == ToolStatus::Ok && count >= same_results_max {
            self.limit(format!(
                "the same call of `{name}` gave the same answer {count} times"
            ));
        } else if self.output_bytes > turn_output_bytes_max {
            let kib = turn_output_bytes_max / 1024;
            self.limit(format!("the tools answered more than {kib} KiB"));
        } else {
            self.check_time();
        }
    }

    /// The calls that had begun when the process died are answered, and the person is told.
    pub(super) fn on_restored(&mut self) {
        self.unknown.extend(self.calls.lose_started());
        self.close_step();
    }

    /// Moves the results to the conversation once every call has one, and what the person said
    /// meanwhile behind them.
    pub(super) fn close_step(&mut self) {
        self.messages
            .extend(self.calls.take_results().into_iter().map(Message::Tool));
        if self.calls.is_empty() {
            self.take_steers();
        }
    }
}

fn cut(result: &mut ToolResult, bytes_max: usize) {
    if result.content.len() > bytes_max {
        let end = result.content.floor_char_boundary(bytes_max);
        result.content.truncate(end);
        result.content.push_str("\n(cut)");
    }
}
