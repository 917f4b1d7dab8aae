//! A `rivetos chat` that is under way, watched piece by piece.

use std::io::Read;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread::{self, JoinHandle};

use crate::model::PATIENCE;
use crate::world::{Ended, World, agent_bin};

/// One message on its way.
pub(crate) struct Talk {
    child: Child,
    pieces: Receiver<Vec<u8>>,
    shown: Vec<u8>,
    stderr: Option<JoinHandle<String>>,
}

impl Talk {
    /// Says `message` to `agent`.
    pub(crate) fn begin(world: &World, agent: &str, message: &str) -> Self {
        Self::begin_with(world, agent, message, &[])
    }

    /// The same with more arguments.
    pub(crate) fn begin_with(world: &World, agent: &str, message: &str, more: &[&str]) -> Self {
        let mut child = world
            .command()
            .args(["chat", agent, "-m", message, "--agent-bin"])
            .arg(agent_bin())
            .args(more)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdout = child.stdout.take().unwrap();
        let (sender, pieces) = mpsc::channel();
        thread::spawn(move || {
            let mut piece = [0; 4096];
            while let Ok(size @ 1..) = stdout.read(&mut piece) {
                let _ = sender.send(piece[..size].to_vec());
            }
        });
        let mut stderr = child.stderr.take().unwrap();
        let stderr = thread::spawn(move || {
            let mut text = String::new();
            let _ = stderr.read_to_string(&mut text);
            text
        });
        Self {
            child,
            pieces,
            shown: Vec::new(),
            stderr: Some(stderr),
        }
    }

    /// Returns when `text` was shown, although the reply goes on.
    pub(crate) fn shows(&mut self, text: &str) {
        while !self.said().contains(text) {
            let piece = self.pieces.recv_timeout(PATIENCE);
            let piece = piece.unwrap_or_else(|_| panic!("no `{text}` in `{}`", self.said()));
            self.shown.extend(piece);
        }
    }

    /// Presses Ctrl-C.
    pub(crate) fn interrupt(&self) {
        let status = Command::new("kill")
            .args(["-INT", &self.child.id().to_string()])
            .status();
        assert!(status.unwrap().success());
    }

    /// Waits for the end.
    pub(crate) fn end(mut self) -> Ended {
        // The pieces end with the process.
        loop {
            match self.pieces.recv_timeout(PATIENCE) {
                Ok(piece) => self.shown.extend(piece),
                Err(mpsc::RecvTimeoutError::Disconnected) => break,
                Err(mpsc::RecvTimeoutError::Timeout) => panic!("no end after `{}`", self.said()),
            }
        }
        Ended {
            code: self.child.wait().unwrap().code(),
            stdout: self.said(),
            stderr: self.stderr.take().unwrap().join().unwrap(),
        }
    }

    fn said(&self) -> String {
        String::from_utf8_lossy(&self.shown).into_owned()
    }
}

impl Drop for Talk {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
