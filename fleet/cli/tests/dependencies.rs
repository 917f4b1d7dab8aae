//! What `deny.toml` says of licences, sources and bans, held to wherever the tests run; advisories
//! are left to `cargo deny`, which needs a network for them.

#![expect(
    clippy::unwrap_used,
    reason = "a test ends where something is not as it must be"
)]

use std::collections::BTreeSet;

use cargo_metadata::{Metadata, MetadataCommand};

fn metadata() -> Metadata {
    MetadataCommand::new()
        .manifest_path(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml"))
        .other_options(
            ["--locked", "--filter-platform", "x86_64-unknown-linux-gnu"].map(str::to_owned),
        )
        .exec()
        .unwrap()
}

/// Everything in quotes between `begin` and the next line that is `]`.
fn quoted_after(begin: &str) -> BTreeSet<String> {
    let text = include_str!("../../../deny.toml");
    let (_, rest) = text.split_once(begin).unwrap();
    let (list, _) = rest.split_once("\n]").unwrap();
    let entries = list.lines().filter(|line| !line.trim().starts_with('#'));
    let quoted: BTreeSet<String> = entries
        .filter_map(|line| line.split('"').nth(1))
        .map(str::to_owned)
        .collect();
    assert!(!quoted.is_empty());
    quoted
}

#[test]
fn every_licence_is_allowed() {
    let allowed = quoted_after("\nallow = [");
    for package in metadata().packages {
        let text = package.license.clone().unwrap_or_default();
        let licence = spdx::Expression::parse_mode(&text, spdx::ParseMode::LAX);
        let fine = licence
            .is_ok_and(|licence| licence.evaluate(|wanted| allowed.contains(&wanted.to_string())));
        assert!(fine, "{} {}: `{text}`", package.name, package.version);
    }
}

#[test]
fn nothing_that_is_banned_is_there() {
    let banned = quoted_after("\ndeny = [");
    for package in metadata().packages {
        assert!(!banned.contains(package.name.as_str()), "{}", package.name);
    }
}

#[test]
fn everything_comes_from_the_registry_or_from_here() {
    for package in metadata().packages {
        let source = package.source.as_ref().map(ToString::to_string);
        let known = source
            .as_deref()
            .is_none_or(|source| source.starts_with("registry+") || source.starts_with("sparse+"));
        assert!(known, "{}: {source:?}", package.name);
    }
}
