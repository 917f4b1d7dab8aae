//! Shows the events of one run: as lines, as a board that is drawn again and again on a terminal,
//! or as JSON for programs.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rivetos_engine::{Event, EventKind};
use rivetos_fleet::model::{Op, Plan, StepId};

use super::tally::{Fate, Tally, seconds};
use crate::output::{Board, Format, Printer, StreamLine, Totals};

/// Between two drawings of the board.
const TICK: Duration = Duration::from_millis(100);
/// The most things under way that the board shows.
const ROWS_MAX: usize = 10;

/// Shows the events of one run.
pub(crate) struct Progress {
    printer: Printer,
    /// What each step does, in words.
    words: BTreeMap<StepId, String>,
    began: Instant,
    state: Mutex<State>,
}

struct State {
    tally: Tally,
    /// On terminals.
    board: Option<Board>,
}

impl Progress {
    /// For the steps of `plan`.
    pub(crate) fn new(plan: &Plan, printer: Printer) -> Self {
        let words = plan.steps.iter().map(|step| {
            let verb = match &step.op {
                Op::Create { .. } => "created",
                Op::Ensure { .. } => "made sure of",
                Op::Start { .. } => "started",
                Op::Remove { .. } => "removed",
                Op::Update { .. } => "updated",
                Op::Swap { .. } => "replaced",
                Op::Confirm { .. } => "confirmed",
                Op::Load { .. } => "brought over",
                Op::Adopt { .. } => "adopted",
                Op::Forget { .. } => "forgot",
            };
            (step.id.clone(), format!("{verb} {}", step.resource))
        });
        Self {
            printer,
            words: words.collect(),
            began: Instant::now(),
            state: Mutex::new(State {
                tally: Tally::new(plan),
                board: printer.is_live().then(Board::default),
            }),
        }
    }

    /// Shows one event.
    pub(crate) fn show(&self, event: &Event) {
        let mut state = self.state();
        state.tally.note(event);
        match self.printer.format() {
            Format::Json => {
                let line = StreamLine::of(event, || state.tally.totals());
                self.printer.line(&line);
            }
            Format::Text => {
                let line = self.line(event);
                if state.board.is_some() {
                    self.draw(&mut state, line.as_deref());
                } else if let Some(line) = line {
                    self.printer.talk(line);
                }
            }
        }
    }

    /// Draws the board again and again; never ready.
    pub(crate) async fn tick(&self) -> Infallible {
        let mut ticks = tokio::time::interval(TICK);
        loop {
            ticks.tick().await;
            let mut state = self.state();
            if state.board.is_some() {
                self.draw(&mut state, None);
            }
        }
    }

    /// Takes the board away until the next event: other things are about to be written.
    pub(crate) fn clear(&self) {
        self.wipe(&mut self.state());
    }

    /// Takes the board away and tells what became of every step: in one line when all are done.
    pub(crate) fn conclude(&self) {
        let mut state = self.state();
        self.wipe(&mut state);
        if self.printer.format() == Format::Json {
            return;
        }
        let tally = &state.tally;
        if tally.which(|fate| !fate.is_done()).is_empty() {
            let done = tally.which(Fate::is_done).len();
            let after = self.printer.err().dim(seconds(self.elapsed_ms()));
            let steps = if done == 1 { "step" } else { "steps" };
            self.printer
                .talk(format_args!("{after} {done} {steps} done"));
        } else {
            self.printer.talk(tally.table(self.printer.err()));
            self.printer
                .talk("the next `rivetos infra up` goes on from what is there now");
        }
    }

    /// Says that running steps are left to themselves.
    pub(crate) fn detached(&self) {
        let mut state = self.state();
        self.wipe(&mut state);
        let running = state.tally.which(Fate::is_running);
        let running: Vec<String> = running.iter().map(ToString::to_string).collect();
        match self.printer.format() {
            Format::Json => self.printer.line(&StreamLine::detached(running)),
            Format::Text => self.printer.talk(format_args!(
                "detached; what was asked of the target may go on there: {}",
                running.join(", ")
            )),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn elapsed_ms(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    fn draw(&self, state: &mut State, above: Option<&str>) {
        let rows = (ROWS_MAX, self.printer.err());
        let lines = state.tally.board(self.elapsed_ms(), rows);
        if let Some(board) = &mut state.board {
            self.printer.draw(&board.draw(above, &lines));
        }
    }

    fn wipe(&self, state: &mut State) {
        if let Some(board) = &mut state.board {
            self.printer.draw(&board.draw(None, &[]));
        }
    }

    /// What is said for good about an event, if anything.
    fn line(&self, event: &Event) -> Option<String> {
        let style = self.printer.err();
        let after = style.dim(seconds(event.elapsed_ms));
        let say = |sign: String, what: &str| Some(format!("{after} {sign} {what}"));
        match &event.kind {
            EventKind::Done {
                step,
                changed: true,
            } => say(style.green("✓"), self.words(step)),
            EventKind::Done {
                step,
                changed: false,
            } => {
                let what = format!("{} (it was so already)", self.words(step));
                say(style.dim("✓"), &what)
            }
            EventKind::Failed { step, .. } => say(style.red("✗"), &format!("{step} failed")),
            EventKind::Skipped { step, because } => {
                let what = format!("{step} skipped because of {because}");
                say(style.yellow("–"), &what)
            }
            EventKind::Interrupted { running } => {
                let what = format!(
                    "stopping; {running} running steps are finished first (Ctrl-C again leaves \
                     them to themselves)"
                );
                say(style.yellow("!"), &what)
            }
            EventKind::NodeReady { node } => say(style.green("✓"), &format!("{node} is ready")),
            EventKind::Started { .. }
            | EventKind::Progress { .. }
            | EventKind::Executed { .. }
            | EventKind::NodeWaiting { .. }
            | EventKind::NodeNotReady { .. } => None,
        }
    }

    fn words<'a>(&'a self, step: &'a StepId) -> &'a str {
        self.words.get(step).map_or(step.0.as_str(), String::as_str)
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        let mut state = self.state();
        self.wipe(&mut state);
    }
}

impl Tally {
    fn totals(&self) -> Totals {
        let names =
            |is: fn(&Fate) -> bool| self.which(is).iter().map(ToString::to_string).collect();
        Totals {
            done: names(Fate::is_done),
            failed: names(Fate::is_failed),
            skipped: names(Fate::is_skipped),
            not_started: names(Fate::is_not_started),
        }
    }
}
