//! Planning stories as transcripts: `scenarios/*.txt` are told to a simulated world, what comes
//! back is `scenarios/*.out`. `UPDATE_TRANSCRIPTS=1` writes them anew.

#![cfg(test)]

mod story;
mod teller;

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use story::CANARY;
use teller::Teller;

/// The transcript of `script`, which always ends with the world as it is then, and everything
/// that was written on the way.
fn transcript(folder: &Path, script: &str) -> (String, String) {
    let mut teller = Teller::new(folder);
    let mut text = String::new();
    for line in script.lines() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            writeln!(text, "{line}").unwrap();
            continue;
        }
        write!(text, "> {line}\n{}", teller.tell(line)).unwrap();
    }
    write!(text, "\nThe world in the end:\n{}", teller.show_world()).unwrap();
    (text, teller.written)
}

#[test]
fn stories_go_as_they_were_told() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scenarios");
    let mut scripts: Vec<PathBuf> = std::fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "txt"))
        .collect();
    scripts.sort();
    assert!(!scripts.is_empty());
    let mut different = Vec::new();
    for script in scripts {
        let (text, written) = transcript(&folder, &std::fs::read_to_string(&script).unwrap());
        assert!(
            !text.contains(CANARY) && !written.contains(CANARY),
            "{} shows a secret",
            script.display()
        );
        let expected = script.with_extension("out");
        if std::env::var_os("UPDATE_TRANSCRIPTS").is_some() {
            std::fs::write(&expected, &text).unwrap();
        }
        let known = std::fs::read_to_string(&expected).unwrap_or_default();
        if text != known {
            different.push(format!("{}:\n{text}", script.display()));
        }
    }
    assert!(
        different.is_empty(),
        "these go differently now:\n{}",
        different.join("\n")
    );
}
