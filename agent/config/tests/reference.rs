//! `docs/reference/configuration.md` and the schema know every key, and the example is read.

#![cfg(test)]

use std::collections::BTreeMap;

use rivetos_config::{parse, schema};
use serde_json::Value;

const PAGE: &str = include_str!("../../../docs/reference/configuration.md");
/// A key that is near no other, so that the advice lists every key of its section.
const STRANGE: &str = "qqqqqqqqqqqqqqqqqqqqqqqq";

/// Every section: its heading in the page and what a file has to say for it, `?` being its keys.
const SECTIONS: [(&str, &str); 24] = [
    ("## Top level", "?"),
    ("## `runtime`", "runtime: {?}"),
    ("## `agents.<name>`", "agents: {ada: {provider: p, ?}}"),
    (
        "### `agents.<name>.tools`",
        "agents: {ada: {provider: p, tools: {?}}}",
    ),
    (
        "### `agents.<name>.tools.policy`",
        "agents: {ada: {provider: p, tools: {policy: {?}}}}",
    ),
    (
        "### `agents.<name>.budget`",
        "agents: {ada: {provider: p, budget: {?}}}",
    ),
    (
        "### `agents.<name>.deploy`",
        "agents: {ada: {provider: p, deploy: {?}}}\ndeployment: {target: docker}",
    ),
    (
        "### `resources`",
        "deployment: {target: docker, docker: {resources: {?}}}",
    ),
    (
        "## `providers.<name>`",
        "providers: {p: {kind: rehearsal, ?}}",
    ),
    (
        "### `providers.<name>.login`",
        "providers: {p: {kind: anthropic, model: m, login: {client_id: c, ?}}}",
    ),
    ("## `channels`", "channels: {?}"),
    ("### `channels.agent`", "channels: {agent: {?}}"),
    ("## `memory`", "memory: {?}"),
    ("### `memory.sqlite`", "memory: {sqlite: {?}}"),
    ("## `telemetry`", "telemetry: {?}"),
    (
        "### `telemetry.otlp`",
        "telemetry: {otlp: {endpoint: 'http://c', ?}}",
    ),
    ("## `deployment`", "deployment: {target: docker, ?}"),
    (
        "### `deployment.datahub`",
        "deployment: {target: docker, datahub: {?}}",
    ),
    (
        "### `tls` of the datahub",
        "deployment: {target: docker, datahub: {address: '10.0.0.5:5432', \
         tls: {ca: a, cert: b, key: c, ?}}}",
    ),
    (
        "### `deployment.image`",
        "deployment: {target: docker, image: {?}}",
    ),
    (
        "### `deployment.docker`",
        "deployment: {target: docker, docker: {?}}",
    ),
    (
        "### `deployment.docker.hosts.<name>`",
        "deployment: {target: docker, docker: {hosts: {nas: {host: ssh://nas, ?}}}}",
    ),
    (
        "### `tls` of an engine",
        "deployment: {target: docker, docker: {host: tcp://a:1, tls: {ca: a, cert: b, key: c, ?}}}",
    ),
    (
        "### `deployment.local`",
        "deployment: {target: local, local: {?}}",
    ),
];

/// A file of `part` and what it does not say itself, with `keys` in the section.
fn file(part: &str, keys: &str) -> String {
    let mut text = part.replace('?', keys);
    for (key, default) in [
        ("agents:", "agents: {ada: {provider: p}}"),
        ("providers:", "providers: {p: {kind: rehearsal}}"),
    ] {
        if !text.starts_with(key) {
            text = format!("{text}\n{default}");
        }
    }
    text
}

/// The keys that the reader takes in the section of `part`.
fn read_keys(part: &str) -> Vec<String> {
    let text = file(part, &format!("{STRANGE}: 1"));
    let problems = parse(&text, "f", &BTreeMap::new()).unwrap_err();
    let [problem] = &problems.0[..] else {
        panic!("{part}: {problems}");
    };
    let hint = problem.hint.as_deref().unwrap();
    let known = hint.strip_prefix("possible here: ").unwrap().split(", ");
    let mut known: Vec<String> = known.map(str::to_owned).collect();
    known.sort_unstable();
    known
}

/// The keys in the tables below `heading`, up to the next heading.
fn documented(heading: &str) -> Vec<&'static str> {
    let start = PAGE.find(&format!("\n{heading}\n")).expect(heading) + heading.len() + 2;
    let rest = &PAGE[start..];
    let end = rest.find("\n#").unwrap_or(rest.len());
    rest[..end]
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split('`').next())
        .collect()
}

#[test]
fn the_page_has_every_key_and_no_other() {
    for (heading, part) in SECTIONS {
        let mut documented = documented(heading);
        documented.sort_unstable();
        assert_eq!(read_keys(part), documented, "{heading}");
    }
}

/// What the schema says of the section that is at `path`, `*` being any name.
fn of_schema<'s>(schema: &'s Value, path: &str) -> &'s Value {
    path.split('.')
        .filter(|name| !name.is_empty())
        .fold(schema, |schema, name| match name {
            "*" => &schema["additionalProperties"],
            name => &schema["properties"][name],
        })
}

#[test]
fn the_schema_has_every_key_and_no_other() {
    let schema: Value = serde_json::from_str(&schema()).unwrap();
    let mut sections = vec![String::new()];
    let mut seen = 0;
    while let Some(path) = sections.pop() {
        let here = of_schema(&schema, &path);
        let Some(properties) = here["properties"].as_object() else {
            continue;
        };
        let keys: Vec<String> = properties.keys().cloned().collect();
        let heading = PATHS
            .iter()
            .find(|(paths, _)| paths.contains(&path.as_str()));
        let (_, heading) = heading.unwrap_or_else(|| panic!("{path} is in no test"));
        let part = SECTIONS.iter().find(|(name, _)| name == heading).unwrap().1;
        assert_eq!(keys, read_keys(part), "{path}");
        assert!(
            properties
                .values()
                .all(|key| key["description"].is_string()),
            "{path}"
        );
        seen += 1;
        for (name, key) in properties {
            let below = [path.as_str(), name].join(".");
            let below = below.trim_start_matches('.');
            sections.push(below.to_owned());
            if key["additionalProperties"].is_object() {
                sections.push(format!("{below}.*"));
            }
        }
    }
    let paths: usize = PATHS.iter().map(|(paths, _)| paths.len()).sum();
    assert_eq!(seen, paths);
}

/// Where in the schema the sections of the page are.
const PATHS: [(&[&str], &str); 24] = [
    (&[""], "## Top level"),
    (&["runtime"], "## `runtime`"),
    (&["agents.*"], "## `agents.<name>`"),
    (&["agents.*.tools"], "### `agents.<name>.tools`"),
    (
        &["agents.*.tools.policy"],
        "### `agents.<name>.tools.policy`",
    ),
    (&["agents.*.budget"], "### `agents.<name>.budget`"),
    (&["agents.*.deploy"], "### `agents.<name>.deploy`"),
    (
        &[
            "agents.*.deploy.resources",
            "deployment.datahub.resources",
            "deployment.docker.resources",
        ],
        "### `resources`",
    ),
    (&["providers.*"], "## `providers.<name>`"),
    (&["providers.*.login"], "### `providers.<name>.login`"),
    (&["channels"], "## `channels`"),
    (&["channels.agent"], "### `channels.agent`"),
    (&["memory"], "## `memory`"),
    (&["memory.sqlite"], "### `memory.sqlite`"),
    (&["telemetry"], "## `telemetry`"),
    (&["telemetry.otlp"], "### `telemetry.otlp`"),
    (&["deployment"], "## `deployment`"),
    (&["deployment.datahub"], "### `deployment.datahub`"),
    (&["deployment.datahub.tls"], "### `tls` of the datahub"),
    (&["deployment.image"], "### `deployment.image`"),
    (&["deployment.docker"], "### `deployment.docker`"),
    (
        &["deployment.docker.hosts.*"],
        "### `deployment.docker.hosts.<name>`",
    ),
    (
        &["deployment.docker.tls", "deployment.docker.hosts.*.tls"],
        "### `tls` of an engine",
    ),
    (&["deployment.local"], "### `deployment.local`"),
];

#[test]
fn the_example_of_the_page_is_read() {
    let (_, rest) = PAGE.split_once("```yaml\n").unwrap();
    let (text, _) = rest.split_once("```").unwrap();
    let environment = BTreeMap::from([("LLM_API_KEY".to_owned(), "k".to_owned())]);
    match parse(text, "page", &environment) {
        Ok(parsed) => assert_eq!(parsed.warnings, []),
        Err(problems) => panic!("{problems}"),
    }
}
