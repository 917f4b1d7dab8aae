//! An engine that is restarted in the middle of a run.

use std::process::{Command, Stdio};

use tempfile::TempDir;

use crate::live::{Live, Parts, UP};
use crate::run::{Fate, Run};
use crate::world::{Ended, skipped};

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/live/dockerd.sh");

/// An engine of its own, which may be disturbed.
pub(crate) struct Engine {
    folder: TempDir,
    pub(crate) host: String,
}

impl Engine {
    /// Says so and returns nothing where none can be had.
    pub(crate) fn start() -> Option<Self> {
        let folder = TempDir::new().unwrap();
        let started = script("start", &folder);
        if started.code == Some(0) {
            let host = format!("unix://{}", started.stdout.trim());
            return Some(Self { folder, host });
        }
        skipped(&format!("an engine of its own: {}", started.stderr.trim()));
        None
    }

    pub(crate) fn restart(&self) {
        let ended = script("restart", &self.folder);
        assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    }

    /// Gives it every image that bears the name of the agent's on another engine.
    pub(crate) fn take_images(&self, from: &Live) {
        let format = "{{.Repository}}:{{.Tag}}";
        let names = from.docker(&["image", "ls", "--format", format, "rivetos-agent"]);
        let mut save = Command::new("docker");
        let save = save
            .args(["--host", from.host(), "save"])
            .args(names.lines());
        let mut save = save.stdout(Stdio::piped()).spawn().unwrap();
        let images = save.stdout.take().unwrap();
        let mut load = Command::new("docker");
        let load = load
            .args(["--host", &self.host, "load", "--quiet"])
            .stdin(images);
        assert!(load.stdout(Stdio::null()).status().unwrap().success());
        assert!(save.wait().unwrap().success());
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        script("stop", &self.folder);
    }
}

fn script(action: &str, folder: &TempDir) -> Ended {
    let mut command = Command::new(SCRIPT);
    command
        .arg(action)
        .arg(folder.path())
        .output()
        .unwrap()
        .into()
}

#[test]
fn an_engine_that_restarts_in_the_middle_of_a_run() {
    let Some(shared) = Live::new("restarted") else {
        return;
    };
    shared.build();
    let Some(engine) = Engine::start() else {
        return;
    };
    engine.take_images(&shared);
    let live = Live::on(&engine.host, "restarted");
    live.write_parts(&Parts {
        agents: &["ada", "b", "c", "d", "e", "f", "g", "h"].map(|name| (name, "rehearsal")),
        deployment: "",
        ..Parts::default()
    });
    let mut run = Run::begin(&live, &UP);
    let fate = run.until(|moments| {
        let mut agents = moments.iter().filter(|moment| moment.kind == "agent");
        agents.any(|moment| moment.what == "done")
    });
    assert_eq!(fate, Fate::Reached);
    engine.restart();
    let ended = run.end();
    assert_eq!(ended.code, Some(4), "{}", ended.snapshot());
    live.comes_up();
    assert_eq!(live.ours("container").len(), 8);
}
