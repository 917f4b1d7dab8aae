use rivetos_fleet::model::{
    Action, Cost, Fingerprint, Kind, Op, PlanReport, Privilege, Reason, Risk, Step, TargetId,
};

use super::*;

fn id(name: &str) -> StepId {
    StepId(name.to_owned())
}

fn tally(steps: &[&str]) -> Tally {
    let step = |name: &&str| Step {
        id: id(name),
        target: TargetId::local(),
        resource: ResourceId::new(Kind::Agent, *name),
        action: Action::Create,
        op: Op::Start {
            native_id: String::new(),
            fingerprint: Fingerprint::default(),
        },
        reasons: vec![Reason::Missing],
        risk: Risk::None,
        needs: Privilege::User,
        cost: Cost::Instant,
        after: [].into(),
    };
    Tally::new(&Plan {
        fleet: "f".parse().unwrap(),
        steps: steps.iter().map(step).collect(),
        report: PlanReport::default(),
    })
}

fn note(tally: &mut Tally, elapsed_ms: u64, kind: EventKind) {
    tally.note(&Event {
        index: 0,
        elapsed_ms,
        kind,
    });
}

fn start(tally: &mut Tally, elapsed_ms: u64, name: &str) {
    let kind = EventKind::Started {
        step: id(name),
        resource: ResourceId::new(Kind::Agent, name),
        action: Action::Create,
    };
    note(tally, elapsed_ms, kind);
}

#[test]
fn what_runs_is_shown_with_its_time_and_its_last_word() {
    let mut tally = tally(&["a", "b", "c", "d"]);
    start(&mut tally, 0, "a");
    start(&mut tally, 500, "b");
    let what = "pulling, 1 of 3 layers".to_owned();
    note(
        &mut tally,
        900,
        EventKind::Progress {
            step: id("b"),
            what,
        },
    );
    note(
        &mut tally,
        1_000,
        EventKind::Done {
            step: id("a"),
            changed: true,
        },
    );
    assert_eq!(
        tally.board(2_000, (8, Style::Plain)),
        [
            "  1.50 s … b: pulling, 1 of 3 layers",
            "  2.00 s 1 of 4 steps over",
        ]
    );
}

#[test]
fn a_board_is_never_longer_than_it_may_be() {
    let names: Vec<String> = (0..20).map(|n| n.to_string()).collect();
    let mut tally = tally(&names.iter().map(String::as_str).collect::<Vec<_>>());
    for name in &names {
        start(&mut tally, 0, name);
    }
    let board = tally.board(0, (8, Style::Plain));
    assert_eq!(board.len(), 10);
    assert_eq!(board[8].trim(), "and 12 more");
}

#[test]
fn nodes_that_are_waited_for_are_counted() {
    let mut tally = tally(&[]);
    let node = |name: &str| ResourceId::new(Kind::Agent, name);
    for name in ["ada", "max"] {
        let last = "starting".to_owned();
        note(
            &mut tally,
            0,
            EventKind::NodeWaiting {
                node: node(name),
                last,
            },
        );
    }
    note(&mut tally, 10, EventKind::NodeReady { node: node("ada") });
    assert_eq!(
        tally.board(1_000, (8, Style::Plain)),
        [
            "  1.00 s … agent/max: starting",
            "  1.00 s 0 of 0 steps over, 1 of 2 agents ready",
        ]
    );
}

#[test]
fn the_table_tells_of_every_step() {
    let mut tally = tally(&["bad", "good", "slow", "next", "late"]);
    for name in ["bad", "good", "slow"] {
        start(&mut tally, 100, name);
    }
    note(
        &mut tally,
        150,
        EventKind::Done {
            step: id("good"),
            changed: false,
        },
    );
    let failed = EventKind::Failed {
        step: id("bad"),
        message: "the disk is full".to_owned(),
        hint: Some("make room".to_owned()),
    };
    note(&mut tally, 1_100, failed);
    let because = id("bad");
    note(
        &mut tally,
        1_100,
        EventKind::Skipped {
            step: id("next"),
            because,
        },
    );
    assert_eq!(
        tally.table(Style::Plain),
        "1 done, 1 failed, 1 skipped, 1 not started, 1 left running
  0.05 s ✓ good
         · late: not started
         – next: skipped because of bad
         … slow: left running
  1.00 s ✗ bad: the disk is full
    hint: make room"
    );
}
