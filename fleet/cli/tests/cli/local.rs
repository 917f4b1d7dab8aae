//! A fleet of processes on this machine, from nothing to nothing, with the real agent.

use std::fs;
use std::process::Command;

use crate::world::{Ended, World, agent_bin};

/// What `preview` says, and that it has something to say.
fn pending(world: &World) -> String {
    let ended = world.rivetos(&["infra", "preview", "--detailed-exitcode"]);
    assert_eq!(ended.code, Some(2), "{}\n{}", ended.stdout, ended.stderr);
    ended.stdout
}

fn nothing_pending(world: &World) {
    let ended = world.rivetos(&["infra", "preview", "--detailed-exitcode"]);
    assert_eq!(ended.code, Some(0), "{}\n{}", ended.stdout, ended.stderr);
}

/// The process of an agent's supervisor.
fn supervisor(world: &World, agent: &str) -> u64 {
    let path = world.fleet().join("agents").join(agent).join("state.json");
    let state: serde_json::Value =
        serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
    state["supervisor"]["pid"].as_u64().unwrap()
}

#[test]
fn data_is_given_up_and_taken_back() {
    let world = World::new();
    world.write_agents(&[("ada", "one")]);
    world.comes_up();
    world.must(&["infra", "destroy", "--yes"]);
    let data = world.fleet().join("agents/ada/data");
    let data = data.to_str().unwrap();

    world.must(&["infra", "forget", "volume/ada", "--yes"]);
    let ended = world.rivetos(&["infra", "preview"]);
    assert_eq!(ended.code, Some(3), "{}\n{}", ended.stdout, ended.stderr);
    let ended = world.rivetos(&["infra", "forget", "volume/ada", "--yes"]);
    assert_eq!(ended.code, Some(64), "{}", ended.stderr);

    world.must(&["infra", "adopt", "volume/ada", data, "--yes"]);
    let plan = pending(&world);
    assert!(!plan.contains("volume/ada will be"), "{plan}");
    let ended = world.rivetos(&["infra", "adopt", "volume/ada", data, "--yes"]);
    assert_eq!(ended.code, Some(64), "{}", ended.stderr);
    assert!(
        ended.stderr.contains("is there already"),
        "{}",
        ended.stderr
    );
}

#[test]
fn a_fleet_lives_and_goes() {
    let world = World::new();
    world.write_agents(&[("ada", "one"), ("max", "one")]);
    assert!(pending(&world).contains("agent/ada will be created"));
    world.comes_up();

    let reply = world.must(&["chat", "ada", "-m", "run: uname -a"]);
    assert!(reply.contains("Linux"), "{reply}");
    let status = world.must(&["infra", "status", "--output", "json"]);
    let status: serde_json::Value = serde_json::from_str(&status).unwrap();
    assert_eq!(status["drifted"], 0);
    assert!(
        status["agents"]
            .as_array()
            .unwrap()
            .iter()
            .all(|agent| agent["ready"] == true)
    );

    // Whoever is taken away is named, and only that one is repaired.
    let (ada, max) = (supervisor(&world, "ada"), supervisor(&world, "max"));
    Command::new("kill")
        .args(["-TERM", &ada.to_string()])
        .status()
        .unwrap();
    wait_gone(ada);
    let plan = pending(&world);
    assert!(
        plan.contains("agent/ada") && !plan.contains("agent/max"),
        "{plan}"
    );
    world.comes_up();
    assert_eq!(supervisor(&world, "max"), max, "max was touched");

    // Another model replaces one agent; another order none.
    world.write_agents(&[("max", "two"), ("ada", "one")]);
    let plan = pending(&world);
    assert!(
        plan.contains("agent/max") && !plan.contains("agent/ada"),
        "{plan}"
    );
    world.comes_up();
    world.write_agents(&[("ada", "one"), ("max", "two")]);
    nothing_pending(&world);

    // History outlives the fleet, because the data does.
    let down = world.must(&["infra", "destroy", "--yes"]);
    assert!(
        down.contains("volume/ada"),
        "what stays is not said:\n{down}"
    );
    assert!(world.fleet().join("agents/ada/data/store.db").exists());
    world.comes_up();
    let refused = world.rivetos(&["infra", "destroy", "--delete-data", "--confirm", "other"]);
    assert_eq!(refused.code, Some(3), "{}", refused.stderr);
    world.must(&["infra", "destroy", "--delete-data", "--confirm", "test"]);
    assert!(!world.fleet().join("agents/ada/data").exists());
}

/// A process is gone when it is not listed any more; level-triggered, with a bound.
fn wait_gone(pid: u64) {
    let began = std::time::Instant::now();
    let path = format!("/proc/{pid}/stat");
    while fs::read_to_string(&path).is_ok_and(|stat| !stat.contains(") Z ")) {
        assert!(began.elapsed().as_secs() < 30, "process {pid} does not end");
        std::thread::yield_now();
    }
}

#[test]
fn a_conversation_comes_from_a_pipe() {
    use std::io::Write;
    use std::process::Stdio;

    let world = World::new();
    world.write_agents(&[("ada", "one")]);
    world.comes_up();
    let mut child = world
        .command()
        .args(["chat", "ada", "--output", "json"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child
        .stdin
        .take()
        .unwrap()
        .write_all(b"hello\n\n/new\nrun: echo a-b-c\n")
        .unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    let replies: Vec<serde_json::Value> = serde_json::Deserializer::from_slice(&output.stdout)
        .into_iter()
        .collect::<Result<_, _>>()
        .unwrap();
    assert_eq!(replies.len(), 3);
    assert_eq!(replies[1]["reply"]["outcome"], "command");
    assert!(
        replies[2]["reply"]["response"]
            .as_str()
            .unwrap()
            .contains("a-b-c")
    );
    let log = world.must(&["logs", "ada", "-n", "5"]);
    assert!(!log.is_empty());
}

#[test]
fn what_is_rendered_is_the_same_every_time() {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../../");
    let examples = [
        "examples/quickstart",
        "examples/local",
        "examples/openai-compat",
        "examples/vendors",
    ]
    .map(|e| format!("{root}{e}"));
    for example in examples {
        let world = World::new();
        let render = |out: &str| {
            let file = format!("{example}/rivet.config.yaml");
            world.must(&["infra", "render", "-o", out, "--config", &file])
        };
        let (first, second) = (render("a"), render("b"));
        assert_eq!(first.lines().count(), second.lines().count());
        for line in first.lines() {
            let again = fs::read(world.path().join(line.replacen('a', "b", 1))).unwrap();
            assert_eq!(fs::read(world.path().join(line)).unwrap(), again, "{line}");
        }
    }
}

#[test]
fn whoever_looks_or_leaves_needs_no_key() {
    let world = World::new();
    world.write_agents(&[("ada", "one")]);
    let file = world.path().join("rivet.config.yaml");
    let text = fs::read_to_string(file).unwrap().replace(
        "rehearsal: {}",
        "rehearsal: { kind: openai-compat, model: one, base_url: \"http://127.0.0.1:9/v1\", \
         api_key: \"${LLM_API_KEY}\" }",
    );
    world.write(&text);
    world.comes_up();

    let without_key = |args: &[&str]| -> Ended {
        let mut command = world.command();
        command.env_remove("LLM_API_KEY").args(args);
        let output = command.arg("--agent-bin").arg(agent_bin()).output();
        output.unwrap().into()
    };
    let refused = without_key(&["infra", "preview"]);
    assert_eq!(refused.code, Some(64), "{}", refused.stderr);
    let status = without_key(&["infra", "status", "--output", "json"]);
    let report: serde_json::Value = serde_json::from_str(&status.stdout).unwrap();
    assert_eq!(report["drifted"], 0, "{report}");
    for args in [&["logs", "ada"][..], &["infra", "destroy", "--yes"]] {
        let ended = without_key(args);
        assert_eq!(ended.code, Some(0), "{args:?}: {}", ended.stderr);
    }
    assert!(!world.fleet().join("agents/ada/process.json").exists());
}
