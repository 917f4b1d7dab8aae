//! A fleet on a real Docker engine, through the program alone. `./test` starts the engine.

use std::process::Command;
use std::sync::Once;

use crate::world::{World, skipped};

/// The address of the engine; says so and returns nothing where there is none.
fn engine() -> Option<String> {
    let host = std::env::var("RIVETOS_TEST_DOCKER_HOST").ok();
    if host.is_none() {
        skipped("a fleet on Docker: RIVETOS_TEST_DOCKER_HOST is unset");
    }
    host
}

struct Live {
    world: World,
    host: String,
    fleet: String,
}

impl Live {
    /// A fleet with a name of its own on that engine.
    fn new(host: String, name: &str) -> Self {
        let fleet = format!("{name}-{}", std::process::id());
        Self {
            world: World::new(),
            host,
            fleet,
        }
    }

    fn write(&self, agents: &[(&str, &str)]) {
        let line = |(name, model): &(&str, &str)| {
            format!("  {name}: {{ provider: rehearsal, model: {model} }}")
        };
        let agents = agents.iter().map(line).collect::<Vec<_>>().join("\n");
        self.world.write(&format!(
            "fleet: {}\nruntime: {{ default_agent: ada }}\nagents:\n{agents}\nproviders: {{ \
             rehearsal: {{}} }}\ndeployment:\n  target: docker\n  docker: {{ host: \"{}\" }}\n  \
             datahub: {{ postgres: true }}\n",
            self.fleet, self.host
        ));
    }

    /// Runs the program; its output and its exit code.
    fn run(&self, args: &[&str]) -> (i32, String) {
        let ended = self.world.rivetos(args);
        (
            ended.code.unwrap(),
            format!("{}{}", ended.stdout, ended.stderr),
        )
    }

    fn must(&self, code: i32, args: &[&str]) -> String {
        let (ended, said) = self.run(args);
        assert_eq!(ended, code, "{args:?}\n{said}");
        said
    }

    /// Makes the image, once for all tests: one that is made again meanwhile is another image.
    fn build(&self) {
        static BUILT: Once = Once::new();
        BUILT.call_once(|| drop(self.must(0, &["build", "--source", SOURCE])));
    }

    fn docker(&self, args: &[&str]) -> String {
        let output = Command::new("docker")
            .arg("--host")
            .arg(&self.host)
            .args(args)
            .output()
            .unwrap();
        assert!(output.status.success(), "docker {args:?}: {output:?}");
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    fn container_id(&self, name: &str) -> String {
        self.docker(&[
            "inspect",
            "--format",
            "{{.Id}}",
            &format!("{}-{name}", self.fleet),
        ])
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        let _ = self.world.rivetos(&[
            "infra",
            "destroy",
            "--delete-data",
            "--confirm",
            &self.fleet,
        ]);
    }
}

const SOURCE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");
const PREVIEW: [&str; 3] = ["infra", "preview", "--detailed-exitcode"];
const UP: [&str; 3] = ["infra", "up", "--yes"];

#[test]
fn a_fleet_on_docker_lives_and_goes() {
    let Some(host) = engine() else { return };
    let live = Live::new(host, "live");
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
    let Some(host) = engine() else { return };
    let live = Live::new(host, "foreign");
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

#[test]
fn a_missing_image_is_named_before_anything_changes() {
    let Some(host) = engine() else { return };
    let live = Live::new(host, "imageless");
    live.write(&[("ada", "one")]);
    let file = std::fs::read_to_string(live.world.path().join("rivet.config.yaml")).unwrap();
    live.world
        .write(&format!("{file}  image: {{ tag: nowhere }}\n"));
    let said = live.must(3, &UP);
    assert!(
        said.contains("rivetos-agent:nowhere") && said.contains("rivetos build"),
        "{said}"
    );
    assert!(
        !live
            .docker(&["ps", "--all", "--format", "{{.Names}}"])
            .contains(&live.fleet)
    );
}
