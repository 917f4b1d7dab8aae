//! Rules over several steps of a plan.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::{Desired, Op, PublishedPort, ResourceId, Spec, Step, StepId, TargetId};

use super::Note;

/// Steps on one resource of one target of which nothing says which one comes first. Objects that
/// only go, one beside the other, need no order.
pub(super) fn unordered(steps: &[Step]) -> Vec<Note> {
    let places: BTreeMap<&StepId, usize> = steps
        .iter()
        .enumerate()
        .map(|(place, step)| (&step.id, place))
        .collect();
    let mut before: BTreeMap<(&TargetId, &ResourceId), Vec<usize>> = BTreeMap::new();
    let mut notes = Vec::new();
    for (place, step) in steps.iter().enumerate() {
        let earlier = before.entry((&step.target, &step.resource)).or_default();
        for other in earlier.iter().filter_map(|at| Some((*at, steps.get(*at)?))) {
            let (at, other) = other;
            let both_go = is_removal(step) && is_removal(other);
            if !both_go && !waits_for(steps, &places, (place, at)) {
                notes.push(Note::Unordered {
                    step: other.id.clone(),
                    other: step.id.clone(),
                });
            }
        }
        earlier.push(place);
    }
    notes
}

fn is_removal(step: &Step) -> bool {
    matches!(step.op, Op::Remove { .. })
}

/// Whether the step at `from` waits for the one at `until`, which is before it, through whatever
/// lies between them.
fn waits_for(
    steps: &[Step],
    places: &BTreeMap<&StepId, usize>,
    (from, until): (usize, usize),
) -> bool {
    let mut seen = BTreeSet::new();
    let mut next = vec![from];
    while let Some(place) = next.pop() {
        let causes = steps.get(place).into_iter().flat_map(|step| &step.after);
        let causes: Vec<usize> = causes.filter_map(|id| places.get(id).copied()).collect();
        if causes.contains(&until) {
            return true;
        }
        next.extend(
            causes
                .into_iter()
                .filter(|cause| *cause > until && seen.insert(*cause)),
        );
    }
    false
}

/// Names and ports that two steps want to give to different resources of one target.
pub(super) fn wanted_twice(steps: &[Step]) -> Vec<Note> {
    let mut owners: BTreeMap<(&TargetId, String), &ResourceId> = BTreeMap::new();
    let mut notes = Vec::new();
    for step in steps {
        let Some(desired) = wanted_by(&step.op) else {
            continue;
        };
        for what in claims(desired) {
            let owner = owners
                .entry((&step.target, what.clone()))
                .or_insert(&desired.id);
            if **owner != desired.id {
                notes.push(Note::WantedTwice {
                    target: step.target.clone(),
                    what,
                    first: (*owner).clone(),
                    second: desired.id.clone(),
                });
            }
        }
    }
    notes
}

fn wanted_by(op: &Op) -> Option<&Desired> {
    match op {
        Op::Create { desired }
        | Op::Ensure { desired }
        | Op::Update { desired, .. }
        | Op::Swap { desired, .. }
        | Op::Load { desired, .. }
        | Op::Adopt { desired, .. } => Some(desired),
        Op::Confirm { .. } | Op::Forget { .. } | Op::Start { .. } | Op::Remove { .. } => None,
    }
}

/// What a target has only once of what `desired` takes.
fn claims(desired: &Desired) -> Vec<String> {
    match &desired.spec {
        Spec::Network(network) => vec![format!("network `{}`", network.native_name)],
        Spec::Volume(volume) => vec![format!("volume `{}`", volume.native_name)],
        Spec::Files(files) => vec![format!("volume `{}`", files.native_name)],
        Spec::Container(container) => {
            let port = |port: &PublishedPort| format!("port {}:{}", port.host_ip, port.host_port);
            let name = format!("container `{}`", container.native_name);
            container.published.iter().map(port).chain([name]).collect()
        }
        Spec::Process(process) => {
            let port = process.port.map(|port| format!("port 127.0.0.1:{port}"));
            let folder = format!("folder `{}`", process.folder.display());
            port.into_iter().chain([folder]).collect()
        }
        Spec::Role(role) => vec![format!("login `{}`", role.role)],
        // Whoever uses an image uses the same one.
        Spec::Image(_) => Vec::new(),
    }
}
