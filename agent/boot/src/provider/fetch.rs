//! `provider pull`: a server of Ollama fetches a model.

use std::collections::BTreeMap;
use std::io::{self, IsTerminal};

use futures_util::StreamExt;
use rivetos_model_ollama::pull::Progress;
use serde_json::json;

use super::{Asking, print};
use crate::error::BootError;
use crate::models::Vendor;

/// How often progress is told where it cannot be drawn over, in percent.
const STEP_PERCENT: u64 = 10;

pub(super) async fn run(asking: &Asking, name: &str, model: &str) -> Result<(), BootError> {
    let Vendor::Ollama(ollama) = asking.vendor(name).await? else {
        return Err(BootError::NoPull(name.to_owned()));
    };
    let mut board = Board::default();
    let mut progress = ollama.pull(model);
    while let Some(told) = progress.next().await {
        board.show(told.map_err(BootError::Model)?);
    }
    board.end_line();
    if asking.json {
        return print::document(&json!({ "schema_version": 1, "provider": name, "model": model }));
    }
    print::text(&format!("{name} has {model}\n"))
}

/// What was told last.
#[derive(Default)]
struct Board {
    /// What there is of each file, and how much of it the server has, in bytes.
    files: BTreeMap<String, (u64, u64)>,
    told_percent: Option<u64>,
    drawn: bool,
}

impl Board {
    fn show(&mut self, progress: Progress) {
        match progress {
            Progress::Doing(what) => {
                self.end_line();
                print::talk(&format!("{what}\n"));
            }
            Progress::Has { digest, bytes, of } => {
                self.files.insert(digest, (bytes, of));
                self.show_files();
            }
            Progress::Done => {}
        }
    }

    fn show_files(&mut self) {
        let sum = |part: fn(&(u64, u64)) -> u64| self.files.values().map(part).sum::<u64>();
        let (has, of) = (sum(|file| file.0), sum(|file| file.1));
        let percent = has.saturating_mul(100).checked_div(of).unwrap_or(0);
        let live = io::stderr().is_terminal();
        let step = if live { 1 } else { STEP_PERCENT };
        if self
            .told_percent
            .is_some_and(|told| told / step == percent / step)
        {
            return;
        }
        self.told_percent = Some(percent);
        let text = format!("{percent} % of {} MB", of / 1_000_000);
        if live {
            print::talk(&format!("\r{text}   "));
            self.drawn = true;
        } else {
            print::talk(&format!("{text}\n"));
        }
    }

    /// What follows is not drawn over.
    fn end_line(&mut self) {
        if std::mem::take(&mut self.drawn) {
            print::talk("\n");
        }
    }
}
