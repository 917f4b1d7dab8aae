use std::collections::BTreeSet;

use super::*;
use crate::FleetId;
use crate::model::{
    Fields, Fingerprint, Kind, NetworkSpec, Owner, Protection, ResourceId, SpecHash, Uid,
    VolumeSpec,
};

fn network() -> Desired {
    let fleet: FleetId = "home".parse().unwrap();
    let id = ResourceId::new(Kind::Network, "fleet");
    Desired {
        uid: Uid::derive(&fleet, &id),
        id,
        spec: Spec::Network(NetworkSpec {
            native_name: "home".to_owned(),
            driver: "bridge".to_owned(),
        }),
        after: BTreeSet::new(),
    }
}

fn live(desired: &Desired) -> Observed {
    Observed {
        id: desired.id.clone(),
        uid: Some(desired.uid.clone()),
        native_id: "n1".to_owned(),
        native_name: "home".to_owned(),
        owner: Owner::Ours,
        spec_hash: Some(desired.spec.hash()),
        fields: desired.spec.fields(),
        life: Life::Present,
        born: Fields::new(),
        predecessor: None,
        protection: Protection::None,
        fingerprint: Fingerprint::default(),
    }
}

fn with_driver(mut object: Observed, driver: &str) -> Observed {
    object
        .fields
        .insert("driver".to_owned(), Field::text(driver));
    object
}

fn change() -> Change {
    Change {
        field: "driver".to_owned(),
        before: Some(Field::text("macvlan")),
        after: Some(Field::text("bridge")),
        class: crate::model::Class::Recreate,
    }
}

#[test]
fn the_same_is_satisfied() {
    let desired = network();
    assert_eq!(compare(&desired, &live(&desired)), Verdict::Satisfied);
}

#[test]
fn a_difference_under_our_own_hash_is_drift() {
    let desired = network();
    let object = with_driver(live(&desired), "macvlan");
    assert_eq!(
        compare(&desired, &object),
        Verdict::Differs(vec![Reason::Drifted(change())])
    );
}

#[test]
fn a_difference_under_another_hash_is_a_change() {
    let desired = network();
    let mut object = with_driver(live(&desired), "macvlan");
    object.spec_hash = Some(SpecHash("v2:0000000000000000".to_owned()));
    assert_eq!(
        compare(&desired, &object),
        Verdict::Differs(vec![Reason::Changed(change())])
    );
}

#[test]
fn a_hash_of_another_scheme_says_nothing() {
    let desired = network();
    let mut object = live(&desired);
    object.spec_hash = Some(SpecHash("v0:0000000000000000".to_owned()));
    assert_eq!(compare(&desired, &object), Verdict::Satisfied);
    object.spec_hash = None;
    assert_eq!(compare(&desired, &object), Verdict::Satisfied);
}

#[test]
fn a_hash_of_this_scheme_tells_what_no_field_shows() {
    let desired = network();
    let mut object = live(&desired);
    object.spec_hash = Some(SpecHash("v2:0000000000000000".to_owned()));
    assert!(matches!(
        compare(&desired, &object),
        Verdict::Differs(reasons) if matches!(&reasons[..], [Reason::Changed(c)] if c.field == "spec")
    ));
}

#[test]
fn a_field_that_was_added_or_removed_by_hand_is_drift() {
    let desired = network();
    let mut object = live(&desired);
    object.fields.remove("driver");
    object
        .fields
        .insert("internal".to_owned(), Field::text("true"));
    let Verdict::Differs(reasons) = compare(&desired, &object) else {
        panic!("satisfied")
    };
    assert_eq!(reasons.len(), 2);
    assert!(
        reasons
            .iter()
            .all(|reason| matches!(reason, Reason::Drifted(_)))
    );
}

#[test]
fn the_life_of_an_object_counts_after_its_fields() {
    let desired = network();
    let mut object = live(&desired);
    object.life = Life::Stopped("exited with code 137".to_owned());
    assert_eq!(
        compare(&desired, &object),
        Verdict::Stopped("exited with code 137".to_owned())
    );
    assert!(matches!(
        compare(&desired, &with_driver(object.clone(), "macvlan")),
        Verdict::Differs(_)
    ));
    object.life = Life::Incomplete("never started".to_owned());
    assert!(matches!(
        compare(&desired, &with_driver(object, "macvlan")),
        Verdict::Incomplete(_)
    ));
}

#[test]
fn a_volume_is_compared_like_everything_else() {
    let mut desired = network();
    desired.spec = Spec::Volume(VolumeSpec {
        native_name: "home-ada-data".to_owned(),
        protection: Protection::None,
    });
    let mut object = live(&desired);
    object.fields = Fields::from([("name".to_owned(), Field::text("other"))]);
    assert!(matches!(compare(&desired, &object), Verdict::Differs(_)));
}
