//! Files of the fleet's folder that were damaged or changed are seen as such: never as nothing.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

#[path = "../../../agent/protocol/tests/fuzzing/mod.rs"]
mod fuzzing;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use fuzzing::fuzz;
use rivetos_fleet::model::{DesiredSet, Inventory, Kind, ResourceId};
use rivetos_fleet::port::InfraProvider;
use rivetos_fleet::{FleetId, PortRange, Secret, SecretError, SecretRef, SecretResolver};
use rivetos_provider_local::{LocalProvider, LocalSettings};
use tokio::runtime;

struct NoSecrets;

impl SecretResolver for NoSecrets {
    fn resolve(&self, secret: &SecretRef) -> Result<Secret<String>, SecretError> {
        Err(SecretError::Missing(secret.clone()))
    }
}

fn provider(home: &Path) -> (LocalProvider, DesiredSet) {
    let fleet: FleetId = "f".parse().unwrap();
    let provider = LocalProvider::new(LocalSettings {
        fleet: fleet.clone(),
        home: home.to_owned(),
        supervisor: home.join("supervisor"),
        environment: Vec::new(),
        secrets: Arc::new(NoSecrets),
    });
    let desired = DesiredSet {
        fleet,
        resources: BTreeMap::new(),
        port_range: PortRange {
            first: 43_100,
            last: 43_199,
        },
    };
    (provider, desired)
}

/// Whether the agent whose record is there is among what is seen, or among what could not be.
fn is_told(inventory: &Inventory) -> bool {
    let agent = ResourceId::new(Kind::Agent, "a");
    let errors = || inventory.errors.iter();
    inventory.observed.iter().any(|object| object.id == agent)
        || errors().any(|error| error.message.contains("agents/a"))
}

#[test]
fn a_damaged_record_is_told() {
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join("agents/a");
    fs::create_dir_all(folder.join("config")).unwrap();
    let (provider, desired) = provider(home.path());
    let runtime = runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let words = [
        "\n---\n",
        "\"io.rivetos.managed-by\":\"rivetos-fleet\",",
        "\"io.rivetos.fleet\":\"f\",",
        "\"io.rivetos.files\":\"{}\",",
        "{\\\"../../process.json\\\":{\\\"text\\\":\\\"sha256:0\\\"}}",
        "\"phase\":\"gave_up\",",
        "\"pid\":1,",
    ];
    fuzz("records", &words, |bytes| {
        let text = String::from_utf8_lossy(bytes);
        let mut parts = text.splitn(3, "\n---\n");
        for file in ["process.json", "state.json", "config/.rivetos.json"] {
            fs::write(folder.join(file), parts.next().unwrap_or_default()).unwrap();
        }
        let inventory = runtime.block_on(provider.observe(&desired));
        assert!(is_told(&inventory), "{inventory:?}");
        for object in inventory
            .observed
            .iter()
            .filter(|object| object.id.kind == Kind::Config)
        {
            // A label cannot make files outside of its folder count.
            assert!(object.fields.keys().all(|field| !field.contains("..")));
        }
    });
}
