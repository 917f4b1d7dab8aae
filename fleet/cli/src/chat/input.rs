//! Where the person's lines come from: a terminal with history, or a pipe.

use std::fs::OpenOptions;
use std::io::{self, BufRead, IsTerminal};
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;

use rustyline::DefaultEditor;
use rustyline::error::ReadlineError;
use thiserror::Error;
use tokio::task::spawn_blocking;

use crate::exit::Exit;
use crate::output::Edge;

/// Lines that a person types or a program pipes in.
pub(crate) enum Input {
    /// With editing and history.
    Terminal {
        /// The line editor.
        editor: Box<DefaultEditor>,
        /// Where its history is kept.
        history: PathBuf,
    },
    /// Line by line.
    Pipe,
}

/// What came in.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Typed {
    /// A line.
    Line(String),
    /// Nothing more will come.
    End,
}

/// Why nothing comes in.
#[derive(Debug, Error)]
pub(crate) enum InputError {
    /// The terminal cannot be used.
    #[error("the terminal cannot be read")]
    Terminal(#[source] ReadlineError),
    /// Standard input cannot be read.
    #[error("standard input cannot be read")]
    Pipe(#[source] io::Error),
    /// The reading thread is gone.
    #[error("the thread that reads the input is gone")]
    Thread(#[source] tokio::task::JoinError),
}

impl Edge for InputError {
    fn exit(&self) -> Exit {
        Exit::Failed
    }
}

impl Input {
    /// The standard input of this process; `history` is made, readable by its owner only.
    pub(crate) fn open(history: PathBuf) -> Result<Self, InputError> {
        if !io::stdin().is_terminal() {
            return Ok(Self::Pipe);
        }
        let mut editor = Box::new(DefaultEditor::new().map_err(InputError::Terminal)?);
        // A history that cannot be kept is no reason not to talk.
        let made = OpenOptions::new()
            .create(true)
            .append(true)
            .mode(0o600)
            .open(&history)
            .is_ok();
        if made {
            let _ = editor.load_history(&history);
        }
        Ok(Self::Terminal { editor, history })
    }

    /// Whether a person sits there.
    pub(crate) fn is_terminal(&self) -> bool {
        matches!(self, Self::Terminal { .. })
    }

    /// The next line; `prompt` is shown on a terminal.
    pub(crate) async fn next(self, prompt: String) -> Result<(Self, Typed), InputError> {
        match self {
            Self::Pipe => {
                let typed = spawn_blocking(read_pipe)
                    .await
                    .map_err(InputError::Thread)?;
                Ok((Self::Pipe, typed.map_err(InputError::Pipe)?))
            }
            Self::Terminal {
                mut editor,
                history,
            } => spawn_blocking(move || {
                let typed = read_terminal(&mut editor, &prompt)?;
                if let Typed::Line(line) = &typed
                    && !line.trim().is_empty()
                    && editor.add_history_entry(line).unwrap_or(false)
                {
                    let _ = editor.append_history(&history);
                }
                Ok((Self::Terminal { editor, history }, typed))
            })
            .await
            .map_err(InputError::Thread)?,
        }
    }
}

fn read_pipe() -> io::Result<Typed> {
    let mut line = String::new();
    if io::stdin().lock().read_line(&mut line)? == 0 {
        return Ok(Typed::End);
    }
    line.truncate(line.trim_end_matches(['\n', '\r']).len());
    Ok(Typed::Line(line))
}

fn read_terminal(editor: &mut DefaultEditor, prompt: &str) -> Result<Typed, InputError> {
    match editor.readline(prompt) {
        Ok(line) => Ok(Typed::Line(line)),
        Err(ReadlineError::Eof) => Ok(Typed::End),
        // Ctrl-C at the prompt throws the line away.
        Err(ReadlineError::Interrupted) => Ok(Typed::Line(String::new())),
        Err(error) => Err(InputError::Terminal(error)),
    }
}
