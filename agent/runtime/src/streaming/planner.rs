//! What to show next of a running turn.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use rivetos_types::channel::{Capabilities, ChannelError, Edits};
use rivetos_types::intake::TurnEvent;
use rivetos_types::store::Approval;
use tokio::time::Instant;

use crate::delivery::{Board, Made, Move, split};

/// How many lines of the log are shown.
const LOG_LINES_MAX: usize = 8;

/// How much of the reasoning is shown, in characters.
const REASONING_CHARS_MAX: usize = 1200;

/// How much of a call's arguments a question shows, in bytes.
const ARGUMENTS_BYTES_MAX: usize = 1500;

/// The longest pause after failures that nobody gave a time for.
const PAUSE_MAX: Duration = Duration::from_secs(30);

/// Messages that belong together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Strand {
    /// Reasoning, tools and what happens to the turn.
    Log,
    /// The reply.
    Reply,
    /// What a person has to decide.
    Questions,
}

impl Strand {
    /// In the order in which they get a turn.
    const ALL: [Self; 3] = [Self::Log, Self::Reply, Self::Questions];

    /// What the keys of its messages start with, behind the turn.
    pub(crate) fn infix(self) -> &'static str {
        match self {
            Self::Log => "/log",
            Self::Reply => "",
            Self::Questions => "/question",
        }
    }
}

/// What to do now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Step {
    /// This call.
    Call(Strand, Move),
    /// Nothing before this moment, unless something happens.
    WaitUntil(Instant),
    /// Nothing unless something happens.
    Wait,
}

/// Whether the boards want what happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Layout {
    Done,
    Behind,
}

/// Follows one turn.
#[derive(Debug)]
pub(crate) struct Planner {
    capabilities: Capabilities,
    boards: BTreeMap<Strand, Board>,
    text: String,
    reasoning: String,
    lines: VecDeque<String>,
    questions: Vec<String>,
    not_before: Instant,
    failures: u32,
    /// Whether the boards want what happened.
    layout: Layout,
    /// What is left as it is.
    muted: BTreeSet<Strand>,
    /// Whether a person has to decide.
    asked: bool,
}

impl Planner {
    /// `reply` is what the chat shows already of the reply.
    pub(crate) fn new(capabilities: Capabilities, reply: Board, now: Instant) -> Self {
        let mut boards = BTreeMap::from(Strand::ALL.map(|strand| (strand, Board::default())));
        boards.insert(Strand::Reply, reply);
        Self {
            capabilities,
            boards,
            text: String::new(),
            reasoning: String::new(),
            lines: VecDeque::new(),
            questions: Vec::new(),
            not_before: now,
            failures: 0,
            layout: Layout::Done,
            muted: BTreeSet::new(),
            asked: false,
        }
    }

    /// Takes in what happened. The end of the turn is the courier's.
    pub(crate) fn on(&mut self, event: TurnEvent) {
        self.asked = matches!(event, TurnEvent::Asked { .. });
        match event {
            TurnEvent::Snapshot { text } => self.text = text,
            TurnEvent::Text { text } => self.text.push_str(&text),
            TurnEvent::Reasoning { text } => {
                self.reasoning.push_str(&text);
                let chars = self.reasoning.chars().count();
                let surplus = chars.saturating_sub(REASONING_CHARS_MAX);
                self.reasoning = self.reasoning.chars().skip(surplus).collect();
            }
            TurnEvent::ToolStart { name, summary } => self.line(format!("⏳ {name} {summary}")),
            TurnEvent::ToolEnd { name, ok, summary } => {
                let running = format!("⏳ {name} ");
                let of_call = self
                    .lines
                    .iter()
                    .position(|line| line.starts_with(&running));
                let line = format!("{} {name} {summary}", if ok { "✓" } else { "✗" });
                match of_call.and_then(|at| self.lines.get_mut(at)) {
                    Some(running) => *running = line,
                    None => self.line(line),
                }
            }
            TurnEvent::Status { text } => self.line(text),
            TurnEvent::Asked { approval } => self.questions.push(question(&approval)),
            TurnEvent::Finished { .. } => {}
        }
        self.layout = Layout::Behind;
    }

    /// Whether somebody would be surprised to see nothing move.
    pub(crate) fn is_busy(&self) -> bool {
        !self.asked
    }

    /// What to do now.
    pub(crate) fn next(&mut self, now: Instant) -> Step {
        // A reply may come in thousands of pieces; it is laid out only when it can be shown.
        if self.layout == Layout::Behind && now < self.not_before {
            return Step::WaitUntil(self.not_before);
        }
        self.lay_out();
        let mut loud = Strand::ALL
            .into_iter()
            .filter(|strand| !self.muted.contains(strand));
        let next = |strand| Some((strand, self.boards.get(&strand)?.next()?));
        match loud.find_map(next) {
            None => Step::Wait,
            Some(_) if now < self.not_before => Step::WaitUntil(self.not_before),
            Some((strand, next)) => Step::Call(strand, next),
        }
    }

    /// The board on which a call of `strand` is noted.
    pub(crate) fn board(&mut self, strand: Strand) -> &mut Board {
        self.boards.entry(strand).or_default()
    }

    /// What came of a call.
    pub(crate) fn called(
        &mut self,
        strand: Strand,
        made: &Result<Made, ChannelError>,
        now: Instant,
    ) {
        let pause = match made {
            Ok(Made::Done) => {
                self.failures = 0;
                self.interval()
            }
            // Nothing that can be changed is worth to be streamed; the courier makes it anew.
            Ok(Made::Refused) | Err(ChannelError::EditRefused { .. }) => {
                self.muted.insert(strand);
                self.interval()
            }
            Err(ChannelError::Permanent { .. }) => {
                self.muted.extend(Strand::ALL);
                PAUSE_MAX
            }
            Err(ChannelError::Transient { retry_after, .. }) => {
                self.failures = self.failures.saturating_add(1);
                let own = self.interval().saturating_mul(1 << self.failures.min(8));
                let pause = retry_after.unwrap_or(own.min(PAUSE_MAX));
                pause.max(self.interval())
            }
        };
        self.not_before = now + pause;
    }

    /// What would leave the log as it is now. It is nobody else's.
    pub(crate) fn last_log(&mut self) -> Option<Move> {
        self.lay_out();
        let loud = !self.muted.contains(&Strand::Log);
        loud.then(|| self.boards.get(&Strand::Log)?.next())
            .flatten()
    }

    /// What the chat shows of the reply.
    pub(crate) fn into_reply(mut self) -> Board {
        self.boards.remove(&Strand::Reply).unwrap_or_default()
    }

    fn line(&mut self, line: String) {
        if self.lines.len() == LOG_LINES_MAX {
            self.lines.pop_front();
        }
        self.lines.push_back(line);
    }

    fn interval(&self) -> Duration {
        match self.capabilities.edits {
            Edits::Every(interval) => interval,
            Edits::Never => Duration::ZERO,
        }
    }

    fn lay_out(&mut self) {
        if self.layout == Layout::Done {
            return;
        }
        self.layout = Layout::Done;
        let max = self.capabilities.length_max;
        // A message that cannot change shows nothing that is not finished.
        if self.capabilities.edits != Edits::Never {
            let (log, text) = (split(&self.log(), max), split(&self.text, max));
            self.board(Strand::Log).want(log);
            self.board(Strand::Reply).want(text);
        }
        let questions = self.questions.iter().flat_map(|text| split(text, max));
        let questions = questions.collect();
        self.board(Strand::Questions).want(questions);
    }

    fn log(&self) -> String {
        let reasoning = self.reasoning.lines().map(str::trim);
        let reasoning = reasoning
            .filter(|line| !line.is_empty())
            .map(|line| format!("_{line}_"));
        let lines = self.lines.iter().cloned();
        reasoning.chain(lines).collect::<Vec<_>>().join("\n")
    }
}

fn question(approval: &Approval) -> String {
    let arguments = &approval.arguments;
    let shown = arguments
        .get(..arguments.floor_char_boundary(ARGUMENTS_BYTES_MAX))
        .unwrap_or(arguments);
    let more = match arguments.len() - shown.len() {
        0 => String::new(),
        bytes => format!("\n… and {bytes} bytes more"),
    };
    let (tool, call) = (&approval.tool, approval.call.short());
    format!("May `{tool}` run?\n```\n{shown}\n```{more}\n/approve {call} or /deny {call}")
}

#[cfg(test)]
mod tests;
