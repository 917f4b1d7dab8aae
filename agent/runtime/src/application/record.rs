//! What goes to the audit log.

use std::time::Instant;

use rivetos_core::turn::{Policy, Rule};
use rivetos_types::id::{SessionId, TurnId};
use rivetos_types::message::{InboundMessage, ToolCall, text_of};
use rivetos_types::store::{Approval, Decided, Decision};

use super::state::State;
use super::tool_step::Place;
use crate::audit::{AuditEvent, Entry, Verdict};
use crate::clock::now;
use crate::telemetry::{OpenSpan, SpanEnd};

impl State {
    /// An entry that says nothing yet but what happened, where and when.
    pub(super) fn entry(
        &self,
        event: AuditEvent,
        session: &SessionId,
        turn: Option<&TurnId>,
    ) -> Entry {
        Entry {
            timestamp: now(),
            event,
            agent: self.parts.identity.agent.clone(),
            session: session.to_string(),
            turn: turn.map(ToString::to_string),
            tool: None,
            arguments: None,
            decision: None,
            by: None,
            reason: None,
            duration_ms: None,
            is_error: None,
        }
    }

    /// The calls of an answer that will not run, because of a rule or because they are too many.
    pub(super) fn note_refused(&self, session: &SessionId, turn: &TurnId, calls: &[ToolCall]) {
        for (index, call) in calls.iter().enumerate() {
            let policy = self.rules.get(&call.name).map(|rule: &Rule| rule.policy);
            let verdict = if index >= self.parts.limits.step_calls_max {
                Verdict::Limit
            } else if policy == Some(Policy::Deny) {
                Verdict::Policy
            } else {
                continue;
            };
            self.note_denied(session, turn, call, (verdict, None));
        }
    }

    fn note_denied(
        &self,
        session: &SessionId,
        turn: &TurnId,
        call: &ToolCall,
        (verdict, by): (Verdict, Option<String>),
    ) {
        let entry = self.entry(AuditEvent::ToolDenied, session, Some(turn));
        let entry = Entry {
            tool: Some(call.name.clone()),
            decision: Some(verdict),
            by,
            ..entry
        };
        let redactor = &self.parts.redactor;
        self.parts
            .audit
            .note(entry.with_arguments(redactor, &call.arguments));
    }

    /// A call that a person was asked about is not run after all; `None` when nobody decided.
    pub(super) fn note_not_approved(
        &self,
        session: &SessionId,
        turn: &TurnId,
        call: &ToolCall,
        decided: Option<&Decided>,
    ) {
        let verdict = decided.map_or(Verdict::Expired, |decided| verdict(decided.decision));
        let by = decided.map(|decided| decided.by.clone());
        if verdict != Verdict::Approved {
            self.note_denied(session, turn, call, (verdict, by));
        }
    }

    pub(super) fn note_asked(&self, approval: &Approval) {
        let entry = self.entry(
            AuditEvent::ApprovalAsked,
            &approval.session,
            Some(&approval.turn),
        );
        let entry = Entry {
            tool: Some(approval.tool.clone()),
            ..entry
        };
        let redactor = &self.parts.redactor;
        self.parts
            .audit
            .note(entry.with_arguments(redactor, &approval.arguments));
    }

    pub(super) fn note_decided(&self, approval: &Approval, decision: Decision, by: &str) {
        let entry = self.entry(
            AuditEvent::ApprovalDecided,
            &approval.session,
            Some(&approval.turn),
        );
        let entry = Entry {
            tool: Some(approval.tool.clone()),
            decision: Some(verdict(decision)),
            by: Some(by.to_owned()),
            ..entry
        };
        let redactor = &self.parts.redactor;
        self.parts
            .audit
            .note(entry.with_arguments(redactor, &approval.arguments));
    }

    /// Somebody ordered what only the owner may.
    pub(super) fn note_forbidden(&self, message: &InboundMessage) {
        let entry = self.entry(AuditEvent::CommandRefused, &message.session, None);
        let entry = Entry {
            by: Some(message.from.clone()),
            ..entry
        };
        let words = text_of(&message.content);
        self.parts
            .audit
            .note(entry.because(&self.parts.redactor, &words));
    }

    /// Something of a turn, in words.
    pub(super) fn note_turn(
        &self,
        event: AuditEvent,
        (session, turn): (&SessionId, &TurnId),
        words: &str,
    ) {
        let entry = self.entry(event, session, Some(turn));
        self.parts
            .audit
            .note(entry.because(&self.parts.redactor, words));
    }
}

fn verdict(decision: Decision) -> Verdict {
    match decision {
        Decision::Approved => Verdict::Approved,
        Decision::Denied => Verdict::Denied,
        Decision::Stopped => Verdict::Stopped,
        Decision::Expired => Verdict::Expired,
    }
}

/// A tool that runs. However it ends, also by being dropped, the log says so.
pub(super) struct RunningTool<'a> {
    state: &'a State,
    started: Entry,
    began: Instant,
    end: Option<ToolEnd>,
    span: Option<OpenSpan<'a>>,
}

/// How a tool ended by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ToolEnd {
    Ok,
    Error,
}

impl<'a> RunningTool<'a> {
    pub(super) fn start(place: Place<'a>, call: &ToolCall) -> Self {
        let Place {
            state,
            session,
            turn,
            trace,
            ..
        } = place;
        let entry = state.entry(AuditEvent::ToolStarted, session, Some(turn));
        let entry = Entry {
            tool: Some(call.name.clone()),
            ..entry
        };
        let started = entry.with_arguments(&state.parts.redactor, &call.arguments);
        state.parts.audit.note(started.clone());
        Self {
            state,
            started,
            began: Instant::now(),
            end: None,
            span: Some(trace.call(&call.name)),
        }
    }

    pub(super) fn ended(mut self, end: ToolEnd) {
        self.end = Some(end);
    }
}

impl Drop for RunningTool<'_> {
    fn drop(&mut self) {
        let stopped = "stopped while it ran; its effect is unknown";
        let took = self.began.elapsed();
        let ms = took.as_millis();
        self.state.metrics.tool_time.observe(took);
        if let Some(span) = self.span.take() {
            span.ended(match self.end {
                Some(ToolEnd::Ok) => SpanEnd::Ok,
                Some(ToolEnd::Error) => SpanEnd::Failed,
                None => SpanEnd::Stopped,
            });
        }
        self.state.parts.audit.note(Entry {
            timestamp: now(),
            event: AuditEvent::ToolEnded,
            is_error: Some(self.end != Some(ToolEnd::Ok)),
            reason: self.end.is_none().then(|| stopped.to_owned()),
            duration_ms: Some(u64::try_from(ms).unwrap_or(u64::MAX)),
            ..self.started.clone()
        });
    }
}
