//! What can be seen of a fleet without opening its volumes of secrets.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crate::live::Live;

/// How long until the list of processes is read again.
const LOOK: Duration = Duration::from_millis(10);

/// Everything on the engine and on this machine.
pub(crate) fn seen(live: &Live) -> String {
    let mut seen = String::new();
    for kind in ["container", "volume", "network"] {
        for name in live.ours(kind) {
            seen += &live.docker(&[kind, "inspect", &name]);
        }
    }
    for container in live.ours("container") {
        let image = live.docker(&["inspect", "--format", "{{.Image}}", &container]);
        seen += &live.docker(&["image", "inspect", "--format", "{{json .}}", &image]);
        seen += &live.docker(&["image", "history", "--no-trunc", &image]);
        seen += &live.docker_said(&["logs", &container]);
        seen += &processes(live, &container);
    }
    let (events, now) = ("--since=1", "--until=0s");
    seen += &live.docker(&["events", events, now, "--format", "{{json .}}"]);
    seen += &live.must(0, &["infra", "status", "--output", "json"]);
    live.must(0, &["infra", "render", "-o", "rendered"]);
    seen += &texts(&live.world.path().join("rendered"));
    seen += &texts(&live.folder());
    seen
}

/// Command line and environment of every process of a container.
fn processes(live: &Live, container: &str) -> String {
    let running = live.docker(&["inspect", "--format", "{{.State.Running}}", container]);
    if running != "true" {
        return String::new();
    }
    let mut seen = String::new();
    for pid in live
        .docker(&["top", container, "-eo", "pid"])
        .lines()
        .skip(1)
    {
        for file in ["cmdline", "environ"] {
            // It may have ended meanwhile.
            let text = fs::read(format!("/proc/{}/{file}", pid.trim())).unwrap_or_default();
            seen += &String::from_utf8_lossy(&text);
        }
    }
    seen
}

/// Every file below a folder.
fn texts(folder: &Path) -> String {
    let mut seen = String::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            seen += &texts(&path);
        } else {
            seen += &String::from_utf8_lossy(&fs::read(path).unwrap());
        }
    }
    seen
}

/// That no secret is in what was seen.
pub(crate) fn hidden(seen: &str, secrets: &[String]) {
    for secret in secrets {
        assert!(secret.len() >= 8, "too short to look for: {secret}");
        let at = seen.find(secret.as_str());
        let around = at.map(|at| {
            let whole = seen.get(at.saturating_sub(300)..at + secret.len());
            whole.unwrap_or(secret).to_owned()
        });
        assert_eq!(around, None, "{secret} shows");
    }
}

/// The files of a volume and what is in them.
pub(crate) fn files(live: &Live, volume: &str) -> BTreeMap<String, String> {
    let mount = format!("{volume}:/it:ro");
    let script = "cd /it && for file in *; do echo \"$file=$(cat \"$file\")\"; done";
    let run = ["run", "--rm", "--network", "none", "--volume", &mount];
    let listed = live.docker(&[&run[..], &["debian:trixie-slim", "sh", "-c", script]].concat());
    let parts = listed.lines().map(|line| line.split_once('=').unwrap());
    parts
        .map(|(file, text)| (file.to_owned(), text.to_owned()))
        .collect()
}

/// Reads the command lines of all processes of this machine again and again.
pub(crate) struct ProcessList {
    done: Arc<AtomicBool>,
    reader: JoinHandle<Vec<String>>,
}

impl ProcessList {
    /// Begins, and remembers those with one of `secrets` in them.
    pub(crate) fn watch(secrets: Vec<String>) -> Self {
        let done = Arc::new(AtomicBool::new(false));
        let until = Arc::clone(&done);
        let reader = thread::spawn(move || {
            let mut found = Vec::new();
            while !until.load(Ordering::Relaxed) {
                let lines = command_lines();
                let shows = |line: &String| secrets.iter().any(|secret| line.contains(secret));
                found.extend(lines.into_iter().filter(shows));
                thread::park_timeout(LOOK);
            }
            found
        });
        Self { done, reader }
    }

    /// Ends; no command line had a secret in it.
    pub(crate) fn end(self) {
        self.done.store(true, Ordering::Relaxed);
        assert_eq!(self.reader.join().unwrap(), Vec::<String>::new());
    }
}

fn command_lines() -> Vec<String> {
    let processes = fs::read_dir("/proc").unwrap().filter_map(Result::ok);
    let lines = processes.filter_map(|process| fs::read(process.path().join("cmdline")).ok());
    lines
        .map(|line| String::from_utf8_lossy(&line).into_owned())
        .collect()
}
