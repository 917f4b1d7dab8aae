//! Which steps of a plan may begin.

use std::collections::{BTreeMap, BTreeSet};

use rivetos_fleet::model::{Step, StepId};

/// Steps that have not begun, each known by its place in the plan. All calls of one run together
/// take time in proportion to the steps and to what they wait for.
pub(crate) struct Schedule<'p> {
    steps: &'p [Step],
    /// How many of the steps that each one names are not done.
    open: Vec<usize>,
    /// Which steps name each one.
    dependants: Vec<Vec<usize>>,
    waiting: BTreeSet<usize>,
    /// Those that wait for nothing.
    ready: BTreeSet<usize>,
}

impl<'p> Schedule<'p> {
    pub(crate) fn new(steps: &'p [Step]) -> Self {
        let places: BTreeMap<&StepId, usize> = steps
            .iter()
            .enumerate()
            .map(|(at, s)| (&s.id, at))
            .collect();
        let mut dependants = vec![Vec::new(); steps.len()];
        for (at, step) in steps.iter().enumerate() {
            for needed in step.after.iter().filter_map(|needed| places.get(needed)) {
                dependants[*needed].push(at);
            }
        }
        let open: Vec<usize> = steps.iter().map(|step| step.after.len()).collect();
        Self {
            ready: (0..steps.len()).filter(|at| open[*at] == 0).collect(),
            waiting: (0..steps.len()).collect(),
            steps,
            open,
            dependants,
        }
    }

    /// Takes the first step, in the plan's order, of which everything needed is done.
    pub(crate) fn begin(&mut self) -> Option<(usize, &'p Step)> {
        let at = self.ready.pop_first()?;
        self.waiting.remove(&at);
        Some((at, &self.steps[at]))
    }

    /// The step at `at` is done.
    pub(crate) fn done(&mut self, at: usize) {
        for dependant in &self.dependants[at] {
            self.open[*dependant] -= 1;
            if self.open[*dependant] == 0 {
                self.ready.insert(*dependant);
            }
        }
    }

    /// The step at `at` failed: takes out what needs it, directly or not, in the plan's order.
    pub(crate) fn failed(&mut self, at: usize) -> Vec<&'p Step> {
        let mut skipped = Vec::new();
        let mut next: BTreeSet<usize> = self.dependants[at].iter().copied().collect();
        // Whatever needs a step comes after it, so the first one is never found again.
        while let Some(at) = next.pop_first() {
            if self.waiting.remove(&at) {
                next.extend(&self.dependants[at]);
                skipped.push(&self.steps[at]);
            }
        }
        skipped
    }

    /// Whether no step is left to begin.
    pub(crate) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// The steps that did not begin.
    pub(crate) fn left(&self) -> impl Iterator<Item = &'p Step> {
        self.waiting.iter().map(|at| &self.steps[*at])
    }
}
