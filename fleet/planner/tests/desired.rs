//! What a configuration is laid out as.

#![cfg(test)]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::PathBuf;

use rivetos_config::parse;
use rivetos_fleet::model::{DesiredSet, FileContent, Layout, ResourceId, Spec};
use rivetos_fleet::{BuildInfo, Context, FleetSpec, Program, SecretRef, desired};

const DOCKER: &str = "
fleet: home
runtime: {default_agent: ada}
agents:
  ada: {provider: local, model: small}
  bob-2: {provider: rehearsal}
providers:
  local: {kind: openai-compat, base_url: 'http://models:8080/v1', model: big, api_key: '${KEY}'}
  rehearsal: {}
deployment:
  target: docker
  datahub: {postgres: true}
";

fn lay_out(text: &str) -> DesiredSet {
    lay_out_all(text).pop_first().unwrap().1
}

fn lay_out_all(text: &str) -> Layout {
    let environment = BTreeMap::from([("KEY".to_owned(), "canary-4711".to_owned())]);
    let config = parse(text, "rivet.config.yaml", &environment)
        .unwrap()
        .config;
    let context = Context {
        build: BuildInfo {
            version: "0.1.0".to_owned(),
            commit: "0123456789ab".to_owned(),
        },
        home: PathBuf::from("/home/op/.rivetos/fleets/home"),
        program: Some(Program {
            path: PathBuf::from("/usr/bin/rivetos-agent"),
            digest: "00112233aabbccdd".to_owned(),
        }),
        seed: BTreeMap::from([("CORE.md".to_owned(), "Be kind.\n".to_owned())]),
        digests: BTreeMap::from([(SecretRef::Env("KEY".to_owned()), "d1g3st".to_owned())]),
    };
    desired(&FleetSpec::resolve(&config, context).unwrap())
}

fn show(set: &DesiredSet) -> String {
    let mut text = String::new();
    for (id, desired) in &set.resources {
        let after: Vec<String> = desired.after.iter().map(ToString::to_string).collect();
        writeln!(text, "{id} after [{}]", after.join(", ")).unwrap();
        for (path, field) in desired.spec.fields() {
            writeln!(text, "    {path} = {field}").unwrap();
        }
    }
    text
}

fn differing(a: &DesiredSet, b: &DesiredSet) -> Vec<String> {
    let ids: std::collections::BTreeSet<&ResourceId> =
        a.resources.keys().chain(b.resources.keys()).collect();
    ids.into_iter()
        .filter(|id| a.resources.get(id) != b.resources.get(id))
        .map(ToString::to_string)
        .collect()
}

#[test]
fn a_fleet_on_docker() {
    insta::assert_snapshot!(show(&lay_out(DOCKER)));
}

#[test]
fn a_fleet_on_this_host() {
    let text = DOCKER.replace("target: docker", "target: local");
    let text = text.replace("  datahub: {postgres: true}\n", "");
    insta::assert_snapshot!(show(&lay_out(&text)));
}

/// A datahub with an address, and agents on three targets.
const FAR: &str = "
fleet: home
runtime: {default_agent: ada}
agents:
  ada: {provider: rehearsal}
  bob-2: {provider: rehearsal, deploy: {host: nas}}
  eve: {provider: rehearsal, deploy: {target: local}}
providers: {rehearsal: {}}
deployment:
  target: docker
  docker: {postgres_port: 5432, hosts: {nas: {host: 'ssh://nas'}}}
  datahub:
    address: 'db.lan:5432'
    bind: 10.0.0.5
    tls: {ca: ca.pem, cert: hub.pem, key: hub.key}
";

#[test]
fn a_datahub_that_agents_of_other_targets_use() {
    let mut text = String::new();
    for (target, set) in lay_out_all(FAR) {
        let ids = [
            "datahub/main",
            "secret/",
            "role/",
            "agent/bob-2",
            "agent/eve",
        ];
        let wanted = |id: &ResourceId| ids.iter().any(|part| id.to_string().starts_with(part));
        let part = DesiredSet {
            resources: set
                .resources
                .into_iter()
                .filter(|(id, _)| wanted(id))
                .collect(),
            ..set
        };
        writeln!(text, "# {target}\n{}", show(&part)).unwrap();
        for desired in part.resources.values() {
            if let Spec::Files(files) = &desired.spec
                && let Some(FileContent::Text { text: service }) =
                    files.files.get("postgres_service.conf")
            {
                writeln!(text, "{service}").unwrap();
            }
        }
    }
    insta::assert_snapshot!(text);
}

#[test]
fn the_order_of_agents_means_nothing() {
    let reordered = DOCKER
        .replace("  ada: {provider: local, model: small}\n", "")
        .replace(
            "{provider: rehearsal}\n",
            "{provider: rehearsal}\n  ada: {provider: local, model: small}\n",
        );
    assert_eq!(lay_out(DOCKER), lay_out(&reordered));
}

#[test]
fn one_model_is_one_agents_configuration() {
    let changed = DOCKER.replace("model: small", "model: smaller");
    // The files are named by what they hold, and the agent mounts them by that name.
    assert_eq!(
        differing(&lay_out(DOCKER), &lay_out(&changed)),
        ["config/ada", "agent/ada"]
    );
}

#[test]
fn another_agent_leaves_the_others_alone() {
    let more = DOCKER.replace("agents:\n", "agents:\n  eve: {provider: rehearsal}\n");
    assert_eq!(
        differing(&lay_out(DOCKER), &lay_out(&more)),
        [
            "volume/eve",
            "config/eve",
            "secret/eve",
            "role/eve",
            "agent/eve"
        ]
    );
}

#[test]
fn values_of_secrets_are_nowhere() {
    let set = lay_out(DOCKER);
    assert!(
        !serde_json::to_string(&set.resources)
            .unwrap()
            .contains("canary")
    );
    assert!(!show(&set).contains("canary"));
}
