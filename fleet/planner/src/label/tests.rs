use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::*;
use crate::model::{FileContent, Kind};

fn fleet(name: &str) -> FleetId {
    name.parse().unwrap()
}

fn secrets() -> Desired {
    let id = ResourceId::new(Kind::Secret, "ada");
    Desired {
        uid: Uid::derive(&fleet("home"), &id),
        id,
        spec: Spec::Files(FilesSpec {
            native_name: "home-ada-secret".to_owned(),
            files: BTreeMap::from([
                ("agent_token".to_owned(), FileContent::Generated),
                (
                    "openai_api_key".to_owned(),
                    FileContent::Given {
                        secret: rivetos_config::SecretRef::Env("KEY".to_owned()),
                        digest: Some("0123456789ab".to_owned()),
                    },
                ),
            ]),
            carrier_image: None,
        }),
        after: BTreeSet::new(),
    }
}

#[test]
fn labels_say_what_the_object_is() {
    let desired = secrets();
    let labels: HashMap<String, String> = labels(&fleet("home"), &desired).into_iter().collect();
    let identity = Identity::from_labels(&labels, &fleet("home"));
    assert_eq!(identity.owner, Owner::Ours);
    assert_eq!(identity.id, Some(desired.id.clone()));
    assert_eq!(identity.uid, Some(desired.uid.clone()));
    assert_eq!(identity.spec_hash, Some(desired.spec.hash()));
    let mut fields = desired.spec.fields();
    fields.remove("name");
    assert_eq!(identity.files, fields);
}

#[test]
fn another_fleet_and_strangers_are_told_apart() {
    let labels = labels(&fleet("home"), &secrets());
    let other = Identity::from_labels(&labels, &fleet("office"));
    assert_eq!(other.owner, Owner::OtherFleet(fleet("home")));

    let stranger = BTreeMap::from([(FLEET.to_owned(), "home".to_owned())]);
    assert_eq!(
        Identity::from_labels(&stranger, &fleet("home")).owner,
        Owner::Foreign
    );
    assert_eq!(
        Identity::from_labels(&BTreeMap::new(), &fleet("home")).owner,
        Owner::Foreign
    );
}
