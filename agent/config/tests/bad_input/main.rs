//! Every class of bad input: what is said about it, and where.

#![cfg(test)]

use std::collections::BTreeMap;

use rivetos_config::parse;

mod agents;
mod deploy;
mod providers;

/// The problems and warnings of `text`; `#REST` stands for a sound remainder of the file.
fn said(text: &str) -> String {
    let rest = "agents: {ada: {provider: rehearsal}}\nproviders: {rehearsal: {}}\n";
    let text = text.replace("#REST\n", rest);
    let environment: BTreeMap<String, String> = [("EMPTY", ""), ("CANARY", "canary-value")]
        .map(|(k, v)| (k.into(), v.into()))
        .into();
    match parse(&text, "f.yaml", &environment) {
        Ok(parsed) => parsed
            .warnings
            .iter()
            .map(|w| format!("warning: {w}"))
            .collect::<Vec<_>>()
            .join("\n"),
        Err(problems) => problems.to_string(),
    }
}

fn check(text: &str, expected: &str) {
    let said = said(text);
    assert!(!said.contains("canary"), "{said}");
    assert_eq!(said, expected.trim_matches('\n'), "{text}");
}

#[test]
fn broken_yaml() {
    check(
        "agents:
  ada: {provider: x
providers: {}
",
        "
f.yaml:3:10: this is not valid YAML: while parsing a flow mapping, did not find expected ',' or '}'
",
    );
    check(
        "agents: *nowhere
",
        "
f.yaml:1:9: this is not valid YAML: reference to unknown value
",
    );
    check(
        "agents: {a: {provider: rehearsal}}
",
        "
f.yaml:1:1: providers: this key is missing
",
    );
    check(
        "a: b: c
",
        "
f.yaml:1:5: this is not valid YAML: mapping values are not allowed in this context
",
    );
}

#[test]
fn nothing_at_all() {
    check(
        "
",
        "
f.yaml:1:1: the file says nothing
  hint: at least `agents` and `providers` are needed
",
    );
    check(
        "~
",
        "
f.yaml:1:1: the file says nothing
  hint: at least `agents` and `providers` are needed
",
    );
    check(
        "- a
- b
",
        "
f.yaml:1:1: this is a list, but a map of keys and values is needed
",
    );
    check(
        "just words
",
        r#"
f.yaml:1:1: this is the text "just words", but a map of keys and values is needed
"#,
    );
}

#[test]
fn more_than_one_document() {
    check(
        "#REST
---
a: 1
",
        "
f.yaml:4:1: the file holds more than one YAML document
",
    );
}

#[test]
fn unknown_keys() {
    check(
        "#REST
runtme: {}
",
        "
f.yaml:3:1: runtme: unknown key
  hint: did you mean `runtime`?
",
    );
    check(
        "#REST
runtime:
  default_agnet: ada
  colour: red
",
        "
f.yaml:4:3: runtime.default_agnet: unknown key
  hint: did you mean `default_agent`?
f.yaml:5:3: runtime.colour: unknown key
  hint: possible here: default_agent, workspace, max_tool_iterations, turn_timeout
",
    );
    check(
        "agents:
  ada:
    provder: rehearsal
providers:
  rehearsal: {modle: x}
",
        "
f.yaml:2:3: agents.ada.provider: this key is missing
f.yaml:3:5: agents.ada.provder: unknown key
  hint: did you mean `provider`?
f.yaml:5:15: providers.rehearsal.modle: unknown key
  hint: did you mean `model`?
",
    );
}

#[test]
fn keys_of_other_versions() {
    check(
        "#REST
mesh: {enabled: true}
mcp: {}
runtime: {heartbeats: []}
channels: {telegram: {bot_token: x}}
memory: {postgres: {}}
deployment: {target: docker, proxmox: {}}
",
        "
f.yaml:3:1: mesh: not in this version
  hint: remove it, or comment it out until it is
f.yaml:4:1: mcp: not in this version
  hint: remove it, or comment it out until it is
f.yaml:5:11: runtime.heartbeats: not in this version
  hint: remove it, or comment it out until it is
f.yaml:6:12: channels.telegram: not in this version
  hint: remove it, or comment it out until it is
f.yaml:7:10: memory.postgres: not in this version
  hint: remove it, or comment it out until it is
f.yaml:8:30: deployment.proxmox: not in this version
  hint: remove it, or comment it out until it is
",
    );
    check(
        "agents: {ada: {provider: rehearsal, local: true}}
providers: {rehearsal: {name: n}}
",
        "
f.yaml:1:37: agents.ada.local: not in this version
  hint: remove it, or comment it out until it is
f.yaml:2:25: providers.rehearsal.name: not in this version
  hint: remove it, or comment it out until it is
",
    );
}

#[test]
fn keys_that_do_not_come_back() {
    check(
        "#REST
mesh: {secret: x}
runtime: {pluginDirs: []}
deployment: {target: docker, image: {buildFromSource: true}}
",
        "
f.yaml:3:1: mesh: not in this version
  hint: remove it, or comment it out until it is
f.yaml:3:8: mesh.secret: this key is no more
  hint: remove it: what agents tell each other apart by is made for them
f.yaml:4:11: runtime.pluginDirs: this key is no more
  hint: remove it: every plug-in is part of the program
f.yaml:5:38: deployment.image.buildFromSource: this key is no more
  hint: remove it: `rivetos build` makes the image, and one that `registry` or `agent_image` names is pulled
",
    );
}

#[test]
fn keys_in_two_spellings() {
    check(
        "#REST
runtime: {turn_timeout: 5, turnTimeout: 6}
",
        "
f.yaml:3:28: runtime.turnTimeout: this is `turn_timeout` in another spelling, which is there too
  hint: remove one of them
",
    );
}

#[test]
fn keys_written_twice() {
    check(
        "#REST
fleet: a
fleet: b
",
        "
f.yaml:4:1: fleet: this key is in line 3 already
",
    );
    check(
        "agents:
  ada: {provider: rehearsal}
  ada: {provider: rehearsal}
providers: {rehearsal: {}}
",
        "
f.yaml:3:3: agents.ada: this key is in line 2 already
",
    );
}

#[test]
fn missing_keys() {
    check(
        "fleet: x
",
        "
f.yaml:1:1: providers: this key is missing
f.yaml:1:1: agents: this key is missing
",
    );
    check(
        "agents: {}
providers: {}
",
        "
f.yaml:1:9: agents: there is no agent here, but at least one is needed
f.yaml:2:12: providers: there is no provider here, but at least one is needed
",
    );
    check(
        "agents: {ada: {}}
providers: {p: {kind: openai-compat}}
",
        "
f.yaml:1:10: agents.ada.provider: this key is missing
f.yaml:2:13: providers.p.model: this key is missing
f.yaml:2:13: providers.p.base_url: this key is missing
  hint: for example http://127.0.0.1:8080/v1
",
    );
    check(
        "#REST
deployment: {}
",
        "
f.yaml:3:1: deployment.target: this key is missing
",
    );
    check(
        "#REST
deployment:
",
        "

",
    );
}

#[test]
fn wrong_types() {
    check(
        "agents: [ada]
providers: rehearsal
",
        r#"
f.yaml:1:9: agents: this is a list, but a map of keys and values is needed
f.yaml:2:12: providers: this is the text "rehearsal", but a map of keys and values is needed
"#,
    );
    check(
        "agents: {ada: rehearsal}
providers: {rehearsal: 5}
",
        r#"
f.yaml:1:15: agents.ada: this is the text "rehearsal", but a map of keys and values is needed
f.yaml:2:24: providers.rehearsal: this is the number 5, but a map of keys and values is needed
"#,
    );
    check(
        r#"#REST
fleet: 17
runtime: {default_agent: true, workspace: , max_tool_iterations: many, turn_timeout: "60"}
channels: {agent: {port: 3100.5, host: localhost}}
"#,
        r#"
f.yaml:3:8: fleet: this is the number 17, but a text is needed
  hint: write it in quotes
f.yaml:4:26: runtime.default_agent: this is true, but a text is needed
  hint: write it in quotes
f.yaml:4:41: runtime.workspace: there is no value, but a text is needed
f.yaml:4:66: runtime.max_tool_iterations: this is the text "many", but a whole number is needed
f.yaml:4:86: runtime.turn_timeout: this is the text "60", but a whole number is needed
  hint: write it without quotes
f.yaml:5:26: channels.agent.port: this is the number 3100.5, but a whole number is needed
f.yaml:5:40: channels.agent.host: "localhost" is not an IP address
  hint: for example 127.0.0.1 or 0.0.0.0
"#,
    );
    check(
        "#REST
deployment:
  target: [docker]
  datahub: {postgres: yes, postgres_version: new}
  image: {tag: 1.10}
",
        r#"
f.yaml:4:11: deployment.target: this is a list, but a text is needed
f.yaml:5:23: deployment.datahub.postgres: this is the text "yes", but true or false is needed
f.yaml:5:46: deployment.datahub.postgres_version: this is the text "new", but a whole number is needed
f.yaml:6:16: deployment.image.tag: this is the number 1.1, but a text is needed
  hint: write it in quotes
"#,
    );
    check(
        r#"#REST
deployment: {target: docker, datahub: {postgres: "true"}}
"#,
        r#"
f.yaml:3:50: deployment.datahub.postgres: this is the text "true", but true or false is needed
  hint: write it without quotes
"#,
    );
}

#[test]
fn out_of_range() {
    check(
        "#REST
runtime: {max_tool_iterations: 0, turn_timeout: -1}
channels: {agent: {port: 65536}}
",
        "
f.yaml:3:32: runtime.max_tool_iterations: 0 is not between 1 and 10000
f.yaml:3:49: runtime.turn_timeout: -1 is not between 1 and 86400
f.yaml:4:26: channels.agent.port: 65536 is not between 1 and 65535
",
    );
    check(
        r#"agents: {ada: {provider: p}}
providers:
  p: {kind: openai-compat, model: m, base_url: "http://x", max_tokens: 0, temperature: 2.1}
"#,
        "
f.yaml:3:72: providers.p.max_tokens: 0 is not between 1 and 4294967295
f.yaml:3:88: providers.p.temperature: 2.1 is not between 0 and 2
",
    );
    check(
        r#"agents: {ada: {provider: p}}
providers:
  p: {kind: openai-compat, model: m, base_url: "http://x", max_tokens: 99999999999, temperature: .nan}
"#,
        "
f.yaml:3:72: providers.p.max_tokens: 99999999999 is not between 1 and 4294967295
f.yaml:3:98: providers.p.temperature: NaN is not between 0 and 2
",
    );
    check(
        "#REST
deployment: {target: local, local: {port_range: 10-5}}
",
        r#"
f.yaml:3:49: deployment.local.port_range: "10-5" is not a range of ports
  hint: for example 43100-43199
"#,
    );
    check(
        "#REST
deployment: {target: docker, datahub: {postgres_version: 9}, docker: {postgres_port: 70000}}
",
        "
f.yaml:3:58: deployment.datahub.postgres_version: 9 is not between 13 and 99
f.yaml:3:86: deployment.docker.postgres_port: 70000 is not between 0 and 65535
",
    );
}

#[test]
fn names() {
    check(
        r#"fleet: My Fleet
agents:
  datahub: {provider: rehearsal}
  Ada: {provider: rehearsal}
  a_b: {provider: rehearsal}
  "": {provider: rehearsal}
providers: {rehearsal: {}, "../x": {kind: rehearsal}}
"#,
        "
f.yaml:1:1: runtime.default_agent: this key is missing, and there is more than one agent
  hint: name one of: , Ada, a_b, datahub
f.yaml:1:8: fleet: `M` is not possible in a name: use lower-case letters, digits and hyphens
f.yaml:3:3: agents.datahub: `datahub` is the name of a part of the fleet itself
f.yaml:4:3: agents.Ada: `A` is not possible in a name: use lower-case letters, digits and hyphens
f.yaml:5:3: agents.a_b: `_` is not possible in a name: use lower-case letters, digits and hyphens
f.yaml:6:3: agents.: the name is empty
f.yaml:7:28: providers.../x: `.` is not possible in a name: use lower-case letters, digits and hyphens
",
    );
}

#[test]
fn references() {
    check(
        "agents:
  ada: {provider: rehersal}
  max: {provider: nowhere}
providers: {rehearsal: {}}
",
        r#"
f.yaml:1:1: runtime.default_agent: this key is missing, and there is more than one agent
  hint: name one of: ada, max
f.yaml:2:19: agents.ada.provider: "rehersal" is not one of the `providers`
  hint: did you mean `rehearsal`? There are: rehearsal
f.yaml:3:19: agents.max.provider: "nowhere" is not one of the `providers`
  hint: there are: rehearsal
"#,
    );
    check(
        "runtime: {default_agent: adda}
agents: {ada: {provider: rehearsal}, max: {provider: rehearsal}}
providers: {rehearsal: {}}
",
        r#"
f.yaml:1:26: runtime.default_agent: "adda" is not one of the `agents`
  hint: did you mean `ada`? There are: ada, max
"#,
    );
    check(
        "runtime: {}
agents: {ada: {provider: rehearsal}, max: {provider: rehearsal}}
providers: {rehearsal: {}}
",
        "
f.yaml:1:1: runtime.default_agent: this key is missing, and there is more than one agent
  hint: name one of: ada, max
",
    );
    check(
        r#"runtime: {default_agent: "${CANARY}"}
agents: {ada: {provider: "${CANARY}"}, max: {provider: rehearsal}}
providers: {rehearsal: {}}
"#,
        r#"
f.yaml:1:26: runtime.default_agent: "${CANARY}" is not one of the `agents`
  hint: there are: ada, max
f.yaml:2:26: agents.ada.provider: "${CANARY}" is not one of the `providers`
  hint: there are: rehearsal
"#,
    );
}

#[test]
fn addresses() {
    check(
        r#"agents: {ada: {provider: a}}
providers:
  a: {kind: openai-compat, model: m, base_url: localhost:8080}
  b: {kind: openai-compat, model: m, base_url: "http:///v1"}
  c: {kind: openai-compat, model: m, base_url: "http://user:pw@host/v1"}
  d: {kind: openai-compat, model: m, base_url: "http://a b"}
  e: {kind: openai-compat, model: "", base_url: ""}
"#,
        "
f.yaml:3:48: providers.a.base_url: an address starts with http:// or https:// and a host
  hint: for example http://127.0.0.1:8080/v1
f.yaml:4:48: providers.b.base_url: an address starts with http:// or https:// and a host
  hint: for example http://127.0.0.1:8080/v1
f.yaml:5:48: providers.c.base_url: an address with a user or password is not used
  hint: write the secret as `api_key`
f.yaml:6:48: providers.d.base_url: an address has no blanks
f.yaml:7:35: providers.e.model: this text is empty
f.yaml:7:49: providers.e.base_url: this text is empty
",
    );
    check(
        r#"#REST
deployment:
  target: docker
  docker: {host: "http://x", network: "a b", project_name: Shop}
  image: {agent_image: "x:1", tag: "-a", datahub_image: "a b", variant: full}
"#,
        r#"
f.yaml:5:18: deployment.docker.host: an engine's address starts with unix://, tcp:// or ssh://
  hint: for example unix:///var/run/docker.sock, tcp://127.0.0.1:2375 or ssh://operator@nas
f.yaml:5:39: deployment.docker.network: this is not the name of a network
  hint: letters, digits, `_`, `.` and `-`; a letter or digit first
f.yaml:5:60: deployment.docker.project_name: `S` is not possible in a name: use lower-case letters, digits and hyphens
f.yaml:6:24: deployment.image.agent_image: this is the image's name without its tag
  hint: write the tag as `deployment.image.tag`
f.yaml:6:36: deployment.image.tag: this is not a tag
  hint: at most 128 letters, digits, `_`, `.` and `-`; not `.` or `-` first
f.yaml:6:57: deployment.image.datahub_image: this is not the name of an image
f.yaml:6:73: deployment.image.variant: "full" is not one of slim, scratch
  hint: possible: slim, scratch
"#,
    );
}

#[test]
fn targets() {
    check(
        "#REST
deployment: {target: dokcer}
",
        r#"
f.yaml:3:22: deployment.target: "dokcer" is not one of docker, local
  hint: did you mean `docker`?
"#,
    );
    check(
        "#REST
deployment: {target: proxmox}
",
        "
f.yaml:3:22: deployment.target: `proxmox` is not in this version
  hint: possible: docker, local
",
    );
}

#[test]
fn parts_without_effect() {
    check(
        "#REST
deployment:
  target: local
  image: {tag: x}
  docker: {network: n}
",
        "
warning: f.yaml:5:3: deployment.image: this has no effect with `target: local`
  hint: remove it
warning: f.yaml:6:3: deployment.docker: this has no effect with `target: local`
  hint: remove it
",
    );
    check(
        "#REST
deployment: {target: docker, local: {port_range: 5000-5001}}
",
        "
warning: f.yaml:3:30: deployment.local: this has no effect with `target: docker`
  hint: remove it
",
    );
    check(
        "#REST
deployment:
  target: local
  datahub: {postgres: true}
",
        "
f.yaml:5:3: deployment.datahub: there is no datahub with `target: local`
  hint: remove it (agents keep their data in SQLite), or use `target: docker`
",
    );
    check(
        "#REST
deployment: {target: local, datahub: {postgres: false}}
",
        "

",
    );
}

#[test]
fn variables() {
    check(
        r#"#REST
fleet: ${NOT_SET}
runtime:
  workspace: $HOME/x
  max_tool_iterations: ${CANARY}
  turn_timeout: ${SECONDS:?how long a turn may take}
channels: {agent: {host: "${OPEN", port: "${PORT:-0}"}}
memory: {sqlite: {path: ~/x}}
"#,
        r#"
f.yaml:3:8: fleet: the environment variable `NOT_SET` is not set
  hint: export NOT_SET=… or write ${NOT_SET:-default}
f.yaml:5:14: runtime.workspace: a `$` stands for itself only when it is doubled
  hint: write `$$` for a dollar sign, `${NAME}` for a variable
f.yaml:6:24: runtime.max_tool_iterations: "${CANARY}" does not come to a whole number
f.yaml:7:17: runtime.turn_timeout: the environment variable `SECONDS` is needed: how long a turn may take
  hint: export SECONDS=…
f.yaml:8:26: channels.agent.host: `${` has no closing `}`
  hint: write `$$` for a dollar sign, `${NAME}` for a variable
f.yaml:8:42: channels.agent.port: 0 is not between 1 and 65535
f.yaml:9:25: memory.sqlite.path: `~` is the home folder, but `HOME` is not set
  hint: export HOME=… or write the whole path
"#,
    );
    check(
        r#"#REST
deployment:
  target: ${CANARY}
  datahub: {postgres: "${CANARY}"}
"#,
        r#"
f.yaml:4:11: deployment.target: "${CANARY}" is not one of docker, local
  hint: possible: docker, local
f.yaml:5:23: deployment.datahub.postgres: "${CANARY}" does not come to true or false
"#,
    );
}

#[test]
fn secrets() {
    check(
        r#"agents: {ada: {provider: a}}
providers:
  a: {kind: openai-compat, model: m, base_url: "http://x", api_key: sk-canary}
  b: {kind: openai-compat, model: m, base_url: "http://x", api_key: "${NOT_SET}"}
  c: {kind: openai-compat, model: m, base_url: "http://x", api_key: "${EMPTY}"}
  d: {kind: openai-compat, model: m, base_url: "http://x", api_key: "Bearer ${CANARY}"}
  e: {kind: openai-compat, model: m, base_url: "http://x", api_key: "${NOT_SET:-canary}"}
  f: {kind: openai-compat, model: m, base_url: "http://x", api_key: {fiel: k}}
  g: {kind: openai-compat, model: m, base_url: "http://x", api_key: }
channels: {agent: {secret: 12345678}}
"#,
        "
f.yaml:4:69: providers.b.api_key: the environment variable `NOT_SET` is not set
  hint: export NOT_SET=…
f.yaml:5:69: providers.c.api_key: the environment variable `EMPTY` is empty
  hint: export EMPTY=…
f.yaml:6:69: providers.d.api_key: a secret is one variable with nothing around it
  hint: export it as a variable and write `${NAME}`, or write `{file: PATH}`
f.yaml:8:60: providers.f.api_key.file: this key is missing
f.yaml:8:70: providers.f.api_key.fiel: unknown key
  hint: did you mean `file`?
f.yaml:9:67: providers.g.api_key: a secret is a text
  hint: export it as a variable and write `${NAME}`, or write `{file: PATH}`
f.yaml:10:28: channels.agent.secret: a secret is a text
  hint: export it as a variable and write `${NAME}`, or write `{file: PATH}`
",
    );
}

#[test]
fn secrets_in_the_file() {
    check(
        r#"agents: {ada: {provider: a}}
providers:
  a: {kind: openai-compat, model: m, base_url: "http://x", api_key: canary}
  b: {kind: openai-compat, model: "sk-canaryabcdefghijklmnopqrst", base_url: "http://x"}
  c: {kind: openai-compat, model: m, base_url: "http://x", api_key: "${NOT_SET:-canary}"}
  d: {kind: openai-compat, model: m, base_url: "http://x", api_key: "${CANARY:-x}"}
memory: {sqlite: {path: "postgres://ada:canary@db/x"}}
"#,
        "
warning: f.yaml:3:69: providers.a.api_key: a secret is written into this file
  hint: export it as a variable and write `${NAME}`, or write `{file: PATH}`
warning: f.yaml:4:35: providers.b.model: this looks like a secret
  hint: secrets belong into variables or files, and here only their names
warning: f.yaml:5:69: providers.c.api_key: a secret is written into this file
  hint: export it as a variable and write `${NAME}`, or write `{file: PATH}`
warning: f.yaml:7:25: memory.sqlite.path: this looks like a secret
  hint: secrets belong into variables or files, and here only their names
",
    );
    check(
        r#"#REST
runtime: {max_tool_iterations: "sk-canaryabcdefghijklmnopqrst"}
"#,
        r#"
f.yaml:3:32: runtime.max_tool_iterations: this is the text "***", but a whole number is needed
"#,
    );
}

#[test]
fn a_file_that_grows_without_end() {
    let too_much = "the file is nested too deeply, or its aliases stand for too much";
    let mut bomb = "a: &a [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for (last, next) in [("a", "b"), ("b", "c"), ("c", "d"), ("d", "e"), ("e", "f")] {
        let ten = vec![format!("*{last}"); 10].join(", ");
        bomb = format!("{bomb}{next}: &{next} [{ten}]\n");
    }
    check(&bomb, &format!("f.yaml:5:8: {too_much}"));
    let mut deep = String::new();
    for depth in 0..100 {
        deep = format!("{deep}{}a:\n", " ".repeat(depth));
    }
    check(&deep, &format!("f.yaml:25:25: {too_much}"));
    check(
        &"[".repeat(5000),
        "f.yaml:1:25: this is not valid YAML: recursion limit exceeded",
    );
    check(
        &format!("# {}", "x".repeat(2_000_000)),
        "f.yaml:1:1: the file is longer than 1048576 bytes",
    );
}
