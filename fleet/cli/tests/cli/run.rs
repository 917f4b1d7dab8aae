//! A run of the program that a test watches through the run's journal.

use std::fs::{self, File};
use std::io::{Read, Seek};
use std::process::Child;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::live::Live;
use crate::world::{Ended, agent_bin};

/// How long until the journal is looked at again.
const LOOK: Duration = Duration::from_millis(1);
/// How long a run may take.
const DEADLINE: Duration = Duration::from_mins(5);

/// A run that goes on by itself.
pub(crate) struct Run<'a> {
    live: &'a Live,
    child: Child,
    stdout: File,
    stderr: File,
}

/// What a line of a journal says of a step: `begin`, of a `network`, of which `#create`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Moment {
    pub(crate) what: String,
    pub(crate) kind: String,
    pub(crate) action: String,
}

/// Whether a run came to where it was wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    Reached,
    /// It ended before.
    Ended,
}

impl<'a> Run<'a> {
    pub(crate) fn begin(live: &'a Live, args: &[&str]) -> Self {
        let (stdout, stderr) = (tempfile::tempfile().unwrap(), tempfile::tempfile().unwrap());
        let mut command = live.world.command();
        let command = command.args(args).arg("--agent-bin").arg(agent_bin());
        let command = command.stdout(stdout.try_clone().unwrap());
        let command = command.stderr(stderr.try_clone().unwrap());
        Self {
            live,
            child: command.spawn().unwrap(),
            stdout,
            stderr,
        }
    }

    /// Waits until the journal is as `when` wants it or the run has ended.
    pub(crate) fn until(&mut self, mut when: impl FnMut(&[Moment]) -> bool) -> Fate {
        let began = Instant::now();
        loop {
            if when(&self.moments()) {
                return Fate::Reached;
            }
            if self.child.try_wait().unwrap().is_some() {
                return Fate::Ended;
            }
            let last = || format!("{:?}", self.moments());
            assert!(began.elapsed() < DEADLINE, "{}", last());
            thread::park_timeout(LOOK);
        }
    }

    /// `kill -9`
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Waits for its end.
    pub(crate) fn end(mut self) -> Ended {
        let code = self.child.wait().unwrap().code();
        let read = |mut file: File| {
            let mut text = String::new();
            file.rewind().unwrap();
            file.read_to_string(&mut text).unwrap();
            text
        };
        Ended {
            code,
            stdout: read(self.stdout),
            stderr: read(self.stderr),
        }
    }

    fn moments(&self) -> Vec<Moment> {
        let ending = format!("-{}.jsonl", self.child.id());
        let Ok(files) = fs::read_dir(self.live.folder().join("runs")) else {
            return Vec::new();
        };
        let mut paths = files.map(|file| file.unwrap().path());
        let journal = paths.find(|path| path.to_str().unwrap().ends_with(&ending));
        let text = journal.and_then(|path| fs::read_to_string(path).ok());
        let text = text.unwrap_or_default();
        // The last line may be on its way.
        let lines = text.split_inclusive('\n');
        let whole = lines.filter(|line| line.ends_with('\n'));
        whole.filter_map(moment).collect()
    }
}

fn moment(line: &str) -> Option<Moment> {
    let line: Value = serde_json::from_str(line).unwrap();
    let line = &line["line"];
    let (resource, action) = line["step"].as_str()?.split_once('#').unwrap();
    let (kind, _) = resource.split_once('/').unwrap();
    Some(Moment {
        what: line["what"].as_str().unwrap().to_owned(),
        kind: kind.to_owned(),
        action: action.to_owned(),
    })
}
