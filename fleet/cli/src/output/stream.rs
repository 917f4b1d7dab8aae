//! A run as data for programs: one JSON object per line. `docs/reference/json.md` says the same
//! to people, and a test keeps the two together.

use rivetos_engine::{Event, EventKind, Exit};
use rivetos_fleet::model::Plan;
use serde::Serialize;

use super::Failure;
use super::report::PlanBody;

/// Version of the shape of every line; grows when a reader of the last one would fail.
const SCHEMA_VERSION: u32 = 1;

/// One line.
#[derive(Debug, Serialize)]
pub(crate) struct StreamLine {
    schema_version: u32,
    #[serde(flatten)]
    body: Body,
}

#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Body {
    Plan(Box<PlanBody>),
    StepStarted {
        elapsed_ms: u64,
        step: String,
        resource: String,
        action: &'static str,
    },
    StepProgress {
        elapsed_ms: u64,
        step: String,
        message: String,
    },
    StepDone {
        elapsed_ms: u64,
        step: String,
        changed: bool,
    },
    StepFailed {
        elapsed_ms: u64,
        step: String,
        message: String,
        hint: Option<String>,
    },
    StepSkipped {
        elapsed_ms: u64,
        step: String,
        because: String,
    },
    Interrupted {
        elapsed_ms: u64,
        running: usize,
    },
    Detached {
        running: Vec<String>,
    },
    Executed {
        elapsed_ms: u64,
        #[serde(flatten)]
        totals: Totals,
    },
    NodeWaiting {
        elapsed_ms: u64,
        node: String,
        last: String,
    },
    NodeReady {
        elapsed_ms: u64,
        node: String,
    },
    NodeNotReady {
        elapsed_ms: u64,
        node: String,
        last: String,
    },
    Error {
        message: String,
        causes: Vec<String>,
        details: Vec<String>,
        hints: Vec<String>,
        exit_code: u8,
    },
    Summary {
        outcome: &'static str,
        exit_code: u8,
    },
}

/// What became of the steps of a plan.
#[derive(Debug, Serialize)]
pub(crate) struct Totals {
    pub(crate) done: Vec<String>,
    pub(crate) failed: Vec<String>,
    pub(crate) skipped: Vec<String>,
    pub(crate) not_started: Vec<String>,
}

impl StreamLine {
    fn new(body: Body) -> Self {
        Self {
            schema_version: SCHEMA_VERSION,
            body,
        }
    }

    /// The plan that is asked for or carried out.
    pub(crate) fn plan(plan: &Plan) -> Self {
        Self::new(Body::Plan(Box::new(PlanBody::from(plan))))
    }

    /// Steps that are left to themselves.
    pub(crate) fn detached(running: Vec<String>) -> Self {
        Self::new(Body::Detached { running })
    }

    /// An error.
    pub(crate) fn error(failure: &Failure) -> Self {
        let (message, causes) = failure.messages();
        Self::new(Body::Error {
            message,
            causes,
            details: failure.details().to_vec(),
            hints: failure.hints().to_vec(),
            exit_code: failure.exit().code(),
        })
    }

    /// The last line.
    pub(crate) fn summary(exit: Exit) -> Self {
        Self::new(Body::Summary {
            outcome: exit.as_str(),
            exit_code: exit.code(),
        })
    }

    /// One event; `totals` are those after it.
    pub(crate) fn of(event: &Event, totals: impl FnOnce() -> Totals) -> Self {
        let elapsed_ms = event.elapsed_ms;
        Self::new(match &event.kind {
            EventKind::Started {
                step,
                resource,
                action,
            } => Body::StepStarted {
                elapsed_ms,
                step: step.to_string(),
                resource: resource.to_string(),
                action: super::report::action(*action),
            },
            EventKind::Progress { step, what } => Body::StepProgress {
                elapsed_ms,
                step: step.to_string(),
                message: what.clone(),
            },
            EventKind::Done { step, changed } => Body::StepDone {
                elapsed_ms,
                step: step.to_string(),
                changed: *changed,
            },
            EventKind::Failed {
                step,
                message,
                hint,
            } => Body::StepFailed {
                elapsed_ms,
                step: step.to_string(),
                message: message.clone(),
                hint: hint.clone(),
            },
            EventKind::Skipped { step, because } => Body::StepSkipped {
                elapsed_ms,
                step: step.to_string(),
                because: because.to_string(),
            },
            EventKind::Interrupted { running } => Body::Interrupted {
                elapsed_ms,
                running: *running,
            },
            EventKind::Executed { .. } => Body::Executed {
                elapsed_ms,
                totals: totals(),
            },
            EventKind::NodeWaiting { node, last } => Body::NodeWaiting {
                elapsed_ms,
                node: node.to_string(),
                last: last.clone(),
            },
            EventKind::NodeReady { node } => Body::NodeReady {
                elapsed_ms,
                node: node.to_string(),
            },
            EventKind::NodeNotReady { node, last } => Body::NodeNotReady {
                elapsed_ms,
                node: node.to_string(),
                last: last.clone(),
            },
        })
    }
}
