use std::collections::BTreeMap;

use super::*;
use crate::model::{LogRotation, Mount, PublishedPort, RestartPolicy};

fn container() -> ContainerSpec {
    ContainerSpec {
        native_name: "home-ada".to_owned(),
        hostname: "ada".to_owned(),
        image: "rivetos-agent:0.1.0-abc".to_owned(),
        image_id: None,
        command: vec!["run".to_owned()],
        env: BTreeMap::from([("LANG".to_owned(), "C".to_owned())]),
        user: Some("1000:1000".to_owned()),
        init: true,
        read_only_root: true,
        tmpfs: BTreeMap::from([("/tmp".to_owned(), "size=1m,mode=1777".to_owned())]),
        mounts: BTreeMap::from([(
            "/data".to_owned(),
            Mount {
                volume: "home-ada-data".to_owned(),
                mode: MountMode::ReadWrite,
            },
        )]),
        network: "home".to_owned(),
        published: vec![PublishedPort {
            host_ip: "127.0.0.1".to_owned(),
            host_port: 5432,
            container_port: 5432,
        }],
        cap_drop: vec!["B".to_owned(), "A".to_owned()],
        cap_add: vec!["D".to_owned(), "C".to_owned()],
        security_opt: vec!["no-new-privileges:true".to_owned()],
        limits: Limits {
            memory_bytes: Some(1 << 30),
            milli_cpus: Some(1500),
            pids: Some(512),
        },
        log: Some(LogRotation {
            max_size: "10m".to_owned(),
            max_file: 3,
        }),
        restart: RestartPolicy::UnlessStopped,
        stop_grace_seconds: 10,
        health: None,
    }
}

fn hash(spec: ContainerSpec) -> SpecHash {
    Spec::Container(Box::new(spec)).hash()
}

#[test]
fn a_container_in_fields() {
    insta::assert_debug_snapshot!(Spec::Container(Box::new(container())).fields(),);
}

#[test]
fn the_hash_is_stable() {
    // A changed value here means that the scheme changed: give it a new version.
    assert_eq!(hash(container()).to_string(), "v2:1d84c61f4d7b7a5f");
    assert!(hash(container()).is_comparable());
    assert!(!SpecHash("v0:0123".to_owned()).is_comparable());
}

#[test]
fn limits_are_told_as_people_write_them() {
    let check = |bytes: u64, milli: u32, expected: [&str; 2]| {
        let fields = limit_fields(&Limits {
            memory_bytes: Some(bytes),
            milli_cpus: Some(milli),
            pids: None,
        });
        let expected = [("cpus", expected[1]), ("memory", expected[0])];
        let expected: Fields = expected
            .map(|(path, text)| (path.to_owned(), Field::text(text)))
            .into();
        assert_eq!(fields, expected);
    };
    check(1 << 30, 2000, ["1g", "2"]);
    check(1536 << 20, 1500, ["1536m", "1.5"]);
    check(6 << 20, 50, ["6m", "0.05"]);
    check((1 << 30) + 1, 10_000, ["1073741825", "10"]);
    check(0, 1, ["0", "0.001"]);
}

#[test]
fn order_means_nothing_and_content_does() {
    let mut other = container();
    other.cap_drop.reverse();
    other
        .tmpfs
        .insert("/tmp".to_owned(), "mode=1777,size=1m".to_owned());
    assert_eq!(hash(other), hash(container()));

    let mut other = container();
    other.command.push("--verbose".to_owned());
    assert_ne!(hash(other), hash(container()));
}

#[test]
fn what_the_plan_resolves_is_not_in_the_hash() {
    let mut other = container();
    other.image_id = Some("sha256:1".to_owned());
    assert_eq!(hash(other), hash(container()));
}

#[test]
fn secrets_are_compared_by_field_and_not_by_hash() {
    let files = |digest: Option<&str>| {
        Spec::Files(FilesSpec {
            native_name: "home-ada-secret".to_owned(),
            files: BTreeMap::from([(
                "key".to_owned(),
                FileContent::Given {
                    secret: rivetos_config::SecretRef::Env("KEY".to_owned()),
                    digest: digest.map(str::to_owned),
                },
            )]),
            carrier_image: None,
        })
    };
    assert_eq!(files(None).hash(), files(Some("a")).hash());
    let differs = |a: &Spec, b: &Spec| a.fields()["files.key"].differs(&b.fields()["files.key"]);
    assert!(differs(&files(Some("a")), &files(Some("b"))));
    assert!(!differs(&files(Some("a")), &files(None)));
}
