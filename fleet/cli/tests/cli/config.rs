//! `rivetos config …`

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use crate::world::{Ended, World};

const FILE: &str = "fleet: test
agents:
  ada: { provider: main }
providers:
  main:
    kind: openai-compat
    model: m
    base_url: http://127.0.0.1:1/v1
    api_key: ${MAIN_KEY}
deployment: { target: docker }
";

fn world(text: &str) -> World {
    let world = World::new();
    world.write(text);
    world
}

fn config(world: &World, args: &[&str]) -> Ended {
    let mut command = world.command();
    command.arg("config").args(args).output().unwrap().into()
}

/// What the program says, without what differs from run to run.
fn check(name: &str, world: &World, ended: &Ended) {
    let mut settings = insta::Settings::clone_current();
    let folder = world.path().to_str().unwrap().replace('.', r"\.");
    settings.add_filter(&folder, "[DIR]");
    settings.add_filter(r"\.edit-\d+\.", ".edit-[PID].");
    settings.add_filter(r"tag: .*", "tag: [TAG]");
    settings.bind(|| insta::assert_snapshot!(name, ended.snapshot()));
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

fn env_file(world: &World, text: &str, mode: u32) {
    let path = world.path().join(".env");
    fs::write(&path, text).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

#[test]
fn a_sound_file_is_valid() {
    let world = world(FILE);
    env_file(&world, "MAIN_KEY=canary\n", 0o600);
    let ended = config(&world, &["validate"]);
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(0), "valid\n"));
    assert_eq!(ended.stderr, "");
    assert!(
        !world.path().join("home").exists(),
        "looking at a file leaves something behind"
    );
}

#[test]
fn a_key_of_nobody_is_a_problem() {
    let world = world(FILE);
    check(
        "config_validate_no_key",
        &world,
        &config(&world, &["validate"]),
    );
}

#[test]
fn the_process_wins_over_the_file_beside() {
    let mut world = world(&FILE.replace("model: m", "model: ${WHICH}"));
    env_file(&world, "MAIN_KEY=canary\nWHICH=beside\n", 0o600);
    let shown = |world: &World| config(world, &["show"]).stdout;
    assert!(shown(&world).contains("model: \"beside\""));
    world.set("WHICH", "process");
    assert!(shown(&world).contains("model: \"process\""));
}

#[test]
fn a_file_beside_that_others_read_is_warned_of() {
    let world = world(FILE);
    env_file(&world, "MAIN_KEY=canary\n", 0o644);
    check(
        "config_validate_open_env",
        &world,
        &config(&world, &["validate"]),
    );
}

#[test]
fn a_broken_file_beside_is_told_by_line() {
    let world = world(FILE);
    env_file(&world, "MAIN_KEY='canary\n", 0o600);
    check(
        "config_validate_bad_env",
        &world,
        &config(&world, &["validate"]),
    );
}

#[test]
fn problems_and_notes_come_as_json_too() {
    let world = world(&FILE.replace("deployment:", "modle: x\ndeployment:"));
    let ended = config(&world, &["validate", "--output", "json"]);
    assert_eq!(ended.code, Some(64));
    check("config_validate_json", &world, &ended);
    let long = format!("{}-{}", "a".repeat(30), "b".repeat(30));
    world.write(&format!(
        "fleet: {long}\nagents: {{ ada-of-nowhere: {{ provider: rehearsal }} }}\n\
         providers: {{ rehearsal: {{}} }}\ndeployment: {{ target: docker, image: {{ variant: scratch }} }}\n"
    ));
    let ended = config(&world, &["validate", "--output", "json"]);
    assert_eq!(ended.code, Some(64));
    let report: serde_json::Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!(report["valid"], false);
    let severities: Vec<&str> = report["notes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|note| note["severity"].as_str().unwrap())
        .collect();
    assert!(
        severities.contains(&"deny") && severities.contains(&"warn"),
        "{report}"
    );
}

#[test]
fn every_example_is_valid_without_a_warning() {
    let world = World::new();
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples");
    let mut seen = 0;
    for example in fs::read_dir(examples).unwrap() {
        let file = example.unwrap().path().join("rivet.config.yaml");
        let ended = config(&world, &["validate", file.to_str().unwrap()]);
        assert_eq!(
            (ended.code, ended.stdout.as_str(), ended.stderr.as_str()),
            (Some(0), "valid\n", ""),
            "{}",
            file.display()
        );
        seen += 1;
    }
    assert!(seen >= 3);
}

#[test]
fn a_literal_secret_is_nowhere_to_be_seen() {
    let world = world(&FILE.replace("${MAIN_KEY}", "canary-literal"));
    for args in [
        &["show"] as &[&str],
        &["show", "--resolved"],
        &["show", "--output", "json"],
        &["validate"],
        &["validate", "--output", "json"],
    ] {
        let ended = config(&world, args);
        assert_eq!(ended.code, Some(0), "{}", ended.stderr);
        let all = format!("{}{}", ended.stdout, ended.stderr);
        assert!(!all.contains("canary"), "{all}");
    }
    check("config_show_literal", &world, &config(&world, &["show"]));
}

#[test]
fn what_is_left_open_is_filled_in() {
    let world = world(FILE);
    check(
        "config_show_resolved",
        &world,
        &config(&world, &["show", "--resolved"]),
    );
}

#[test]
fn the_file_that_is_used_is_shown_with_the_reason() {
    let world = World::new();
    check("config_path_none", &world, &config(&world, &["path"]));
    world.write(FILE);
    check("config_path_here", &world, &config(&world, &["path"]));
    check(
        "config_path_named",
        &world,
        &config(
            &world,
            &["path", "--config", "nowhere.yaml", "--output", "json"],
        ),
    );
}

#[test]
fn the_schema_is_the_committed_one() {
    let ended = config(&World::new(), &["schema"]);
    let committed = include_str!("../../../../docs/reference/rivet.config.schema.json");
    assert!(ended.stdout == committed);
}

#[test]
fn an_edited_file_replaces_the_old_one() {
    let mut world = world(FILE);
    let file = world.path().join("rivet.config.yaml");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o640)).unwrap();
    world.set("EDITOR", "sed -i 's/model: m/model: other/'");
    check("config_edit", &world, &config(&world, &["edit"]));
    assert!(fs::read_to_string(&file).unwrap().contains("model: other"));
    assert_eq!(mode(&file), 0o640);
    world.set("VISUAL", "true");
    check("config_edit_nothing", &world, &config(&world, &["edit"]));
    assert_eq!(fs::read_dir(world.path()).unwrap().count(), 1);
}

#[test]
fn a_mistake_does_not_replace_the_file() {
    let mut world = world(FILE);
    world.set("EDITOR", "sed -i 's/model: m/modle: m/'");
    check("config_edit_mistake", &world, &config(&world, &["edit"]));
    let file = world.path().join("rivet.config.yaml");
    assert_eq!(fs::read_to_string(file).unwrap(), FILE);
    assert_eq!(
        fs::read_dir(world.path()).unwrap().count(),
        2,
        "what was typed is lost"
    );
    world.set("VISUAL", "false");
    check("config_edit_failed", &world, &config(&world, &["edit"]));
}

#[test]
fn old_spellings_are_migrated() {
    let old = "# ours\nagents: { ada: { provider: main } }\nproviders:\n  main: { kind: llama-server, \
               model: m, baseUrl: http://x } # near\ndeployment: { target: docker }\n";
    let world = world(old);
    let file = world.path().join("rivet.config.yaml");
    check(
        "config_migrate_nobody",
        &world,
        &config(&world, &["migrate"]),
    );
    assert_eq!(fs::read_to_string(&file).unwrap(), old);
    check(
        "config_migrate",
        &world,
        &config(&world, &["migrate", "--yes"]),
    );
    let new = fs::read_to_string(&file).unwrap();
    assert!(
        new.contains("kind: openai-compat") && new.contains("# near"),
        "{new}"
    );
    assert_eq!(
        fs::read_to_string(world.path().join("rivet.config.yaml.bak")).unwrap(),
        old
    );
    check(
        "config_migrate_again",
        &world,
        &config(&world, &["migrate"]),
    );
}

#[test]
fn what_looks_like_a_secret_is_not_shown() {
    let secret = "postgres://ada:canary-0815@db/x";
    let world = world(&format!(
        "agents: {{ ada: {{ provider: main }} }}\nproviders:\n  main: {{ kind: openai-compat, model: \
         '{secret}', base_url: 'http://x' }}\n"
    ));
    for args in [
        &["show"][..],
        &["show", "--resolved"],
        &["show", "--output", "json"],
    ] {
        let ended = config(&world, args);
        assert_eq!(ended.code, Some(0), "{}", ended.stderr);
        let said = format!("{}{}", ended.stdout, ended.stderr);
        assert!(!said.contains("canary-0815"), "{said}");
        assert!(said.contains("***"), "{said}");
        assert!(said.contains("looks like a secret"), "{said}");
    }
}
