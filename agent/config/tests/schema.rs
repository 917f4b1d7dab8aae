//! What the reader takes, the schema takes.

#![cfg(test)]

use std::collections::BTreeMap;

use rivetos_config::{parse, schema};
use serde_json::Value;

/// The committed copy that editors use.
const COMMITTED: &str = include_str!("../../../docs/reference/rivet.config.schema.json");

/// Where single values stand; `?` is the value.
const PLACES: [&str; 47] = [
    "fleet: ?",
    "runtime: {default_agent: ?}",
    "runtime: {workspace: ?}",
    "runtime: {max_tool_iterations: ?}",
    "runtime: {turn_timeout: ?}",
    "runtime: ?",
    "channels: {agent: {port: ?}}",
    "channels: {agent: {host: ?}}",
    "channels: {agent: {secret: ?}}",
    "memory: {sqlite: {path: ?}}",
    "telemetry: {otlp: {endpoint: ?}}",
    "telemetry: {otlp: {endpoint: 'http://c', headers: ?}}",
    "deployment: {target: ?}",
    "deployment: {target: docker, datahub: {postgres: ?}}",
    "deployment: {target: docker, datahub: {postgres_version: ?}}",
    "deployment: {target: docker, datahub: {address: ?, tls: {ca: a, cert: b, key: c}}}",
    "deployment: {target: docker, datahub: {address: 'nas:1', bind: ?, tls: {ca: a, cert: b, key: c}}}",
    "deployment: {target: docker, image: {registry: ?}}",
    "deployment: {target: docker, image: {agent_image: ?}}",
    "deployment: {target: docker, image: {tag: ?}}",
    "deployment: {target: docker, docker: {network: ?}}",
    "deployment: {target: docker, docker: {host: ?}}",
    "deployment: {target: docker, docker: {hosts: ?}}",
    "deployment: {target: docker, docker: {postgres_port: ?}}",
    "deployment: {target: docker, docker: {resources: {memory: ?}}}",
    "deployment: {target: docker, docker: {resources: {cpus: ?}}}",
    "deployment: {target: docker, docker: {resources: {pids: ?}}}",
    "deployment: {target: local, local: {portRange: ?}}",
    "providers: {p: {kind: rehearsal, temperature: ?}}",
    "agents: {ada: {provider: p, tools: {include: ?}}}",
    "agents: {ada: {provider: p, tools: {policy: {shell: ?}}}}",
    "agents: {ada: {provider: p, default_thinking: ?}}",
    "agents: {ada: {provider: p, budget: {day: ?}}}",
    "providers: {p: {kind: rehearsal, context_window: ?}}",
    "agents: {ada: {provider: p, fallbacks: ?}}",
    "providers: {p: {kind: xai, model: m, api_key: {file: k}, first_byte_timeout: ?}}",
    "providers: {p: {kind: xai, model: m, api_key: {file: k}, idle_timeout: ?}}",
    "providers: {p: {kind: xai, model: m, api_key: {file: k}, verify_model_on_init: ?}}",
    "providers: {p: {kind: xai, model: m, api_key: {file: k}, extra_body: ?}}",
    "providers: {p: {kind: xai, model: m, api_key: {file: k}, search: ?}}",
    "providers: {p: {kind: xai, model: m, api_key: {file: k}, history: ?}}",
    "providers: {p: {kind: google, model: m, api_key: {file: k}, server_tools: ?}}",
    "providers: {p: {kind: anthropic, model: m, api_key: {file: k}, betas: ?}}",
    "providers: {p: {kind: anthropic, model: m, api_key: {file: k}, prompt_cache: ?}}",
    "providers: {p: {kind: anthropic, model: m, login: {client_id: ?}}}",
    "providers: {p: {kind: ollama, model: m, options: ?}}",
    "providers: {p: {kind: openai-compat, model: m, base_url: 'http://a', api: ?}}",
];

const VALUES: [&str; 46] = [
    "",
    "~",
    "true",
    "\"true\"",
    "-1",
    "0",
    "1",
    "2",
    "5",
    "16",
    "\"16\"",
    "31",
    "32",
    "99",
    "100",
    "65535",
    "65536",
    "4194304",
    "4194305",
    "10000",
    "10001",
    "86400",
    "86401",
    "0.01",
    "0.001",
    "1.5",
    "4096",
    "4097",
    "ada",
    "a b",
    "\"\"",
    "512m",
    "1GiB",
    "1x",
    "unix:///x",
    "ssh://x",
    "http://x",
    "0.0.0.0",
    "'[fd00::5]:5432'",
    "'10.0.0.5:5432'",
    "10-20",
    "[]",
    "[shell]",
    "[x]",
    "\"${N:-5}\"",
    "{file: x}",
];

/// Whether a number is out of the bounds that the schema knows.
const NUMBERS: [&str; 7] = [
    "max_tool_iterations",
    "turn_timeout",
    "port:",
    "postgres_port",
    "cpus",
    "pids",
    "temperature",
];

#[test]
fn whatever_the_reader_takes_the_schema_takes() {
    let schema: Value = serde_json::from_str(&schema()).unwrap();
    let validator = jsonschema::draft202012::new(&schema).unwrap();
    let mut taken = 0;
    for place in PLACES {
        for value in VALUES {
            let mut text = place.replace('?', value);
            for (key, default) in [
                ("agents", "agents: {ada: {provider: p}}"),
                ("providers", "providers: {p: {kind: rehearsal}}"),
            ] {
                if !text.starts_with(key) {
                    text = format!("{text}\n{default}");
                }
            }
            let read = parse(&text, "f", &BTreeMap::new());
            let json: Value = serde_saphyr::from_str(&text).unwrap();
            let valid = validator.is_valid(&json);
            if read.is_ok() {
                taken += 1;
                assert!(valid, "the reader takes what the schema does not:\n{text}");
            }
            if NUMBERS.iter().any(|key| place.contains(key)) && value.parse::<f64>().is_ok() {
                assert_eq!(valid, read.is_ok(), "{text}");
            }
        }
    }
    assert!(taken > 100, "only {taken}");
}

#[test]
fn the_committed_schema_is_the_present_one() {
    assert!(
        COMMITTED == schema(),
        "write what `rivetos config schema` prints to docs/reference/rivet.config.schema.json"
    );
}
