//! Whose a folder is, and whether it may go, can change while its data stays.

use std::fs;

use rivetos_fleet::model::{Kind, Owner, Protection, ResourceId, Spec};
use rivetos_fleet::{DataFate, PlanOptions, Teardown, plan, plan_adopt, plan_destroy, plan_forget};

use crate::converge::{carry_out, scene, up};
use crate::world::World;

fn volume() -> ResourceId {
    ResourceId::new(Kind::Volume, "a")
}

#[tokio::test]
async fn data_is_forgotten_and_adopted_as_it_is() {
    let world = World::new();
    up(&world, 4).await;
    let file = world.folder().join("data/store.db");
    fs::write(&file, "everything").unwrap();

    let (layout, seen) = scene(&world).await;
    let (target, inventory) = seen.first_key_value().unwrap();
    let forget = plan_forget(&layout, (target, &volume()), &inventory.observed).unwrap();
    carry_out(&world, forget).await;
    let path = world.folder().join("data");
    let object = world.provider.look_up(&volume(), &path).unwrap().unwrap();
    assert_eq!(object.owner, Owner::Foreign);
    let (layout, seen) = scene(&world).await;
    let fleet = &world.desired.fleet;
    let blocked = plan(fleet, &layout, &seen, &PlanOptions::default());
    assert!(blocked.report.blocked.contains_key(&volume()), "{blocked}");

    let inventory = &seen[target];
    let adopt = plan_adopt(&layout, (target, &volume()), &inventory.observed, &object).unwrap();
    carry_out(&world, adopt).await;
    up(&world, 0).await;
    assert_eq!(fs::read_to_string(file).unwrap(), "everything");
}

#[tokio::test]
async fn protected_data_stays_until_it_is_named() {
    let mut world = World::new();
    up(&world, 4).await;
    let Spec::Volume(spec) = &mut world.desired.resources.get_mut(&volume()).unwrap().spec else {
        unreachable!("data is in a volume")
    };
    spec.protection = Protection::Protected;
    up(&world, 1).await;

    let (layout, seen) = scene(&world).await;
    let fleet = world.desired.fleet.clone();
    let mut teardown = Teardown {
        data: DataFate::DeleteAll,
        ..Teardown::default()
    };
    let refused = plan_destroy(&fleet, &layout, &seen, &teardown);
    assert!(refused.report.blocked.contains_key(&volume()), "{refused}");
    teardown.unprotect.insert(volume());
    carry_out(&world, plan_destroy(&fleet, &layout, &seen, &teardown)).await;
    assert!(!world.folder().exists());
}
