//! Runs that come at once, and runs that are killed while they hold the fleet's lock.

use std::io::Read;
use std::process::{Child, Stdio};

use crate::live::{Live, PREVIEW, UP};

fn begin(live: &Live) -> Child {
    live.world
        .command()
        .args(UP)
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

fn end(mut run: Child) -> (Option<i32>, String) {
    let mut said = String::new();
    let mut stderr = run.stderr.take().unwrap();
    stderr.read_to_string(&mut said).unwrap();
    (run.wait().unwrap().code(), said)
}

fn lock(live: &Live) -> Option<String> {
    let name = format!("name=^/{}.lock$", live.fleet.replace('.', "\\."));
    let id = live.docker(&["ps", "--all", "--quiet", "--no-trunc", "--filter", &name]);
    (!id.is_empty()).then_some(id)
}

#[test]
fn of_two_runs_at_once_one_goes_on() {
    let Some(live) = Live::new("lock") else {
        return;
    };
    live.write(&[("ada", "one"), ("lock", "one")]);
    live.build();
    let runs: Vec<Child> = (0..3).map(|_| begin(&live)).collect();
    let mut ended: Vec<(Option<i32>, String)> = runs.into_iter().map(end).collect();
    ended.sort_by_key(|(code, _)| *code);
    let codes: Vec<_> = ended.iter().map(|(code, _)| *code).collect();
    assert_eq!(codes, [Some(0), Some(5), Some(5)], "{ended:?}");
    assert!(
        ended[1]
            .1
            .contains("is locked by another run: `infra up` by "),
        "{}",
        ended[1].1
    );
    live.must(0, &PREVIEW);
    live.must(0, &["infra", "destroy", "--yes"]);
    assert_eq!(live.ours("container"), Vec::<String>::new());
}

#[test]
fn the_lock_of_a_killed_run_is_taken_over() {
    let Some(live) = Live::new("lock-killed") else {
        return;
    };
    live.write(&[("ada", "one")]);
    live.build();
    let mut run = begin(&live);
    let id = loop {
        if let Some(id) = lock(&live) {
            break id;
        }
        assert_eq!(run.try_wait().unwrap(), None, "it ended without a lock");
    };
    run.kill().unwrap();
    run.wait().unwrap();
    assert_eq!(lock(&live).as_ref(), Some(&id));
    let said = live.must(0, &UP);
    assert!(
        said.contains("took over the lock that `infra up` of "),
        "{said}"
    );
    assert_eq!(lock(&live), None);
    live.must(0, &PREVIEW);
}

#[test]
fn a_lock_that_nobody_will_give_back_is_broken_by_its_id() {
    let Some(live) = Live::new("unlock") else {
        return;
    };
    live.write(&[("ada", "one")]);
    live.build();
    let holder = r#"{"id":"0123456789ab","who":"ann","operation":"infra up","host":"there","pid":1,
        "process":null,"since_unix_ms":1,"beat":0,"beat_unix_ms":9999999999999,"ttl_ms":99999999999999}"#;
    live.docker(&[
        "create",
        "--name",
        &format!("{}.lock", live.fleet),
        "--label",
        "io.rivetos.managed-by=rivetos-fleet",
        "--label",
        &format!("io.rivetos.fleet={}", live.fleet),
        "--label",
        &format!("io.rivetos.lock={holder}"),
        "debian:trixie-slim",
    ]);
    let said = live.must(5, &UP);
    assert!(
        said.contains("`rivetos infra unlock 0123456789ab`"),
        "{said}"
    );
    live.must(5, &["infra", "unlock", "0123456789aa"]);
    live.must(0, &["infra", "unlock", "0123456789ab"]);
    live.must(0, &["infra", "unlock", "0123456789ab"]);
    live.comes_up();
}
