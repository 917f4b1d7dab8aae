//! The datahub's commands on a real Docker engine, through the program alone. `./test` starts the
//! engine.

use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Stdio};

use crate::live::Live;
use crate::world::{World, skipped};

/// Enough that a backup does not fit into one frame of anything.
const FILL: &str = "CREATE TABLE agent_ada.note AS SELECT n, md5(n::text) || md5((-n)::text) AS text \
                    FROM generate_series(1, 100000) n; \
                    ALTER TABLE agent_ada.note OWNER TO agent_ada";
const SUM: &str = "SELECT count(*), md5(string_agg(text, '' ORDER BY n)) FROM agent_ada.note";

impl Live {
    /// Asks the datahub; what it says.
    fn sql(&self, sql: &str) -> String {
        let args = ["datahub", "psql", "--", "-X", "-A", "-t", "-c", sql];
        let output = self.world.command().args(args).output().unwrap();
        assert!(output.status.success(), "{sql}: {output:?}");
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    fn comes_up_with_datahub(name: &str) -> Option<Self> {
        let live = Self::new(name)?;
        live.write(&[("ada", "one"), ("max", "one")]);
        live.build();
        live.must(0, &["infra", "up", "--yes", "--no-wait"]);
        Some(live)
    }
}

#[test]
fn a_backup_is_checked_and_comes_back() {
    let Some(live) = Live::comes_up_with_datahub("hub") else {
        return;
    };
    live.sql(FILL);
    let sum = live.sql(SUM);
    let file = live.world.path().join("it.dump");
    let said = live.must(0, &["datahub", "backup", "it.dump"]);
    assert!(said.contains("MB in "), "{said}");
    let mode = fs::metadata(&file).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let checked = Command::new("sha256sum")
        .args(["--check", "it.dump.sha256"])
        .current_dir(live.world.path())
        .output()
        .unwrap();
    assert!(checked.status.success(), "{checked:?}");
    let said = live.must(3, &["datahub", "backup", "it.dump"]);
    assert!(said.contains("is there already"), "{said}");

    // What is there is not overwritten unless its fleet is named.
    live.sql("DELETE FROM agent_ada.note; CREATE TABLE agent_ada.later (n int)");
    let said = live.must(64, &["datahub", "restore", "it.dump"]);
    assert!(
        said.contains(&format!("--confirm {}", live.fleet)),
        "{said}"
    );
    let other = ["datahub", "restore", "it.dump", "--confirm", "other"];
    live.must(3, &other);
    assert_eq!(live.sql("SELECT count(*) FROM agent_ada.note"), "0");

    let restore = ["datahub", "restore", "it.dump", "--confirm", &live.fleet];
    live.must(0, &restore);
    assert_eq!(live.sql(SUM), sum);
    assert_eq!(
        live.sql("SELECT to_regclass('agent_ada.later') IS NULL"),
        "t"
    );
    live.must(0, &["infra", "preview", "--detailed-exitcode"]);

    // A damaged backup and a wrong checksum change nothing.
    let good = fs::read(&file).unwrap();
    let mut bad = good.clone();
    let middle = bad.len() / 2;
    bad[middle] ^= 1;
    fs::write(&file, &bad).unwrap();
    let said = live.must(3, &restore);
    assert!(said.contains("its checksum is another one"), "{said}");
    let sums = live.world.path().join("it.dump.sha256");
    fs::write(&sums, "no checksum\n").unwrap();
    assert!(live.must(3, &restore).contains("holds no SHA-256"));
    fs::remove_file(&sums).unwrap();
    assert!(live.must(1, &restore).contains("sha256sum"));
    // Half a backup under a checksum of its own fails in the middle, and nothing of it stays.
    fs::write(&file, &good[..good.len() / 2]).unwrap();
    let own = Command::new("sha256sum")
        .arg("it.dump")
        .current_dir(live.world.path())
        .output()
        .unwrap();
    fs::write(&sums, own.stdout).unwrap();
    live.sql("UPDATE agent_ada.note SET text = 'now' WHERE n = 1");
    let said = live.must(1, &restore);
    assert!(said.contains("the datahub is as it was"), "{said}");
    let kept = live.sql("SELECT text FROM agent_ada.note WHERE n = 1");
    assert_eq!(kept, "now");
}

#[test]
fn psql_reads_pipes_and_its_exit_code_is_passed_on() {
    let Some(live) = Live::comes_up_with_datahub("psql") else {
        return;
    };
    let mut child = live
        .world
        .command()
        .args([
            "datahub",
            "psql",
            "--",
            "-X",
            "-A",
            "-t",
            "-v",
            "ON_ERROR_STOP=1",
        ])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    input
        .write_all(b"SELECT 6 * 7;\nSELECT nonsense;\nSELECT 1;\n")
        .unwrap();
    drop(input);
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(3), "{output:?}");
    assert_eq!(output.stdout, b"42\n");
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(
        said.contains("column \"nonsense\" does not exist"),
        "{said}"
    );

    // Without a datahub that runs there is nothing to ask.
    live.docker(&["stop", &live.container_id("datahub")]);
    let said = live.must(1, &["datahub", "backup", "it.dump"]);
    assert!(said.contains("does not run"), "{said}");
    assert!(!live.world.path().join("it.dump.part").exists());
}

#[test]
fn psql_is_interactive_at_a_terminal() {
    let Some(live) = Live::comes_up_with_datahub("tty") else {
        return;
    };
    if Command::new("script").arg("--version").output().is_err() {
        skipped("psql at a terminal: there is no `script`");
        return;
    }
    let program = env!("CARGO_BIN_EXE_rivetos");
    let plain = live.world.command();
    let mut script = Command::new("script");
    for (name, value) in plain.get_envs() {
        script.env(name, value.unwrap_or_default());
    }
    let mut child = script
        .current_dir(live.world.path())
        .args(["--quiet", "--return", "--command"])
        .arg(format!("{program} datahub psql -- -X"))
        .arg("/dev/null")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut keys = child.stdin.take().unwrap();
    keys.write_all(b"SELECT 6 * 7 AS answer;\r\\q\r").unwrap();
    let output = child.wait_with_output().unwrap();
    let shown = String::from_utf8_lossy(&output.stdout);
    assert!(shown.contains("rivetos=#"), "{shown}");
    assert!(shown.contains("42") && shown.contains("(1 row)"), "{shown}");
    assert_eq!(output.status.code(), Some(0), "{shown}");
}

#[test]
fn a_fleet_without_a_datahub_says_so() {
    let world = World::new();
    world.write_agents(&[("ada", "one")]);
    let commands: [&[&str]; 3] = [
        &["datahub", "backup"],
        &["datahub", "restore", "rivet.config.yaml"],
        &["datahub", "psql"],
    ];
    std::fs::write(world.path().join("rivet.config.yaml.sha256"), "").unwrap();
    for args in commands {
        let output = world.command().args(args).output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        let refused = said.contains("fleet `test` has no datahub");
        assert!(
            output.status.code() == Some(64) && refused,
            "{args:?}: {said}"
        );
    }
}
