//! Secrets that are used on another target than the one that they are on.

use std::collections::BTreeMap;

use crate::model::{FarSecret, Life, ResourceId, Spec, TargetId};

use super::place::Resources;
use super::sight::{Seen, Sight};

/// Tells every login whose secret is on another target how that is called there, and what tells it
/// from its predecessors.
pub(super) fn reach_far_secrets(
    resources: &mut Resources<'_>,
    sights: &BTreeMap<&TargetId, &Sight<'_>>,
) {
    let found: Vec<(ResourceId, String, FarSecret)> = resources
        .values()
        .filter_map(|wanted| {
            let Spec::Role(role) = &wanted.spec else {
                return None;
            };
            let target = role.far.as_ref()?.target.clone();
            let secret = resources.get(&role.secret)?;
            let Spec::Files(files) = &secret.spec else {
                return None;
            };
            let made = match sights.get(&target)?.at(secret) {
                Seen::Ours(object) if object.life == Life::Present => {
                    Some(object.fingerprint.clone())
                }
                Seen::Ours(_) | Seen::Absent | Seen::Unclear(_) => None,
            };
            let far = FarSecret { target, made };
            Some((wanted.id.clone(), files.native_name.clone(), far))
        })
        .collect();
    for (id, native_name, far) in found {
        if let Some(wanted) = resources.get_mut(&id)
            && let Spec::Role(role) = &mut wanted.to_mut().spec
        {
            role.secret_native_name = native_name;
            role.far = Some(far);
        }
    }
}
