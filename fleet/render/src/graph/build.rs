//! From plans and fleets to nodes.

use std::collections::{BTreeMap, BTreeSet};

use rivetos_fleet::model::{Desired, Kind, Layout, Plan, ResourceId, Spec, Step, StepId, TargetId};

use super::dag::Dag;
use super::model::{Graph, Node};
use super::state::State;

impl Graph {
    /// The fleet itself: what there should be, and what it comes after.
    pub fn of_fleet(layout: &Layout) -> Self {
        let name = layout.values().next().map_or("", |set| set.fleet.as_str());
        Parts::of(layout).graph(format!("Fleet {name}"), summary(layout))
    }

    /// What `plan` does to the fleet: every resource with what becomes of it. What the
    /// fleet no longer wants is there too, in the order in which it goes.
    pub fn of_plan(plan: &Plan, layout: &Layout) -> Self {
        let mut parts = Parts::of(layout);
        let report = &plan.report;
        parts.mark(&report.unchanged, State::Unchanged);
        parts.mark(&report.left_out, State::LeftOut);
        for kept in &report.kept {
            parts.tell(&kept.resource, State::Kept, "its data stays".to_owned());
        }
        for foreign in &report.foreign {
            let note = format!("`{}` is not ours", foreign.native_name);
            parts.tell(&foreign.resource, State::Foreign, note);
        }
        for (id, blocked) in &report.blocked {
            parts.tell(id, State::Blocked, blocked.why.clone());
        }
        for step in plan.changes() {
            parts.tell(&step.resource, State::Changing(step.action), note(step));
            if let Some(node) = parts.nodes.get_mut(&step.resource) {
                node.target = step.target.to_string();
            }
        }
        parts.leaving(plan, layout);
        parts.graph(format!("Plan of fleet {}", plan.fleet), plan.summary())
    }
}

/// A graph in the making.
struct Parts {
    nodes: BTreeMap<ResourceId, Node>,
    edges: BTreeSet<(ResourceId, ResourceId)>,
}

impl Parts {
    fn of(layout: &Layout) -> Self {
        let all = || {
            let sets = layout.iter();
            sets.flat_map(|(target, set)| set.resources.values().map(move |d| (target, d)))
        };
        let node = |(target, desired): (&TargetId, &Desired)| {
            let id = &desired.id;
            let node = Node {
                id: id.clone(),
                target: target.to_string(),
                state: State::Plain,
                note: native_name(&desired.spec),
            };
            (id.clone(), node)
        };
        let edges = |(_, desired): (&TargetId, &Desired)| {
            let id = &desired.id;
            let edge = |first: &ResourceId| (first.clone(), id.clone());
            desired.after.iter().map(edge).collect::<Vec<_>>()
        };
        Self {
            nodes: all().map(node).collect(),
            edges: all().flat_map(edges).collect(),
        }
    }

    fn mark(&mut self, ids: &BTreeSet<ResourceId>, state: State) {
        for id in ids {
            if let Some(node) = self.nodes.get_mut(id) {
                node.state = state;
            }
        }
    }

    fn tell(&mut self, id: &ResourceId, state: State, words: String) {
        let somewhere = self.nodes.values().next().map(|node| node.target.clone());
        let node = self.nodes.entry(id.clone()).or_insert_with(|| Node {
            id: id.clone(),
            target: somewhere.unwrap_or_default(),
            state,
            note: String::new(),
        });
        node.state = state;
        node.note = words;
    }

    /// Adds the order among resources that only the plan knows.
    fn leaving(&mut self, plan: &Plan, layout: &Layout) {
        let wanted = |id: &ResourceId| layout.values().any(|set| set.resources.contains_key(id));
        let leaving: BTreeMap<&StepId, &Step> = plan
            .steps
            .iter()
            .filter(|step| !wanted(&step.resource))
            .map(|step| (&step.id, step))
            .collect();
        for step in leaving.values() {
            for first in step.after.iter().filter_map(|id| leaving.get(id)) {
                let edge = (first.resource.clone(), step.resource.clone());
                self.edges.insert(edge);
            }
        }
    }

    fn graph(self, title: String, summary: String) -> Graph {
        let numbers: BTreeMap<&ResourceId, usize> = self.nodes.keys().zip(0..).collect();
        let edges = self.edges.iter().filter_map(|(first, then)| {
            let ends = (numbers.get(first)?, numbers.get(then)?);
            Some((*ends.0, *ends.1))
        });
        let order = Dag::new(self.nodes.len(), edges);
        Graph {
            title,
            summary,
            order,
            nodes: self.nodes.into_values().collect(),
        }
    }
}

fn note(step: &Step) -> String {
    let causes = step.causes();
    if causes.is_empty() {
        step.action.participle().to_owned()
    } else {
        format!("{}: {}", step.action.participle(), causes.join("; "))
    }
}

/// How the target calls it.
fn native_name(spec: &Spec) -> String {
    match spec {
        Spec::Network(network) => network.native_name.clone(),
        Spec::Volume(volume) => volume.native_name.clone(),
        Spec::Files(files) => files.native_name.clone(),
        Spec::Image(image) => image.reference.clone(),
        Spec::Container(container) => container.native_name.clone(),
        Spec::Process(process) => process.program.display().to_string(),
        Spec::Role(role) => role.role.clone(),
    }
}

fn summary(layout: &Layout) -> String {
    let ids: Vec<&ResourceId> = layout
        .values()
        .flat_map(|set| set.resources.keys())
        .collect();
    let agents = ids.iter().filter(|id| id.kind == Kind::Agent);
    format!(
        "{}, {}",
        counted(agents.count(), "agent"),
        counted(ids.len(), "resource")
    )
}

/// `1 agent`, `2 agents`
pub(super) fn counted(count: usize, noun: &str) -> String {
    let ending = if count == 1 { "" } else { "s" };
    format!("{count} {noun}{ending}")
}
