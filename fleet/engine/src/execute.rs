//! One pass over a plan.

use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;
use std::num::NonZeroUsize;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use tokio::sync::Notify;

use rivetos_fleet::ApprovedPlan;
use rivetos_fleet::model::{Step, StepId};
use rivetos_fleet::port::{Applied, ApplyError, ApplyErrorKind, Progress, StepRunner};

use crate::event::{EventKind, Events};
use crate::journal::{JournalEntry, RunJournal};
use crate::schedule::Schedule;

/// How many steps run at once unless told otherwise. Engines gain nothing from more (creating a
/// container is bound by their own locks), and a host of two cores stays usable.
pub const PARALLEL_DEFAULT: NonZeroUsize = NonZeroUsize::new(8).unwrap();

/// How a plan is carried out.
pub struct Options<'a> {
    /// The most steps at once.
    pub parallel: NonZeroUsize,
    /// Asked before each step and at each `alarm`: once `true`, nothing new is started and what
    /// runs is finished.
    pub interrupted: &'a (dyn Fn() -> bool + Sync),
    /// That `interrupted` is to be asked now, not when the next step ends.
    pub alarm: &'a Notify,
    /// Where events go.
    pub events: &'a Events<'a>,
}

/// How every step of a plan ended.
#[must_use = "what failed must be shown"]
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ExecuteReport {
    /// Done.
    pub done: BTreeSet<StepId>,
    /// Failed, and why.
    pub failed: BTreeMap<StepId, ApplyError>,
    /// Not carried out because the named step failed, directly or further up.
    pub skipped: BTreeMap<StepId, StepId>,
    /// Not started because the run was interrupted.
    pub not_started: BTreeSet<StepId>,
}

impl ExecuteReport {
    /// Whether every step is done.
    pub fn is_complete(&self) -> bool {
        self.failed.is_empty() && self.skipped.is_empty() && self.not_started.is_empty()
    }
}

/// Carries out every step of `plan` once, each after the steps that it names.
///
/// # Guarantees
/// - Steps that do not depend on each other run at once, at most [`Options::parallel`].
/// - A step that failed stops those that need it, directly or not, and no others. Nothing is
///   rolled back and nothing is tried twice: the next plan starts from what is then there.
/// - A step touches the target only after its journal line is on the disk.
/// - Dropping the future drops the running steps.
pub async fn execute<P: StepRunner>(
    runner: &P,
    plan: &ApprovedPlan,
    journal: &RunJournal,
    options: Options<'_>,
) -> ExecuteReport {
    let Options {
        parallel,
        interrupted,
        alarm,
        events,
    } = options;
    let mut report = ExecuteReport::default();
    let mut schedule = Schedule::new(plan.steps());
    let mut running = FuturesUnordered::new();
    let mut stopped = false;
    loop {
        let over = schedule.is_empty() && running.is_empty();
        if !over && !stopped && interrupted() {
            stopped = true;
            events.emit(EventKind::Interrupted {
                running: running.len(),
            });
        }
        while !stopped && running.len() < parallel.get() {
            let Some((at, step)) = schedule.begin() else {
                break;
            };
            events.emit(EventKind::Started {
                step: step.id.clone(),
                resource: step.resource.clone(),
                action: step.action,
            });
            running.push(async move { (at, step, carry_out(runner, step, journal, events).await) });
        }
        if running.is_empty() {
            break;
        }
        let (at, step, result) = tokio::select! {
            biased;
            () = alarm.notified(), if !stopped => continue,
            Some(ended) = running.next() => ended,
            else => continue,
        };
        events.emit(ended(step, &result));
        match result {
            Ok(_) => {
                schedule.done(at);
                report.done.insert(step.id.clone());
            }
            Err(error) => {
                skip(&schedule.failed(at), &step.id, &mut report, events);
                report.failed.insert(step.id.clone(), error);
            }
        }
    }
    report.not_started = schedule.left().map(|step| step.id.clone()).collect();
    events.emit(EventKind::Executed {
        done: report.done.len(),
        failed: report.failed.len(),
        left_out: report.skipped.len() + report.not_started.len(),
    });
    report
}

fn skip(steps: &[&Step], because: &StepId, report: &mut ExecuteReport, events: &Events<'_>) {
    for step in steps {
        events.emit(EventKind::Skipped {
            step: step.id.clone(),
            because: because.clone(),
        });
        report.skipped.insert(step.id.clone(), because.clone());
    }
}

async fn carry_out<P: StepRunner>(
    runner: &P,
    step: &Step,
    journal: &RunJournal,
    events: &Events<'_>,
) -> Result<Applied, ApplyError> {
    let begin = JournalEntry::Begin {
        step: step.id.clone(),
    };
    journal.record(begin).await.map_err(|error| ApplyError {
        message: with_source(&error),
        hint: Some("make room on the disk that holds the fleet's folder".to_owned()),
        kind: ApplyErrorKind::Failed,
    })?;
    let sink = |what: &str| {
        events.emit(EventKind::Progress {
            step: step.id.clone(),
            what: what.to_owned(),
        });
    };
    let result = runner.run(step, Progress::new(&sink)).await;
    let end = match &result {
        Ok(_) => JournalEntry::Done {
            step: step.id.clone(),
        },
        Err(error) => JournalEntry::Failed {
            step: step.id.clone(),
            message: error.message.clone(),
        },
    };
    // What the step did is on the target whether or not the journal can still say so.
    if let Err(error) = journal.record(end).await {
        tracing::warn!("{}", with_source(&error));
    }
    result
}

fn with_source(error: &dyn Error) -> String {
    error
        .source()
        .map_or_else(|| error.to_string(), |source| format!("{error}: {source}"))
}

fn ended(step: &Step, result: &Result<Applied, ApplyError>) -> EventKind {
    let step = step.id.clone();
    match result {
        Ok(applied) => EventKind::Done {
            step,
            changed: *applied == Applied::Changed,
        },
        Err(error) => EventKind::Failed {
            step,
            message: error.message.clone(),
            hint: error.hint.clone(),
        },
    }
}
