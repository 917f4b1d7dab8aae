//! One resource as it should be against one live object.

use crate::class::{class, is_hashed};
use crate::lower::RESOLVED_FIELDS;
use crate::model::{Change, Desired, Field, Life, Observed, Reason, Spec};

/// What became of a resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It is as it should be.
    Satisfied,
    /// It is made of something else. Why, at least one reason.
    Differs(Vec<Reason>),
    /// It is as it should be but does not run. Says how it ended.
    Stopped(String),
    /// It was never finished. Says what is missing.
    Incomplete(String),
    /// It cannot be seen because what it lives in does not run.
    Dormant(String),
}

/// Fields that a target need not tell: they are compared only where both sides know them. That
/// the image's name changed is also told by the hash, and what it means by `image_id`.
const COMPARED_WHEN_KNOWN: [&str; 4] = ["image", "image_id", "port", "secret_made"];

/// Compares what should be with what is.
///
/// The fields decide; the hash on the label tells whether a difference comes from the
/// configuration or from somebody's hand; for fields that the hash does not cover the values that
/// the object was made with tell it. A hash of this scheme that differs although all fields
/// are equal is a change too: something that the target does not show. A hash of another scheme
/// says nothing.
pub(crate) fn compare(desired: &Desired, observed: &Observed) -> Verdict {
    let detail = match &observed.life {
        Life::Incomplete(detail) => return Verdict::Incomplete(detail.clone()),
        Life::Dormant(detail) => return Verdict::Dormant(detail.clone()),
        Life::Stopped(detail) => Some(detail),
        Life::Present | Life::Running => None,
    };
    // Images are named by what they are; there is nothing in them to differ.
    if matches!(desired.spec, Spec::Image(_)) {
        return Verdict::Satisfied;
    }
    let reasons = differences(desired, observed);
    if !reasons.is_empty() {
        return Verdict::Differs(reasons);
    }
    match detail {
        Some(detail) => Verdict::Stopped(detail.clone()),
        None => Verdict::Satisfied,
    }
}

fn differences(desired: &Desired, observed: &Observed) -> Vec<Reason> {
    let wanted = desired.spec.fields();
    let hash = desired.spec.hash_of(&wanted);
    let last = observed
        .spec_hash
        .as_ref()
        .filter(|last| last.is_comparable());
    let made_from_this = last == Some(&hash);

    let unwanted = observed
        .fields
        .iter()
        .filter(|(name, _)| !wanted.contains_key(*name));
    let mut changes: Vec<Change> = wanted
        .iter()
        .map(|(name, field)| (name, Some(field), observed.fields.get(name)))
        .chain(unwanted.map(|(name, field)| (name, None, Some(field))))
        .filter_map(|(name, wanted, live)| difference(&desired.spec, name, (wanted, live)))
        .collect();
    changes.sort_by(|a, b| a.field.cmp(&b.field));
    let mut reasons: Vec<Reason> = changes
        .into_iter()
        .map(|change| {
            let wanted_before = if is_hashed(&desired.spec, &change.field) {
                made_from_this
            } else {
                change.after.is_some() && observed.born.get(&change.field) == change.after.as_ref()
            };
            let drifted = wanted_before && by_hand(&change);
            if drifted {
                Reason::Drifted(change)
            } else {
                Reason::Changed(change)
            }
        })
        .collect();
    if reasons.is_empty() && last.is_some() && !made_from_this {
        reasons.push(Reason::Changed(Change {
            field: "spec".to_owned(),
            before: observed.spec_hash.as_ref().map(|hash| Field::text(&hash.0)),
            after: Some(Field::Text(hash.0)),
            class: class(&desired.spec, "spec"),
        }));
    }
    reasons
}

fn difference(
    spec: &Spec,
    name: &str,
    (wanted, live): (Option<&Field>, Option<&Field>),
) -> Option<Change> {
    let differs = match (wanted, live) {
        (Some(wanted), Some(live)) => wanted.differs(live),
        (Some(_), None) | (None, Some(_)) => !COMPARED_WHEN_KNOWN.contains(&name),
        (None, None) => false,
    };
    differs.then(|| Change {
        field: name.to_owned(),
        before: live.cloned(),
        after: wanted.cloned(),
        class: class(spec, name),
    })
}

/// Whether somebody's hand can be what changed the field of an object. An image's name that
/// means another image now and a secret with another value are the operator's doing, and another
/// port is the planner's.
fn by_hand(change: &Change) -> bool {
    let secret = matches!(change.after, Some(Field::Keyed(_) | Field::Unknown));
    !secret && !RESOLVED_FIELDS.contains(&change.field.as_str())
}

#[cfg(test)]
mod tests;
