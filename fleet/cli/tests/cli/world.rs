//! A folder of its own for one test, and the real program in it.

use std::fs;
use std::io::Write;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU16, Ordering};

use tempfile::TempDir;

/// Ports of one fleet; ranges of concurrent tests do not overlap.
const PORTS_EACH: u16 = 10;
const FIRST_PORT: u16 = 45_000;
/// What the compiler needs. Without the last two `rustup` may take it upon itself to bring the
/// toolchain up to date under the feet of whoever uses it.
const BUILD_VARIABLES: [&str; 8] = [
    "PATH",
    "HOME",
    "CARGO",
    "CARGO_HOME",
    "CARGO_TARGET_DIR",
    "RUSTUP_HOME",
    "RUSTUP_TOOLCHAIN",
    "RUSTUP_AUTO_INSTALL",
];
static NEXT_RANGE: AtomicU16 = AtomicU16::new(0);

/// A home folder, a current folder and a range of ports.
pub(crate) struct World {
    folder: TempDir,
    first_port: u16,
    variables: Vec<(String, String)>,
}

/// How a run of the program ended.
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl World {
    pub(crate) fn new() -> Self {
        let range = NEXT_RANGE.fetch_add(1, Ordering::Relaxed);
        Self {
            folder: TempDir::new().unwrap(),
            first_port: FIRST_PORT + range * PORTS_EACH,
            variables: Vec::new(),
        }
    }

    /// Gives every later run of the program an environment variable.
    pub(crate) fn set(&mut self, name: &str, value: &str) {
        self.variables.push((name.to_owned(), value.to_owned()));
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Where the program keeps the fleet `test`.
    pub(crate) fn fleet(&self) -> PathBuf {
        self.path().join("home/fleets/test")
    }

    /// The fleet's ports, for whoever wants to take them away.
    pub(crate) fn take_ports(&self) -> Vec<TcpListener> {
        (self.first_port..self.first_port + PORTS_EACH)
            .map(|port| TcpListener::bind(("127.0.0.1", port)).unwrap())
            .collect()
    }

    /// Writes the fleet's file.
    pub(crate) fn write(&self, text: &str) {
        fs::write(self.path().join("rivet.config.yaml"), text).unwrap();
    }

    /// Writes the file of a fleet `test` of these agents on this machine; `(name, model)`.
    pub(crate) fn write_agents(&self, agents: &[(&str, &str)]) {
        let line = |(name, model): &(&str, &str)| {
            format!("  {name}: {{ provider: rehearsal, model: {model} }}")
        };
        let agents = agents.iter().map(line).collect::<Vec<_>>().join("\n");
        let last_port = self.first_port + PORTS_EACH - 1;
        self.write(&format!(
            "fleet: test\nruntime: {{ default_agent: ada }}\nagents:\n{agents}\nproviders: \
             {{ rehearsal: {{}} }}\ndeployment:\n  target: local\n  local: {{ port_range: {}-{last_port} }}\n",
            self.first_port
        ));
    }

    /// The program, in this world.
    pub(crate) fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_rivetos"));
        command
            .current_dir(self.path())
            .env_clear()
            // `RIVETOS_HOME` keeps the rest apart.
            .envs(
                BUILD_VARIABLES
                    .iter()
                    .filter_map(|name| Some((name, std::env::var_os(name)?))),
            )
            .env("RIVETOS_HOME", self.path().join("home"))
            .env("USER", "tester")
            // The key that an example wants.
            .env("LLM_API_KEY", "canary-4711")
            .envs(self.variables.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null());
        command
    }

    /// Runs the program with the real agent at hand.
    pub(crate) fn rivetos(&self, args: &[&str]) -> Ended {
        self.command()
            .args(args)
            .arg("--agent-bin")
            .arg(agent_bin())
            .output()
            .unwrap()
            .into()
    }

    /// Runs the program and takes only success.
    pub(crate) fn must(&self, args: &[&str]) -> String {
        let ended = self.rivetos(args);
        assert_eq!(
            ended.code,
            Some(0),
            "{args:?}\n{}\n{}",
            ended.stdout,
            ended.stderr
        );
        ended.stdout
    }

    /// What every bad beginning must lead to once it was mended.
    pub(crate) fn comes_up(&self) {
        self.must(&["infra", "up", "--yes"]);
        let ended = self.rivetos(&["infra", "preview", "--detailed-exitcode"]);
        assert_eq!(ended.code, Some(0), "not converged:\n{}", ended.stdout);
    }
}

impl Drop for World {
    fn drop(&mut self) {
        // The file may be the broken one of the test; whatever runs was made from this one.
        self.write_agents(&[("ada", "one")]);
        let _ = self
            .command()
            .args(["infra", "destroy", "--yes"])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
    }
}

impl From<Output> for Ended {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

impl Ended {
    /// Everything that a caller sees, but for when the steps of an `up` ended and in what order.
    pub(crate) fn snapshot(&self) -> String {
        let code = self
            .code
            .map_or("killed".to_owned(), |code| code.to_string());
        let (done, rest): (Vec<&str>, Vec<&str>) =
            self.stderr.lines().partition(|line| line.contains(" s ✓ "));
        let mut stderr: Vec<&str> = done
            .iter()
            .filter_map(|line| line.split_once(" s ").map(|(_, what)| what))
            .collect();
        stderr.sort_unstable();
        stderr.extend(rest.iter().map(|line| after_time(line)));
        format!(
            "exit: {code}\n--- stdout\n{}--- stderr\n{}\n",
            self.stdout,
            stderr.join("\n")
        )
    }
}

/// What a line says behind a time such as `0.05 s`, if it begins with one.
fn after_time(line: &str) -> &str {
    match line.split_once(" s ") {
        Some((time, what)) if time.trim_start().parse::<f64>().is_ok() => what,
        Some(_) | None => line,
    }
}

/// Says that a test did not run, where `./test` counts it.
pub(crate) fn skipped(what: &str) {
    progress(&format!("SKIPPED: {what}"));
}

/// Says how far a test is that takes long.
#[expect(
    clippy::explicit_write,
    reason = "the harness keeps what the macros write"
)]
pub(crate) fn progress(what: &str) {
    writeln!(std::io::stderr(), "{what}").unwrap();
}

/// The real agent: the one that was named, else built here once.
pub(crate) fn agent_bin() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| {
        if let Some(named) = std::env::var_os("RIVETOS_TEST_AGENT_BIN") {
            return named.into();
        }
        let status = Command::new(env!("CARGO"))
            .args([
                "build",
                "--quiet",
                "--package",
                "rivetos-agent",
                "--bin",
                "rivetos-agent",
            ])
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .status()
            .unwrap();
        assert!(status.success(), "the agent does not compile");
        Path::new(env!("CARGO_BIN_EXE_rivetos")).with_file_name("rivetos-agent")
    })
}
