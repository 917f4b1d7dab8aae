//! Ctrl-C, once and twice, on a terminal and to a program that reads along.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Command;

use serde_json::Value;

use crate::stream::{lines, types};
use crate::watched::{Watched, screen};
use crate::world::{World, agent_bin};

/// What stands in for the agent: it never answers and does not hear that it should end.
const STUBBORN: &str = r#"#!/bin/sh
if [ "$1" = version ]; then
    echo '{"version": "VERSION"}'
    exit
fi
trap '' TERM
while :; do sleep 1; done
"#;

/// A fleet of one agent that never answers and does not end by itself.
struct Stubborn {
    world: World,
    program: PathBuf,
}

impl Stubborn {
    fn new() -> Self {
        let world = World::new();
        world.write_agents(&[("ada", "one")]);
        let program = world.path().join("stubborn");
        let text = STUBBORN.replace("VERSION", env!("CARGO_PKG_VERSION"));
        fs::write(&program, text).unwrap();
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
        Self { world, program }
    }

    /// Brings it up without waiting for what never comes.
    fn up() -> Self {
        let fleet = Self::new();
        let mut command = fleet.command(&["infra", "up", "--yes", "--no-wait"]);
        let output = command.output().unwrap();
        assert!(output.status.success(), "{output:?}");
        fleet
    }

    fn args<'a>(&'a self, args: &[&'a str]) -> Vec<&'a str> {
        [args, &["--agent-bin", self.program.to_str().unwrap()]].concat()
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = self.world.command();
        command.args(self.args(args));
        command
    }

    /// The process of the agent or of its supervisor, if it lives.
    fn process(&self, of: &str) -> Option<u64> {
        let path = self.world.fleet().join("agents/ada/state.json");
        let state: Value = serde_json::from_slice(&fs::read(path).ok()?).ok()?;
        let pid = state[of]["pid"].as_u64()?;
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        (!stat.contains(") Z ")).then_some(pid)
    }

    /// What the history says of the last run.
    fn last_run(&self) -> Value {
        let runs = self.world.must(&["infra", "history", "--output", "json"]);
        let runs: Value = serde_json::from_str(&runs).unwrap();
        runs["runs"][0].clone()
    }
}

impl Drop for Stubborn {
    fn drop(&mut self) {
        // It would take its supervisor's whole patience to end.
        if let Some(pid) = self.process("agent") {
            let _ = Command::new("kill")
                .args(["-KILL", &pid.to_string()])
                .status();
        }
    }
}

#[test]
fn on_a_terminal_the_second_ctrl_c_leaves_a_step_to_itself() {
    let fleet = Stubborn::up();
    let args = fleet.args(&["infra", "destroy", "--yes"]);
    let Some(mut run) = Watched::on_terminal(&fleet.world, &args) else {
        return;
    };
    // The board: a line for the step, with what it is at, and the total below.
    run.until("… agent/ada#remove: waiting for it to stop");
    run.until("0 of 3 steps over");
    run.interrupt();
    run.until("stopping; 1 running steps are finished first");
    run.interrupt();
    run.until("detached; what was asked of the target may go on there: agent/ada#remove");
    let ended = run.end();
    assert_eq!(ended.code, Some(130), "{}", ended.stdout);
    let screen = screen(&ended.stdout);
    for word in [
        "stopping; ",
        "detached; ",
        "1 left running",
        "agent/ada#remove: left running",
        "secret/ada#remove: not started",
    ] {
        assert!(screen.contains(word), "{word}:\n{screen}");
    }
    assert!(!screen.contains("steps over"), "the board stays:\n{screen}");

    let run = fleet.last_run();
    assert_eq!(run["result"], "interrupted", "{run}");
    // It was told to end and is on its own now; nothing that waits for it was touched.
    assert!(fleet.process("supervisor").is_some());
    assert!(
        fleet
            .world
            .fleet()
            .join("agents/ada/secret/agent_token")
            .exists()
    );
}

#[test]
fn a_terminal_keeps_what_was_done_and_not_the_board() {
    let world = World::new();
    world.write_agents(&[("ada", "one")]);
    let program = agent_bin().to_str().unwrap();
    let args = ["infra", "up", "--yes", "--agent-bin", program];
    let Some(mut run) = Watched::on_terminal(&world, &args) else {
        return;
    };
    run.until("of 4 steps over");
    let ended = run.end();
    assert_eq!(ended.code, Some(0), "{}", ended.stdout);
    let screen = screen(&ended.stdout);
    for word in [
        "✓ created agent/ada",
        "4 steps done",
        "✓ agent/ada is ready",
        "fleet test is up",
    ] {
        assert!(screen.contains(word), "{word}:\n{screen}");
    }
    assert!(!screen.contains("steps over"), "the board stays:\n{screen}");
}

#[test]
fn a_program_hears_of_both_interruptions() {
    let fleet = Stubborn::up();
    let args = ["infra", "destroy", "--yes", "--output", "json"];
    let mut run = Watched::piped(fleet.command(&args));
    run.until("waiting for it to stop");
    run.interrupt();
    run.until(r#""type":"interrupted""#);
    run.interrupt();
    let ended = run.end();
    assert_eq!(ended.code, Some(130), "{}", ended.stdout);
    let said = lines(&ended);
    let of = |kind: &str| said.iter().find(|line| line["type"] == kind).unwrap();
    assert_eq!(of("interrupted")["running"], 1);
    let running = serde_json::json!(["agent/ada#remove"]);
    assert_eq!(of("detached")["running"], running);
    assert_eq!(of("summary")["outcome"], "interrupted");
    assert!(!types(&said).contains("step_done"), "{said:?}");
}

#[test]
fn while_agents_start_one_ctrl_c_is_enough() {
    let fleet = Stubborn::new();
    let args = fleet.args(&["infra", "up", "--yes"]);
    let Some(mut run) = Watched::on_terminal(&fleet.world, &args) else {
        return;
    };
    run.until("… agent/ada: ");
    run.until("0 of 1 agents ready");
    run.interrupt();
    let ended = run.end();
    assert_eq!(ended.code, Some(130), "{}", ended.stdout);
    let screen = screen(&ended.stdout);
    let word = "interrupted; every step is done, and agents go on starting";
    assert!(screen.contains(word), "{screen}");
    assert!(
        !screen.contains("agents ready"),
        "the board stays:\n{screen}"
    );
    assert_eq!(fleet.last_run()["result"], "interrupted");
    // The terminal's Ctrl-C was for the tool alone.
    assert!(fleet.process("supervisor").is_some());
    assert!(fleet.process("agent").is_some());
}

#[test]
fn a_program_hears_what_an_agent_waits_for() {
    let fleet = Stubborn::new();
    let args = ["infra", "up", "--yes", "--output", "json"];
    let mut run = Watched::piped(fleet.command(&args));
    run.until(r#""type":"node_waiting""#);
    run.interrupt();
    let ended = run.end();
    assert_eq!(ended.code, Some(130), "{}", ended.stdout);
    let said = lines(&ended);
    let waiting = said.iter().find(|line| line["type"] == "node_waiting");
    assert_eq!(waiting.unwrap()["node"], "agent/ada");
    assert_eq!(said.last().unwrap()["outcome"], "interrupted");
}
