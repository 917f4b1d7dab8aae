//! Agents in containers that talk to a real model endpoint with a key of their own.

use std::collections::BTreeMap;

use serde_json::json;

use crate::live::{Live, Parts};
use crate::model::{self, Model};
use crate::seen::{files, hidden, seen};
use crate::talk::Talk;

/// The keys of the two agents, and the variables that hold them.
const ADA: (&str, &str) = ("ADA_KEY", "canary-ada-0815");
const MAX: (&str, &str) = ("MAX_KEY", "canary-max-4711");

/// Two agents, each with a provider and a key of its own, on `model`.
fn write(live: &Live, model: &Model) {
    let provider = |(variable, _): (&str, &str)| {
        format!(
            "{{ kind: openai-compat, model: {}, base_url: \"{}\", api_key: \"${{{variable}}}\" }}",
            model::NAME,
            model.base_url
        )
    };
    live.write_parts(&Parts {
        agents: &[("ada", "one"), ("max", "two")],
        providers: &format!("{{ one: {}, two: {} }}", provider(ADA), provider(MAX)),
        ..Parts::default()
    });
}

/// The address of this host that containers reach.
fn gateway(live: &Live) -> String {
    live.docker(&[
        "network",
        "inspect",
        "--format",
        "{{(index .IPAM.Config 0).Gateway}}",
        "bridge",
    ])
}

/// Each agent asks with its own key; what the person sees of it.
fn talk(live: &Live, model: &Model) -> String {
    // A tool in the container, its result back to the model, and a reply that comes in pieces.
    let mut talk = Talk::begin(&live.world, "ada", "look around");
    let asked = model.asked();
    assert_eq!(
        (asked.key.as_str(), asked.last().as_str()),
        (ADA.1, "look around")
    );
    asked
        .say("Let me see.")
        .call(
            "call-1",
            "shell",
            &json!({"command": "echo from-$((40+2)); id -u"}),
        )
        .done("tool_calls");
    let asked = model.asked();
    assert!(asked.last().contains("from-42\n1000"), "{}", asked.last());
    asked.say("Good ");
    talk.shows("Good ");
    asked.say("morning.").done("stop");
    let first = talk.end();
    assert_eq!(first.code, Some(0), "{}", first.snapshot());
    assert!(
        first.stdout.ends_with("Good morning.\n"),
        "{}",
        first.snapshot()
    );
    let talk = Talk::begin(&live.world, "max", "hello");
    let asked = model.asked();
    assert_eq!(asked.key, MAX.1);
    asked.say("Hello.").done("stop");
    let second = talk.end();
    assert_eq!(second.stdout, "Hello.\n");
    model.all_was_well();
    first.snapshot() + &second.snapshot()
}

/// Each volume holds its own and nothing else, and what was generated differs; all the secrets.
fn secrets(live: &Live) -> Vec<String> {
    let of = |name: &str| {
        let prefix = format!("{}-{name}-secret", live.fleet);
        let volumes = live.ours("volume");
        let mut own = volumes.iter().filter(|volume| volume.starts_with(&prefix));
        files(live, own.next().unwrap())
    };
    let (ada, max) = (of("ada"), of("max"));
    let names = |files: &BTreeMap<String, String>| files.keys().cloned().collect::<Vec<_>>();
    assert_eq!(
        names(&ada),
        ["agent_token", "one_api_key", "postgres_password"]
    );
    assert_eq!(
        names(&max),
        ["agent_token", "postgres_password", "two_api_key"]
    );
    assert_eq!(
        (ada["one_api_key"].as_str(), max["two_api_key"].as_str()),
        (ADA.1, MAX.1)
    );
    let datahub = of("datahub");
    let secrets: Vec<String> = [&ada, &max, &datahub]
        .into_iter()
        .flat_map(|files| files.values().cloned())
        .collect();
    let mut distinct = secrets.clone();
    distinct.sort();
    distinct.dedup();
    assert_eq!(distinct.len(), secrets.len(), "a secret is shared");
    secrets
}

#[test]
fn replies_stream_and_keys_stay_where_they_belong() {
    let Some(mut live) = Live::new("model") else {
        return;
    };
    let model = Model::start(gateway(&live).parse().unwrap(), &[ADA.1, MAX.1]);
    for (variable, key) in [ADA, MAX] {
        live.world.set(variable, key);
    }
    write(&live, &model);
    live.build();
    let given = [ADA.1.to_owned(), MAX.1.to_owned()];
    hidden(
        &live.must(0, &["infra", "preview", "--output", "json"]),
        &given,
    );
    let mut said = live.must(0, &["infra", "up", "--yes", "--output", "json"]);
    said += &talk(&live, &model);
    let secrets = secrets(&live);
    let seen = seen(&live);
    for part in [
        "PortBindings",
        "services:",
        "HOSTNAME=",
        "turn answered",
        "\"drifted\"",
    ] {
        assert!(seen.contains(part), "not looked at: {part}\n{seen}");
    }
    hidden(&format!("{said}{seen}"), &secrets);
}
