//! A fleet that `docker compose` brought up is the fleet that `rivetos` wants, and the reverse.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::PathBuf;
use std::process::Command;

use crate::live::{Live, PREVIEW, Parts, UP};
use crate::world::skipped;

/// Key of the agents' model endpoint, which is never asked.
const KEY: (&str, &str) = ("COMPOSE_KEY", "canary-compose-0815");
const COMPOSE_UP: &str = "docker compose --file compose.yaml up --detach";

/// A fleet and the client's folder that has Compose among its plugins.
struct Both {
    live: Live,
    config: PathBuf,
}

impl Both {
    /// Says so and returns nothing where there is no Compose.
    fn new(name: &str) -> Option<Self> {
        let mut live = Live::new(name)?;
        let Some(program) = std::env::var_os("RIVETOS_TEST_COMPOSE") else {
            skipped("docker compose and rivetos agree: RIVETOS_TEST_COMPOSE is unset");
            return None;
        };
        let config = live.world.path().join("client");
        fs::create_dir_all(config.join("cli-plugins")).unwrap();
        symlink(program, config.join("cli-plugins/docker-compose")).unwrap();
        live.world.set("DOCKER_CONFIG", config.to_str().unwrap());
        live.world.set(KEY.0, KEY.1);
        live.build();
        Some(Self { live, config })
    }

    /// Writes the file of a fleet of two agents on an endpoint that wants a key.
    fn write(&self, deployment: &str) {
        let provider = "{ kind: openai-compat, model: m, base_url: \"http://127.0.0.1:9/v1\", \
                        api_key: \"${COMPOSE_KEY}\" }";
        self.live.write_parts(&Parts {
            agents: &[("ada", "main"), ("max", "main")],
            providers: &format!("{{ main: {provider} }}"),
            deployment,
            ..Parts::default()
        });
        self.live.must(0, &["infra", "render", "-o", "rendered"]);
    }

    fn rendered(&self) -> PathBuf {
        self.live.world.path().join("rendered")
    }

    /// Runs commands of a shell in the rendered folder; what they said.
    fn sh(&self, script: &str) -> String {
        let output = Command::new("sh")
            .args(["-euc", script])
            .current_dir(self.rendered())
            .env("DOCKER_HOST", self.live.host())
            .env("DOCKER_CONFIG", &self.config)
            .env(KEY.0, KEY.1)
            .output()
            .unwrap();
        assert!(output.status.success(), "{script}\n{output:?}");
        String::from_utf8([output.stdout, output.stderr].concat()).unwrap()
    }

    /// Does what the rendered folder's README tells.
    fn follow_readme(&self) {
        let text = fs::read_to_string(self.rendered().join("README.md")).unwrap();
        let blocks = text.split("```sh\n").skip(1);
        let blocks: Vec<&str> = blocks
            .map(|rest| rest.split("```").next().unwrap())
            .collect();
        let (last, first): (Vec<&str>, Vec<&str>) = blocks
            .into_iter()
            .partition(|block| block.contains("docker compose"));
        assert_eq!(last, [format!("{COMPOSE_UP}\n")]);
        for block in first.iter().chain(&last) {
            self.sh(block);
        }
    }

    /// The fleet's containers and since when each runs.
    fn containers(&self) -> Vec<String> {
        let format = "{{.Name}} {{.Id}} {{.State.StartedAt}}";
        let ids = self.live.ours("container");
        let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
        let all = [&["inspect", "--format", format], &ids[..]].concat();
        let mut lines: Vec<String> = self.live.docker(&all).lines().map(str::to_owned).collect();
        lines.sort();
        lines
    }
}

#[test]
fn what_compose_brought_up_is_ours_and_unchanged() {
    let Some(both) = Both::new("composed") else {
        return;
    };
    both.write("");
    both.follow_readme();
    let before = both.containers();
    assert_eq!(before.len(), 2);
    both.live.must(0, &PREVIEW);
    both.live.must(0, &UP);
    assert_eq!(both.containers(), before, "up touched them");
}

#[test]
fn logins_in_the_datahub_are_all_that_compose_leaves_to_do() {
    let Some(both) = Both::new("datahub") else {
        return;
    };
    both.write("  datahub: { postgres: true }\n");
    both.follow_readme();
    let before = both.containers();
    assert_eq!(before.len(), 3);
    let plan = both.live.must(2, &PREVIEW);
    assert!(
        plan.contains("role/ada") && plan.contains("role/max"),
        "{plan}"
    );
    both.live.must(0, &UP);
    both.live.must(0, &PREVIEW);
    assert_eq!(both.containers(), before, "up touched them");
}

#[test]
fn what_rivetos_brought_up_is_up_to_date_for_compose() {
    let Some(both) = Both::new("adopted") else {
        return;
    };
    both.write("  datahub: { postgres: true }\n");
    both.live.comes_up();
    let before = both.containers();
    assert_eq!(before.len(), 3);
    let dry = both.sh("docker compose --file compose.yaml up --detach --dry-run");
    for word in ["Recreate", "Creat", "Start"] {
        assert!(!dry.contains(word), "{dry}");
    }
    both.sh(COMPOSE_UP);
    assert_eq!(both.containers(), before, "compose touched them");
    both.live.must(0, &PREVIEW);
    // It knows them all as its project.
    let listed = both.sh("docker compose --file compose.yaml ps --quiet");
    assert_eq!(listed.lines().count(), 3, "{listed}");
}
