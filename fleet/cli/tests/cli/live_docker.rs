//! A fleet on a real Docker engine, through the program alone. `./test` starts the engine.

use crate::live::{Live, PREVIEW, SOURCE, UP};

#[test]
fn a_fleet_on_docker_lives_and_goes() {
    let Some(live) = Live::new("live") else {
        return;
    };
    live.write(&[("ada", "one"), ("max", "one")]);
    live.build();
    let again = live.must(0, &["build", "--source", SOURCE, "--output", "json"]);
    assert!(again.contains("\"reused\": true"), "{again}");

    assert!(live.must(2, &PREVIEW).contains("agent/ada will be created"));
    live.must(0, &UP);
    live.must(0, &PREVIEW);
    assert!(
        live.must(0, &["chat", "ada", "-m", "run: uname -a"])
            .contains("Linux")
    );

    // Stopped or removed by hand: named, and repaired alone.
    let (ada, max) = (live.container_id("ada"), live.container_id("max"));
    live.docker(&["stop", &ada]);
    let plan = live.must(2, &PREVIEW);
    assert!(
        plan.contains("agent/ada") && !plan.contains("agent/max"),
        "{plan}"
    );
    live.must(0, &UP);
    assert_eq!(
        (live.container_id("ada"), live.container_id("max")),
        (ada.clone(), max.clone())
    );
    live.docker(&["rm", "--force", &ada]);
    live.must(0, &UP);
    let ada = live.container_id("ada");

    // Another model replaces one agent; another order none.
    live.write(&[("max", "two"), ("ada", "one")]);
    live.must(0, &UP);
    assert_eq!(live.container_id("ada"), ada, "ada was touched");
    assert_ne!(live.container_id("max"), max, "max was not replaced");
    live.write(&[("ada", "one"), ("max", "two")]);
    live.must(0, &PREVIEW);

    // Nothing secret is seen from outside.
    let seen = live.docker(&["inspect", &ada]);
    assert!(
        !seen.to_lowercase().contains("token\":") && !seen.contains("PASSWORD"),
        "{seen}"
    );

    live.must(0, &["infra", "destroy", "--yes"]);
    let volumes = live.docker(&["volume", "ls", "--quiet"]);
    assert!(
        volumes.contains(&format!("{}-ada-data", live.fleet)),
        "{volumes}"
    );
    assert!(
        !volumes.contains(&format!("{}-ada-secret", live.fleet)),
        "{volumes}"
    );
    // The kept datahub takes the new passwords.
    live.must(0, &UP);
    live.must(0, &PREVIEW);
}

#[test]
fn what_is_not_ours_is_left_alone() {
    let Some(live) = Live::new("foreign") else {
        return;
    };
    live.write(&[("ada", "one")]);
    live.build();
    let name = format!("{}-ada", live.fleet);
    live.docker(&["create", "--name", &name, "debian:trixie-slim", "true"]);
    let before = live.docker(&["inspect", &name]);
    live.must(3, &PREVIEW);
    live.must(3, &UP);
    assert_eq!(live.docker(&["inspect", &name]), before);
    live.docker(&["rm", &name]);
    live.must(0, &UP);
}
