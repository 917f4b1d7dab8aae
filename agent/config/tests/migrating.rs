//! Older files become today's without losing a comment.

#![cfg(test)]

use std::collections::BTreeMap;

use proptest::prelude::*;
use rivetos_config::{Becomes, migrate, parse};

const OLD: &str = r#"# A fleet of long ago.
runtime: { defaultAgent: ada, maxToolIterations: 5 } # both
agents:
  ada: {provider: own}   # maxTokens is not a key here
  maxTokens: &ö {"provider": own}
providers:
  own:
    kind: llama-server   # today openai-compat
    model: "ö maxTokens"
    'baseUrl' : http://127.0.0.1:1/v1
    maxOutputTokens: 7
    topP: 0.5
    "repeat\u0050enalty": 1
  both: { kind: rehearsal, maxTokens: 1, max_tokens: 2 }
deployment:
  target: local
  local: {portRange: "43200-43210"}
"#;

#[test]
fn old_spellings_are_rewritten_where_they_stand() {
    let migrated = migrate(OLD, "f").unwrap();
    insta::assert_snapshot!(migrated.text, @r#"
    # A fleet of long ago.
    runtime: { default_agent: ada, max_tool_iterations: 5 } # both
    agents:
      ada: {provider: own}   # maxTokens is not a key here
      maxTokens: &ö {"provider": own}
    providers:
      own:
        kind: openai-compat   # today openai-compat
        model: "ö maxTokens"
        'base_url' : http://127.0.0.1:1/v1
        max_tokens: 7
        top_p: 0.5
        "repeat\u0050enalty": 1
      both: { kind: rehearsal, maxTokens: 1, max_tokens: 2 }
    deployment:
      target: local
      local: {port_range: "43200-43210"}
    "#);
    let again = migrate(&migrated.text, "f").unwrap();
    assert_eq!(again.changes, []);
    assert_eq!(again.text, migrated.text);
    let changes: Vec<String> = migrated
        .changes
        .iter()
        .map(|change| match &change.becomes {
            Becomes::Word(word) => format!("{}: {} -> {word}", change.line, change.from),
            Becomes::Comment(why) => format!("{}: {} # {why}", change.line, change.from),
        })
        .collect();
    insta::assert_snapshot!(changes.join("\n"), @"
    2: defaultAgent -> default_agent
    2: maxToolIterations -> max_tool_iterations
    8: llama-server -> openai-compat
    10: baseUrl -> base_url
    11: maxOutputTokens -> max_tokens
    12: topP -> top_p
    17: portRange -> port_range
    ");
}

const OTHER_VERSIONS: &str = r"runtime:
  skillDirs:            # ours
  - a
  - b

  # agents wait so long
  turn_timeout: 7
  fallbacks:
    - {from: a, to: b}
agents:
  ada: {provider: own, local: [a]}
  bob:
    provider: own
    local:
    # first this one
    - a
channels:
  telegram: {bot_token: '${TOKEN}'}
  discord:
    channels: [1]
mesh:
  secret: x
providers:
  own:
    kind: rehearsal
    model: m
    maxTokens: 1
    max_tokens: 2
  other:
    name: x
";

#[test]
fn what_only_other_versions_know_becomes_a_comment() {
    let migrated = migrate(OTHER_VERSIONS, "f").unwrap();
    insta::assert_snapshot!(migrated.text, @r"
    runtime:
      # skillDirs:            # ours  # not in this version
      # - a
      # - b

      # agents wait so long
      turn_timeout: 7
      # fallbacks:  # no more: remove it: what an agent falls back to is a matter of the agent, `agents.<name>.fallbacks`
      #   - {from: a, to: b}
    agents:
      ada: {provider: own, local: [a]}
      bob:
        provider: own
        # local:  # not in this version
        # # first this one
        # - a
    # channels:  # this version knows nothing below it
    #   telegram: {bot_token: '${TOKEN}'}
    #   discord:
    #     channels: [1]
    # mesh:  # not in this version
    #   secret: x
    providers:
      own:
        kind: rehearsal
        model: m
        # maxTokens: 1  # `max_tokens` is there too, and counts
        max_tokens: 2
      other:
        name: x
    ");
    let left: Vec<String> = migrated
        .left
        .iter()
        .map(|change| format!("{}: {}", change.line, change.from))
        .collect();
    assert_eq!(left, ["11: local", "30: name"]);
    let again = migrate(&migrated.text, "f").unwrap();
    assert_eq!((again.text, again.changes), (migrated.text, vec![]));
}

#[test]
fn what_is_no_yaml_is_told() {
    let problems = migrate("a: b: c\n", "f").unwrap_err();
    assert!(problems.to_string().starts_with("f:1:5: "), "{problems}");
}

#[test]
fn a_migrated_file_means_the_same() {
    let old = "agents: {ada: {provider: p}}\nproviders:\n  p: {kind: llama-server, model: m, \
               baseUrl: http://x, maxTokens: 5}\nruntime: {turnTimeout: 7}\n";
    let new = migrate(old, "f").unwrap().text;
    assert_ne!(old, new);
    let read = |text: &str| parse(text, "f", &BTreeMap::new()).unwrap().config;
    assert_eq!(read(old), read(&new));
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_text_is_too_much(
        pieces in prop::collection::vec(prop_oneof![
            prop::sample::select(vec![
                "providers:\n", "  p:\n", "    maxTokens: 1\n", "runtime: {turnTimeout: 1}\n", "é",
                "\"", "'", "? ", "&a ", "*a", "{", "}", "\r\n", "\t", "# maxTokens\n", "mesh:\n", "den: 1\n", "- 1\n", "|\n",
            ]).prop_map(str::to_owned),
            any::<String>(),
        ], 0..12),
    ) {
        let text = pieces.concat();
        if let Ok(migrated) = migrate(&text, "f") {
            prop_assert_eq!(migrated.text.lines().count(), text.lines().count());
            if migrated.changes.is_empty() {
                prop_assert_eq!(migrated.text, text);
            }
        }
    }
}
