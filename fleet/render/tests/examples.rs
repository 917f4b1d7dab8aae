//! Every example is read without a word.

#![cfg(test)]

use std::collections::BTreeMap;

use rivetos_config::parse;

const EXAMPLES: [(&str, &str); 3] = [
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
];

fn environment() -> BTreeMap<String, String> {
    [("LLM_API_KEY".to_owned(), "canary".to_owned())].into()
}

#[test]
fn examples_have_no_problems_and_no_warnings() {
    for (name, text) in EXAMPLES {
        match parse(text, name, &environment()) {
            Ok(parsed) => assert_eq!(parsed.warnings, [], "{name}"),
            Err(problems) => panic!("{problems}"),
        }
    }
}
