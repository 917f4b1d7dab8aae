//! One run of the tool over a plan, as `rivetos infra up` does it: the real engine, with its
//! journal on the disk and its events.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::Mutex;

use rivetos_engine::{
    Claim, Event, EventKind, Events, Exit, Lease, LeaseError, LeaseNotice, Options, RunHeader,
    RunJournal, Terms, execute,
};
use rivetos_fleet::ApprovedPlan;
use rivetos_fleet::model::{Risk, TargetId};
use rivetos_fleet::port::Holder;
use rivetos_sim::{BadDay, Fault, SimFleet, SimLock};
use tokio::sync::Notify;

/// How a run ended, and all that it said and wrote.
pub(crate) struct Told {
    /// For the transcript.
    pub(crate) text: String,
    /// `None`: the tool was killed.
    pub(crate) exit: Option<Exit>,
    /// Events and journal, byte for byte.
    pub(crate) written: String,
}

/// Carries `plan` out over `fleet` while `faults` happen. Steps are taken one by one, so that the
/// transcript is the same each time, unless one of them is slow.
pub(crate) fn run(
    fleet: &SimFleet,
    plan: &ApprovedPlan,
    faults: Vec<Fault>,
    parallel: usize,
) -> Told {
    fleet.allow_data_loss(plan.plan().risk() == Risk::DataLoss);
    let folder = tempfile::tempdir().unwrap();
    let journal = RunJournal::begin(folder.path(), &RunHeader::default()).unwrap();
    let day = BadDay::new(fleet, faults);
    let seen: Mutex<Vec<Event>> = Mutex::default();
    let sink = |event: &Event| seen.lock().unwrap().push(event.clone());
    let events = Events::new(&sink);
    let options = Options {
        parallel: NonZeroUsize::new(parallel).unwrap(),
        interrupted: &|| day.interrupted(),
        alarm: &Notify::new(),
        events: &events,
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    let report = runtime.block_on(day.survive(execute(&day, plan, &journal, options)));
    let seen = seen.into_inner().unwrap();
    let mut lines: Vec<String> = seen.iter().map(line).collect();
    if parallel > 1 {
        // Which of two steps is over first is a matter of luck. That a slow one lets others go on
        // shows in that the run ends at all.
        lines.sort();
    }
    let mut text = lines.concat();
    let exit = if let Some(report) = &report {
        Some(Exit::from(report))
    } else {
        text.push_str("killed\n");
        None
    };
    Told {
        text,
        exit,
        written: serde_json::to_string(&seen).unwrap() + &journals(folder.path()),
    }
}

fn line(event: &Event) -> String {
    let mut text = String::new();
    match &event.kind {
        EventKind::Done {
            step,
            changed: true,
        } => writeln!(text, "done {step}").unwrap(),
        EventKind::Done { step, .. } => writeln!(text, "done {step}: it was so already").unwrap(),
        EventKind::Failed { step, message, .. } => {
            writeln!(text, "failed {step}: {message}").unwrap();
        }
        EventKind::Skipped { step, because } => {
            writeln!(text, "skipped {step} because of {because}").unwrap();
        }
        EventKind::Interrupted { running } => {
            writeln!(text, "interrupted while {running} steps run").unwrap();
        }
        EventKind::Started { .. }
        | EventKind::Progress { .. }
        | EventKind::Executed { .. }
        | EventKind::NodeWaiting { .. }
        | EventKind::NodeReady { .. }
        | EventKind::NodeNotReady { .. } => {}
    }
    text
}

fn journals(folder: &Path) -> String {
    std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| std::fs::read_to_string(entry.unwrap().path()).unwrap())
        .collect()
}

/// The fleet's lock on every one of its targets, as `rivetos infra up` takes and gives it back.
/// Says what happened, and how the run ends when the lock is not to be had.
pub(crate) fn lock(fleet: &SimFleet) -> (String, Option<Exit>) {
    let locks: BTreeMap<TargetId, SimLock> = fleet
        .all()
        .into_iter()
        .map(|world| (world.target().clone(), SimLock(world)))
        .collect();
    let claim = Claim {
        fleet: "home".parse().unwrap(),
        who: "ann".to_owned(),
        host: "desk".to_owned(),
        operation: "infra up".to_owned(),
        terms: Terms::default(),
    };
    let said: Mutex<String> = Mutex::default();
    let notice = |notice: &LeaseNotice<'_>| {
        let line = match notice {
            LeaseNotice::Watching { holder, .. } => format!("watching {}\n", name(holder)),
            LeaseNotice::TakenOver { holder } => format!("took over from {}\n", name(holder)),
        };
        said.lock().unwrap().push_str(&line);
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .unwrap();
    let taken =
        runtime.block_on(async { Lease::take(locks, &claim, &notice).await?.release().await });
    let mut text = said.into_inner().unwrap();
    let exit = taken.as_ref().err().map(LeaseError::exit);
    if let Err(LeaseError::Held { holder, .. }) = &taken {
        writeln!(text, "locked by {}", name(holder)).unwrap();
    } else {
        taken.unwrap();
    }
    (text, exit)
}

fn name(holder: &Holder) -> String {
    format!(
        "{} on {}, who does `{}`",
        holder.who, holder.host, holder.operation
    )
}
