//! What files mean, and how they come to one agent.

#![cfg(test)]

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use rivetos_config::{
    Config, Deploy, Placement, PortRange, ProviderKind, Resources, SecretRef, Target, Variant,
    parse,
};

const FULL: &str = r#"
fleet: office
runtime:
  default_agent: ada
  workspace: ~/prompts
  max_tool_iterations: 20
  turn_timeout: ${SECONDS:-60}
agents:
  ada: { provider: near }
  max: &other { provider: far, model: big }
  eve:
    <<: *other
    model: small
providers:
  near:
    kind: openai-compat
    model: m
    base_url: http://${HOST}:8080/v1/
    api_key: ${NEAR_KEY}
    max_tokens: 100
    temperature: 0.5
  far:
    kind: llama-server
    model: "5$$"
    base_url: https://far.example/v1
    api_key: { file: /keys/far }
  rehearsal: {}
channels:
  agent: { host: 0.0.0.0, port: 3200, secret: "${BEARER}" }
memory:
  sqlite: { path: store.db }
telemetry:
  otlp: { endpoint: "http://traces:4318/", headers: "${BEARER}" }
deployment:
  target: docker
  datahub: { postgres_version: "16" }
  image: { agent_image: reg.example:5000/agent, tag: v1, variant: scratch }
  docker: { host: "tcp://engine:2375", network: net, postgres_port: 0 }
"#;

fn environment() -> BTreeMap<String, String> {
    [
        ("HOST", "near.example"),
        ("HOME", "/home/op"),
        ("NEAR_KEY", "canary-near"),
        ("BEARER", "canary-bearer"),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .into()
}

fn read(text: &str) -> Config {
    match parse(text, "f", &environment()) {
        Ok(parsed) => parsed.config,
        Err(problems) => panic!("{problems}"),
    }
}

fn placement() -> Placement {
    Placement {
        workspace: "/w".into(),
        store: "/w/store.db".into(),
        secrets: "/run/secrets".into(),
        token_file: "agent_token".into(),
    }
}

#[test]
fn every_key_is_read() {
    let config = read(FULL);
    assert_eq!(config.fleet.as_str(), "office");
    assert_eq!(
        config.runtime.workspace,
        Some(PathBuf::from("/home/op/prompts"))
    );
    assert_eq!(config.runtime.max_tool_iterations, 20);
    assert_eq!(config.runtime.turn_timeout, Duration::from_mins(1));
    let models: Vec<_> = config
        .agents
        .values()
        .map(|agent| agent.model.as_deref())
        .collect();
    assert_eq!(models, [None, Some("small"), Some("big")]);
    let near = &config.providers["near"];
    assert_eq!(near.kind.word(), "openai-compat");
    assert_eq!(
        near.base_url.as_deref(),
        Some("http://near.example:8080/v1")
    );
    assert_eq!(near.api_key, Some(SecretRef::Env("NEAR_KEY".into())));
    assert_eq!((near.max_tokens, near.temperature), (Some(100), Some(0.5)));
    let far = &config.providers["far"];
    assert_eq!(far.kind.word(), "openai-compat");
    assert_eq!(far.model, "5$");
    assert_eq!(far.api_key, Some(SecretRef::File("/keys/far".into())));
    assert_eq!(config.providers["rehearsal"].kind, ProviderKind::Rehearsal);
    assert_eq!(config.channels.agent.port, Some(3200));
    assert_eq!(config.memory.sqlite.path, Some(PathBuf::from("store.db")));
    let deployment = config.deployment.unwrap();
    assert_eq!(deployment.target, Target::Docker);
    assert_eq!(deployment.datahub.unwrap().postgres_version, 16);
    assert_eq!(deployment.image.variant, Variant::Scratch);
    assert_eq!(deployment.docker.postgres_port, None);
}

#[test]
fn what_is_left_out_has_a_default() {
    let config =
        read("agents: {ada: {provider: rehearsal}}\nproviders: {rehearsal: }\nchannels:\n");
    assert_eq!(config.fleet.as_str(), "rivetos");
    assert_eq!(config.runtime.default_agent.as_str(), "ada");
    assert_eq!(config.runtime.max_tool_iterations, 75);
    assert_eq!(config.runtime.turn_timeout, Duration::from_mins(15));
    assert_eq!(config.runtime.workspace, None);
    assert_eq!(config.deployment, None);
    let local = read(
        "agents: {ada: {provider: rehearsal}}\nproviders: {rehearsal: }\ndeployment: {target: local}",
    );
    let deployment = local.deployment.unwrap();
    assert_eq!(
        deployment.local.port_range,
        PortRange {
            first: 43_100,
            last: 43_199
        }
    );
    assert_eq!(deployment.datahub, None);
}

#[test]
fn the_project_name_names_the_fleet_unless_the_fleet_has_its_own() {
    let base = "agents: {ada: {provider: rehearsal}}\nproviders: {rehearsal: }\n\
                deployment: {target: docker, docker: {project_name: shop}}\n";
    assert_eq!(read(base).fleet.as_str(), "shop");
    assert_eq!(read(&format!("{base}fleet: own\n")).fleet.as_str(), "own");
}

#[test]
fn an_agent_gets_its_own_part_and_nothing_else() {
    let fleet = read(FULL);
    let files = fleet
        .for_agent(&"ada".parse().unwrap(), &placement())
        .unwrap();
    insta::assert_snapshot!(files.config.to_yaml(), @r#"
    fleet: "office"
    runtime:
      default_agent: "ada"
      workspace: "/w"
      max_tool_iterations: 20
      turn_timeout: 60
    agents:
      "ada":
        provider: "near"
    providers:
      "near":
        kind: openai-compat
        model: "m"
        base_url: "http://near.example:8080/v1"
        api_key:
          file: "/run/secrets/near_api_key"
        max_tokens: 100
        temperature: 0.5
    channels:
      agent:
        host: "0.0.0.0"
        port: 3200
        secret:
          file: "/run/secrets/agent_token"
    memory:
      sqlite:
        path: "/w/store.db"
    telemetry:
      otlp:
        endpoint: "http://traces:4318"
        headers:
          file: "/run/secrets/otlp_headers"
    "#);
    let given: Vec<_> = files
        .given
        .iter()
        .map(|(file, from)| format!("{file}: {from}"))
        .collect();
    assert_eq!(
        given,
        [
            "agent_token: environment variable `BEARER`",
            "near_api_key: environment variable `NEAR_KEY`",
            "otlp_headers: environment variable `BEARER`"
        ]
    );
    let again = parse(&files.config.to_yaml(), "f", &BTreeMap::new()).unwrap();
    assert_eq!(again.config, files.config);
    assert_eq!(again.warnings, []);
}

#[test]
fn nothing_of_another_agent_is_in_an_agents_file() {
    let text = "
runtime: {default_agent: own, workspace: canary-seeds}
agents:
  own: {provider: shared-not, model: mine}
  canary-agent: {provider: canary-provider, model: canary-agent-model}
providers:
  shared-not: {kind: rehearsal, model: canary-default}
  canary-provider:
    kind: openai-compat
    model: canary-model
    base_url: http://canary-host/v1
    api_key: ${NEAR_KEY}
memory: {sqlite: {path: canary-store}}
deployment: {target: docker, docker: {network: canary-net}}
";
    let files = read(text)
        .for_agent(&"own".parse().unwrap(), &placement())
        .unwrap();
    let seen = format!("{}{:?}", files.config.to_yaml(), files);
    assert!(!seen.contains("canary"), "{seen}");
    assert!(!seen.contains("NEAR_KEY"), "{seen}");
    assert!(files.given.is_empty());
    assert_eq!(files.config.providers["shared-not"].model, "mine");
}

#[test]
fn an_agent_gets_the_providers_that_it_falls_back_to() {
    let text = "
agents:
  own: {provider: near, model: mine, fallbacks: ['far:big', near]}
providers:
  near: {kind: openai-compat, model: theirs, base_url: 'http://near', api_key: {file: near}}
  far: {kind: anthropic, model: m, login: {client_id: c, token_file: tokens.json}}
  canary: {kind: google, model: m, api_key: {file: canary}}
";
    let own = "own".parse().unwrap();
    let files = read(text).for_agent(&own, &placement()).unwrap();
    insta::assert_snapshot!(files.config.to_yaml(), @r#"
    fleet: "rivetos"
    runtime:
      default_agent: "own"
      workspace: "/w"
      max_tool_iterations: 75
      turn_timeout: 900
    agents:
      "own":
        provider: "near"
        model: "mine"
        fallbacks: ["far:big", "near"]
    providers:
      "far":
        kind: anthropic
        model: "m"
        login:
          client_id: "c"
          authorize_url: "https://claude.ai/oauth/authorize"
          token_url: "https://console.anthropic.com/v1/oauth/token"
          redirect_url: "https://console.anthropic.com/oauth/code/callback"
          scopes: ["user:profile", "user:inference"]
          token_file: "/run/secrets/far_login"
      "near":
        kind: openai-compat
        model: "theirs"
        base_url: "http://near"
        api_key:
          file: "/run/secrets/near_api_key"
    channels:
      agent:
        secret:
          file: "/run/secrets/agent_token"
    memory:
      sqlite:
        path: "/w/store.db"
    "#);
    let given: Vec<_> = files
        .given
        .iter()
        .map(|(file, from)| format!("{file}: {from}"))
        .collect();
    assert_eq!(
        given,
        ["far_login: file `tokens.json`", "near_api_key: file `near`"]
    );
    let again = parse(&files.config.to_yaml(), "f", &BTreeMap::new()).unwrap();
    assert_eq!(again.config, files.config);
    // Without the last fallback nobody needs the provider's own model any more.
    let files = read(&text.replace(", near]", "]")).for_agent(&own, &placement());
    let config = files.unwrap().config;
    assert_eq!(config.providers["near"].model, "mine");
    assert_eq!(config.agents[&own].model, None);
}

#[test]
fn an_unknown_agent_gets_nothing() {
    assert_eq!(
        read(FULL).for_agent(&"nobody".parse().unwrap(), &placement()),
        None
    );
}

#[test]
fn agents_say_where_they_run() {
    let config = read(
        "
runtime: {default_agent: ada}
agents:
  ada: {provider: p}
  eve:
    provider: p
    was: eva
    deploy: {host: nas, resources: {memory: 1536M, cpus: 0.25, pids: 64}, image: a:1, protect: true}
  max: {provider: p, deploy: {target: local}}
providers: {p: {kind: rehearsal}}
deployment:
  target: docker
  datahub: {protect: true, resources: {memory: 4g}}
  image: {registry: registry.example:5000/team}
  docker:
    host: ssh://op@near:2222
    resources: {memory: 512MiB}
    hosts:
      nas: {host: tcp://nas:2376, tls: {ca: ca.pem, cert: ~/cert.pem, key: /key.pem}}
  local: {port_range: 43200-43210}
",
    );
    let [ada, eve, max] = ["ada", "eve", "max"].map(|name| &config.agents[&name.parse().unwrap()]);
    assert_eq!(ada.deploy, Deploy::default());
    assert_eq!(eve.was.as_ref().unwrap().as_str(), "eva");
    let expected = Deploy {
        target: None,
        host: Some("nas".parse().unwrap()),
        resources: Resources {
            memory_bytes: Some(1536 << 20),
            milli_cpus: Some(250),
            pids: Some(64),
        },
        image: Some("a:1".to_owned()),
        protect: true,
    };
    assert_eq!(eve.deploy, expected);
    assert_eq!(max.deploy.target, Some(Target::Local));
    let deployment = config.deployment.unwrap();
    let datahub = deployment.datahub.unwrap();
    assert!(datahub.protect);
    assert_eq!(datahub.resources.memory_bytes, Some(4 << 30));
    assert_eq!(
        deployment.image.agent_repository(),
        "registry.example:5000/team/rivetos-agent"
    );
    let docker = deployment.docker;
    assert_eq!(docker.host.as_deref(), Some("ssh://op@near:2222"));
    assert_eq!(docker.resources.memory_bytes, Some(512 << 20));
    let nas = &docker.hosts[&"nas".parse().unwrap()];
    assert_eq!(
        nas.tls.as_ref().unwrap().cert,
        PathBuf::from("/home/op/cert.pem")
    );
}

#[test]
fn the_datahub_is_published_where_its_address_says() {
    let read = |datahub: &str| {
        let text = format!(
            "agents: {{ada: {{provider: rehearsal}}}}
providers: {{rehearsal: {{}}}}
deployment:
  target: docker
  datahub: {{{datahub}, tls: {{ca: ca.pem, cert: /cert.pem, key: key.pem}}}}
"
        );
        let parsed = parse(&text, "f.yaml", &BTreeMap::new()).unwrap();
        let address = parsed.config.deployment.unwrap().datahub.unwrap().address;
        let warnings: Vec<String> = parsed.warnings.iter().map(ToString::to_string).collect();
        let address = address.unwrap();
        (
            format!("{} {} {}", address.host, address.port, address.bind),
            warnings.join("\n"),
        )
    };
    let silent = |address: &str| (address.to_owned(), String::new());
    assert_eq!(
        read("address: '10.0.0.5:5432'"),
        silent("10.0.0.5 5432 10.0.0.5")
    );
    assert_eq!(
        read("address: '[fd00::5]:6000'"),
        silent("fd00::5 6000 fd00::5")
    );
    assert_eq!(
        read("address: 'db.home.lan:5432', bind: 192.168.1.5"),
        silent("db.home.lan 5432 192.168.1.5")
    );
    let (_, warning) = read("address: 'db.home.lan:5432', bind: 0.0.0.0");
    assert!(
        warning.contains("deployment.datahub.bind: this publishes the datahub on every address"),
        "{warning}"
    );
    let (_, warning) = read("address: '8.8.8.8:5432'");
    assert!(
        warning.contains("address: this publishes the datahub to the whole internet"),
        "{warning}"
    );
}
