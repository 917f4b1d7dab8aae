//! Files that people wrote, or damaged, never break their readers, and what is wrong with them is
//! shown where it is.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

#[path = "../../protocol/tests/fuzzing/mod.rs"]
mod fuzzing;

use std::collections::BTreeMap;

use fuzzing::fuzz;
use rivetos_config::{EnvFile, Problem, Problems, migrate, parse, redacted};

/// Every problem is at a character of the text or at its end. YAML has three line breaks.
fn are_places(problems: &[Problem], text: &str, breaks: &[&str]) {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let text = breaks
        .iter()
        .fold(text.to_owned(), |text, other| text.replace(other, "\n"));
    let lines: Vec<&str> = text.split('\n').collect();
    for problem in problems {
        let before = usize::try_from(problem.line - 1).unwrap();
        let columns = lines.get(before).map_or(0, |line| line.chars().count());
        assert!(before <= lines.len(), "{problem}");
        assert!(
            (1..=columns as u64 + 1).contains(&problem.column),
            "{problem}"
        );
    }
}

const YAML: [&str; 2] = ["\r\n", "\r"];

fn environment() -> BTreeMap<String, String> {
    BTreeMap::from(
        [("KEY", "k"), ("HOST", "example.org"), ("EMPTY", "")]
            .map(|(name, value)| (name.to_owned(), value.to_owned())),
    )
}

const WORDS: [&str; 16] = [
    "${KEY}",
    "${EMPTY:-x}",
    "${NONE:?why}",
    "$$",
    "agents:\n",
    "  a: {provider: p}\n",
    "providers:\n",
    "deployment:\n",
    "target: docker\n",
    "maxTokens: 1\n",
    "? ",
    "- ",
    "!!binary ",
    "---\n",
    "|\n",
    "    ",
];

#[test]
fn a_configuration_that_is_accepted_is_written_and_read_as_the_same() {
    fuzz("config", &WORDS, |bytes| {
        let text = String::from_utf8_lossy(bytes);
        match parse(&text, "f", &environment()) {
            Err(Problems(problems)) => {
                assert!(!problems.is_empty());
                are_places(&problems, &text, &YAML);
            }
            Ok(parsed) => {
                are_places(&parsed.warnings, &text, &YAML);
                let written = parsed.config.to_yaml();
                redacted(&written);
                // A secret that stands in the file itself is not written.
                if parsed.written.is_empty() {
                    let again = parse(&written, "f", &environment()).unwrap();
                    assert_eq!(again.config, parsed.config, "{written}");
                }
            }
        }
    });
}

#[test]
fn a_migrated_file_needs_no_migration() {
    fuzz("config", &WORDS, |bytes| {
        let text = String::from_utf8_lossy(bytes);
        match migrate(&text, "f") {
            Err(Problems(problems)) => are_places(&problems, &text, &YAML),
            Ok(migrated) => {
                let lines = |text: &str| text.split('\n').count();
                assert_eq!(lines(&migrated.text), lines(&text));
                let again = migrate(&migrated.text, "f").unwrap();
                assert_eq!(again.changes, [], "{}", migrated.text);
                assert_eq!(again.text, migrated.text);
            }
        }
    });
}

#[test]
fn a_file_of_variables_is_read_or_explained() {
    let words = [
        "export ", "A=", "=\"", "='", "\\n", "\\\n", " #", "\"\n", "'\n",
    ];
    fuzz("env", &words, |bytes| {
        let text = String::from_utf8_lossy(bytes);
        match EnvFile::parse(&text, "f") {
            Err(Problems(problems)) => are_places(&problems, &text, &["\r\n"]),
            // What is added makes a line break of it.
            Ok(_) if text.ends_with('\r') => {}
            Ok(file) => {
                // One more variable changes none of the others.
                let longer = format!("{text}\nADDED_BY_THE_TEST='x y'\n");
                let longer = EnvFile::parse(&longer, "f").unwrap();
                assert_eq!(longer.get("ADDED_BY_THE_TEST").unwrap().expose(), "x y");
                for name in ["A", "B", "KEY"] {
                    assert_eq!(longer.get(name), file.get(name));
                }
            }
        }
    });
}
