//! Pictures of fleets and plans.

use crate::world::World;

/// Nobody listens there.
const NO_ENGINE: &str = "
fleet: home
runtime: { default_agent: ada }
agents:
  ada: { provider: rehearsal }
providers: { rehearsal: {} }
deployment:
  target: docker
  docker: { host: 'unix:///nonexistent/docker.sock' }
  datahub: { postgres: true }
";

fn run(world: &World, args: &[&str]) -> (Option<i32>, String, String) {
    let output = world.command().args(args).output().unwrap();
    (
        output.status.code(),
        String::from_utf8(output.stdout).unwrap(),
        String::from_utf8(output.stderr).unwrap(),
    )
}

#[test]
fn a_fleet_is_drawn_without_its_engine() {
    let world = World::new();
    world.write(NO_ENGINE);
    for (args, first) in [
        (&["infra", "graph"][..], "<svg "),
        (
            &["infra", "graph", "--graph", "dot"],
            "digraph \"Fleet home\" {",
        ),
        (
            &["infra", "graph", "--graph", "mermaid"],
            "---\ntitle: \"Fleet home\"",
        ),
    ] {
        let (code, picture, errors) = run(&world, args);
        assert_eq!((code, errors.as_str()), (Some(0), ""));
        assert!(picture.starts_with(first), "{picture}");
        assert!(picture.contains("ada"), "{picture}");
    }
}

#[test]
fn a_picture_is_no_json() {
    let world = World::new();
    world.write(NO_ENGINE);
    for command in ["graph", "preview"] {
        let args = ["infra", command, "--graph", "svg", "--output", "json"];
        let (code, picture, errors) = run(&world, &args);
        assert_eq!((code, picture.as_str()), (Some(64), ""), "{errors}");
    }
}

#[test]
fn a_plan_is_drawn_instead_of_written() {
    let world = World::new();
    world.write_agents(&[("ada", "one")]);
    let args = ["infra", "preview", "--graph", "dot", "--detailed-exitcode"];
    let ended = world.rivetos(&args);
    assert_eq!(ended.code, Some(2), "{}", ended.stderr);
    assert!(
        ended.stdout.contains("\"+ agent/ada\\ncreated\""),
        "{}",
        ended.stdout
    );
}
