//! Secrets are in their volumes and nowhere else, whatever happens to the fleet.

use std::fs;

use serde_json::Value;

use crate::live::{Live, PREVIEW, Parts, UP};
use crate::seen::{ProcessList, files, hidden, seen};
use crate::world::World;

/// The key of `ada` is in the environment, that of `max` in the file beside the configuration, and
/// that of `zoe` in the configuration itself.
const IN_ENVIRONMENT: &str = "canary-environment-0815";
const NEXT: &str = "canary-environment-0816";
const BESIDE: &str = "canary-dotenv-4711";
const IN_FILE: &str = "canary-written-2342";

/// A fleet whose datahub listens on `port`, if it is one.
fn write(live: &Live, port: Option<u16>) {
    let provider = |key: &str| {
        format!(
            "{{ kind: openai-compat, model: m, base_url: \"http://127.0.0.1:9/v1\", \
             api_key: \"{key}\" }}"
        )
    };
    let port = port.map(|port| format!(", postgres_port: {port}"));
    live.write_parts(&Parts {
        agents: &[("ada", "one"), ("max", "two"), ("zoe", "three")],
        providers: &format!(
            "{{ one: {}, two: {}, three: {} }}",
            provider("${ADA_KEY}"),
            provider("${MAX_KEY}"),
            provider(IN_FILE)
        ),
        docker: &port.unwrap_or_default(),
        ..Parts::default()
    });
    let path = live.world.path().join(".env");
    fs::write(path, format!("export MAX_KEY='{BESIDE}'\n")).unwrap();
}

/// What is in the volumes of secrets, and where the given ones are.
fn secrets(live: &Live) -> Vec<String> {
    let volumes = live.ours("volume");
    let volumes = volumes.iter().filter(|name| name.contains("-secret"));
    let secrets: Vec<String> = volumes
        .flat_map(|volume| files(live, volume).into_values())
        .collect();
    for given in [BESIDE, IN_FILE] {
        assert!(secrets.contains(&given.to_owned()), "{secrets:?}");
    }
    secrets
}

/// Every form in which a plan and what it comes from are shown or kept.
fn plans(live: &Live) -> String {
    let mut said = String::new();
    let into = ["--json-into", "report.json", "--out", "kept.plan"];
    for options in [
        &["--output", "json"][..],
        &into,
        &["--graph", "dot"],
        &["--graph", "mermaid"],
        &["--graph", "svg"],
    ] {
        said += &live.must(2, &[&PREVIEW[..], options].concat());
    }
    for file in ["report.json", "kept.plan"] {
        let path = live.world.path().join(file);
        said += &fs::read_to_string(&path).unwrap();
        fs::remove_file(path).unwrap();
    }
    said += &live.must(0, &["infra", "graph"]);
    said += &live.must(0, &["infra", "status"]);
    said += &live.must(0, &["config", "show"]);
    said += &live.must(0, &["config", "show", "--resolved"]);
    said + &live.must(0, &["config", "show", "--resolved", "--output", "json"])
}

/// Every run that there was, and its steps.
fn history(live: &Live) -> String {
    let list = live.must(0, &["infra", "history", "--output", "json"]);
    let listed: Value = serde_json::from_str(&list).unwrap();
    let runs = listed["runs"].as_array().unwrap();
    assert!(runs.len() >= 4, "{list}");
    let mut said = list.clone() + &live.must(0, &["infra", "history"]);
    for run in runs {
        said += &live.must(0, &["infra", "history", run["id"].as_str().unwrap()]);
    }
    said
}

/// Lets the datahub's own administrator change nothing (`on`) or everything (`off`).
fn read_only(live: &Live, switch: &str) {
    let sql = format!(
        "BEGIN READ WRITE; ALTER ROLE postgres SET default_transaction_read_only = {switch}; COMMIT"
    );
    let datahub = live.container_id("datahub");
    let psql = ["exec", "--user", "postgres", &datahub, "psql", "--command"];
    live.docker(&[&psql[..], &[&sql]].concat());
}

#[test]
fn canaries_stay_in_their_volumes() {
    let Some(mut live) = Live::new("canary") else {
        return;
    };
    live.world.set("ADA_KEY", IN_ENVIRONMENT);
    live.build();
    let given = [IN_ENVIRONMENT, NEXT, BESIDE, IN_FILE].map(str::to_owned);
    let list = ProcessList::watch(given.to_vec());
    let mut said = String::new();

    // A run that fails in the middle.
    let elsewhere = World::new();
    let taken = elsewhere.take_ports();
    write(&live, Some(taken[0].local_addr().unwrap().port()));
    said += &live.must(4, &UP);
    said += &seen(&live);
    drop(taken);

    // Up.
    write(&live, None);
    said += &live.must(2, &PREVIEW);
    said += &plans(&live);
    said += &live.must(0, &[&UP[..], &["--output", "json"]].concat());
    let mut all = secrets(&live);
    said += &seen(&live);

    // Another key for one agent, while its new password cannot be set.
    live.world.set("ADA_KEY", NEXT);
    let plan = live.must(2, &PREVIEW);
    assert!(
        plan.contains("secret/ada") && !plan.contains("agent/max"),
        "{plan}"
    );
    said += &plan;
    said += &plans(&live);
    read_only(&live, "on");
    let failed = live.must(4, &UP);
    assert!(failed.contains("read-only transaction"), "{failed}");
    said += &failed;
    said += &seen(&live);
    read_only(&live, "off");
    said += &live.must(0, &UP);
    said += &live.must(0, &PREVIEW);
    all.extend(secrets(&live));
    said += &seen(&live);
    said += &history(&live);
    assert!(all.contains(&IN_ENVIRONMENT.to_owned()) && all.contains(&NEXT.to_owned()));

    // Down.
    said += &live.must(0, &["infra", "destroy", "--yes"]);
    said += &seen(&live);
    list.end();
    hidden(&said, &all);
    for part in [
        "PortBindings",
        "services:",
        "HOSTNAME=",
        "\"Action\"",
        "\"begin\"",
        "\"fingerprint\"",
        "digraph",
        "flowchart",
        "<svg",
        "api_key",
    ] {
        assert!(said.contains(part), "not looked at: {part}");
    }
}
