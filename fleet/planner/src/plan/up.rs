//! The plan that makes a fleet what it should be.

use std::collections::{BTreeMap, BTreeSet};

use crate::FleetId;
use crate::model::{
    Action, Blocked, DesiredSet, ErrorScope, ImageSource, Inventories, Inventory, InventoryError,
    Kind, Layout, Observed, Plan, PlanReport, Reason, ResourceId, Spec, TargetId, Uid,
};

use super::carry::{carry_over, forget_unneeded_images};
use super::decide::{Circumstances, Decision, Decisions, judge};
use super::far::reach_far_secrets;
use super::join::{Part, join};
use super::leaving::{Fate, Removal, RemovalOrder, leaving};
use super::moves::Move;
use super::options::{PlanOptions, Scope};
use super::place::{Resources, no_port_left, place};
use super::select::select;
use super::sight::Sight;
use super::steps::{Suffixes, Writer, suffix, users};

/// Images that a target has, by reference: who has it and what it is.
type Shelf = BTreeMap<String, (TargetId, String)>;

/// The steps from what is to what should be, on every target of the fleet.
///
/// A pure function: the same input gives the same plan, byte for byte, whatever the order of the
/// inventories' lists.
///
/// # Guarantees
/// - What could not be seen, what is not ours and what cannot be told apart is never touched, and
///   neither is what stands on it.
/// - Data volumes are never removed; those that the configuration no longer has are reported as
///   kept, and so are the logins of agents that are gone.
/// - A live object that is as it should be has no step.
/// - An agent that moves is removed from its old target before it is made on the new one.
pub fn plan(fleet: &FleetId, layout: &Layout, seen: &Inventories, options: &PlanOptions) -> Plan {
    let shelf = shelf(layout, seen);
    let homes = homes(layout);
    let first = layout.keys().next();
    let not_looked_at = unseen();
    let scenes: Vec<Scene<'_>> = layout
        .iter()
        .map(|(target, set)| {
            let inventory = seen.get(target).unwrap_or(&not_looked_at);
            Scene {
                target,
                set,
                sight: Sight::new(inventory),
                inventory,
                options,
                shelf: &shelf,
                homes: &homes,
            }
        })
        .collect();
    let (resources, decisions) = decide(&scenes, options);
    let suffixes: Suffixes<'_> = scenes
        .iter()
        .map(|scene| (scene.set, suffix(scene.target, first)))
        .collect();
    let users = users(&resources);
    let parts = scenes.iter().zip(&suffixes).map(|(scene, (_, suffix))| {
        scene.part(&Writer {
            fleet,
            target: scene.target,
            set: scene.set,
            suffix,
            suffixes: &suffixes,
            desired: &resources,
            decisions: &decisions,
            users: &users,
        })
    });
    join(fleet, layout, parts.collect())
}

/// What happens to each resource of the fleet: judged on its own target, and carried over to what
/// comes after it wherever that is.
fn decide<'s>(scenes: &'s [Scene<'s>], options: &PlanOptions) -> (Resources<'s>, Decisions<'s>) {
    let mut resources = Resources::new();
    let mut without_port = BTreeMap::new();
    for scene in scenes {
        let placed = place(scene.set, scene.inventory, scene.shelf);
        let blocked = placed.without_port.into_iter();
        without_port.extend(blocked.map(|id| (id, no_port_left(scene.set))));
        if resources.is_empty() {
            resources = placed.resources;
        } else {
            resources.extend(placed.resources);
        }
    }
    let sights: BTreeMap<&TargetId, &Sight<'_>> = scenes
        .iter()
        .map(|scene| (scene.target, &scene.sight))
        .collect();
    reach_far_secrets(&mut resources, &sights);
    let decisions = scenes
        .iter()
        .flat_map(|scene| scene.decisions(&resources, &without_port))
        .collect();
    let mut decisions = carry_over(&resources, decisions);
    let relatives: Vec<BTreeSet<&str>> = scenes.iter().map(Scene::names).collect();
    select(&resources, &mut decisions, options, |id| {
        let mut both = scenes.iter().zip(&relatives);
        both.any(|(scene, names)| {
            scene.set.resources.contains_key(id) && names.contains(id.name.as_str())
        })
    });
    forget_unneeded_images(&resources, &mut decisions);
    (resources, decisions)
}

/// Where each identity of the fleet should be, and as what.
type Homes<'a> = BTreeMap<&'a Uid, (&'a TargetId, &'a ResourceId)>;

fn homes(layout: &Layout) -> Homes<'_> {
    layout
        .iter()
        .flat_map(|(target, set)| {
            set.resources
                .values()
                .map(move |d| (&d.uid, (target, &d.id)))
        })
        .collect()
}

/// A target that nobody looked at.
pub(super) fn unseen() -> Inventory {
    Inventory {
        errors: vec![InventoryError {
            scope: ErrorScope::Target,
            message: "it was not looked at".to_owned(),
        }],
        ..Inventory::default()
    }
}

/// Every image that was built and is on some target. Of several targets the first one counts.
fn shelf(layout: &Layout, seen: &Inventories) -> Shelf {
    let mut shelf = Shelf::new();
    for (target, set) in layout {
        let Some(inventory) = seen.get(target) else {
            continue;
        };
        for object in inventory
            .observed
            .iter()
            .filter(|o| o.id.kind == Kind::Image)
        {
            if let Some(desired) = set.resources.get(&object.id)
                && let Spec::Image(image) = &desired.spec
                && image.source == ImageSource::Built
            {
                shelf
                    .entry(image.reference.clone())
                    .or_insert_with(|| (target.clone(), object.native_id.clone()));
            }
        }
    }
    shelf
}

/// One target of the fleet.
struct Scene<'a> {
    target: &'a TargetId,
    set: &'a DesiredSet,
    inventory: &'a Inventory,
    sight: Sight<'a>,
    options: &'a PlanOptions,
    shelf: &'a Shelf,
    homes: &'a Homes<'a>,
}

impl Scene<'_> {
    /// The names of everything of ours that is here.
    fn names(&self) -> BTreeSet<&str> {
        self.sight.ours().map(|o| o.id.name.as_str()).collect()
    }

    /// The target's part of the plan.
    fn part(&self, writer: &Writer<'_>) -> Part {
        let mut report = report_of(self.set, writer.decisions);
        report.foreign = self.sight.foreign();
        report.blocked.extend(self.hidden());
        let wanted: BTreeSet<&Uid> = self.set.resources.values().map(|d| &d.uid).collect();
        let mut removals = leaving(
            &self.sight,
            |object| self.fate(object, &wanted),
            &mut report,
        );
        removals.extend(self.superseded(writer.desired, writer.decisions));
        Part {
            target: self.target.clone(),
            steps: writer.spell_out(removals),
            report,
            moves: self.moves(),
        }
    }

    fn decisions(
        &self,
        resources: &Resources<'_>,
        without_port: &BTreeMap<&ResourceId, Blocked>,
    ) -> Vec<(ResourceId, Decision<'_>)> {
        let around = Circumstances {
            facts: &self.inventory.facts,
            elsewhere: self.shelf,
            replace: &self.options.replace,
        };
        let here = self.set.resources.keys();
        here.filter_map(|id| Some((id, resources.get(id)?)))
            .map(|(id, desired)| {
                let decision = if let Some(blocked) = without_port.get(id) {
                    Decision::Blocked(blocked.clone())
                } else {
                    let older = self.sight.superseded(desired).next();
                    judge(desired, self.sight.at(desired), older, &around)
                };
                (id.clone(), decision)
            })
            .collect()
    }

    /// Where nothing should be, whatever cannot be seen may be left of the fleet: an agent that
    /// moved away would run twice. Whoever asks for a part of the fleet does not ask for that.
    fn hidden(&self) -> BTreeMap<ResourceId, Blocked> {
        let everything = self.options.only.is_empty() && self.options.scope == Scope::All;
        if everything && self.set.resources.is_empty() {
            self.sight.left_unseen()
        } else {
            BTreeMap::new()
        }
    }

    /// What is here and should be on another target.
    fn moves(&self) -> Vec<Move> {
        self.sight
            .ours()
            .filter_map(|object| {
                let (to, wanted) = self.homes.get(object.uid.as_ref()?)?;
                (*to != self.target).then(|| Move {
                    here: object.id.clone(),
                    to: (*to).clone(),
                    wanted: (*wanted).clone(),
                })
            })
            .collect()
    }

    /// What becomes of an object of ours. A login holds its agent's schema, so it is data; images
    /// may be needed again and are nobody's.
    fn fate(&self, object: &Observed, wanted: &BTreeSet<&Uid>) -> Fate {
        let id = &object.id;
        let meant = object.uid.as_ref().is_some_and(|uid| wanted.contains(uid));
        if meant || self.set.resources.contains_key(id) {
            return Fate::Ignored;
        }
        match id.kind {
            Kind::Image => Fate::Ignored,
            Kind::Volume | Kind::Role => Fate::Kept,
            Kind::Network | Kind::Config | Kind::Secret | Kind::Datahub | Kind::Agent => {
                let PlanOptions {
                    only,
                    except,
                    replace: _,
                    scope,
                } = self.options;
                let named = only.is_empty() || only.contains(id);
                if !named || except.contains(id) || *scope == Scope::Drift {
                    return Fate::LeftOut;
                }
                let moved = object.uid.as_ref().and_then(|uid| self.homes.get(uid));
                Fate::Removed(moved.map_or(Reason::NotInConfig, |(to, _)| Reason::Moved {
                    to: (*to).clone(),
                }))
            }
        }
    }

    /// Earlier incarnations that nobody will use when the plan is done.
    fn superseded(&self, resources: &Resources<'_>, decisions: &Decisions<'_>) -> Vec<Removal<'_>> {
        // Whoever is not touched may still use the old one.
        let untouched: BTreeSet<&ResourceId> = resources
            .values()
            .filter(|user| {
                decisions
                    .get(&user.id)
                    .is_some_and(|d| d.is_blocked() || matches!(d, Decision::LeftOut))
            })
            .flat_map(|user| user.after.iter().chain([&user.id]))
            .collect();
        let mut removals = Vec::new();
        for id in self.set.resources.keys() {
            let Some(wanted) = resources.get(id).filter(|_| !untouched.contains(id)) else {
                continue;
            };
            removals.extend(self.sight.superseded(wanted).map(|object| Removal {
                object,
                known_as: &object.id,
                action: match decisions.get(id) {
                    Some(Decision::Succeed { .. }) => Action::Replace,
                    _ => Action::Delete,
                },
                reasons: vec![Reason::Superseded],
                after: None,
                order: RemovalOrder::Last { of: id.clone() },
            }));
        }
        removals
    }
}

fn report_of(set: &DesiredSet, decisions: &Decisions<'_>) -> PlanReport {
    let mut report = PlanReport::default();
    let here = set.resources.keys();
    for (id, decision) in here.filter_map(|id| Some((id, decisions.get(id)?))) {
        match decision {
            Decision::Keep(_) => {
                report.unchanged.insert(id.clone());
            }
            Decision::LeftOut => {
                report.left_out.insert(id.clone());
            }
            Decision::Blocked(blocked) | Decision::BlockedBy { blocked, .. } => {
                report.blocked.insert(id.clone(), blocked.clone());
            }
            Decision::Create
            | Decision::Load { .. }
            | Decision::Ensure { .. }
            | Decision::Update { .. }
            | Decision::Start { .. }
            | Decision::Confirm { .. }
            | Decision::Swap { .. }
            | Decision::Succeed { .. }
            | Decision::Replace { .. } => {}
        }
    }
    report
}
