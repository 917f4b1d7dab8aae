//! The calls of the model's latest answer, until each has its result.

use std::collections::{BTreeMap, BTreeSet};

use rivetos_types::message::{ToolCall, ToolResult, ToolStatus};
use rivetos_types::tool::Effect;

/// A call that is to be run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlannedCall {
    /// The call.
    pub call: ToolCall,
    /// What it may change.
    pub effect: Effect,
    /// The model request that asked for it, from 1.
    pub step: u32,
    /// Its place in the answer, from 0.
    pub index: usize,
}

/// In the model's order; empty between two answers.
#[derive(Debug, Clone, Default)]
pub(super) struct OpenCalls(Vec<OpenCall>);

#[derive(Debug, Clone)]
struct OpenCall {
    planned: PlannedCall,
    state: CallState,
}

#[derive(Debug, Clone)]
enum CallState {
    Waiting,
    Started,
    Ended(ToolResult),
}

impl OpenCalls {
    /// The calls of an answer; those beyond `calls_max` are answered at once. A tool that
    /// `effects` does not have changes nothing, because it will not run.
    pub(super) fn new(
        calls: &[ToolCall],
        step: u32,
        effects: &BTreeMap<String, Effect>,
        calls_max: usize,
    ) -> Self {
        let open = |(index, call): (usize, &ToolCall)| {
            let state = if index < calls_max {
                CallState::Waiting
            } else {
                let content = format!("Not run: an answer may have at most {calls_max} calls.");
                CallState::Ended(answer(call, content, ToolStatus::Error))
            };
            let effect = effects.get(&call.name).copied().unwrap_or(Effect::ReadOnly);
            let planned = PlannedCall {
                call: call.clone(),
                effect,
                step,
                index,
            };
            OpenCall { planned, state }
        };
        Self(calls.iter().enumerate().map(open).collect())
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What may run now: one mutating call, or all read-only ones before the next mutating one.
    pub(super) fn next(&self) -> Vec<PlannedCall> {
        let mut unanswered = self.0.iter().filter(|open| !open.is_ended()).peekable();
        match unanswered.peek() {
            None => Vec::new(),
            Some(first) if first.planned.effect == Effect::Mutating => {
                vec![first.planned.clone()]
            }
            Some(_) => unanswered
                .take_while(|open| open.planned.effect == Effect::ReadOnly)
                .map(|open| open.planned.clone())
                .collect(),
        }
    }

    /// A mutating call begins.
    pub(super) fn start(&mut self, call_id: &str) {
        let waiting = self.0.iter_mut().find(|open| {
            open.planned.call.id == call_id
                && open.planned.effect == Effect::Mutating
                && matches!(open.state, CallState::Waiting)
        });
        if let Some(open) = waiting {
            open.state = CallState::Started;
        }
    }

    /// A call has its result. `None` when no such call is open.
    pub(super) fn end(&mut self, result: ToolResult) -> Option<ToolCall> {
        let is_it =
            |open: &&mut OpenCall| open.planned.call.id == result.call_id && !open.is_ended();
        let open = self.0.iter_mut().find(is_it)?;
        open.state = CallState::Ended(result);
        Some(open.planned.call.clone())
    }

    /// Answers the calls that had begun when the process died. Returns their tools.
    pub(super) fn lose_started(&mut self) -> Vec<String> {
        let started = self
            .0
            .iter_mut()
            .filter(|open| matches!(open.state, CallState::Started));
        started
            .map(|open| {
                let content = "This call was interrupted: its effect is unknown, and it was not \
                               repeated. Find out what happened before you try again, and tell \
                               the person."
                    .to_owned();
                let call = &open.planned.call;
                open.state = CallState::Ended(answer(call, content, ToolStatus::Unknown));
                call.name.clone()
            })
            .collect()
    }

    /// Answers every call that has no result, because the turn is over.
    pub(super) fn stop(&mut self) {
        for open in &mut self.0 {
            let content = match open.state {
                CallState::Waiting => "No result: the turn ended before.",
                CallState::Started => "Stopped while it ran: its effect is unknown.",
                CallState::Ended(_) => continue,
            };
            let stopped = answer(&open.planned.call, content.to_owned(), ToolStatus::Stopped);
            open.state = CallState::Ended(stopped);
        }
    }

    /// Takes all results out, in order, once every call has one.
    pub(super) fn take_results(&mut self) -> Vec<ToolResult> {
        if !self.0.iter().all(OpenCall::is_ended) {
            return Vec::new();
        }
        let result = |open: OpenCall| match open.state {
            CallState::Ended(result) => Some(result),
            CallState::Waiting | CallState::Started => None,
        };
        self.0.drain(..).filter_map(result).collect()
    }
}

impl OpenCall {
    fn is_ended(&self) -> bool {
        matches!(self.state, CallState::Ended(_))
    }
}

/// Models repeat and omit identifiers; within one answer they become unique here.
pub(super) fn make_ids_unique(calls: &mut [ToolCall], step: u32) {
    let mut seen = BTreeSet::new();
    for (index, call) in calls.iter_mut().enumerate() {
        if call.id.is_empty() || !seen.insert(call.id.clone()) {
            call.id = format!("call_{step}_{index}");
            while !seen.insert(call.id.clone()) {
                call.id.push('x');
            }
        }
    }
}

fn answer(call: &ToolCall, content: String, status: ToolStatus) -> ToolResult {
    ToolResult {
        call_id: call.id.clone(),
        content,
        status,
    }
}
