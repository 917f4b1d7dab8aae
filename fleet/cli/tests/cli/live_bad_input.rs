//! Mistakes on a Docker engine: one clear message, the right exit code, and the next `up`
//! converges.

use std::io::{BufRead, BufReader, Read};
use std::process::{Command, Stdio};

use crate::live::{Live, Parts, UP};
use crate::world::{Ended, agent_bin};

/// Compares with the snapshot `name`.
fn check(name: &str, live: &Live, ended: &Ended) {
    let mut settings = insta::Settings::clone_current();
    settings.add_filter(&live.fleet, "[FLEET]");
    settings.add_filter(r"\b4[56]\d{3}\b", "[PORT]");
    settings.bind(|| insta::assert_snapshot!(name, ended.snapshot()));
}

#[test]
fn an_image_that_was_not_built() {
    let Some(live) = Live::new("imageless") else {
        return;
    };
    live.write_parts(&Parts {
        deployment: "  image: { tag: nowhere }\n",
        ..Parts::default()
    });
    check(
        "an_image_that_was_not_built",
        &live,
        &live.world.rivetos(&UP),
    );
    let made = ["container", "volume", "network"].map(|kind| live.ours(kind));
    assert_eq!(made.concat(), Vec::<String>::new(), "something was changed");
    live.build();
    live.write(&[("ada", "one")]);
    live.comes_up();
}

#[test]
fn a_port_that_is_taken() {
    let Some(live) = Live::new("port") else {
        return;
    };
    live.build();
    let taken = live.world.take_ports();
    let port = taken[0].local_addr().unwrap().port();
    live.write_parts(&Parts {
        docker: &format!(", postgres_port: {port}"),
        ..Parts::default()
    });
    check("a_port_that_is_taken", &live, &live.world.rivetos(&UP));
    drop(taken);
    live.comes_up();
}

#[test]
fn ctrl_c_in_the_middle() {
    let Some(live) = Live::new("interrupted") else {
        return;
    };
    live.build();
    live.write(&[("ada", "one"), ("max", "one")]);
    let mut child = live
        .world
        .command()
        .args(UP)
        .arg("--agent-bin")
        .arg(agent_bin())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap());
    // The first step is done and the datahub is not there yet: the middle.
    let mut first = String::new();
    lines.read_line(&mut first).unwrap();
    let interrupt = Command::new("kill")
        .args(["-INT", &child.id().to_string()])
        .status();
    assert!(interrupt.unwrap().success());
    let mut stderr = String::new();
    lines.read_to_string(&mut stderr).unwrap();
    // How far it came differs from run to run.
    let said: Vec<&str> = stderr
        .lines()
        .filter(|line| !line.contains(" s ✓ ") && !line.contains(" · "))
        .collect();
    let ended = Ended {
        code: child.wait().unwrap().code(),
        stdout: String::new(),
        stderr: said.join("\n"),
    };
    let mut settings = insta::Settings::clone_current();
    settings.add_filter(r"\b[0-9]+ (done|not started|running)", "[N] $1");
    settings.bind(|| check("ctrl_c_in_the_middle", &live, &ended));
    live.comes_up();
}
