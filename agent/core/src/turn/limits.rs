//! The bounds of a turn.

use rivetos_config::Runtime;

/// How far a turn may go. Each bound has its unit in its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Model requests of one turn.
    pub steps_max: u32,
    /// Time spent working on one turn, over all processes that worked on it.
    pub turn_ms_max: u64,
    /// Calls of one answer that are run.
    pub step_calls_max: usize,
    /// Output of one tool call.
    pub call_output_bytes_max: usize,
    /// Output of all tool calls of one turn.
    pub turn_output_bytes_max: usize,
    /// What the model may write in one answer, reasoning included.
    pub answer_bytes_max: usize,
    /// How often the same call may fail in the same way before the turn ends.
    pub same_failures_max: u32,
    /// How often the same call may give the same answer before the turn ends.
    pub same_results_max: u32,
    /// What the model requests of one turn may cost, in millionths of a US dollar.
    pub turn_micro_usd_max: Option<u64>,
    /// The part of a session's history that is sent along.
    pub history_bytes_max: usize,
}

impl Limits {
    /// The configured bounds; the others are fixed.
    pub fn new(runtime: &Runtime) -> Self {
        Self {
            steps_max: runtime.max_tool_iterations,
            turn_ms_max: u64::try_from(runtime.turn_timeout.as_millis()).unwrap_or(u64::MAX),
            step_calls_max: 32,
            call_output_bytes_max: 64 * 1024,
            turn_output_bytes_max: 512 * 1024,
            answer_bytes_max: 1024 * 1024,
            same_failures_max: 3,
            same_results_max: 6,
            turn_micro_usd_max: None,
            history_bytes_max: 256 * 1024,
        }
    }
}
