//! Plans in files.

#![cfg(test)]

mod support;

use rivetos_fleet::model::{
    Field, Fields, Fingerprint, Inventories, Inventory, Kind, Layout, Life, Observed, Owner,
    Protection, ResourceId,
};
use rivetos_fleet::{
    FleetId, FleetKey, Moment, PlanOptions, SavedPlan, SavedPlanError, desired, plan,
};
use support::resolve;

const NOW: Moment<'_> = Moment {
    tool: "0.1.0 (0123456789ab)",
    unix_ms: 1_000_000,
};

fn fleet() -> FleetId {
    "home".parse().unwrap()
}

fn key() -> FleetKey {
    FleetKey::new([7; 32])
}

fn layout(model: &str) -> Layout {
    let text = format!(
        "fleet: home\nruntime: {{default_agent: ada}}\nagents: {{ada: {{provider: rehearsal, model: \
         {model}}}}}\nproviders: {{rehearsal: {{}}}}\ndeployment: {{target: docker}}\n"
    );
    desired(&resolve(&text).unwrap())
}

/// An image that is there, which something else may replace.
fn seen(image_id: &str) -> Inventories {
    let layout = layout("a");
    let (target, set) = layout.first_key_value().unwrap();
    let id = ResourceId::new(Kind::Image, "agent");
    let image = Observed {
        uid: Some(set.resources[&id].uid.clone()),
        fields: set.resources[&id].spec.fields(),
        id,
        native_id: image_id.to_owned(),
        native_name: "rivetos-agent".to_owned(),
        owner: Owner::Ours,
        spec_hash: None,
        born: Fields::new(),
        life: Life::Present,
        predecessor: None,
        protection: Protection::None,
        fingerprint: Fingerprint::default(),
    };
    let network = Observed {
        id: ResourceId::new(Kind::Network, "fleet"),
        uid: Some(
            set.resources[&ResourceId::new(Kind::Network, "fleet")]
                .uid
                .clone(),
        ),
        native_id: "n1".to_owned(),
        native_name: "home".to_owned(),
        fields: Fields::from([
            ("name".to_owned(), Field::text("home")),
            ("driver".to_owned(), Field::text(image_id)),
        ]),
        ..image.clone()
    };
    let inventory = Inventory {
        observed: vec![image, network],
        ..Inventory::default()
    };
    [(target.clone(), inventory)].into()
}

fn saved() -> SavedPlan {
    let (layout, seen) = (layout("a"), seen("sha256:1"));
    let plan = plan(&fleet(), &layout, &seen, &PlanOptions::default());
    assert!(!plan.steps.is_empty());
    SavedPlan::seal(plan, (&layout, &seen), &key(), NOW)
}

fn open(text: &str, model: &str, key: &FleetKey, now: Moment<'_>) -> Result<SavedPlan, String> {
    SavedPlan::open(text, (&fleet(), &layout(model)), key, now).map_err(|error| error.to_string())
}

#[test]
fn what_is_saved_is_read_back_and_fits_as_long_as_nothing_moves() {
    let saved = saved();
    let read = open(&saved.to_json(), "a", &key(), NOW).unwrap();
    assert_eq!(read, saved);
    assert_eq!(read.moved(&seen("sha256:1")), [""; 0]);
}

#[test]
fn whatever_moved_is_named() {
    assert_eq!(
        saved().moved(&seen("sha256:2")),
        ["network/fleet on docker"]
    );
    assert!(!saved().moved(&Inventories::new()).is_empty());
}

#[test]
fn a_plan_is_refused_when_anything_it_was_made_from_changed() {
    let text = saved().to_json();
    let later = Moment {
        unix_ms: NOW.unix_ms + 24 * 3600 * 1000,
        ..NOW
    };
    let newer = Moment {
        tool: "0.2.0 (0123456789ab)",
        ..NOW
    };
    let refused = |result: Result<SavedPlan, String>| result.unwrap_err();
    assert_eq!(
        refused(open(&text, "b", &key(), NOW)),
        "the configuration changed since it was saved"
    );
    assert_eq!(refused(open(&text, "a", &key(), later)), "it expired");
    assert_eq!(
        refused(open(&text, "a", &key(), newer)),
        "it was made by 0.1.0 (0123456789ab)"
    );
    assert!(refused(open(&text, "a", &FleetKey::new([8; 32]), NOW)).contains("another key"));
    assert!(refused(open("{}", "a", &key(), NOW)).contains("not a saved plan"));
    assert!(refused(open("{\"format\": 9}", "a", &key(), NOW)).contains("format 9"));
}

#[test]
fn a_changed_file_is_refused_or_means_the_same() {
    let (saved, layout) = (saved(), layout("a"));
    let text = saved.to_json();
    let letters = text
        .char_indices()
        .filter(|(_, c)| c.is_ascii_alphanumeric());
    for (at, _) in letters.step_by(11) {
        let mut changed = text.clone().into_bytes();
        changed[at] = if changed[at] == b'0' { b'1' } else { b'0' };
        let changed = String::from_utf8(changed).unwrap();
        match SavedPlan::open(&changed, (&fleet(), &layout), &key(), NOW) {
            // The name of a key whose value is nothing.
            Ok(read) => assert_eq!(read, saved),
            Err(error) => assert!(!matches!(error, SavedPlanError::Expired), "{at}"),
        }
    }
}
