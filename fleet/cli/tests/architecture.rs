//! The rules of `docs/ARCHITECTURE.md` and `CONTRIBUTING.md`, checked against the tree.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test ends where something is not as it must be"
)]
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use cargo_metadata::{DependencyKind, MetadataCommand, Package};

/// A crate's place, and what it may lean on.
struct Row {
    /// Folder; a trailing `/` stands for every folder below it.
    folder: &'static str,
    /// Folders of ours that it may depend on.
    may_use: &'static [&'static str],
    /// Crates of others that it must not depend on.
    banned_crates: &'static [&'static str],
    /// What its sources must not say.
    banned_words: &'static [&'static [&'static str]],
}

const FILES: &[&str] = &["std::fs", "tokio::fs", "File::open", "File::create"];
const SOCKETS: &[&str] = &[
    "TcpStream",
    "TcpListener",
    "UdpSocket",
    "UnixStream",
    "ToSocketAddrs",
];
const ENVIRONMENT: &[&str] = &["std::env", "env::var", "env::args", "env::current_dir"];
const PROCESSES: &[&str] = &["std::process", "tokio::process"];
const CLOCKS: &[&str] = &["SystemTime", "Instant::now"];

const TABLE: &[Row] = &[
    Row {
        folder: "agent/types",
        may_use: &[],
        banned_crates: &[
            "tokio", "reqwest", "sqlx", "rusqlite", "axum", "hyper", "clap",
        ],
        banned_words: &[FILES, SOCKETS, ENVIRONMENT],
    },
    Row {
        folder: "agent/config",
        may_use: &["agent/types"],
        banned_crates: &[
            "tokio", "reqwest", "sqlx", "rusqlite", "axum", "hyper", "clap",
        ],
        banned_words: &[FILES, SOCKETS, ENVIRONMENT, PROCESSES],
    },
    Row {
        folder: "agent/protocol",
        may_use: &["agent/types"],
        banned_crates: &[
            "tokio", "reqwest", "sqlx", "rusqlite", "axum", "hyper", "clap",
        ],
        banned_words: &[FILES, SOCKETS, ENVIRONMENT, PROCESSES],
    },
    Row {
        folder: "agent/http",
        may_use: &["agent/types"],
        banned_crates: &["sqlx", "rusqlite", "axum", "clap"],
        banned_words: &[FILES],
    },
    Row {
        folder: "agent/openai",
        may_use: &["agent/types", "agent/protocol", "agent/http"],
        banned_crates: &["tokio", "reqwest", "sqlx", "rusqlite", "axum", "clap"],
        banned_words: &[FILES, SOCKETS, ENVIRONMENT, PROCESSES, CLOCKS],
    },
    Row {
        folder: "agent/core",
        may_use: &["agent/types", "agent/config", "agent/protocol"],
        banned_crates: &["reqwest", "sqlx", "rusqlite", "axum", "hyper", "clap"],
        banned_words: &[FILES, SOCKETS, ENVIRONMENT, CLOCKS],
    },
    Row {
        folder: "plugins/",
        may_use: &[
            "agent/types",
            "agent/protocol",
            "agent/http",
            "agent/openai",
        ],
        banned_crates: &["clap", "bollard", "kube"],
        banned_words: &[],
    },
    Row {
        folder: "agent/runtime",
        may_use: &[
            "agent/types",
            "agent/config",
            "agent/protocol",
            "agent/core",
        ],
        banned_crates: &["clap", "rusqlite", "sqlx"],
        banned_words: &[],
    },
    Row {
        folder: "agent/boot",
        may_use: &["agent/", "plugins/"],
        banned_crates: &["bollard", "kube"],
        banned_words: &[],
    },
    Row {
        folder: "fleet/planner",
        may_use: &["agent/config", "agent/protocol"],
        banned_crates: &[
            "tokio",
            "reqwest",
            "hyper",
            "minijinja",
            "clap",
            "getrandom",
            "rand",
        ],
        banned_words: &[FILES, SOCKETS, ENVIRONMENT, PROCESSES, CLOCKS],
    },
    Row {
        folder: "fleet/render",
        may_use: &["fleet/planner", "agent/config"],
        banned_crates: &["tokio", "reqwest", "hyper"],
        banned_words: &[FILES, SOCKETS],
    },
    Row {
        folder: "providers/",
        may_use: &["fleet/planner", "agent/protocol"],
        banned_crates: &["clap"],
        banned_words: &[],
    },
    Row {
        folder: "fleet/engine",
        may_use: &["fleet/planner", "fleet/render", "agent/protocol"],
        banned_crates: &["clap", "bollard", "kube"],
        banned_words: &[],
    },
    Row {
        folder: "fleet/sim",
        may_use: &["fleet/planner", "fleet/render", "fleet/engine"],
        banned_crates: &["clap", "bollard", "kube"],
        banned_words: &[],
    },
    Row {
        folder: "fleet/cli",
        may_use: &[
            "fleet/planner",
            "fleet/render",
            "fleet/engine",
            "fleet/sim",
            "providers/",
            "agent/config",
            "agent/protocol",
        ],
        banned_crates: &["bollard", "kube", "reqwest", "rusqlite"],
        banned_words: &[],
    },
];

/// Where each crate lives. Families are named by their folder.
const LAYOUT: &[(&str, &str)] = &[
    ("agent/types", "rivetos-types"),
    ("agent/config", "rivetos-config"),
    ("agent/protocol", "rivetos-protocol"),
    ("agent/http", "rivetos-http"),
    ("agent/openai", "rivetos-openai"),
    ("agent/core", "rivetos-core"),
    ("agent/runtime", "rivetos-runtime"),
    ("agent/boot", "rivetos-agent"),
    ("fleet/planner", "rivetos-fleet"),
    ("fleet/render", "rivetos-render"),
    ("fleet/engine", "rivetos-engine"),
    ("fleet/sim", "rivetos-sim"),
    ("fleet/cli", "rivetos"),
];

const FAMILIES: &[(&str, &str)] = &[
    ("providers/", "rivetos-provider-"),
    ("plugins/channels/", "rivetos-channel-"),
    ("plugins/models/", "rivetos-model-"),
    ("plugins/memory/", "rivetos-memory-"),
    ("plugins/tools/", "rivetos-tool-"),
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../..")
        .canonicalize()
        .unwrap()
}

/// The workspace's crates by folder.
fn crates() -> BTreeMap<String, Package> {
    let root = root();
    let metadata = MetadataCommand::new()
        .current_dir(&root)
        .no_deps()
        .exec()
        .unwrap();
    metadata
        .packages
        .into_iter()
        .map(|package| {
            let folder = package.manifest_path.parent().unwrap().as_std_path();
            let folder = folder
                .strip_prefix(&root)
                .unwrap()
                .to_str()
                .unwrap()
                .to_owned();
            (folder, package)
        })
        .collect()
}

/// Every file of the tree that is the project's own, relative to the root.
fn files() -> Vec<PathBuf> {
    fn walk(root: &Path, folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap();
            if name.starts_with('.') || matches!(name, "target" | "my-fleet") {
                continue;
            }
            if path.is_dir() {
                walk(root, &path, found);
            } else {
                found.push(path.strip_prefix(root).unwrap().to_owned());
            }
        }
    }
    let root = root();
    let mut found = Vec::new();
    walk(&root, &root, &mut found);
    found.sort();
    found
}

fn rust_files() -> impl Iterator<Item = (PathBuf, String)> {
    let root = root();
    files()
        .into_iter()
        .filter(|path| path.extension().is_some_and(|e| e == "rs"))
        .map(move |path| {
            let text = fs::read_to_string(root.join(&path)).unwrap();
            (path, text)
        })
}

fn is_test(path: &Path) -> bool {
    path.ends_with("tests.rs") || path.components().any(|part| part.as_os_str() == "tests")
}

fn below(folder: &str, pattern: &str) -> bool {
    if pattern.ends_with('/') {
        folder.starts_with(pattern)
    } else {
        folder == pattern
    }
}

fn row(folder: &str) -> &'static Row {
    TABLE
        .iter()
        .find(|row| below(folder, row.folder))
        .unwrap_or_else(|| panic!("{folder} has no row in the dependency table"))
}

fn assert_none(rule: &str, found: &[String]) {
    assert!(found.is_empty(), "{rule}:\n  {}", found.join("\n  "));
}

#[test]
fn dependencies_point_inward() {
    let crates = crates();
    let folder_of: BTreeMap<String, &str> = crates
        .iter()
        .map(|(folder, p)| (p.name.to_string(), folder.as_str()))
        .collect();
    let mut wrong = Vec::new();
    for (folder, package) in &crates {
        let row = row(folder);
        for dependency in &package.dependencies {
            let name = &dependency.name;
            let exempt = dependency.kind == DependencyKind::Development;
            match folder_of.get(name) {
                Some(other) => {
                    let allowed = row.may_use.iter().any(|pattern| below(other, pattern));
                    let across = is_plugin(folder) && is_fleet(other)
                        || is_fleet(folder) && is_plugin(other);
                    if across || !exempt && !allowed {
                        wrong.push(format!("{folder} -> {other}"));
                    }
                }
                None if !exempt && row.banned_crates.contains(&name.as_str()) => {
                    wrong.push(format!("{folder} -> {name}"));
                }
                None => {}
            }
        }
    }
    assert_none("edges outside the dependency table", &wrong);
}

fn is_plugin(folder: &str) -> bool {
    folder.starts_with("plugins/")
}

fn is_fleet(folder: &str) -> bool {
    folder.starts_with("fleet/") || folder.starts_with("providers/")
}

#[test]
fn pure_crates_stay_pure() {
    let mut wrong = Vec::new();
    for (path, text) in rust_files() {
        let place = path.to_str().unwrap();
        let Some(row) = TABLE.iter().find(|row| {
            place
                .strip_prefix(row.folder)
                .is_some_and(|rest| rest.starts_with("/src/"))
        }) else {
            continue;
        };
        if is_test(&path) {
            continue;
        }
        let code = text.split("#[cfg(test)]").next().unwrap();
        for line in code
            .lines()
            .filter(|line| !line.trim_start().starts_with("//"))
        {
            for word in row.banned_words.iter().copied().flatten() {
                if line.contains(word) {
                    wrong.push(format!("{place}: {}", line.trim()));
                }
            }
        }
    }
    assert_none("input, output or clocks where there must be none", &wrong);
}

#[test]
fn crates_are_where_the_layout_has_them() {
    let mut wrong = Vec::new();
    for (folder, package) in crates() {
        let name = package.name.as_str();
        let listed = LAYOUT.contains(&(folder.as_str(), name));
        let family = FAMILIES.iter().any(|(family, prefix)| {
            folder
                .strip_prefix(family)
                .is_some_and(|rest| !rest.contains('/') && name == format!("{prefix}{rest}"))
        });
        if !listed && !family {
            wrong.push(format!("{name} at {folder}"));
        }
    }
    assert_none("crates outside the layout", &wrong);
}

#[test]
fn crates_take_the_lints_of_the_workspace() {
    let wrong: Vec<_> = crates()
        .into_iter()
        .filter(|(_, package)| {
            let text = fs::read_to_string(&package.manifest_path).unwrap();
            !text.contains("[lints]\nworkspace = true")
        })
        .map(|(folder, _)| folder)
        .collect();
    assert_none("crates without the workspace's lints", &wrong);
    let clippy = fs::read_to_string(root().join("clippy.toml")).unwrap();
    for limit in [
        "too-many-lines-threshold = 70",
        "too-many-arguments-threshold = 5",
    ] {
        assert!(clippy.contains(limit), "clippy.toml does not say `{limit}`");
    }
}

#[test]
fn files_are_short() {
    let mut wrong = Vec::new();
    for (path, text) in rust_files() {
        let limit = match path.file_name().unwrap().to_str().unwrap() {
            "lib.rs" => 80,
            _ if is_test(&path) => 800,
            _ => 600,
        };
        let lines = text.lines().count();
        if lines > limit {
            wrong.push(format!("{}: {lines} lines, limit {limit}", path.display()));
        }
    }
    assert_none("files that are too long", &wrong);
}

#[test]
fn lints_are_expected_and_never_allowed() {
    // In two pieces, so that this file is not found.
    let attribute = ["allow", "("].concat();
    let wrong: Vec<_> = rust_files()
        .filter(|(_, text)| {
            text.lines().any(|line| {
                let line = line.trim_start();
                [format!("#[{attribute}"), format!("#![{attribute}")]
                    .iter()
                    .any(|start| line.starts_with(start.as_str()))
            })
        })
        .map(|(path, _)| path.display().to_string())
        .collect();
    assert_none(
        "files that allow a lint (use `expect` with a reason)",
        &wrong,
    );
}

#[test]
fn modules_are_named_for_what_they_hold() {
    let wrong: Vec<_> = rust_files()
        .filter(|(path, _)| {
            path.components().any(|part| {
                let name = part.as_os_str().to_str().unwrap().trim_end_matches(".rs");
                matches!(
                    name,
                    "util" | "utils" | "common" | "shared" | "helper" | "helpers"
                )
            })
        })
        .map(|(path, _)| path.display().to_string())
        .collect();
    assert_none("modules without a subject", &wrong);
}

#[test]
fn every_plugin_says_what_it_does() {
    let wrong: Vec<_> = crates()
        .into_keys()
        .filter(|folder| is_plugin(folder) && !root().join(folder).join("README.md").exists())
        .collect();
    assert_none("plugins without a README.md", &wrong);
}

#[test]
fn every_template_is_used() {
    let sources: Vec<String> = rust_files().map(|(_, text)| text).collect();
    let wrong: Vec<_> = files()
        .into_iter()
        .filter(|path| path.starts_with("templates"))
        .map(|path| path.display().to_string())
        .filter(|path| !sources.iter().any(|text| text.contains(path)))
        .collect();
    assert_none("templates that no source names", &wrong);
}

#[test]
fn every_example_is_exercised() {
    let tests: Vec<String> = rust_files()
        .filter(|(path, _)| is_test(path))
        .map(|(_, text)| text)
        .collect();
    let examples: BTreeSet<String> = files()
        .into_iter()
        .filter_map(|path| {
            let rest = path.strip_prefix("examples").ok()?;
            Some(rest.components().next()?.as_os_str().to_str()?.to_owned())
        })
        .collect();
    let wrong: Vec<_> = examples
        .into_iter()
        .filter(|name| {
            let place = format!("examples/{name}");
            !tests.iter().any(|text| text.contains(&place))
        })
        .collect();
    assert_none("examples that no test names as examples/<name>", &wrong);
}
