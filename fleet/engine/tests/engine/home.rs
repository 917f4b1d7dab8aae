//! The fleet's folder, key and lock.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use rivetos_engine::{FleetHome, HomeError, LockError};
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

#[test]
fn a_second_run_learns_who_holds_the_lock() {
    let root = tempfile::tempdir().unwrap();
    let home = open(root.path(), "f");
    let guard = home.lock("ann@host", "infra up").unwrap();
    let error = home.lock("bob@host", "infra destroy").unwrap_err();
    let process = std::process::id();
    let who = format!("`infra up` by ann@host, process {process}, for ");
    assert!(error.to_string().contains(&who), "{error}");
    let _other_fleet = open(root.path(), "g").lock("bob@host", "infra up").unwrap();
    drop(guard);
    let _guard = home.lock("bob@host", "infra destroy").unwrap();
    let LockError::Held {
        holder: Some(holder),
        ..
    } = home.lock("x", "y").unwrap_err()
    else {
        panic!("the lock is held by somebody who said so");
    };
    assert_eq!(
        (holder.who.as_str(), holder.operation.as_str()),
        ("bob@host", "infra destroy")
    );
}
