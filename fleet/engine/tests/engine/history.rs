//! What is told of earlier runs.

use std::fs;
use std::path::Path;

use rivetos_engine::{Exit, PastRun, RunEnd, RunHeader, RunJournal, StepEnd, past_run, past_runs};

fn header() -> RunHeader {
    RunHeader {
        operation: "infra up".to_owned(),
        who: "ada".to_owned(),
        tool: "0.1.0".to_owned(),
        targets: vec!["local".to_owned()],
        steps: 2,
    }
}

fn only(runs: &Path) -> PastRun {
    let mut all = past_runs(runs, 10).unwrap();
    assert_eq!(all.len(), 1);
    all.remove(0)
}

#[tokio::test]
async fn a_run_is_at_work_then_over_or_cut_off() {
    let home = tempfile::tempdir().unwrap();
    let journal = RunJournal::begin(home.path(), &header()).unwrap();
    assert_eq!(only(home.path()).end, RunEnd::Running);
    assert_eq!(only(home.path()).header, Some(header()));
    let path = journal.path().to_owned();
    drop(journal);
    assert_eq!(only(home.path()).end, RunEnd::CutOff);
    fs::remove_file(path).unwrap();

    let journal = RunJournal::begin(home.path(), &header()).unwrap();
    journal.end(Exit::PartlyApplied).await.unwrap();
    drop(journal);
    let run = only(home.path());
    assert_eq!(run.end, RunEnd::Ended(Exit::PartlyApplied));
    assert_eq!(past_run(home.path(), &run.id).unwrap(), Some(run));
}

#[test]
fn a_journal_torn_anywhere_is_read_up_to_there() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("1000000000000-7.jsonl");
    let whole = [
        r#"{"unix_ms":1000000000000,"line":{"what":"run","operation":"infra up","who":"ada","tool":"0.1.0","targets":["local"],"steps":2}}"#,
        r#"{"unix_ms":1000000000010,"line":{"what":"begin","step":"volume/ada#create"}}"#,
        r#"{"unix_ms":1000000000030,"line":{"what":"done","step":"volume/ada#create"}}"#,
        r#"{"unix_ms":1000000000031,"line":{"what":"begin","step":"agent/ada#create"}}"#,
        r#"{"unix_ms":1000000000099,"line":{"what":"failed","step":"agent/ada#create","message":"no röom"}}"#,
        r#"{"unix_ms":1000000000100,"line":{"what":"end","exit":"partly_applied"}}"#,
    ]
    .join("\n");
    for length in 0..=whole.len() {
        fs::write(&path, &whole.as_bytes()[..length]).unwrap();
        let run = only(home.path());
        assert_eq!(run.began_unix_ms, 1_000_000_000_000);
        assert!(run.steps.len() <= 2);
    }
    let run = only(home.path());
    assert_eq!(run.end, RunEnd::Ended(Exit::PartlyApplied));
    assert_eq!(run.last_unix_ms, 1_000_000_000_100);
    let ends: Vec<_> = run
        .steps
        .iter()
        .map(|step| (&step.end, step.elapsed_ms))
        .collect();
    let message = "no röom".to_owned();
    assert_eq!(
        ends,
        [
            (&StepEnd::Done, Some(20)),
            (&StepEnd::Failed { message }, Some(68))
        ]
    );
}

#[test]
fn the_newest_come_first_and_strangers_are_no_runs() {
    let home = tempfile::tempdir().unwrap();
    let runs = home.path().join("runs");
    assert_eq!(past_runs(&runs, 10).unwrap(), []);
    fs::create_dir(&runs).unwrap();
    for run in 0..5 {
        fs::write(runs.join(format!("{run:013}-1.jsonl")), "").unwrap();
    }
    fs::write(home.path().join("key.jsonl"), "").unwrap();
    let ids: Vec<String> = past_runs(&runs, 2)
        .unwrap()
        .into_iter()
        .map(|run| run.id)
        .collect();
    assert_eq!(ids, ["0000000000004-1", "0000000000003-1"]);
    assert_eq!(past_run(&runs, "nowhere").unwrap(), None);
    assert_eq!(past_run(&runs, "../key").unwrap(), None);
}
