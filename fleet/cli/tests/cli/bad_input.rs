//! Mistakes: each ends in one clear message and the right exit code, and the next `up` converges.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Command, Stdio};

use rivetos_fleet::port::{Holder, LeaseId};

use crate::world::{Ended, World, agent_bin, skipped};

/// Compares with the snapshot `name`; what differs from run to run is replaced.
fn check(name: &str, world: &World, ended: &Ended) {
    let mut settings = insta::Settings::clone_current();
    settings.add_filter(&regex_of(world.path().to_str().unwrap()), "[DIR]");
    settings.add_filter(r"\b4[56]\d{3}\b", "[PORT]");
    settings.add_filter(r"\d+ s\b", "[TIME]");
    settings.bind(|| insta::assert_snapshot!(name, ended.snapshot()));
}

fn regex_of(text: &str) -> String {
    text.replace('.', r"\.")
}

/// A fleet's file with `line` in place of the deployment.
fn with(line: &str) -> String {
    format!(
        "fleet: test\nagents:\n  ada: {{ provider: main }}\nproviders:\n  main: {{ kind: rehearsal }}\n{line}\n"
    )
}

/// `up` with this file fails as in the snapshot, and with a good file it works.
fn bad_file(name: &str, text: &str) {
    let world = World::new();
    world.write(text);
    let ended = world.rivetos(&["infra", "up", "--yes"]);
    check(name, &world, &ended);
    world.write_agents(&[("ada", "one")]);
    world.comes_up();
}

#[test]
fn broken_yaml() {
    bad_file(
        "broken_yaml",
        "fleet: test\nagents:\n  ada: { provider: main\nproviders:\n",
    );
}

#[test]
fn several_problems_at_once() {
    bad_file(
        "several_problems_at_once",
        "fleet: test\nagents:\n  ada: { provider: main, modle: x }\n  datahub: { provider: main }\n  \
         Not_A_Label: { provider: main }\nproviders:\n  main: { kind: rehearsal, max_tokens: many }\n\
         deployment: { target: local }\n",
    );
}

#[test]
fn an_unknown_target() {
    bad_file("an_unknown_target", &with("deployment: { target: dokcer }"));
}

#[test]
fn a_variable_that_is_not_set() {
    bad_file(
        "a_variable_that_is_not_set",
        "fleet: test\nagents:\n  ada: { provider: main }\nproviders:\n  main: { kind: openai-compat, \
         model: x, base_url: \"${NO_SUCH_URL}\" }\ndeployment: { target: local }\n",
    );
}

#[test]
fn a_key_that_is_not_at_hand() {
    bad_file(
        "a_key_that_is_not_at_hand",
        "fleet: test\nagents:\n  ada: { provider: main }\nproviders:\n  main: { kind: openai-compat, \
         model: x, base_url: \"http://127.0.0.1:9/v1\", api_key: \"${NO_SUCH_KEY}\" }\n\
         deployment: { target: local }\n",
    );
}

#[test]
fn a_file_without_deployment() {
    bad_file("a_file_without_deployment", &with(""));
}

#[test]
fn no_file() {
    let world = World::new();
    let ended = world.rivetos(&["infra", "preview"]);
    check("no_file", &world, &ended);
    world.write_agents(&[("ada", "one")]);
    world.comes_up();
}

#[test]
fn an_option_that_does_not_exist() {
    let world = World::new();
    let ended = world.rivetos(&["infra", "up", "--forse"]);
    check("an_option_that_does_not_exist", &world, &ended);
}

#[test]
fn nobody_to_ask() {
    let world = World::new();
    world.write_agents(&[("ada", "one")]);
    let ended = world.rivetos(&["infra", "up"]);
    assert_eq!(ended.code, Some(64));
    check(
        "nobody_to_ask",
        &world,
        &Ended {
            stdout: String::new(),
            ..ended
        },
    );
    assert!(
        !world.fleet().join("agents").exists(),
        "something was changed"
    );
    world.comes_up();
}

#[test]
fn no_engine() {
    bad_file(
        "no_engine",
        &with("deployment: { target: docker, docker: { host: \"unix:///nowhere/docker.sock\" } }"),
    );
}

#[test]
fn an_engine_that_is_too_old() {
    let world = World::new();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let socket = world.path().join("docker.sock");
    runtime.block_on(async {
        let version = r#"{"Version":"1.12.6","ApiVersion":"1.24","MinAPIVersion":"1.12","Os":"linux","Arch":"amd64"}"#;
        let answer = move || async move { ([("content-type", "application/json")], version) };
        let app = axum::Router::new().fallback(answer);
        let listener = tokio::net::UnixListener::bind(&socket).unwrap();
        tokio::spawn(async move { axum::serve(listener, app).await });
    });
    world.write(&with(&format!(
        "deployment: {{ target: docker, docker: {{ host: \"unix://{}\" }} }}",
        socket.display()
    )));
    let ended = world.rivetos(&["infra", "up", "--yes"]);
    check("an_engine_that_is_too_old", &world, &ended);
    world.write_agents(&[("ada", "one")]);
    world.comes_up();
}

#[test]
fn every_port_taken() {
    let world = World::new();
    world.write_agents(&[("ada", "one")]);
    let taken = world.take_ports();
    let ended = world.rivetos(&["infra", "up", "--yes"]);
    check("every_port_taken", &world, &ended);
    drop(taken);
    world.comes_up();
}

#[test]
fn no_agent_program() {
    let world = World::new();
    world.write_agents(&[("ada", "one")]);
    let output = world
        .command()
        .args(["infra", "up", "--yes", "--agent-bin", "nowhere"])
        .output();
    check("no_agent_program", &world, &output.unwrap().into());
    world.comes_up();
}

#[test]
fn an_agent_that_does_not_exist() {
    let world = World::new();
    world.write_agents(&[("ada", "one")]);
    world.comes_up();
    let ended = world.rivetos(&["chat", "eve", "-m", "hi"]);
    check("an_agent_that_does_not_exist", &world, &ended);
}

#[test]
fn another_run_at_work() {
    let world = World::new();
    world.write_agents(&[("ada", "one")]);
    fs::create_dir_all(world.fleet()).unwrap();
    let mut file = fs::File::create(world.fleet().join("lock")).unwrap();
    file.lock().unwrap();
    let holder = Holder {
        id: LeaseId("abcdef012301".to_owned()),
        who: "ann".to_owned(),
        operation: "infra destroy".to_owned(),
        host: "there".to_owned(),
        pid: 4711,
        process: None,
        since_unix_ms: 0,
        beat: 0,
        beat_unix_ms: 0,
        ttl_ms: 60_000,
    };
    file.write_all(&serde_json::to_vec(&holder).unwrap())
        .unwrap();
    let ended = world.rivetos(&["infra", "up", "--yes"]);
    assert_eq!(ended.code, Some(5), "{}", ended.stderr);
    check(
        "another_run_at_work",
        &world,
        &Ended {
            stdout: String::new(),
            ..ended
        },
    );
    drop(file);
    world.comes_up();
}

#[test]
fn ctrl_c_in_the_middle() {
    let world = World::new();
    let names: Vec<String> = (0..8).map(|n| format!("a{n}")).collect();
    let mut agents: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), "one")).collect();
    agents.push(("ada", "one"));
    world.write_agents(&agents);
    let mut child = world
        .command()
        .args(["infra", "up", "--yes", "--agent-bin"])
        .arg(agent_bin())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap());
    let mut line = String::new();
    // The first step is done, so it is in the middle.
    lines.read_line(&mut line).unwrap();
    Command::new("kill")
        .args(["-INT", &child.id().to_string()])
        .status()
        .unwrap();
    let mut rest = String::new();
    lines.read_to_string(&mut rest).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130), "{line}{rest}");
    world.comes_up();
    world.must(&["infra", "destroy", "--yes"]);
}

#[test]
fn a_full_disk_in_the_middle() {
    let world = World::new();
    world.write_agents(&[("ada", "one")]);
    for folder in ["home", "seed"] {
        fs::create_dir_all(world.path().join(folder)).unwrap();
    }
    let file = world.path().join("rivet.config.yaml");
    let text = fs::read_to_string(&file).unwrap();
    world.write(&text.replace("default_agent: ada", "default_agent: ada, workspace: seed"));
    fs::write(world.path().join("seed/CORE.md"), "word ".repeat(40_000)).unwrap();
    // A file system of its own, gone with the namespace: full from the beginning, then full
    // because of the large file, then large enough.
    let script = "mount -t tmpfs -o size=128k none home || exit 99
        $RIVETOS infra preview --agent-bin $AGENT >/dev/null
        cat /dev/zero >home/ballast 2>/dev/null
        $RIVETOS infra up --yes --agent-bin $AGENT >out 2>err; echo $? >code
        rm home/ballast
        $RIVETOS infra up --yes --agent-bin $AGENT >/dev/null 2>middle; echo $? >>middle
        mount -o remount,size=256m home
        $RIVETOS infra up --yes --agent-bin $AGENT >>later 2>&1 || exit 1
        $RIVETOS infra preview --detailed-exitcode --agent-bin $AGENT >>later 2>&1 || exit 2
        $RIVETOS infra destroy --yes >>later 2>&1";
    let rivetos = world.command();
    let status = Command::new("unshare")
        .args(["--map-root-user", "--mount", "sh", "-c", script])
        .envs(
            rivetos
                .get_envs()
                .filter_map(|(name, value)| Some((name, value?))),
        )
        .env("RIVETOS", env!("CARGO_BIN_EXE_rivetos"))
        .env("AGENT", agent_bin())
        .current_dir(world.path())
        .status()
        .unwrap();
    if status.code() == Some(99) || !world.path().join("code").exists() {
        skipped("a full disk: no file system can be mounted");
        return;
    }
    let read = |name: &str| fs::read_to_string(world.path().join(name)).unwrap();
    let ended = Ended {
        code: read("code").trim().parse().ok(),
        stdout: read("out"),
        stderr: read("err"),
    };
    check("a_full_disk", &world, &ended);
    // Which of the files that are written at once still finds room differs from run to run.
    let middle = read("middle");
    assert!(
        middle.contains("config/ada#create: cannot make"),
        "{middle}"
    );
    assert!(middle.contains("No space left on device"), "{middle}");
    assert!(
        ["\n1\n", "\n4\n"].iter().any(|code| middle.ends_with(code)),
        "{middle}"
    );
    assert!(status.success(), "{status}: {}", read("later"));
}
