//! All steps of a plan, one after the other, as the engine does them.

use std::collections::BTreeSet;

use rivetos_fleet::ApprovedPlan;
use rivetos_fleet::model::{Risk, StepId};
use rivetos_fleet::port::ApplyError;

use crate::apply::failed;
use crate::world::SimWorld;

/// What goes wrong during an execution.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// Nothing.
    None,
    /// The step fails and changes nothing.
    Fails(StepId),
    /// The tool is killed before the step of this number, from 0.
    KilledBefore(usize),
    /// The tool is killed in the middle of the step of this number, from 0.
    KilledDuring(usize),
}

/// What became of the steps of a plan.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Execution {
    /// Done.
    pub done: Vec<StepId>,
    /// Failed, and why.
    pub failed: Vec<(StepId, ApplyError)>,
    /// Not tried, because something before them failed.
    pub skipped: Vec<StepId>,
    /// Whether the tool was killed; steps that are in no list were never reached then.
    pub killed: bool,
}

impl SimWorld {
    /// Executes `plan`. Steps after a failed one are skipped; all others are done.
    ///
    /// `choose` picks which of so many steps that could be next is next (any number; it is taken
    /// modulo their count), so that tests can try orders that a parallel engine would take.
    pub fn execute(
        &self,
        plan: &ApprovedPlan,
        fault: &Fault,
        mut choose: impl FnMut(usize) -> usize,
    ) -> Execution {
        self.allow_data_loss(plan.plan().risk() == Risk::DataLoss);
        let mut execution = Execution::default();
        let mut over: BTreeSet<&StepId> = BTreeSet::new();
        let mut stuck: BTreeSet<&StepId> = BTreeSet::new();
        for number in 0..plan.steps().len() {
            let ready: Vec<_> = plan
                .steps()
                .iter()
                .filter(|step| !over.contains(&step.id))
                .filter(|step| step.after.iter().all(|id| over.contains(id)))
                .collect();
            let Some(step) = ready.get(choose(ready.len()) % ready.len().max(1)) else {
                break;
            };
            over.insert(&step.id);
            if *fault == Fault::KilledBefore(number) || *fault == Fault::KilledDuring(number) {
                if *fault == Fault::KilledDuring(number) {
                    self.begin(step);
                }
                execution.killed = true;
                break;
            }
            if step.after.iter().any(|id| stuck.contains(id)) {
                stuck.insert(&step.id);
                execution.skipped.push(step.id.clone());
                continue;
            }
            let result = match fault {
                Fault::Fails(id) if *id == step.id => Err(failed("told to fail".to_owned())),
                Fault::Fails(_) | Fault::None | Fault::KilledBefore(_) | Fault::KilledDuring(_) => {
                    self.carry_out(step)
                }
            };
            match result {
                Ok(_) => execution.done.push(step.id.clone()),
                Err(error) => {
                    stuck.insert(&step.id);
                    execution.failed.push((step.id.clone(), error));
                }
            }
        }
        execution
    }
}
