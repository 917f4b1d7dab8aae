//! Order, bounds, failures, interruption, events and journal of one pass over a plan.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use rivetos_engine::{
    Event, EventKind, Events, ExecuteReport, JournalEntry, JournalLine, Options, RunHeader,
    RunJournal, execute,
};
use rivetos_fleet::model::{
    Action, Cost, DesiredSet, Fingerprint, Inventory, Kind, Op, Plan, PlanReport, Privilege,
    Reason, ResourceId, Risk, Step, StepId, TargetId,
};
use rivetos_fleet::port::{Applied, ApplyError, ApplyErrorKind, InfraProvider, Progress};
use rivetos_fleet::{Approval, ApprovedPlan};
use tokio::sync::Notify;

/// A target that only counts, and fails where it is told to.
#[derive(Default)]
struct Target {
    fails: BTreeSet<StepId>,
    /// Steps in the order in which they ended.
    ended: Mutex<Vec<String>>,
    running: AtomicUsize,
    most_running: AtomicUsize,
    /// The journal, which must name a step before it comes here.
    journal: PathBuf,
}

impl InfraProvider for Target {
    async fn observe(&self, _: &DesiredSet) -> Inventory {
        Inventory::default()
    }

    async fn apply(&self, step: &Step, progress: Progress<'_>) -> Result<Applied, ApplyError> {
        let begin = JournalEntry::Begin {
            step: step.id.clone(),
        };
        assert!(
            read_journal(&self.journal).contains(&begin),
            "{} has no journal line",
            step.id
        );
        let running = self.running.fetch_add(1, Ordering::SeqCst) + 1;
        self.most_running.fetch_max(running, Ordering::SeqCst);
        // Stays until others had every chance to come, too.
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        progress.say("writing");
        self.running.fetch_sub(1, Ordering::SeqCst);
        self.ended.lock().unwrap().push(step.id.to_string());
        if self.fails.contains(&step.id) {
            return Err(ApplyError {
                message: "the disk is full".to_owned(),
                hint: Some("make room".to_owned()),
                kind: ApplyErrorKind::Failed,
            });
        }
        Ok(Applied::Changed)
    }
}

/// What a run left behind.
struct Ran {
    report: ExecuteReport,
    events: Vec<Event>,
    ended: Vec<String>,
    most_running: usize,
    journal: Vec<JournalEntry>,
}

/// Steps, each with what it comes after.
type Steps<'a> = &'a [(&'a str, &'a [&'a str])];

/// When the run is interrupted, by the number of events until then.
const NEVER: usize = usize::MAX;

async fn run(steps: Steps<'_>, fails: &[&str], parallel: usize, interrupted_after: usize) -> Ran {
    let home = tempfile::tempdir().unwrap();
    let journal = RunJournal::begin(&home.path().join("runs"), &RunHeader::default()).unwrap();
    let target = Target {
        fails: ids(fails),
        journal: journal.path().to_owned(),
        ..Target::default()
    };
    let seen = Mutex::new(Vec::new());
    let sink = |event: &Event| seen.lock().unwrap().push(event.clone());
    let options = Options {
        parallel: NonZeroUsize::new(parallel).unwrap(),
        interrupted: &|| seen.lock().unwrap().len() >= interrupted_after,
        alarm: &Notify::new(),
        events: &Events::new(&sink),
    };
    let report = execute(&target, &plan(steps), &journal, options).await;
    Ran {
        report,
        journal: read_journal(journal.path()),
        events: seen.into_inner().unwrap(),
        ended: target.ended.into_inner().unwrap(),
        most_running: target.most_running.into_inner(),
    }
}

fn plan(steps: Steps<'_>) -> ApprovedPlan {
    let step = |(id, after): &(&str, &[&str])| Step {
        id: step_id(id),
        resource: ResourceId::new(Kind::Agent, *id),
        action: Action::Start,
        target: TargetId::docker(None),
        needs: Privilege::Engine,
        cost: Cost::Seconds,
        op: Op::Start {
            native_id: (*id).to_owned(),
            fingerprint: Fingerprint::default(),
        },
        reasons: vec![Reason::NotRunning {
            detail: "stopped".to_owned(),
        }],
        risk: Risk::None,
        after: ids(after),
    };
    let plan = Plan {
        fleet: "f".parse().unwrap(),
        steps: steps.iter().map(step).collect(),
        report: PlanReport::default(),
    };
    plan.approve(Approval::Yes).unwrap()
}

fn step_id(id: &str) -> StepId {
    StepId(id.to_owned())
}

fn ids(ids: &[&str]) -> BTreeSet<StepId> {
    ids.iter().map(|id| step_id(id)).collect()
}

fn read_journal(path: &Path) -> Vec<JournalEntry> {
    let text = fs::read_to_string(path).unwrap();
    text.lines()
        .map(|line| serde_json::from_str::<JournalLine>(line).unwrap().entry)
        .collect()
}

#[tokio::test]
async fn steps_come_after_what_they_need() {
    let diamond: Steps<'_> = &[
        ("net", &[]),
        ("left", &["net"]),
        ("right", &["net"]),
        ("top", &["left", "right"]),
    ];
    let ran = run(diamond, &[], 8, NEVER).await;
    assert!(ran.report.is_complete());
    assert_eq!(ran.report.done, ids(&["net", "left", "right", "top"]));
    assert_eq!(
        (ran.ended[0].as_str(), ran.ended[3].as_str()),
        ("net", "top")
    );
    assert_eq!(ran.most_running, 2);
}

#[tokio::test]
async fn independent_steps_run_at_once_up_to_the_bound() {
    let names: Vec<String> = (0..20).map(|n| format!("a{n:02}")).collect();
    let steps: Vec<(&str, &[&str])> = names.iter().map(|name| (name.as_str(), &[][..])).collect();
    let ran = run(&steps, &[], 3, NEVER).await;
    assert_eq!(ran.report.done.len(), 20);
    assert_eq!(ran.most_running, 3);
}

#[tokio::test]
async fn a_failure_skips_what_needs_it_and_nothing_else() {
    let steps: Steps<'_> = &[
        ("bad", &[]),
        ("next", &["bad"]),
        ("last", &["next"]),
        ("other", &[]),
        ("end", &["other"]),
    ];
    let ran = run(steps, &["bad"], 8, NEVER).await;
    assert_eq!(ran.report.done, ids(&["other", "end"]));
    assert_eq!(
        ran.report.failed[&step_id("bad")].message,
        "the disk is full"
    );
    let because = BTreeMap::from(["next", "last"].map(|id| (step_id(id), step_id("bad"))));
    assert_eq!(ran.report.skipped, because);
    assert!(!ran.report.is_complete());
    let failed = JournalEntry::Failed {
        step: step_id("bad"),
        message: "the disk is full".to_owned(),
    };
    assert!(ran.journal.contains(&failed), "{:?}", ran.journal);
}

#[tokio::test]
async fn an_interrupted_run_finishes_what_it_began() {
    let steps: Steps<'_> = &[("a", &[]), ("b", &[]), ("c", &["a"]), ("d", &["b"])];
    let ran = run(steps, &[], 8, 1).await;
    assert_eq!(ran.report.done, ids(&["a", "b"]));
    assert_eq!(ran.report.not_started, ids(&["c", "d"]));
    let interrupted = |event: &&Event| matches!(event.kind, EventKind::Interrupted { .. });
    assert_eq!(ran.events.iter().filter(interrupted).count(), 1);
}

#[tokio::test]
async fn every_started_step_ends_once_and_the_execution_ends_last() {
    let ran = run(
        &[("a", &[]), ("bad", &[]), ("c", &["bad"])],
        &["bad"],
        8,
        NEVER,
    )
    .await;
    let indices: Vec<u64> = ran.events.iter().map(|event| event.index).collect();
    assert_eq!(indices, (0..indices.len() as u64).collect::<Vec<_>>());
    let last = ran.events.last().map(|event| &event.kind);
    assert_eq!(
        last,
        Some(&EventKind::Executed {
            done: 1,
            failed: 1,
            left_out: 1
        })
    );
    let mut open = BTreeSet::new();
    for event in &ran.events {
        match &event.kind {
            EventKind::Started { step, .. } => assert!(open.insert(step.clone())),
            EventKind::Done { step, .. } | EventKind::Failed { step, .. } => {
                assert!(open.remove(step), "{step}");
            }
            EventKind::Progress { step, what } => {
                assert!(open.contains(step), "{step}");
                assert_eq!(what, "writing");
            }
            EventKind::Skipped { step, .. } => assert!(!open.contains(step), "{step}"),
            EventKind::Interrupted { .. }
            | EventKind::Executed { .. }
            | EventKind::NodeWaiting { .. }
            | EventKind::NodeReady { .. }
            | EventKind::NodeNotReady { .. } => {}
        }
    }
    assert_eq!(open, BTreeSet::new());
}

#[tokio::test]
async fn only_the_newest_runs_are_kept() {
    let home = tempfile::tempdir().unwrap();
    for run in 0..60 {
        fs::write(home.path().join(format!("{run:013}-1.jsonl")), "").unwrap();
    }
    fs::write(home.path().join("notes"), "not a run").unwrap();
    let journal = RunJournal::begin(home.path(), &RunHeader::default()).unwrap();
    let mut files: Vec<String> = fs::read_dir(home.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    files.sort();
    assert_eq!(files.len(), rivetos_engine::RUNS_KEPT_MAX + 1);
    assert_eq!(files[0], "0000000000011-1.jsonl");
    assert!(journal.path().exists());
    assert_eq!(files.last().map(String::as_str), Some("notes"));
}
