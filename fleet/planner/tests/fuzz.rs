//! Labels and saved plans that somebody else wrote, or changed, never break the planner.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

#[path = "../../../agent/protocol/tests/fuzzing/mod.rs"]
mod fuzzing;

use std::collections::BTreeMap;

use fuzzing::fuzz;
use rivetos_fleet::label::{Identity, MANAGED_BY, MANAGER};
use rivetos_fleet::model::{Inventories, Layout, Owner};
use rivetos_fleet::{FleetId, FleetKey, Moment, SavedPlan};

fn fleet() -> FleetId {
    "home".parse().unwrap()
}

const SEALED: &str = include_str!("corpus/saved/sealed.json");

fn open(text: &str) -> Option<SavedPlan> {
    let now = Moment {
        tool: "0.1.0 (0123456789ab)",
        unix_ms: 1_000_000,
    };
    let layout = Layout::new();
    SavedPlan::open(text, (&fleet(), &layout), &FleetKey::new([7; 32]), now).ok()
}

#[test]
fn a_saved_plan_is_opened_as_it_was_sealed_or_not_at_all() {
    let sealed = open(SEALED).unwrap();
    let words = [
        "\"format\": 1",
        "\"mac\": \"",
        "\"steps\": []",
        "\"fleet\": \"home\"",
        "ada",
    ];
    fuzz("saved", &words, |bytes| {
        if let Some(opened) = open(&String::from_utf8_lossy(bytes)) {
            assert_eq!(opened, sealed);
            assert_eq!(open(&opened.to_json()).as_ref(), Some(&opened));
            assert!(!opened.moved(&Inventories::new()).is_empty());
        }
    });
}

#[test]
fn labels_make_an_object_ours_only_when_they_say_so() {
    let words = [
        "io.rivetos.addr=",
        "agent/",
        "io.rivetos.files={",
        "io.rivetos.live={",
        "io.rivetos.fleet=home\n",
        "io.rivetos.managed-by=rivetos-fleet\n",
    ];
    fuzz("labels", &words, |bytes| {
        let text = String::from_utf8_lossy(bytes);
        let lines = text.lines().filter_map(|line| line.split_once('='));
        let labels: BTreeMap<String, String> = lines
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .collect();
        let identity = Identity::from_labels(&labels, &fleet());
        let says = |key: &str, value: &str| labels.get(key).is_some_and(|said| said == value);
        let ours = says(MANAGED_BY, MANAGER) && says("io.rivetos.fleet", "home");
        assert_eq!(identity.owner == Owner::Ours, ours);
        if let Some(id) = identity.id {
            assert!(says("io.rivetos.addr", &id.to_string()));
        }
        assert!(identity.files.keys().all(|path| path.starts_with("files.")));
    });
}
