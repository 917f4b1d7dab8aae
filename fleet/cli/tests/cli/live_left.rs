//! Engines that a fleet was on, and names of engines. Nothing here needs an image.

use std::fs;
use std::os::unix::fs::symlink;

use crate::live::Live;

/// Makes what needs no image, which is enough to be left behind.
const UP_IN_PART: [&str; 8] = [
    "infra",
    "up",
    "--yes",
    "--no-wait",
    "--target",
    "volume/ada",
    "--target",
    "network/fleet@nas",
];

/// Another address of the engine.
fn alias(live: &Live) -> String {
    let socket = live.host().strip_prefix("unix://").unwrap();
    let alias = live.world.path().join("alias.sock");
    symlink(socket, &alias).unwrap();
    format!("unix://{}", alias.display())
}

/// The file of the fleet with these values of `target` and `docker`, and of `ada`'s `deploy`.
fn write(live: &Live, target: &str, docker: &str, deploy: &str) {
    live.world.write(&format!(
        "fleet: {}
runtime: {{ default_agent: ada }}
agents:
  ada: {{ provider: rehearsal, deploy: {deploy} }}
providers: {{ rehearsal: {{}} }}
deployment: {{ target: {target}, docker: {docker} }}
",
        live.fleet
    ));
}

const ON_NAS: &str = "{ target: docker, host: nas }";

fn on_nas(live: &Live, host: &str) {
    write(
        live,
        "local",
        &format!("{{ hosts: {{ nas: {{ host: \"{host}\" }} }} }}"),
        ON_NAS,
    );
}

#[test]
fn what_is_left_on_an_engine_that_the_file_no_longer_names_goes() {
    let Some(live) = Live::new("left") else {
        return;
    };
    on_nas(&live, live.host());
    live.must(0, &UP_IN_PART);
    assert_eq!(live.ours("network").len(), 1);

    write(&live, "local", "{}", "{}");
    let said = live.must(0, &["infra", "preview"]);
    assert!(
        said.contains("- network/fleet@nas will be deleted: the configuration no longer has it"),
        "{said}"
    );
    let said = live.must(0, &["infra", "status"]);
    assert!(said.contains("on docker/nas, local"), "{said}");
    live.must(0, &["infra", "destroy", "--yes"]);
    assert_eq!(live.ours("network"), [""; 0]);
    assert_eq!(live.ours("volume").len(), 1);
    let with_data = ["infra", "destroy", "--delete-data", "--confirm"];
    live.must(0, &[&with_data[..], &[live.fleet.as_str()]].concat());
    assert_eq!(live.ours("volume"), [""; 0]);
}

#[test]
fn an_engine_that_the_fleet_was_on_and_that_is_gone_is_no_empty_one() {
    let Some(live) = Live::new("gone") else {
        return;
    };
    let alias = alias(&live);
    on_nas(&live, &alias);
    live.must(0, &UP_IN_PART);
    fs::remove_file(alias.strip_prefix("unix://").unwrap()).unwrap();

    write(&live, "local", "{}", "{}");
    let said = live.must(3, &["infra", "preview"]);
    assert!(
        said.contains("agent/*@docker/nas") && said.contains("rivetos infra forget docker/nas"),
        "{said}"
    );
    live.must(3, &["infra", "destroy", "--yes"]);
    live.must(3, &["infra", "status"]);
    live.must(64, &["infra", "forget", "docker/office", "--yes"]);
    live.must(0, &["infra", "forget", "docker/nas", "--yes"]);
    let said = live.must(0, &["infra", "preview"]);
    assert!(!said.contains("docker/nas"), "{said}");
}

#[test]
fn the_default_engine_is_looked_at_without_any_memory() {
    let Some(mut live) = Live::new("guess") else {
        return;
    };
    on_nas(&live, live.host());
    live.must(0, &UP_IN_PART);
    fs::remove_file(live.folder().join("engines.json")).unwrap();
    write(&live, "local", "{}", "{}");
    let said = live.must(0, &["infra", "preview"]);
    assert!(!said.contains("network/fleet"), "{said}");
    let host = live.host().to_owned();
    live.world.set("DOCKER_HOST", &host);
    let said = live.must(0, &["infra", "preview"]);
    assert!(
        said.contains("- network/fleet@nas will be deleted"),
        "{said}"
    );
}

#[test]
fn two_names_of_one_engine_are_refused() {
    let Some(live) = Live::new("left-twice") else {
        return;
    };
    let (host, alias) = (live.host(), alias(&live));
    let docker = format!("{{ host: \"{host}\", hosts: {{ nas: {{ host: \"{alias}\" }} }} }}");
    write(&live, "docker", &docker, "{}");
    for command in [&["infra", "preview"][..], &["infra", "up", "--yes"]] {
        let said = live.must(64, command);
        assert!(
            said.contains("docker and docker/nas are one and the same Docker engine")
                && said.contains("take `nas` out of `deployment.docker.hosts`"),
            "{said}"
        );
    }
    assert_eq!(live.ours("network"), [""; 0]);
    // Under another name it is still the same one, and nothing there is left over.
    on_nas(&live, host);
    live.must(0, &UP_IN_PART);
    on_nas(&live, &alias);
    let said = live.must(0, &["infra", "preview", "--target", "volume/ada"]);
    assert!(said.contains("No changes"), "{said}");
}
