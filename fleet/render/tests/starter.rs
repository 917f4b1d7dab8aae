//! The file that a new fleet begins with is one that we read ourselves.

#![cfg(test)]

use std::collections::BTreeMap;

use rivetos_config::{Parsed, SecretRef, Target, parse};
use rivetos_render::{Model, Starter, starter};

fn read(text: &str) -> Parsed {
    let environment: BTreeMap<String, String> = [("LLM_KEY".into(), "k".into())].into();
    match parse(text, "starter", &environment) {
        Ok(parsed) => parsed,
        Err(problems) => panic!("{problems}\n{text}"),
    }
}

#[test]
fn without_a_model_the_stand_in_is_used() {
    let text = starter(&Starter {
        fleet: "my-fleet".parse().unwrap(),
        target: Target::Docker,
        model: Model::Rehearsal,
    })
    .unwrap();
    insta::assert_snapshot!(text);
    let parsed = read(&text);
    assert_eq!(parsed.warnings, []);
    assert_eq!(parsed.config.fleet.as_str(), "my-fleet");
    assert_eq!(parsed.config.agents.len(), 2);
    let deployment = parsed.config.deployment.unwrap();
    assert_eq!(deployment.target, Target::Docker);
    assert!(deployment.datahub.is_some());
}

#[test]
fn a_model_is_named_as_it_is_and_its_key_by_variable() {
    let text = starter(&Starter {
        fleet: "f".parse().unwrap(),
        target: Target::Local,
        model: Model::OpenaiCompat {
            model: "a: ${b} # \"c\"".to_owned(),
            base_url: "https://x/$v1".to_owned(),
            api_key_variable: Some("LLM_KEY".to_owned()),
        },
    })
    .unwrap();
    insta::assert_snapshot!(text);
    let parsed = read(&text);
    assert_eq!(parsed.warnings, []);
    let provider = &parsed.config.providers["main"];
    assert_eq!(provider.kind.word(), "openai-compat");
    assert_eq!(provider.model, "a: ${b} # \"c\"");
    assert_eq!(provider.base_url.as_deref(), Some("https://x/$v1"));
    assert_eq!(provider.api_key, Some(SecretRef::Env("LLM_KEY".to_owned())));
    assert_eq!(parsed.config.deployment.unwrap().datahub, None);
}

#[test]
fn an_endpoint_may_want_no_key() {
    let text = starter(&Starter {
        fleet: "f".parse().unwrap(),
        target: Target::Local,
        model: Model::OpenaiCompat {
            model: "m".to_owned(),
            base_url: "http://127.0.0.1:11434/v1".to_owned(),
            api_key_variable: None,
        },
    })
    .unwrap();
    assert_eq!(read(&text).config.providers["main"].api_key, None);
}
