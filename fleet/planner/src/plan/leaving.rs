//! Objects of ours that go for good.

use std::collections::BTreeSet;

use crate::model::{Action, Blocked, Kept, Observed, PlanReport, Reason, ResourceId};

use super::footing::Users;
use super::sight::Sight;

/// An object that goes.
pub(super) struct Removal<'a> {
    pub(super) object: &'a Observed,
    /// Its address for those who were made after it: the configuration's, where it has one.
    pub(super) known_as: &'a ResourceId,
    pub(super) action: Action,
    pub(super) reasons: Vec<Reason>,
    /// What it was made after, where that is known.
    pub(super) after: Option<&'a BTreeSet<ResourceId>>,
    /// Whether it goes only after everything that used it was made again.
    pub(super) order: RemovalOrder,
}

/// When an object goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum RemovalOrder {
    /// Before anything is made in its place.
    First,
    /// After whatever uses it has something newer.
    Last {
        /// What it is an earlier incarnation of, under whatever address.
        of: ResourceId,
    },
}

/// What becomes of an object.
pub(super) enum Fate {
    /// It is no concern of this plan.
    Ignored,
    /// It stays because it holds data.
    Kept,
    /// It would go, and the plan's options leave it out.
    LeftOut,
    /// It would go, and its own mark forbids that.
    Protected,
    /// It goes, for this reason.
    Removed(Reason),
}

/// The objects that go, with what stays written into the report. What cannot be told apart stays,
/// and so does everything that a blocked or unseen resource may stand on.
pub(super) fn leaving<'a>(
    sight: &Sight<'a>,
    fate: impl Fn(&Observed) -> Fate,
    report: &mut PlanReport,
) -> Vec<Removal<'a>> {
    let mut removals = Vec::new();
    for object in sight.ours() {
        match fate(object) {
            Fate::Ignored => {}
            Fate::LeftOut => {
                report.left_out.insert(object.id.clone());
            }
            Fate::Protected => {
                report.blocked.insert(object.id.clone(), protected(object));
            }
            Fate::Kept => report.kept.push(Kept {
                resource: object.id.clone(),
                native_name: object.native_name.clone(),
            }),
            Fate::Removed(reason) => match sight.doubt(object) {
                None => removals.push(Removal {
                    object,
                    known_as: &object.id,
                    action: Action::Delete,
                    reasons: vec![reason],
                    after: None,
                    order: RemovalOrder::First,
                }),
                Some(blocked) => {
                    report.blocked.insert(object.id.clone(), blocked);
                }
            },
        }
    }
    report.kept.sort();
    let left_out = report.left_out.clone();
    hold_foundations(&mut removals, &left_out, |id, _| {
        report.left_out.insert(id.clone());
    });
    let mut held: BTreeSet<ResourceId> = sight.unseen_ids().into_keys().collect();
    held.extend(report.blocked.keys().cloned());
    hold_foundations(&mut removals, &held, |id, user| {
        let entry = Blocked {
            why: format!("{user}, which may use it, is blocked"),
            fix: format!("see {user}"),
        };
        report.blocked.insert(id.clone(), entry);
    });
    removals
}

fn protected(object: &Observed) -> Blocked {
    Blocked {
        why: format!("`{}` is protected", object.native_name),
        fix: format!("give `--unprotect {}` if it must go", object.id),
    }
}

/// Takes back every removal of something that `held` resources may stand on.
fn hold_foundations(
    removals: &mut Vec<Removal<'_>>,
    held: &BTreeSet<ResourceId>,
    mut note: impl FnMut(&ResourceId, &ResourceId),
) {
    let mut users = Users::new();
    for id in held {
        users.add(id, id);
    }
    loop {
        let before = removals.len();
        removals.retain(|removal| {
            let id = &removal.object.id;
            let Some(&user) = users.of(id).next() else {
                return true;
            };
            note(id, user);
            users.add(id, id);
            false
        });
        if removals.len() == before {
            return;
        }
    }
}
