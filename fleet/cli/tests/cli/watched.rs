//! A run that a test reads along with and interrupts, piped or on a terminal of its own.

use std::io::{Read, Write};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

use crate::world::{Ended, World};

/// How long a run may be silent.
const SILENCE_MAX: Duration = Duration::from_mins(1);

/// A run that goes on by itself.
pub(crate) struct Watched {
    child: Child,
    output: Receiver<Vec<u8>>,
    seen: Vec<u8>,
    /// How much of `seen` was waited for already.
    waited: usize,
    on: On,
}

/// Where a run writes to.
enum On {
    Pipe,
    /// A terminal, with its keyboard.
    Terminal(ChildStdin),
}

impl Watched {
    /// Begins a run whose standard output is read.
    pub(crate) fn piped(mut command: Command) -> Self {
        let child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn();
        Self::of(child.unwrap(), On::Pipe)
    }

    /// Begins a run on a terminal; `None` (said on standard error) where nothing makes one.
    pub(crate) fn on_terminal(world: &World, args: &[&str]) -> Option<Self> {
        let mut words = vec![format!("exec {}", env!("CARGO_BIN_EXE_rivetos"))];
        words.extend(args.iter().map(|arg| (*arg).to_owned()));
        let own = world.command();
        let variables = own
            .get_envs()
            .filter_map(|(name, value)| Some((name, value?)));
        let child = Command::new("script")
            .args(["--quiet", "--return", "--flush", "--command"])
            .arg(words.join(" "))
            .arg("/dev/null")
            .current_dir(world.path())
            .env_clear()
            .envs(variables)
            .env("TERM", "xterm")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn();
        let Ok(mut child) = child else {
            crate::world::skipped("a test on a terminal: there is no `script`");
            return None;
        };
        let keyboard = child.stdin.take().unwrap();
        Some(Self::of(child, On::Terminal(keyboard)))
    }

    fn of(mut child: Child, on: On) -> Self {
        let mut stdout = child.stdout.take().unwrap();
        let (pieces, output) = channel();
        thread::spawn(move || {
            let mut piece = [0; 4096];
            // A terminal whose last program ended is an error to read from.
            while let Ok(length @ 1..) = stdout.read(&mut piece) {
                if pieces.send(piece[..length].to_vec()).is_err() {
                    break;
                }
            }
        });
        Self {
            child,
            output,
            seen: Vec::new(),
            waited: 0,
            on,
        }
    }

    /// Reads on until `text` comes, behind what was waited for before.
    pub(crate) fn until(&mut self, text: &str) {
        loop {
            let new = String::from_utf8_lossy(&self.seen[self.waited..]).into_owned();
            if let Some(at) = new.find(text) {
                self.waited += at + text.len();
                return;
            }
            let Ok(piece) = self.output.recv_timeout(SILENCE_MAX) else {
                panic!("`{text}` does not come:\n{new}");
            };
            self.seen.extend(piece);
        }
    }

    /// Ctrl-C.
    pub(crate) fn interrupt(&mut self) {
        match &mut self.on {
            On::Terminal(keyboard) => keyboard.write_all(b"\x03").unwrap(),
            On::Pipe => {
                let pid = self.child.id().to_string();
                let kill = Command::new("kill").args(["-INT", &pid]).status();
                assert!(kill.unwrap().success());
            }
        }
    }

    /// Reads to the end.
    pub(crate) fn end(mut self) -> Ended {
        while let Ok(piece) = self.output.recv_timeout(SILENCE_MAX) {
            self.seen.extend(piece);
        }
        Ended {
            code: self.child.wait().unwrap().code(),
            stdout: String::from_utf8(self.seen).unwrap(),
            stderr: String::new(),
        }
    }
}

/// What stays on a terminal that was sent `text`.
pub(crate) fn screen(text: &str) -> String {
    let mut lines = vec![String::new()];
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let command = rest.strip_prefix("\x1b[").map(|rest| {
            let end = rest.find(|c: char| c.is_ascii_alphabetic()).unwrap();
            rest.split_at(end + 1)
        });
        let Some((command, behind)) = command else {
            rest = &rest[first.len_utf8()..];
            match first {
                '\n' => lines.push(String::new()),
                '\r' => {}
                other => lines.last_mut().unwrap().push(other),
            }
            continue;
        };
        rest = behind;
        if let Some(up) = command.strip_suffix('F') {
            // Up and to the left; what follows always clears from there.
            let up: usize = up.parse().unwrap();
            lines.truncate(lines.len() - up);
            lines.last_mut().unwrap().clear();
        }
    }
    lines.join("\n")
}
