//! The fleet's lock on the engine.

use futures_util::future::join_all;
use rivetos_fleet::port::{Applied, FleetLock, Holder, LeaseId, LockError};

use crate::world::{Wish, World};

fn holder(id: &str) -> Holder {
    Holder {
        id: LeaseId(id.to_owned()),
        who: "ann".to_owned(),
        operation: "infra up".to_owned(),
        host: "here".to_owned(),
        pid: 4711,
        process: None,
        since_unix_ms: 1,
        beat: 0,
        beat_unix_ms: 1,
        ttl_ms: 60_000,
    }
}

fn held_by(error: LockError) -> String {
    match error {
        LockError::Held { holder } => holder.id.0,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_lock_has_one_holder_and_goes_without_a_trace() {
    let Some(world) = World::new().await else {
        return;
    };
    let locks = &world.provider;
    assert_eq!(locks.holder().await.unwrap(), None);

    let token = locks.acquire(&holder("one")).await.unwrap();
    let error = locks.acquire(&holder("two")).await.unwrap_err();
    assert_eq!(held_by(error), "one");
    assert_eq!(locks.holder().await.unwrap(), Some(holder("one")));
    let renewed = Holder {
        beat: 1,
        beat_unix_ms: 2,
        ..holder("one")
    };
    locks.renew(&token, &renewed).await.unwrap();
    assert_eq!(locks.holder().await.unwrap(), Some(renewed));

    // It is nobody's resource and in nobody's way.
    let desired = world.desired(&Wish::agents(&["lock"]));
    let seen = world.observe(&desired).await.observed;
    assert!(
        seen.iter().all(|seen| !seen.native_name.ends_with("lock")),
        "{seen:?}"
    );

    locks.release(token).await.unwrap();
    assert_eq!(locks.holder().await.unwrap(), None);
    let token = locks.acquire(&holder("two")).await.unwrap();
    locks.release(token).await.unwrap();
}

#[tokio::test]
async fn of_runs_at_once_one_gets_the_lock() {
    let Some(world) = World::new().await else {
        return;
    };
    let locks = &world.provider;
    let asked = (0..8).map(|number| async move {
        let own = holder(&number.to_string());
        (locks.acquire(&own).await, own.id.0)
    });
    let mut winners = Vec::new();
    let mut told = Vec::new();
    for (answer, id) in join_all(asked).await {
        match answer {
            Ok(token) => winners.push((token, id)),
            Err(error) => told.push(held_by(error)),
        }
    }
    let (token, id) = winners.pop().unwrap();
    assert!(winners.is_empty(), "{winners:?}");
    assert_eq!(told, vec![id; 7]);
    locks.release(token).await.unwrap();
}

#[tokio::test]
async fn a_holder_whose_lock_was_taken_over_touches_nobody_elses() {
    let Some(world) = World::new().await else {
        return;
    };
    let locks = &world.provider;
    let old = locks.acquire(&holder("old")).await.unwrap();
    let wrong = locks.break_lock(&LeaseId("wrong".to_owned())).await;
    assert_eq!(held_by(wrong.unwrap_err()), "old");
    let broken = locks.break_lock(&holder("old").id).await.unwrap();
    assert_eq!(broken, Applied::Changed);
    let again = locks.break_lock(&holder("old").id).await.unwrap();
    assert_eq!(again, Applied::AlreadySo);

    let new = locks.acquire(&holder("new")).await.unwrap();
    let lost = locks.renew(&old, &holder("old")).await.unwrap_err();
    assert!(matches!(lost, LockError::Lost { .. }), "{lost:?}");
    locks.release(old).await.unwrap();
    assert_eq!(locks.holder().await.unwrap(), Some(holder("new")));
    locks.release(new).await.unwrap();
}

#[tokio::test]
async fn somebody_elses_container_of_that_name_is_left_alone() {
    let Some(world) = World::new().await else {
        return;
    };
    let name = format!("{}.lock", world.fleet);
    let options = bollard::query_parameters::CreateContainerOptionsBuilder::new()
        .name(&name)
        .build();
    let body = bollard::models::ContainerCreateBody {
        image: Some("debian:trixie-slim".to_owned()),
        ..bollard::models::ContainerCreateBody::default()
    };
    let made = world.docker.create_container(Some(options), body).await;
    let id = made.unwrap().id;
    let refused = world.provider.acquire(&holder("one")).await.unwrap_err();
    assert!(
        refused.to_string().contains("was not made by RivetOS"),
        "{refused}"
    );
    let removed = world.docker.remove_container(&id, None).await;
    removed.unwrap();
}
