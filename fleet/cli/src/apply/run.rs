//! One run over an approved plan.

use std::collections::BTreeSet;

use rivetos_engine::{
    Events, JournalError, Lease, Options, PARALLEL_DEFAULT, RunHeader, RunJournal, execute,
};
use rivetos_fleet::model::{Plan, TargetId};
use rivetos_fleet::{ApprovedPlan, Refusal};

use super::Interrupt;
use super::progress::Progress;
use crate::commands::version::VERSION;
use crate::exit::Exit;
use crate::fleet::Fleet;
use crate::output::{Edge, Failure, Printer};
use crate::person;
use crate::targets::Targets;

/// One run: from an approved plan to its last line in the journal.
pub(crate) struct Run {
    plan: ApprovedPlan,
    /// Absent when there is nothing to do.
    journal: Option<RunJournal>,
    /// Ctrl-C since the run began.
    pub(crate) interrupt: Interrupt,
    /// Who shows what happens.
    pub(crate) progress: Progress,
    printer: Printer,
}

/// How the steps of a run ended.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// Every step is done.
    Complete,
    /// Not every step is done.
    Incomplete(Exit),
}

impl Edge for JournalError {
    fn exit(&self) -> Exit {
        Exit::Failed
    }
}

impl Edge for Refusal {
    fn exit(&self) -> Exit {
        self.into()
    }

    fn hints(&self) -> Vec<String> {
        vec![self.fix()]
    }
}

impl Run {
    /// Begins the run `operation` over `plan` with its journal in the fleet's home.
    pub(crate) fn begin(
        (fleet, on): (&Fleet, &Targets),
        operation: &str,
        plan: ApprovedPlan,
        printer: Printer,
    ) -> Result<Self, Failure> {
        fleet.works_on(on, plan.plan())?;
        let targets: BTreeSet<&TargetId> = plan.steps().iter().map(|step| &step.target).collect();
        let header = RunHeader {
            operation: operation.to_owned(),
            who: person::name(),
            tool: VERSION.to_owned(),
            targets: targets.iter().map(ToString::to_string).collect(),
            steps: plan.steps().len(),
        };
        let journal = if plan.steps().is_empty() {
            None
        } else {
            Some(RunJournal::begin(&fleet.home.runs(), &header)?)
        };
        Ok(Self {
            journal,
            interrupt: Interrupt::listen(),
            progress: Progress::new(plan.plan(), printer),
            plan,
            printer,
        })
    }

    /// The plan.
    pub(crate) fn plan(&self) -> &Plan {
        self.plan.plan()
    }

    /// Carries the plan out. The first Ctrl-C lets running steps finish, the second one leaves
    /// them to themselves. Once `lease` is lost nothing new is begun either.
    pub(crate) async fn carry_out(
        &self,
        (targets, lease): (&Targets, &Lease),
        events: &Events<'_>,
    ) -> Result<Outcome, Failure> {
        let Some(journal) = &self.journal else {
            return Ok(Outcome::Complete);
        };
        let options = Options {
            parallel: PARALLEL_DEFAULT,
            interrupted: &|| self.interrupt.is_seen() || lease.lost().is_some(),
            alarm: self.interrupt.alarm(),
            events,
        };
        let report = tokio::select! {
            report = execute(targets, &self.plan, journal, options) => report,
            () = self.interrupt.twice() => {
                self.progress.detached();
                self.progress.conclude();
                return Ok(Outcome::Incomplete(Exit::Interrupted));
            }
            never = self.progress.tick() => match never {},
        };
        self.progress.conclude();
        if report.is_complete() {
            return Ok(Outcome::Complete);
        }
        match lease.lost() {
            Some(lost) => Err(lost.into()),
            None => Ok(Outcome::Incomplete(Exit::from(&report))),
        }
    }

    /// Writes into the journal how the whole ended.
    pub(crate) async fn end(&self, exit: Exit) {
        // What was done is on the target whether or not the journal can still say so.
        if let Some(journal) = &self.journal
            && let Err(error) = journal.end(exit).await
        {
            self.printer.failure(&error.into());
        }
    }
}
