//! A run as a program sees it: JSON lines of the documented shapes.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::symlink;

use serde_json::Value;

use crate::world::{Ended, World};

/// The documented types of lines, each with its keys.
fn documented() -> BTreeMap<String, BTreeSet<String>> {
    let page = include_str!("../../../../docs/reference/json.md");
    let mut types: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for row in page.lines().filter(|line| line.starts_with("| `")) {
        let mut cells = row.split('|').map(str::trim).skip(1);
        let names = |cell: Option<&str>| -> Vec<String> {
            let quoted = cell.unwrap_or_default().split('`').skip(1).step_by(2);
            quoted.map(str::to_owned).collect()
        };
        let kind = names(cells.next()).remove(0);
        let keys = types.entry(kind).or_default();
        keys.extend(names(cells.next()));
        keys.extend(["schema_version".to_owned(), "type".to_owned()]);
    }
    types
}

/// The lines of standard output, each of them as documented; their types in order.
pub(crate) fn lines(ended: &Ended) -> Vec<Value> {
    let documented = documented();
    let lines: Vec<Value> = ended
        .stdout
        .lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}")))
        .collect();
    for line in &lines {
        let kind = line["type"].as_str().unwrap();
        let keys: BTreeSet<String> = line.as_object().unwrap().keys().cloned().collect();
        assert_eq!(documented.get(kind), Some(&keys), "{line}");
        assert_eq!(line["schema_version"], 1, "{line}");
    }
    assert_eq!(lines.last().unwrap()["type"], "summary", "{}", ended.stdout);
    let code = lines.last().unwrap()["exit_code"].as_i64();
    assert_eq!(code, ended.code.map(i64::from));
    lines
}

pub(crate) fn types(lines: &[Value]) -> BTreeSet<&str> {
    lines
        .iter()
        .filter_map(|line| line["type"].as_str())
        .collect()
}

fn json(world: &World, args: &[&str]) -> Ended {
    world.rivetos(&[args, &["--output", "json"]].concat())
}

#[test]
fn a_run_is_a_stream_of_documented_lines() {
    let world = World::new();
    world.write_agents(&[("ada", "one")]);
    let up = json(&world, &["infra", "up", "--yes"]);
    let up = lines(&up);
    assert_eq!(up[0]["type"], "plan");
    let steps = up[0]["steps"].as_array().unwrap().len();
    let started = up.iter().filter(|line| line["type"] == "step_started");
    assert_eq!(started.count(), steps);
    for wanted in ["step_done", "step_progress", "executed", "node_ready"] {
        assert!(types(&up).contains(wanted), "{wanted}: {up:?}");
    }
    let executed = up.iter().find(|line| line["type"] == "executed").unwrap();
    assert_eq!(executed["done"].as_array().unwrap().len(), steps);

    // Nothing to do is a plan and its summary.
    let again = lines(&json(&world, &["infra", "up", "--yes"]));
    assert_eq!(
        types(&again),
        BTreeSet::from(["plan", "node_ready", "summary"])
    );

    let down = lines(&json(&world, &["infra", "destroy", "--yes"]));
    assert!(types(&down).contains("step_done"), "{down:?}");
}

#[test]
fn what_fails_is_told_on_both_streams() {
    let world = World::new();
    world.write("fleet: [");
    let ended = json(&world, &["infra", "up", "--yes"]);
    let bad = lines(&ended);
    assert_eq!(bad[0]["type"], "error");
    assert_eq!(bad[0]["exit_code"], 64);
    assert!(ended.stderr.starts_with("error: "), "{}", ended.stderr);

    // A link to nowhere in the place of a folder: nothing is there, and nothing can be made there.
    world.write_agents(&[("ada", "one")]);
    let agents = world.fleet().join("agents");
    fs::create_dir_all(world.fleet()).unwrap();
    symlink("/nowhere/agents", &agents).unwrap();
    let ended = json(&world, &["infra", "up", "--yes"]);
    let failed = lines(&ended);
    for wanted in ["step_failed", "step_skipped", "executed"] {
        assert!(types(&failed).contains(wanted), "{wanted}: {failed:?}");
    }
    fs::remove_file(agents).unwrap();
    world.comes_up();
}
