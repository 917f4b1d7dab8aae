//! A fleet of its own on a real Docker engine. `./test` starts the engine.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output};
use std::sync::{Mutex, Once};

use bollard::Docker;

use crate::world::{Ended, World, skipped};

pub(crate) const SOURCE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");
pub(crate) const PREVIEW: [&str; 3] = ["infra", "preview", "--detailed-exitcode"];
pub(crate) const UP: [&str; 3] = ["infra", "up", "--yes"];
const REHEARSAL: &str = "{ rehearsal: {} }";
const DATAHUB: &str = "  datahub: { postgres: true }\n";

/// A fleet on the engine; gone with its data at the end.
pub(crate) struct Live {
    pub(crate) world: World,
    pub(crate) fleet: String,
    host: String,
}

/// What a fleet's file says beyond its name and its engine.
pub(crate) struct Parts<'a> {
    /// `(name, provider)`, with the model where it matters.
    pub(crate) agents: &'a [(&'a str, &'a str)],
    /// The value of `providers`.
    pub(crate) providers: &'a str,
    /// More of `deployment.docker`.
    pub(crate) docker: &'a str,
    /// More of `deployment`, in whole lines.
    pub(crate) deployment: &'a str,
}

impl Default for Parts<'_> {
    fn default() -> Self {
        Self {
            agents: &[("ada", "rehearsal")],
            providers: REHEARSAL,
            docker: "",
            deployment: DATAHUB,
        }
    }
}

/// The fleets of this run, by engine.
static NAMES: Mutex<BTreeSet<(String, String)>> = Mutex::new(BTreeSet::new());

impl Live {
    /// A fleet with a name of its own; says so and returns nothing where there is no engine.
    pub(crate) fn new(name: &str) -> Option<Self> {
        let Ok(host) = std::env::var("RIVETOS_TEST_DOCKER_HOST") else {
            skipped("a fleet on Docker: RIVETOS_TEST_DOCKER_HOST is unset");
            return None;
        };
        Some(Self::on(&host, name))
    }

    /// A fleet on the engine at `host`.
    pub(crate) fn on(host: &str, name: &str) -> Self {
        let new = NAMES
            .lock()
            .unwrap()
            .insert((host.to_owned(), name.to_owned()));
        assert!(
            new,
            "two tests would work on one fleet `{name}` of one engine"
        );
        Self {
            world: World::new(),
            host: host.to_owned(),
            fleet: format!("{name}-{}", std::process::id()),
        }
    }

    /// Where its engine is.
    pub(crate) fn host(&self) -> &str {
        &self.host
    }

    /// What the program keeps of the fleet on this machine.
    pub(crate) fn folder(&self) -> PathBuf {
        let fleets = self.world.path().join("home/fleets");
        fleets.join(&self.fleet)
    }

    /// Writes the file of a fleet of these agents on the stand-in; `(name, model)`.
    pub(crate) fn write(&self, agents: &[(&str, &str)]) {
        let with_model = |(name, model): &(&str, &str)| {
            ((*name).to_owned(), format!("rehearsal, model: {model}"))
        };
        let agents: Vec<(String, String)> = agents.iter().map(with_model).collect();
        let agents: Vec<(&str, &str)> = agents
            .iter()
            .map(|(name, rest)| (name.as_str(), rest.as_str()))
            .collect();
        self.write_parts(&Parts {
            agents: &agents,
            ..Parts::default()
        });
    }

    /// Writes the fleet's file.
    pub(crate) fn write_parts(&self, parts: &Parts<'_>) {
        self.world.write(&self.text(parts));
    }

    fn text(&self, parts: &Parts<'_>) -> String {
        let Parts {
            agents,
            providers,
            docker,
            deployment,
        } = parts;
        let (fleet, host) = (&self.fleet, &self.host);
        let mut text = format!("fleet: {fleet}\nruntime: {{ default_agent: ada }}\nagents:\n");
        for (name, provider) in *agents {
            writeln!(text, "  {name}: {{ provider: {provider} }}").unwrap();
        }
        write!(
            text,
            "providers: {providers}\ndeployment:\n  target: docker\n  docker: {{ host: \"{host}\"{docker} }}\n{deployment}"
        )
        .unwrap();
        text
    }

    /// Runs the program and takes only this exit code; all that it said.
    pub(crate) fn must(&self, code: i32, args: &[&str]) -> String {
        let Ended {
            code: ended,
            stdout,
            stderr,
        } = self.world.rivetos(args);
        let said = format!("{stdout}{stderr}");
        assert_eq!(ended, Some(code), "{args:?}\n{said}");
        said
    }

    /// Brings the fleet up, after which nothing is left to do.
    pub(crate) fn comes_up(&self) {
        self.must(0, &UP);
        self.must(0, &PREVIEW);
    }

    /// Makes the image, once for all tests: one that is made again meanwhile is another image.
    pub(crate) fn build(&self) {
        static BUILT: Once = Once::new();
        BUILT.call_once(|| {
            // With a file of its own: the one of this test may say what to build.
            let plain = self.world.path().join("plain.yaml");
            fs::write(&plain, self.text(&Parts::default())).unwrap();
            let plain = plain.to_str().unwrap();
            self.must(0, &["build", "--source", SOURCE, "--config", plain]);
        });
    }

    /// The engine, for what its client cannot do.
    pub(crate) async fn engine(&self) -> Docker {
        let connected = Docker::connect_with_unix(&self.host, 120, bollard::API_DEFAULT_VERSION);
        connected.unwrap().negotiate_version().await.unwrap()
    }

    /// Asks the engine by its own client.
    pub(crate) fn docker(&self, args: &[&str]) -> String {
        let output = self.ask(args);
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    /// What the client says on both of its outputs.
    pub(crate) fn docker_said(&self, args: &[&str]) -> String {
        let output = self.ask(args);
        let both = [output.stdout, output.stderr].concat();
        String::from_utf8_lossy(&both).into_owned()
    }

    fn ask(&self, args: &[&str]) -> Output {
        let output = Command::new("docker")
            .arg("--host")
            .arg(&self.host)
            .args(args)
            .output()
            .unwrap();
        assert!(output.status.success(), "docker {args:?}: {output:?}");
        output
    }

    /// The engine's names for what is ours, for example of all `volume`s.
    pub(crate) fn ours(&self, kind: &str) -> Vec<String> {
        let filter = format!("label=io.rivetos.fleet={}", self.fleet);
        let list: &[&str] = match kind {
            "container" => &["container", "ls", "--all", "--quiet", "--filter"],
            "volume" => &["volume", "ls", "--quiet", "--filter"],
            "network" => &["network", "ls", "--quiet", "--filter"],
            other => panic!("nothing of the kind {other}"),
        };
        let listed = self.docker(&[list, &[filter.as_str()]].concat());
        listed.lines().map(str::to_owned).collect()
    }

    pub(crate) fn container_id(&self, name: &str) -> String {
        let name = format!("{}-{name}", self.fleet);
        self.docker(&["inspect", "--format", "{{.Id}}", &name])
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        let name = self.fleet.as_str();
        let _ = self
            .world
            .rivetos(&["infra", "destroy", "--delete-data", "--confirm", name]);
    }
}
