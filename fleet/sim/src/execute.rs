//! All steps of a plan, one after the other, in any order that the plan allows.

use std::collections::{BTreeMap, BTreeSet};

use rivetos_fleet::ApprovedPlan;
use rivetos_fleet::model::{Risk, StepId};
use rivetos_fleet::port::ApplyError;

use crate::fault::{BadDay, Fault, Struck};
use crate::fleet::SimFleet;

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
    pub killed: Killed,
}

/// Whether and where the tool was killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Killed {
    /// It was not.
    #[default]
    No,
    /// Before the last call of a step.
    Within,
    /// After the last call of a step and before that was written down.
    After,
}

impl SimFleet {
    /// Executes `plan` while `faults` happen. Steps after a failed one are skipped; all others
    /// are done.
    ///
    /// `choose` picks which of so many steps that could be next is next (any number; it is taken
    /// modulo their count), so that tests can try orders that a parallel engine would take.
    pub fn execute(
        &self,
        plan: &ApprovedPlan,
        faults: &[Fault],
        mut choose: impl FnMut(usize) -> usize,
    ) -> Execution {
        self.allow_data_loss(plan.plan().risk() == Risk::DataLoss);
        let day = BadDay::new(self, faults.to_vec());
        let mut execution = Execution::default();
        let mut stuck: BTreeSet<&StepId> = BTreeSet::new();
        let mut queue = Queue::new(plan);
        while let Some(place) = queue.next(&mut choose) {
            let step = &plan.steps()[place];
            if step.after.iter().any(|id| stuck.contains(id)) {
                stuck.insert(&step.id);
                execution.skipped.push(step.id.clone());
                continue;
            }
            match day.strike(step) {
                Struck::Over(Ok(_)) => execution.done.push(step.id.clone()),
                Struck::Over(Err(error)) => {
                    stuck.insert(&step.id);
                    execution.failed.push((step.id.clone(), error));
                }
                Struck::Killed(killed) => {
                    execution.killed = killed;
                    break;
                }
            }
        }
        execution
    }
}

/// The steps whose turn may come, by their place in the plan.
struct Queue {
    waits: Vec<usize>,
    waiters: Vec<Vec<usize>>,
    ready: Vec<usize>,
}

impl Queue {
    fn new(plan: &ApprovedPlan) -> Self {
        let steps = plan.steps();
        let places: BTreeMap<&StepId, usize> = steps
            .iter()
            .enumerate()
            .map(|(place, step)| (&step.id, place))
            .collect();
        let mut waiters = vec![Vec::new(); steps.len()];
        for (place, step) in steps.iter().enumerate() {
            for cause in &step.after {
                waiters[places[cause]].push(place);
            }
        }
        let waits: Vec<usize> = steps.iter().map(|step| step.after.len()).collect();
        let ready = (0..steps.len())
            .filter(|place| waits[*place] == 0)
            .collect();
        Self {
            waits,
            waiters,
            ready,
        }
    }

    fn next(&mut self, choose: &mut impl FnMut(usize) -> usize) -> Option<usize> {
        if self.ready.is_empty() {
            return None;
        }
        let place = self
            .ready
            .remove(choose(self.ready.len()) % self.ready.len());
        for waiter in std::mem::take(&mut self.waiters[place]) {
            self.waits[waiter] -= 1;
            if self.waits[waiter] == 0 {
                let at = self.ready.partition_point(|other| *other < waiter);
                self.ready.insert(at, waiter);
            }
        }
        Some(place)
    }
}
