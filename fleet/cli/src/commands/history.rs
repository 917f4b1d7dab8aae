//! `rivetos infra history`

use rivetos_engine::{Exit, FleetHome, JournalError, PastRun, PastStep, RunEnd, StepEnd};
use rivetos_engine::{past_run, past_runs};
use rivetos_fleet::FleetId;
use serde::Serialize;
use std::fmt::Write as _;
use thiserror::Error;

use crate::fleet::home_of;
use crate::moment::rfc3339_of;
use crate::output::{Edge, Failure, Format, Printer, Style};
use crate::settings::{Globals, History};

/// Version of the shape of both documents.
const SCHEMA_VERSION: u32 = 1;

/// There is no such run.
#[derive(Debug, Error)]
#[error("fleet `{fleet}` has no run `{run}`, or its journal is no longer kept")]
struct NoRun {
    fleet: FleetId,
    run: String,
}

impl Edge for NoRun {
    fn exit(&self) -> Exit {
        Exit::Usage
    }

    fn hints(&self) -> Vec<String> {
        vec!["`rivetos infra history` lists them".into()]
    }
}

#[derive(Serialize)]
struct HistoryDocument {
    schema_version: u32,
    fleet: String,
    runs: Vec<RunDocument>,
}

#[derive(Serialize)]
struct RunDocument {
    id: String,
    began: String,
    elapsed_ms: u64,
    operation: Option<String>,
    who: Option<String>,
    tool: Option<String>,
    targets: Vec<String>,
    steps_planned: Option<usize>,
    steps_done: usize,
    steps_failed: usize,
    result: &'static str,
    exit_code: Option<u8>,
    /// Only where one run was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    steps: Option<Vec<StepDocument>>,
}

#[derive(Serialize)]
struct StepDocument {
    step: String,
    began: String,
    elapsed_ms: Option<u64>,
    result: &'static str,
    message: Option<String>,
}

/// Shows what was done.
pub(crate) fn run(globals: &Globals, history: &History, printer: Printer) -> Result<Exit, Failure> {
    let (fleet, home) = home_of(globals)?;
    let runs = match &history.run {
        None => past_runs(&home.runs(), history.limit)?,
        Some(id) => vec![one(&fleet, &home, id)?],
    };
    match (printer.format(), &history.run) {
        (Format::Json, asked) => printer.json(&HistoryDocument {
            schema_version: SCHEMA_VERSION,
            fleet: fleet.to_string(),
            runs: runs
                .iter()
                .map(|run| document(run, asked.is_some()))
                .collect(),
        }),
        (Format::Text, None) if runs.is_empty() => {
            printer.talk(format_args!(
                "nothing was done to fleet {fleet} from here yet"
            ));
        }
        (Format::Text, None) => table(&runs, printer),
        (Format::Text, Some(_)) => {
            table(&runs, printer);
            for step in runs.iter().flat_map(|run| &run.steps) {
                printer.data(step_line(step, printer.out()));
            }
        }
    }
    Ok(Exit::Ok)
}

fn one(fleet: &FleetId, home: &FleetHome, id: &str) -> Result<PastRun, Failure> {
    let found: Result<Option<PastRun>, JournalError> = past_run(&home.runs(), id);
    Ok(found?.ok_or_else(|| NoRun {
        fleet: fleet.clone(),
        run: id.to_owned(),
    })?)
}

fn result(end: RunEnd) -> &'static str {
    match end {
        RunEnd::Ended(exit) => exit.as_str(),
        RunEnd::Running => "running",
        RunEnd::CutOff => "cut_off",
    }
}

fn count(run: &PastRun, is: fn(&StepEnd) -> bool) -> usize {
    run.steps.iter().filter(|step| is(&step.end)).count()
}

fn done(end: &StepEnd) -> bool {
    matches!(end, StepEnd::Done)
}

fn failed(end: &StepEnd) -> bool {
    matches!(end, StepEnd::Failed { .. })
}

fn document(run: &PastRun, with_steps: bool) -> RunDocument {
    let header = run.header.clone();
    RunDocument {
        id: run.id.clone(),
        began: rfc3339_of(run.began_unix_ms),
        elapsed_ms: run.last_unix_ms.saturating_sub(run.began_unix_ms),
        steps_planned: header.as_ref().map(|header| header.steps),
        targets: header
            .as_ref()
            .map(|header| header.targets.clone())
            .unwrap_or_default(),
        operation: header.as_ref().map(|header| header.operation.clone()),
        who: header.as_ref().map(|header| header.who.clone()),
        tool: header.map(|header| header.tool),
        steps_done: count(run, done),
        steps_failed: count(run, failed),
        result: result(run.end),
        exit_code: match run.end {
            RunEnd::Ended(exit) => Some(exit.code()),
            RunEnd::Running | RunEnd::CutOff => None,
        },
        steps: with_steps.then(|| run.steps.iter().map(StepDocument::from).collect()),
    }
}

impl From<&PastStep> for StepDocument {
    fn from(step: &PastStep) -> Self {
        let (result, message) = match &step.end {
            StepEnd::Done => ("done", None),
            StepEnd::Failed { message } => ("failed", Some(message.clone())),
            StepEnd::Unknown => ("unknown", None),
        };
        Self {
            step: step.id.to_string(),
            began: rfc3339_of(step.began_unix_ms),
            elapsed_ms: step.elapsed_ms,
            result,
            message,
        }
    }
}

fn table(runs: &[PastRun], printer: Printer) {
    let style = printer.out();
    let mut rows =
        vec![["RUN", "BEGAN", "TOOK", "WHO", "WHAT", "TARGETS", "STEPS"].map(str::to_owned)];
    rows.extend(runs.iter().map(row));
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max();
    let widths: [usize; 7] = std::array::from_fn(|column| width(column).unwrap_or(0));
    let mut ends = vec![style.bold("RESULT")];
    ends.extend(runs.iter().map(|run| painted(run.end, style)));
    for (row, end) in rows.iter().zip(ends) {
        let cells = row.iter().zip(widths);
        let line = cells.fold(String::new(), |mut line, (cell, width)| {
            // Writing to a string cannot fail.
            let _ = write!(line, "{cell:width$}  ");
            line
        });
        printer.data(line + &end);
    }
}

fn row(run: &PastRun) -> [String; 7] {
    let unknown = || "?".to_owned();
    let header = run.header.as_ref();
    let took = run.last_unix_ms.saturating_sub(run.began_unix_ms);
    [
        run.id.clone(),
        rfc3339_of(run.began_unix_ms),
        seconds(took),
        header.map_or_else(unknown, |header| header.who.clone()),
        header.map_or_else(unknown, |header| header.operation.clone()),
        header.map_or_else(unknown, |header| header.targets.join(",")),
        format!(
            "{}/{}",
            count(run, done),
            header.map_or_else(unknown, |header| header.steps.to_string())
        ),
    ]
}

fn painted(end: RunEnd, style: Style) -> String {
    let word = result(end).replace('_', " ");
    match end {
        RunEnd::Ended(Exit::Ok) => style.green(word),
        RunEnd::Ended(Exit::Interrupted) | RunEnd::Running => style.yellow(word),
        RunEnd::Ended(
            Exit::Failed
            | Exit::ChangesPending
            | Exit::Blocked
            | Exit::PartlyApplied
            | Exit::Locked
            | Exit::Stale
            | Exit::Usage,
        )
        | RunEnd::CutOff => style.red(word),
    }
}

fn step_line(step: &PastStep, style: Style) -> String {
    let took = step.elapsed_ms.map_or_else(String::new, seconds);
    let (sign, message) = match &step.end {
        StepEnd::Done => (style.green("✓"), String::new()),
        StepEnd::Failed { message } => (style.red("✗"), format!(": {message}")),
        StepEnd::Unknown => (style.yellow("?"), ": nothing tells how it ended".to_owned()),
    };
    format!("{took:>10} {sign} {}{message}", step.id)
}

#[expect(clippy::cast_precision_loss, reason = "runs last hours, not millennia")]
fn seconds(ms: u64) -> String {
    format!("{:.2} s", ms as f64 / 1000.0)
}
