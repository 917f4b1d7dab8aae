//! The fleet's folder and key.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use rivetos_engine::{FleetHome, HomeError};
use rivetos_fleet::Secret;

fn open(root: &Path, fleet: &str) -> FleetHome {
    FleetHome::open(root, &fleet.parse().unwrap()).unwrap()
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn the_key_is_made_once_and_for_the_owner_alone() {
    let root = tempfile::tempdir().unwrap();
    let home = open(root.path(), "f");
    let digest = home.key().unwrap().digest(&Secret::from("value"));
    assert_eq!(home.folder(), root.path().join("fleets/f"));
    assert_eq!(
        (mode(home.folder()), mode(&home.folder().join("key"))),
        (0o700, 0o600)
    );
    let again = open(root.path(), "f").key().unwrap();
    assert_eq!(again.digest(&Secret::from("value")), digest);
    let other = open(root.path(), "g").key().unwrap();
    assert_ne!(other.digest(&Secret::from("value")), digest);
    assert_eq!(
        fs::read_dir(home.folder()).unwrap().count(),
        1,
        "no draft is left"
    );
}

#[test]
fn runs_that_make_the_key_at_once_agree() {
    let root = tempfile::tempdir().unwrap();
    let home = open(root.path(), "f");
    let digests: Vec<String> = std::thread::scope(|scope| {
        let make = || home.key().unwrap().digest(&Secret::from("value"));
        let threads: Vec<_> = (0..8).map(|_| scope.spawn(make)).collect();
        threads
            .into_iter()
            .map(|thread| thread.join().unwrap())
            .collect()
    });
    assert!(
        digests.iter().all(|digest| *digest == digests[0]),
        "{digests:?}"
    );
}

#[test]
fn a_damaged_key_is_not_silently_replaced() {
    let root = tempfile::tempdir().unwrap();
    let home = open(root.path(), "f");
    fs::write(home.folder().join("key"), "short").unwrap();
    assert!(matches!(home.key(), Err(HomeError::DamagedKey { .. })));
}
