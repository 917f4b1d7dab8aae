//! One run over an approved plan.

use std::fmt::Write;

use rivetos_engine::{
    Events, ExecuteReport, FleetHome, JournalError, Lease, Options, PARALLEL_DEFAULT, RunJournal,
    execute,
};
use rivetos_fleet::{ApprovedPlan, Refusal};
use tokio::signal;

use super::Interrupt;
use super::progress::Progress;
use crate::exit::Exit;
use crate::output::{Edge, Failure, Printer};
use crate::target::Target;

/// What a run needs.
pub(crate) struct Run<'a> {
    /// Where its journal goes.
    pub(crate) home: &'a FleetHome,
    /// What it changes.
    pub(crate) target: &'a Target,
    /// The fleet's lock: once it is lost nothing new is begun.
    pub(crate) lease: &'a Lease,
    /// What it is called, for example `infra up`.
    pub(crate) operation: &'a str,
    /// Where it talks.
    pub(crate) printer: Printer,
}

/// How a run ended.
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

impl Run<'_> {
    /// Carries `plan` out. The first Ctrl-C lets running steps finish, the second one leaves
    /// them to themselves.
    pub(crate) async fn carry_out(
        &self,
        plan: &ApprovedPlan,
        interrupt: &Interrupt,
    ) -> Result<Outcome, Failure> {
        let journal = RunJournal::begin(&self.home.runs(), self.operation)?;
        let progress = Progress::new(plan.plan(), self.printer);
        let sink = |event: &_| progress.show(event);
        let events = Events::new(&sink);
        let options = Options {
            parallel: PARALLEL_DEFAULT,
            interrupted: &|| interrupt.seen() || self.lease.lost().is_some(),
            events: &events,
        };
        let impatient = async {
            let _ = signal::ctrl_c().await;
            let _ = signal::ctrl_c().await;
        };
        let report = tokio::select! {
            report = execute(self.target, plan, &journal, options) => report,
            () = impatient => return Ok(Outcome::Incomplete(Exit::Interrupted)),
        };
        if report.is_complete() {
            return Ok(Outcome::Complete);
        }
        self.printer.talk(failures(&report));
        if let Some(lost) = self.lease.lost() {
            return Err(lost.into());
        }
        Ok(Outcome::Incomplete(Exit::from(&report)))
    }
}

fn failures(report: &ExecuteReport) -> String {
    let ExecuteReport {
        done,
        failed,
        skipped,
        not_started,
    } = report;
    let mut text = format!(
        "{} done, {} failed, {} skipped, {} not started",
        done.len(),
        failed.len(),
        skipped.len(),
        not_started.len()
    );
    for (step, error) in failed {
        let _ = write!(
            text,
            "\n  {step}: {}",
            error.message.replace('\n', "\n    ")
        );
        if let Some(hint) = &error.hint {
            let _ = write!(text, "\n    hint: {hint}");
        }
    }
    text.push_str("\nthe next `rivetos infra up` goes on from what is there now");
    text
}
