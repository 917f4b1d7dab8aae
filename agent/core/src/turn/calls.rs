//! The calls of the model's latest answer, until each has its result.

use std::collections::{BTreeMap, BTreeSet};

use rivetos_types::message::{ToolCall, ToolResult, ToolStatus};
use rivetos_types::tool::Effect;

use super::approval::{Policy, Rule};

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
    /// A person is asked first.
    Asking,
    Waiting,
    Started,
    Ended(ToolResult),
}

impl OpenCalls {
    /// The calls of an answer; those beyond `calls_max`, and those that policy denies, are
    /// answered at once.
    pub(super) fn new(
        calls: &[ToolCall],
        step: u32,
        rules: &BTreeMap<String, Rule>,
        calls_max: usize,
    ) -> Self {
        let open = |(index, call): (usize, &ToolCall)| {
            let rule = rules.get(&call.name).copied().unwrap_or(Rule::UNKNOWN);
            let state = if index < calls_max {
                first_state(call, rule.policy)
            } else {
                let content = format!("Not run: an answer may have at most {calls_max} calls.");
                CallState::Ended(answer(call, content, ToolStatus::Error))
            };
            let planned = PlannedCall {
                call: call.clone(),
                effect: rule.effect,
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
    /// Empty when there is none, or when a person is asked first.
    pub(super) fn next(&self) -> Vec<PlannedCall> {
        let mut unanswered = self
            .0
            .iter()
            .filter(|open| !open.is_ended())
            .take_while(|open| !matches!(open.state, CallState::Asking))
            .peekable();
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

    /// The call that a person is asked about, when all before it are answered.
    pub(super) fn asked(&self) -> Option<PlannedCall> {
        let first = self.0.iter().find(|open| !open.is_ended())?;
        matches!(first.state, CallState::Asking).then(|| first.planned.clone())
    }

    /// The person allowed the call.
    pub(super) fn approve(&mut self, call_id: &str) {
        let asking = self.0.iter_mut().find(|open| {
            open.planned.call.id == call_id && matches!(open.state, CallState::Asking)
        });
        if let Some(open) = asking {
            open.state = CallState::Waiting;
        }
    }

    /// Whether a mutating call has begun and has no result.
    pub(super) fn any_started(&self) -> bool {
        let mut calls = self.0.iter();
        calls.any(|open| matches!(open.state, CallState::Started))
    }

    /// Whether some calls have their results and others have not.
    pub(super) fn any_ended(&self) -> bool {
        self.0.iter().any(OpenCall::is_ended)
    }

    /// A call that has no result yet.
    pub(super) fn open_call(&self, call_id: &str) -> Option<ToolCall> {
        let mut open = self.0.iter().filter(|open| !open.is_ended());
        let found = open.find(|open| open.planned.call.id == call_id)?;
        Some(found.planned.call.clone())
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

    /// A call has its result; nothing happens when no such call is open.
    pub(super) fn end(&mut self, result: ToolResult) {
        let is_it =
            |open: &&mut OpenCall| open.planned.call.id == result.call_id && !open.is_ended();
        if let Some(open) = self.0.iter_mut().find(is_it) {
            open.state = CallState::Ended(result);
        }
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
                CallState::Asking | CallState::Waiting => "No result: the turn ended before.",
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
            CallState::Asking | CallState::Waiting | CallState::Started => None,
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

fn first_state(call: &ToolCall, policy: Policy) -> CallState {
    match policy {
        Policy::Allow => CallState::Waiting,
        Policy::Ask => CallState::Asking,
        Policy::Deny => {
            let content = format!("Not run: this agent may not use `{}`.", call.name);
            CallState::Ended(answer(call, content, ToolStatus::Denied))
        }
    }
}

/// The result of a call that did not run to its end.
pub(super) fn answer(call: &ToolCall, content: String, status: ToolStatus) -> ToolResult {
    ToolResult {
        files: Vec::new(),
        call_id: call.id.clone(),
        content,
        status,
    }
}
