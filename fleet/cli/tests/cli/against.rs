//! Plans against worlds that a file describes: no target is asked.

use std::fs;

use crate::world::World;

/// Nobody listens there, and the key is not at hand.
const NO_ENGINE: &str = "
fleet: home
runtime: { default_agent: ada }
agents:
  ada: { provider: main }
providers: { main: { kind: openai-compat, base_url: 'http://m:1/v1', model: x, api_key: '${MISSING}' } }
deployment:
  target: docker
  docker: { host: 'unix:///nonexistent/docker.sock' }
";

/// Exit code, standard output and standard error of a preview against this world.
fn preview(text: &str) -> (Option<i32>, String, String) {
    let world = World::new();
    fs::write(world.path().join("world.yaml"), text).unwrap();
    preview_in(&world, &["--against", "sim:world.yaml"])
}

fn preview_in(world: &World, options: &[&str]) -> (Option<i32>, String, String) {
    world.write(NO_ENGINE);
    let args = ["infra", "preview", "--detailed-exitcode"];
    let output = world.command().args(args).args(options).output().unwrap();
    (
        output.status.code(),
        String::from_utf8(output.stdout).unwrap(),
        String::from_utf8(output.stderr).unwrap(),
    )
}

#[test]
fn a_world_that_is_as_configured_needs_nothing() {
    let (code, plan, errors) = preview("starts: as_configured\n");
    assert_eq!((code, errors.as_str()), (Some(0), ""), "{plan}");
    assert!(plan.starts_with("No changes."), "{plan}");
}

#[test]
fn offline_nothing_is_there_yet() {
    let (code, plan, errors) = preview_in(&World::new(), &["--offline"]);
    assert_eq!((code, errors.as_str()), (Some(2), ""), "{plan}");
    assert!(plan.contains("+ agent/ada will be created"), "{plan}");
    assert!(plan.ends_with("Plan: 5 to create.\n"), "{plan}");
}

#[test]
fn what_is_different_in_the_world_is_planned() {
    let (code, plan, errors) = preview(
        "starts: as_configured\ntargets:\n  docker:\n    objects:\n      agent/ada: {state: stopped, \
         ended: exited with code 137}\n      agent/eve: {name: home-eve}\n",
    );
    assert_eq!((code, errors.as_str()), (Some(2), ""), "{plan}");
    assert!(
        plan.contains("agent/ada will be started: exited with code 137"),
        "{plan}"
    );
    assert!(plan.contains("agent/eve will be deleted"), "{plan}");
}

#[test]
fn what_a_world_hides_or_somebody_else_has_is_blocked() {
    let (code, plan, _) = preview(
        "targets:\n  docker:\n    hidden: [volume]\n    objects:\n      network/fleet: {owner: \
         {other_fleet: office}}\n",
    );
    assert_eq!(code, Some(3), "{plan}");
    assert!(plan.contains("it belongs to fleet `office`"), "{plan}");
    assert!(plan.contains("it could not be seen"), "{plan}");
}

#[test]
fn a_world_that_makes_no_sense_is_refused() {
    for (text, message) in [
        (
            "objects: {}\n",
            "unknown field `objects`, expected one of starts, targets at line 1, column 1",
        ),
        ("targets: {moon: {}}\n", "the fleet has no target `moon`"),
        (
            "targets: {docker: {objects: {agent/eve: {}}}}\n",
            "the configuration has no agent/eve on docker, so the world must say its `name`",
        ),
    ] {
        let (code, plan, errors) = preview(text);
        assert_eq!((code, plan.as_str()), (Some(64), ""), "{errors}");
        assert!(errors.contains(message), "{errors}");
    }
}

#[test]
fn what_such_a_preview_cannot_do_is_refused() {
    let world = World::new();
    fs::write(world.path().join("world.yaml"), "starts: as_configured\n").unwrap();
    for options in [
        &["--out", "plan.json"][..],
        &["--offline"],
        &["--target", "agent/nobody"],
        &["--replace", "volume/ada"],
    ] {
        let options = [&["--against", "sim:world.yaml"], options].concat();
        let (code, plan, errors) = preview_in(&world, &options);
        assert_eq!(code, Some(64), "{options:?}\n{plan}\n{errors}");
        assert!(!world.path().join("plan.json").exists());
    }
}

#[test]
fn a_described_world_can_be_taken_down() {
    let world = World::new();
    fs::write(world.path().join("world.yaml"), "starts: as_configured\n").unwrap();
    let (code, plan, errors) = preview_in(&world, &["--against", "sim:world.yaml", "--destroy"]);
    assert_eq!((code, errors.as_str()), (Some(2), ""), "{plan}");
    assert!(
        plan.contains("- agent/ada will be deleted") && plan.contains("= volume/ada stays"),
        "{plan}"
    );
}
