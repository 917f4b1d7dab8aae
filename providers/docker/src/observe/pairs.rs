//! Containers of which one is to take, or took, another one's place.

use std::collections::BTreeSet;

use bollard::models::ContainerSummaryStateEnum;
use rivetos_fleet::model::Predecessor;

use super::Own;
use crate::apply::container_fingerprint;

/// Leaves one container of each pair: the one that counts. One that never started is what is left
/// of an interrupted swap, and so is one that stopped while the other one runs again.
pub(super) fn join(mut own: Vec<Own>) -> Vec<Own> {
    let places: Vec<String> = own.iter().map(|one| one.container.clone()).collect();
    let mut gone = BTreeSet::new();
    for new in 0..own.len() {
        let replaces = own[new].replaces.as_ref();
        let Some(old) = replaces.and_then(|id| places.iter().position(|place| place == id)) else {
            continue;
        };
        if counts(&own[new], &own[old]) {
            own[new].predecessor = Some(predecessor(&own[old]));
            gone.insert(own[old].container.clone());
        } else {
            gone.insert(own[new].container.clone());
        }
    }
    own.retain(|one| !gone.contains(&one.container));
    own
}

fn counts(new: &Own, old: &Own) -> bool {
    let started = new.state != Some(ContainerSummaryStateEnum::CREATED);
    started && (runs(new) || !runs(old))
}

fn runs(one: &Own) -> bool {
    matches!(
        one.state,
        Some(ContainerSummaryStateEnum::RUNNING | ContainerSummaryStateEnum::RESTARTING)
    )
}

fn predecessor(old: &Own) -> Predecessor {
    Predecessor {
        native_id: old.container.clone(),
        native_name: old.name.clone(),
        fingerprint: container_fingerprint(&old.container, &old.name),
    }
}

#[cfg(test)]
mod tests {
    use rivetos_fleet::label::Identity;
    use rivetos_fleet::model::{Kind, ResourceId};

    use super::*;

    fn one(id: &str, replaces: Option<&str>, state: ContainerSummaryStateEnum) -> Own {
        Own {
            resource: ResourceId::new(Kind::Agent, "ada"),
            identity: Identity::from_labels([], &"home".parse().unwrap()),
            container: id.to_owned(),
            name: format!("name-of-{id}"),
            image: String::new(),
            state: Some(state),
            replaces: replaces.map(str::to_owned),
            predecessor: None,
        }
    }

    fn check(
        old: ContainerSummaryStateEnum,
        new: ContainerSummaryStateEnum,
        expected: (&str, Option<&str>),
    ) {
        for reversed in [false, true] {
            let mut own = vec![one("old", Some("older"), old), one("new", Some("old"), new)];
            if reversed {
                own.reverse();
            }
            let left = join(own);
            assert_eq!(left.len(), 1);
            let kept = left[0]
                .predecessor
                .as_ref()
                .map(|old| old.native_id.as_str());
            assert_eq!(
                (left[0].container.as_str(), kept),
                expected,
                "{old:?} {new:?}"
            );
        }
    }

    #[test]
    fn whoever_was_started_last_counts() {
        use ContainerSummaryStateEnum::{CREATED, EXITED, RESTARTING, RUNNING};
        check(RUNNING, CREATED, ("old", None));
        check(EXITED, CREATED, ("old", None));
        check(EXITED, RUNNING, ("new", Some("old")));
        check(EXITED, RESTARTING, ("new", Some("old")));
        check(EXITED, EXITED, ("new", Some("old")));
        check(RUNNING, EXITED, ("old", None));
        check(RUNNING, RUNNING, ("new", Some("old")));
    }

    #[test]
    fn one_whose_predecessor_is_gone_stands_alone() {
        let left = join(vec![one(
            "new",
            Some("old"),
            ContainerSummaryStateEnum::RUNNING,
        )]);
        assert_eq!(left.len(), 1);
        assert_eq!(left[0].predecessor, None);
    }
}
