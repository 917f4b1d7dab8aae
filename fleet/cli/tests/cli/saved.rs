//! Plans that are kept, parts of plans, and what is told of earlier runs.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use serde_json::Value;

use crate::world::World;

#[test]
fn a_kept_plan_is_carried_out_as_it_is_or_not_at_all() {
    let world = World::new();
    world.write_agents(&[("ada", "one")]);
    world.must(&["infra", "preview", "--out", "plan.json"]);
    let file = world.path().join("plan.json");
    let mode = fs::metadata(&file).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode, 0o600);

    // Another configuration: refused, and nothing is changed.
    world.write_agents(&[("ada", "two")]);
    let stale = world.rivetos(&["infra", "up", "plan.json", "--yes"]);
    assert_eq!(stale.code, Some(6), "{}", stale.stderr);
    assert!(!world.fleet().join("agents").exists());

    world.write_agents(&[("ada", "one")]);
    world.must(&["infra", "up", "plan.json", "--yes"]);
    // What it touches is no longer as it was.
    let moved = world.rivetos(&["infra", "up", "plan.json", "--yes"]);
    assert_eq!(moved.code, Some(6), "{}", moved.stderr);
    assert!(
        moved.stderr.contains("agent/ada on local"),
        "{}",
        moved.stderr
    );

    // A changed file is no plan.
    let text = fs::read_to_string(&file).unwrap();
    fs::write(
        &file,
        text.replace("\"created_unix_ms\": 1", "\"created_unix_ms\": 2"),
    )
    .unwrap();
    let forged = world.rivetos(&["infra", "up", "plan.json", "--yes"]);
    assert_eq!(forged.code, Some(64), "{}", forged.stderr);
}

#[test]
fn a_kept_plan_that_deletes_data_takes_the_fleets_name() {
    let world = World::new();
    world.write_agents(&[("ada", "one")]);
    world.comes_up();
    let data = world.fleet().join("agents/ada/data");
    let keep = ["infra", "preview", "--destroy", "--delete-data", "--out"];
    let shown = world.must(&[&keep[..], &["plan.json"]].concat());
    assert!(
        shown.contains("volume/ada will be deleted with all its data"),
        "{shown}"
    );
    let up = ["infra", "up", "plan.json", "--yes"];
    for (more, code) in [(&[][..], 64), (&["--confirm", "other"], 3)] {
        let refused = world.rivetos(&[&up[..], more].concat());
        assert_eq!(refused.code, Some(code), "{}", refused.stderr);
        assert!(data.exists());
    }
    let done = world.rivetos(&[&up[..], &["--confirm", "test"]].concat());
    assert_eq!(done.code, Some(0), "{}", done.stderr);
    assert!(
        done.stderr.contains("fleet test is down"),
        "{}",
        done.stderr
    );
    assert!(!data.exists());
}

#[test]
fn a_part_of_a_fleet_and_what_was_done_to_it() {
    let world = World::new();
    world.write_agents(&[("ada", "one"), ("max", "one")]);
    world.must(&["infra", "up", "--yes", "--target", "agent/ada"]);
    assert!(!world.fleet().join("agents/max").exists());
    let nobody = world.rivetos(&["infra", "preview", "--target", "agent/eve"]);
    assert_eq!(nobody.code, Some(64), "{}", nobody.stderr);
    world.comes_up();
    world.must(&["infra", "preview", "--json-into", "plan.json"]);
    let plan = fs::read_to_string(world.path().join("plan.json")).unwrap();
    let plan: Value = serde_json::from_str(&plan).unwrap();
    assert_eq!(plan["schema_version"], 2);

    let history = world.must(&["infra", "history", "--output", "json"]);
    let history: Value = serde_json::from_str(&history).unwrap();
    let runs = history["runs"].as_array().unwrap();
    assert_eq!(runs.len(), 2);
    for run in runs {
        assert_eq!(run["result"], "ok", "{run}");
        assert_eq!(run["who"], "tester", "{run}");
        assert_eq!(run["operation"], "infra up", "{run}");
    }
    let id = runs[1]["id"].as_str().unwrap();
    let steps = world.must(&["infra", "history", id]);
    assert!(steps.contains("✓ agent/ada#create"), "{steps}");
    let unknown = world.rivetos(&["infra", "history", "nowhere"]);
    assert_eq!(unknown.code, Some(64));
}
