//! `rivetos provider`, `rivetos model` and `rivetos login`, with the real agent's program.

use std::fs;
use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::process::Stdio;

use serde_json::{Value, json};

use crate::vendor::Vendors;
use crate::world::{Ended, World, agent_bin};

/// A fleet of which nobody needs to run.
fn fleet(vendors: &Vendors) -> String {
    let url = &vendors.url;
    format!(
        "# The fleet of the test.
fleet: test
runtime: {{ default_agent: ada }}
agents:
  ada: {{ provider: llama, fallbacks: [claude, 'ollama:big'] }}
  max: {{ provider: llama, model: other }}
providers:
  llama:
    kind: openai-compat
    model: qwen3   # fast enough
    base_url: {url}/llama/v1
    api_key: ${{LLM_API_KEY}}
  claude: {{ kind: anthropic, model: claude-sonnet-4-5, base_url: '{url}/claude', api_key: {{ file: key }} }}
  ollama: {{ model: qwen3, base_url: '{url}/ollama', api_key: '${{LLM_API_KEY}}' }}
deployment: {{ target: docker }}
"
    )
}

fn world(vendors: &Vendors) -> World {
    let world = World::new();
    world.write(&fleet(vendors));
    fs::write(world.path().join("key"), crate::vendor::KEY).unwrap();
    world
}

fn must(world: &World, args: &[&str]) -> String {
    let ended = world.rivetos(args);
    assert_eq!(ended.code, Some(0), "{args:?}: {}", ended.stderr);
    assert!(!ended.stderr.contains("canary"), "{}", ended.stderr);
    assert!(!ended.stdout.contains("canary"), "{}", ended.stdout);
    ended.stdout
}

#[test]
fn providers_are_listed_without_asking_anybody() {
    let vendors = Vendors::start();
    let world = world(&vendors);
    assert_eq!(
        must(&world, &["provider", "list"]),
        "PROVIDER  KIND           MODEL              ACCESS  AGENTS
claude    anthropic      claude-sonnet-4-5  key     (fallback of ada)
llama     openai-compat  qwen3              key     ada, max
ollama    ollama         qwen3              key     (fallback of ada)
"
    );
    let list = must(&world, &["provider", "list", "--output", "json"]);
    let list: Value = serde_json::from_str(&list).unwrap();
    assert_eq!(list["providers"][1]["agents"], json!(["ada", "max"]));
}

#[test]
fn providers_say_how_they_are() {
    let vendors = Vendors::start();
    let world = world(&vendors);
    let text = must(&world, &["provider", "status"]);
    let rows: Vec<&str> = text
        .lines()
        .map(|line| line.split(" ms").next().unwrap())
        .collect();
    assert_eq!(rows.len(), 4, "{text}");
    assert!(
        rows[1].contains("claude-sonnet-4-5  answers, 1 models, "),
        "{text}"
    );
    assert!(
        rows[2].contains("qwen3              answers, 2 models, "),
        "{text}"
    );
    assert!(!text.contains("not among"), "{text}");

    // A wrong key and a model that is not there are told, the key is not.
    fs::write(world.path().join("key"), "canary-wrong").unwrap();
    world.write(&fleet(&vendors).replace("model: qwen3, base", "model: none, base"));
    let ended = world.rivetos(&["provider", "status", "--output", "json"]);
    assert_eq!(ended.code, Some(1), "{}", ended.stderr);
    let status: Value = serde_json::from_str(&ended.stdout).unwrap();
    let [claude, llama, ollama] = [0, 1, 2].map(|at| &status["providers"][at]);
    assert_eq!(claude["state"], "fails");
    assert!(
        claude["reason"].as_str().unwrap().contains("invalid key"),
        "{claude}"
    );
    assert_eq!(
        (&llama["state"], &llama["model_listed"]),
        (&json!("answers"), &json!(true))
    );
    assert_eq!(ollama["model_listed"], false);
    assert!(!format!("{}{}", ended.stdout, ended.stderr).contains("canary"));

    let ended = world.rivetos(&["provider", "status", "nobody"]);
    assert_eq!(ended.code, Some(64), "{}", ended.stderr);
    assert!(
        ended.stderr.contains("has no provider `nobody`"),
        "{}",
        ended.stderr
    );
}

#[test]
fn a_model_is_tried() {
    let vendors = Vendors::start();
    let world = world(&vendors);
    let said = must(&world, &["provider", "test", "llama"]);
    assert!(said.starts_with("llama/qwen3 answers: ready\n"), "{said}");
    assert!(said.ends_with("9 tokens in, 1 out\n"), "{said}");
    let said = must(
        &world,
        &["provider", "test", "claude", "other", "--output", "json"],
    );
    let said: Value = serde_json::from_str(&said).unwrap();
    assert_eq!(
        (&said["model"], &said["answer"]),
        (&json!("other"), &json!("Good day."))
    );
    // Nobody's key is asked for but that of who is asked.
    fs::remove_file(world.path().join("key")).unwrap();
    must(&world, &["provider", "test", "llama"]);
    let ended = world.rivetos(&["provider", "test", "claude"]);
    assert_eq!(ended.code, Some(1), "{}", ended.stderr);
    assert!(
        ended.stderr.contains("the key of `claude`"),
        "{}",
        ended.stderr
    );
}

#[test]
fn models_are_listed_and_fetched() {
    let vendors = Vendors::start();
    let world = world(&vendors);
    assert_eq!(
        must(&world, &["provider", "models", "llama"]),
        "MODEL  CONTEXT       SIZE\nqwen3  32768 tokens  -\nother  -             -\n"
    );
    assert_eq!(
        must(&world, &["provider", "models", "ollama"]),
        "MODEL         CONTEXT  SIZE\nqwen3:latest  -        2600 MB\n"
    );
    let ended = world.rivetos(&["provider", "pull", "ollama", "qwen3:4b"]);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert_eq!(ended.stdout, "ollama has qwen3:4b\n");
    assert_eq!(
        ended.stderr,
        "pulling manifest\n25 % of 4 MB\n100 % of 4 MB\n"
    );
    let ended = world.rivetos(&["provider", "pull", "llama", "qwen3"]);
    assert_eq!(ended.code, Some(64), "{}", ended.stderr);
}

#[test]
fn a_model_is_written_into_the_file() {
    let vendors = Vendors::start();
    let world = world(&vendors);
    let path = world.path().join("rivet.config.yaml");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
    assert_eq!(
        must(&world, &["model"]),
        "ada: llama/qwen3, else claude, ollama:big\nmax: llama/other\n"
    );
    assert_eq!(must(&world, &["model", "llama"]), "qwen3\n");
    let ended = world.rivetos(&["model", "llama", "qwen3-coder:30b"]);
    assert_eq!(
        (ended.code, ended.stderr.as_str()),
        (
            Some(0),
            "`llama` asks for qwen3-coder:30b, no longer for qwen3; `rivetos infra up` tells its \
             agents\nagent `max` still asks for its own, other\n"
        )
    );
    let expected = fleet(&vendors).replacen("model: qwen3   #", "model: qwen3-coder:30b   #", 1);
    assert_eq!(fs::read_to_string(&path).unwrap(), expected);
    let mode = fs::metadata(&path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode, 0o640);
    let beside = fs::read_dir(world.path()).unwrap().count();
    assert_eq!(beside, 2, "the file and the key");

    let ended = world.rivetos(&["model", "nobody", "x"]);
    assert_eq!(ended.code, Some(64));
    assert!(
        ended.stderr.contains("there are: claude, llama, ollama"),
        "{}",
        ended.stderr
    );
    assert_eq!(fs::read_to_string(&path).unwrap(), expected);
}

/// Logs in as a person does: opens the address, and pastes what comes back.
fn log_in(world: &World) -> Ended {
    let mut command = world.command();
    let mut login = command
        .args(["login", "claude", "--agent-bin"])
        .arg(agent_bin())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut err = login.stderr.take().unwrap();
    let mut shown = String::new();
    let mut byte = [0];
    while !shown.ends_with("\n> ") && err.read(&mut byte).unwrap() == 1 {
        shown.push(char::from(byte[0]));
    }
    let (_, state) = shown
        .split_once("&state=")
        .unwrap_or_else(|| panic!("{shown}"));
    let state: String = state.chars().take_while(|c| !c.is_whitespace()).collect();
    let mut stdin = login.stdin.take().unwrap();
    writeln!(stdin, "canary-code#{state}").unwrap();
    drop(stdin);
    let mut ended: Ended = login.wait_with_output().unwrap().into();
    err.read_to_string(&mut ended.stderr).unwrap();
    ended
}

/// A fleet of one agent on this host that asks a provider with a login; the text of its file.
fn with_login(world: &World, vendors: &Vendors) -> String {
    world.write_agents(&[("ada", "one")]);
    let file = fs::read_to_string(world.path().join("rivet.config.yaml")).unwrap();
    let url = &vendors.url;
    let provider = format!(
        "providers: {{ claude: {{ kind: anthropic, model: one, base_url: '{url}/claude', login: \
         {{ client_id: c, token_url: '{url}/oauth/token' }} }} }}"
    );
    let file = file
        .replace("providers: { rehearsal: {} }", &provider)
        .replace("provider: rehearsal", "provider: claude");
    world.write(&file);
    file
}

#[test]
fn a_login_becomes_one_agents_own() {
    let vendors = Vendors::start();
    let world = World::new();
    let file = with_login(&world, &vendors);

    // Without it nothing is made.
    let ended = world.rivetos(&["infra", "up", "--yes"]);
    assert_eq!(ended.code, Some(64), "{}", ended.stderr);
    assert!(
        ended.stderr.contains("rivetos login claude"),
        "{}",
        ended.stderr
    );
    let status = must(&world, &["provider", "status"]);
    assert!(
        status.contains("not asked: nobody has logged in"),
        "{status}"
    );

    let ended = log_in(&world);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert!(!ended.stderr.contains("canary"), "{}", ended.stderr);
    let written = world.path().join(".rivetos/login-claude.json");
    let mode = fs::metadata(&written).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode, 0o600);
    assert_eq!(vendors.grants(), ["authorization_code canary-code"]);

    // A bare name of the file will do.
    let bare = [
        "infra",
        "preview",
        "--offline",
        "--config",
        "rivet.config.yaml",
    ];
    must(&world, &bare);

    // The agent renews what it got, and keeps that over a restart.
    world.comes_up();
    assert_eq!(
        must(&world, &["chat", "ada", "-m", "hi"]).trim(),
        "Good day."
    );
    let renewed = [
        "authorization_code canary-code",
        "refresh_token canary-refresh-1",
    ];
    assert_eq!(vendors.grants(), renewed);
    world.write(
        &file
            .replace("model: one,", "model: two,")
            .replace("model: one }", "model: three }"),
    );
    world.comes_up();
    assert_eq!(
        must(&world, &["chat", "ada", "-m", "hi"]).trim(),
        "Good day."
    );
    assert_eq!(vendors.grants(), renewed);

    // A new login replaces it.
    log_in(&world);
    world.comes_up();
    assert_eq!(
        must(&world, &["chat", "ada", "-m", "hi"]).trim(),
        "Good day."
    );
    assert_eq!(vendors.grants().len(), 3);

    // Two agents would take it from each other.
    world.write(&file.replacen("agents:\n", "agents:\n  max: { provider: claude }\n", 1));
    let ended = world.rivetos(&["infra", "up", "--yes"]);
    assert_eq!(ended.code, Some(64), "{}", ended.stderr);
    assert!(
        ended
            .stderr
            .contains("the login of `claude` can be one agent's, and `ada` and `max` use it"),
        "{}",
        ended.stderr
    );
}
