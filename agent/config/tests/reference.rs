//! `docs/reference/configuration.md` knows every key, and its example is read.

#![cfg(test)]

use std::collections::BTreeMap;

use rivetos_config::parse;

const PAGE: &str = include_str!("../../../docs/reference/configuration.md");
/// A key that is near no other, so that the advice lists every key of its section.
const STRANGE: &str = "qqqqqqqqqqqqqqqqqqqqqqqq";

/// Every section: its heading in the page and a file with a strange key in it.
fn sections() -> Vec<(&'static str, String)> {
    let base = "agents: {ada: {provider: rehearsal}}\nproviders: {rehearsal: {}}\n";
    let with = |more: String| format!("{base}{more}\n");
    let deployed =
        |target: &str, more: &str| with(format!("deployment: {{target: {target}, {more}}}"));
    let part = |target, part| deployed(target, &format!("{part}: {{{STRANGE}: 1}}"));
    vec![
        ("## Top level", with(format!("{STRANGE}: 1"))),
        ("## `runtime`", with(format!("runtime: {{{STRANGE}: 1}}"))),
        (
            "## `agents.<name>`",
            format!(
                "agents: {{ada: {{provider: p, {STRANGE}: 1}}}}\nproviders: {{p: {{kind: rehearsal}}}}\n"
            ),
        ),
        (
            "### `agents.<name>.deploy`",
            format!(
                "agents: {{ada: {{provider: p, deploy: {{{STRANGE}: 1}}}}}}\nproviders: {{p: {{kind: rehearsal}}}}\n\
                 deployment: {{target: docker}}"
            ),
        ),
        (
            "## `providers.<name>`",
            format!(
                "agents: {{ada: {{provider: p}}}}\nproviders: {{p: {{kind: rehearsal, {STRANGE}: 1}}}}\n"
            ),
        ),
        (
            "## `channels.agent`",
            with(format!("channels: {{agent: {{{STRANGE}: 1}}}}")),
        ),
        (
            "## `memory.sqlite`",
            with(format!("memory: {{sqlite: {{{STRANGE}: 1}}}}")),
        ),
        (
            "## `deployment`",
            with(format!("deployment: {{target: docker, {STRANGE}: 1}}")),
        ),
        ("### `deployment.datahub`", part("docker", "datahub")),
        ("### `deployment.image`", part("docker", "image")),
        ("### `deployment.docker`", part("docker", "docker")),
        (
            "### `deployment.docker.hosts.<name>`",
            deployed(
                "docker",
                &format!("docker: {{hosts: {{nas: {{host: ssh://nas, {STRANGE}: 1}}}}}}"),
            ),
        ),
        (
            "### `tls` of an engine",
            deployed(
                "docker",
                &format!(
                    "docker: {{host: tcp://a:1, tls: {{ca: a, cert: b, key: c, {STRANGE}: 1}}}}"
                ),
            ),
        ),
        (
            "### `resources`",
            deployed(
                "docker",
                &format!("docker: {{resources: {{{STRANGE}: 1}}}}"),
            ),
        ),
        ("### `deployment.local`", part("local", "local")),
    ]
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
    for (heading, text) in sections() {
        let problems = parse(&text, "f", &BTreeMap::new()).unwrap_err();
        let [problem] = &problems.0[..] else {
            panic!("{heading}: {problems}");
        };
        let hint = problem.hint.as_deref().unwrap();
        let known = hint.strip_prefix("possible here: ").unwrap().split(", ");
        let mut known: Vec<&str> = known.collect();
        let mut documented = documented(heading);
        known.sort_unstable();
        documented.sort_unstable();
        assert_eq!(known, documented, "{heading}");
    }
}

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
