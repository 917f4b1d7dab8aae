//! Objects of ours that go for good.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::{Action, Blocked, Kept, Kind, Observed, PlanReport, Reason, ResourceId};

use super::sight::{ANY, Seen, Sight};

/// An object that goes.
pub(super) struct Removal<'a> {
    pub(super) object: &'a Observed,
    pub(super) action: Action,
    pub(super) reasons: Vec<Reason>,
    /// What it was made after, where that is known.
    pub(super) after: Option<&'a BTreeSet<ResourceId>>,
}

/// What becomes of an object.
pub(super) enum Fate {
    /// It is no concern of this plan.
    Ignored,
    /// It stays because it holds data.
    Kept,
    /// It goes.
    Removed,
}

/// The objects that go, with what stays written into the report. What cannot be told apart stays,
/// and so does everything that a blocked or unseen resource may stand on.
pub(super) fn leaving<'a>(
    sight: &Sight<'a>,
    reason: &Reason,
    fate: impl Fn(&ResourceId) -> Fate,
    report: &mut PlanReport,
) -> Vec<Removal<'a>> {
    let mut removals = Vec::new();
    for object in sight.ours() {
        match fate(&object.id) {
            Fate::Ignored => {}
            Fate::Kept => report.kept.push(Kept {
                resource: object.id.clone(),
                native_name: object.native_name.clone(),
            }),
            Fate::Removed => match sight.at(&object.id, None) {
                Seen::Ours(object) => removals.push(Removal {
                    object,
                    action: Action::Delete,
                    reasons: vec![reason.clone()],
                    after: None,
                }),
                Seen::Unclear(blocked) => {
                    report.blocked.insert(object.id.clone(), blocked);
                }
                Seen::Absent => {}
            },
        }
    }
    report.kept.sort();
    let mut held: BTreeSet<ResourceId> = sight.unseen_ids().into_keys().collect();
    held.extend(report.blocked.keys().cloned());
    hold_foundations(&mut removals, held, &mut report.blocked);
    removals
}

/// Takes back every removal of something that `held` resources may stand on.
fn hold_foundations(
    removals: &mut Vec<Removal<'_>>,
    mut held: BTreeSet<ResourceId>,
    blocked: &mut BTreeMap<ResourceId, Blocked>,
) {
    loop {
        let before = removals.len();
        removals.retain(|removal| {
            let id = &removal.object.id;
            let Some(user) = held.iter().find(|user| stands_on(user, id)) else {
                return true;
            };
            let entry = Blocked {
                why: format!("{user}, which may use it, is blocked"),
                fix: format!("see {user}"),
            };
            blocked.insert(id.clone(), entry);
            held.insert(id.clone());
            false
        });
        if removals.len() == before {
            return;
        }
    }
}

/// Whether `user` stands on `foundation`, told by their names alone: no configuration describes
/// them any more.
pub(super) fn stands_on(user: &ResourceId, foundation: &ResourceId) -> bool {
    if foundation.kind >= user.kind {
        return false;
    }
    let same_owner = match user.kind {
        Kind::Datahub => foundation.name == Kind::Datahub.as_str(),
        Kind::Network
        | Kind::Volume
        | Kind::Image
        | Kind::Config
        | Kind::Secret
        | Kind::Role
        | Kind::Agent => foundation.name == user.name,
    };
    match foundation.kind {
        Kind::Network => matches!(user.kind, Kind::Datahub | Kind::Agent),
        Kind::Datahub => matches!(user.kind, Kind::Role | Kind::Agent),
        Kind::Volume | Kind::Config | Kind::Secret => {
            matches!(user.kind, Kind::Datahub | Kind::Agent) && (same_owner || user.name == ANY)
        }
        Kind::Image | Kind::Role | Kind::Agent => false,
    }
}
