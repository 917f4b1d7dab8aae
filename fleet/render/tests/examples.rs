//! Every example is read without a word and looks on every target as recorded.

#![cfg(test)]

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use rivetos_config::{Config, Target, parse};
use rivetos_fleet::{BuildInfo, Context, FleetSpec, Program, desired};
use rivetos_render::render;

const EXAMPLES: [(&str, &str); 4] = [
    (
        "examples/local",
        include_str!("../../../examples/local/rivet.config.yaml"),
    ),
    (
        "examples/openai-compat",
        include_str!("../../../examples/openai-compat/rivet.config.yaml"),
    ),
    (
        "examples/quickstart",
        include_str!("../../../examples/quickstart/rivet.config.yaml"),
    ),
    (
        "examples/vendors",
        include_str!("../../../examples/vendors/rivet.config.yaml"),
    ),
];

/// The published schema of compose files, relative to the root of the repository.
const COMPOSE_SCHEMA: &str = "../shared/data/schemas/compose-spec.json";

fn config(name: &str, text: &str) -> Config {
    let environment = BTreeMap::from([("LLM_API_KEY".to_owned(), "canary-key".to_owned())]);
    match parse(text, name, &environment) {
        Ok(parsed) => {
            assert_eq!(parsed.warnings, [], "{name}");
            parsed.config
        }
        Err(problems) => panic!("{problems}"),
    }
}

/// The example as it would be with `target`.
fn rendered(config: &Config, target: Target) -> BTreeMap<String, String> {
    let mut config = config.clone();
    let deployment = config.deployment.as_mut().unwrap();
    deployment.target = target;
    match target {
        Target::Docker => {}
        Target::Local => deployment.datahub = None,
    }
    let context = Context {
        build: BuildInfo {
            version: "0.1.0".to_owned(),
            commit: "0123456789ab".to_owned(),
        },
        home: PathBuf::from("/home/op/.rivetos/fleets").join(config.fleet.as_str()),
        program: Some(Program {
            path: PathBuf::from("/usr/bin/rivetos-agent"),
            digest: "00112233aabbccdd".to_owned(),
        }),
        seed: BTreeMap::from([("CORE.md".to_owned(), "Be kind.\n".to_owned())]),
        digests: BTreeMap::new(),
    };
    render(&desired(&FleetSpec::resolve(&config, context).unwrap())).unwrap()
}

fn in_one_text(texts: &BTreeMap<String, String>) -> String {
    let parts: Vec<String> = texts
        .iter()
        .map(|(path, text)| format!("==== {path}\n{text}"))
        .collect();
    parts.concat()
}

#[test]
fn examples_look_as_recorded_on_every_target() {
    for (name, text) in EXAMPLES {
        let config = config(name, text);
        let name = name.trim_start_matches("examples/");
        for (target, word) in [(Target::Docker, "docker"), (Target::Local, "local")] {
            let texts = rendered(&config, target);
            let all = in_one_text(&texts);
            assert!(!all.contains("canary"), "{name} on {word}");
            assert_eq!(texts, rendered(&config, target), "{name} on {word}");
            insta::assert_snapshot!(format!("{name}_on_{word}"), all);
        }
    }
}

#[test]
fn compose_files_obey_the_published_schema() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let Ok(schema) = std::fs::read_to_string(root.join(COMPOSE_SCHEMA)) else {
        // Past the test harness's capture: what was not checked is to be seen.
        writeln!(std::io::stderr(), "SKIPPED: there is no {COMPOSE_SCHEMA}").unwrap();
        return;
    };
    let validator = jsonschema::draft7::new(&serde_json::from_str(&schema).unwrap()).unwrap();
    for (name, text) in EXAMPLES {
        let texts = rendered(&config(name, text), Target::Docker);
        let compose: serde_json::Value = serde_saphyr::from_str(&texts["compose.yaml"]).unwrap();
        let errors: Vec<String> = validator
            .iter_errors(&compose)
            .map(|error| format!("{}: {error}", error.instance_path()))
            .collect();
        assert!(errors.is_empty(), "{name}: {errors:#?}");
    }
}
