//! How long a person waits for the first word of a command: `cargo bench -p rivetos --bench start`.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a benchmark stops at the first thing that is wrong, and prints"
)]

use std::fmt::Write as _;
use std::fs;
use std::io::Read;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

const ROUNDS: usize = 200;
const COMMANDS: [&[&str]; 3] = [
    &["--help"],
    &["config", "validate"],
    &["infra", "preview", "--offline"],
];

fn main() {
    for agents in [5, 100] {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("rivet.config.yaml");
        fs::write(file, fleet_of(agents)).unwrap();
        for args in COMMANDS {
            let mut times: Vec<Duration> = (0..ROUNDS)
                .map(|_| first_word(folder.path(), args))
                .collect();
            times.sort();
            println!(
                "{agents} agents, `rivetos {}`: {} ms to its first word (fastest {} ms, slowest \
                 but one in twenty {} ms)",
                args.join(" "),
                ms(times[ROUNDS / 2]),
                ms(times[0]),
                ms(times[ROUNDS * 19 / 20]),
            );
        }
    }
}

fn fleet_of(agents: usize) -> String {
    let mut text =
        "fleet: home\nruntime: { default_agent: a0 }\nproviders: { rehearsal: {} }\n".to_owned();
    text.push_str("deployment: { target: docker, datahub: { postgres: true } }\nagents:\n");
    for agent in 0..agents {
        writeln!(text, "  a{agent}: {{ provider: rehearsal }}").unwrap();
    }
    text
}

/// From the start of the program to the first byte on its standard output.
fn first_word(folder: &Path, args: &[&str]) -> Duration {
    let began = Instant::now();
    let mut child = Command::new(env!("CARGO_BIN_EXE_rivetos"))
        .args(args)
        .current_dir(folder)
        .env("RIVETOS_HOME", folder.join("home"))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdout = child.stdout.take().unwrap();
    stdout.read_exact(&mut [0]).unwrap();
    let took = began.elapsed();
    stdout.read_to_end(&mut Vec::new()).unwrap();
    assert!(child.wait().unwrap().success(), "{args:?}");
    took
}

fn ms(time: Duration) -> String {
    format!("{:.1}", time.as_secs_f64() * 1000.0)
}
