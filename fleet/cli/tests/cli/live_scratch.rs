//! The image that holds the agent and nothing else.

use std::fs;

use crate::live::{Live, Parts, SOURCE};

/// What an image may weigh beyond the program: CA roots and the folders it needs.
const BESIDE_PROGRAM_MAX: u64 = 1_000_000;

#[test]
fn an_agent_without_a_shell_is_ready_and_says_so() {
    let Some(live) = Live::new("scratch") else {
        return;
    };
    live.write_parts(&Parts {
        deployment: "  image: { variant: scratch }\n",
        ..Parts::default()
    });
    // First the one of all other tests, which compiles.
    live.build();
    live.must(0, &["build", "--variant", "scratch", "--source", SOURCE]);
    live.comes_up();

    let ada = live.container_id("ada");
    let image = live.docker(&["inspect", "--format", "{{.Image}}", &ada]);
    let image: u64 = live
        .docker(&["image", "inspect", "--format", "{{.Size}}", &image])
        .parse()
        .unwrap();
    let copy = live.world.path().join("program");
    live.docker(&[
        "cp",
        &format!("{ada}:/usr/local/bin/rivetos-agent"),
        copy.to_str().unwrap(),
    ]);
    let program = fs::metadata(copy).unwrap().len();
    assert!(
        image <= program + BESIDE_PROGRAM_MAX,
        "{image} bytes for {program}"
    );

    let reply = live.must(0, &["chat", "ada", "-m", "run: uname -a"]);
    assert!(reply.contains("The tool `shell` is not there"), "{reply}");
    let log = live.must(0, &["logs", "ada"]);
    assert!(
        log.contains("there is no shell here, so there is no shell tool"),
        "{log}"
    );
}
