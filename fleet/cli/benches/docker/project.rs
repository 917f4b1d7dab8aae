//! The same number of services, and as many volumes, as a project of Compose.

use std::ffi::OsString;
use std::fmt::Write as _;
use std::fs;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::{IMAGE, LOOK_AGENTS};

const NAME: &str = "bench-compose";
/// Data, configuration and secrets of each agent.
const VOLUMES_EACH: [&str; 3] = ["data", "config", "secrets"];

/// A project that is up; goes when it is dropped.
pub(crate) struct Project {
    program: OsString,
    host: String,
    folder: TempDir,
}

impl Project {
    /// Brings it up where there is a Compose.
    pub(crate) fn up(host: &str) -> Option<Self> {
        let project = Self {
            program: std::env::var_os("RIVETOS_TEST_COMPOSE")?,
            host: host.to_owned(),
            folder: tempfile::tempdir().unwrap(),
        };
        fs::write(project.folder.path().join("compose.yaml"), text()).unwrap();
        project.up_again();
        Some(project)
    }

    /// Asks for what is there already; how long that takes.
    pub(crate) fn up_again(&self) -> Duration {
        let began = Instant::now();
        self.compose(&["up", "--detach"]);
        began.elapsed()
    }

    fn compose(&self, args: &[&str]) {
        let status = Command::new(&self.program)
            .args(args)
            .current_dir(self.folder.path())
            .env("DOCKER_HOST", &self.host)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .unwrap();
        assert!(status.success(), "compose {args:?}: {status}");
    }
}

impl Drop for Project {
    fn drop(&mut self) {
        self.compose(&["down", "--volumes", "--timeout", "1"]);
    }
}

fn text() -> String {
    let mut services = format!("name: {NAME}\nservices:\n");
    let mut volumes = "volumes:\n".to_owned();
    for agent in 0..LOOK_AGENTS {
        let _ = writeln!(
            services,
            "  a{agent}:\n    image: {IMAGE}\n    command: [run]\n    init: true\n    volumes:"
        );
        for volume in VOLUMES_EACH {
            let _ = writeln!(services, "      - a{agent}-{volume}:/{volume}");
            let _ = writeln!(volumes, "  a{agent}-{volume}: {{}}");
        }
    }
    services + &volumes
}
