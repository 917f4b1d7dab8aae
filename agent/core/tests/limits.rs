//! Each bound of a turn, and what the person reads when it is reached.

#![expect(clippy::panic, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::sync::Arc;

use rivetos_core::turn::{Abort, Limits, Opening, Policy, Room, Rule, Turn, TurnAction, TurnInput};
use rivetos_types::id::TurnId;
use rivetos_types::message::{
    ContentPart, Message, TokenUsage, ToolCall, ToolResult, ToolStatus, TurnOutcome,
};
use rivetos_types::model::StopReason;
use rivetos_types::tool::Effect;

fn turn() -> Turn {
    let rule = Rule {
        effect: Effect::Mutating,
        policy: Policy::Allow,
    };
    Turn::new(Opening {
        turn: TurnId::from("http/1"),
        summary: None,
        history: Arc::default(),
        content: vec![ContentPart::text("go")],
        rules: Arc::new(BTreeMap::from([("shell".to_owned(), rule)])),
        room: Room {
            window_tokens: 100_000,
            answer_tokens: 1000,
            prompt_bytes: 0,
        },
        limits: Limits {
            steps_max: 4,
            turn_ms_max: 60_000,
            step_calls_max: 2,
            call_output_bytes_max: 4096,
            turn_output_bytes_max: 8192,
            answer_bytes_max: 1024,
            same_failures_max: 2,
            same_results_max: 4,
            turn_micro_usd_max: Some(5_000_000),
            history_bytes_max: 1024,
        },
    })
}

fn answer(turn: &mut Turn, text: &str, calls: usize, stop: StopReason) {
    let call = |index| ToolCall {
        id: format!("{index}"),
        name: "shell".into(),
        arguments: format!("{index}"),
    };
    turn.on(TurnInput::Answered {
        content: vec![ContentPart::text(text)],
        calls: (0..calls).map(call).collect(),
        stop,
        usage: TokenUsage::default(),
        micro_usd: 1_300_000,
        elapsed_ms: 0,
    });
}

fn run(turn: &mut Turn, id: &str, content: &str, status: ToolStatus, elapsed_ms: u64) {
    turn.on(TurnInput::ToolStarted { call_id: id.into() });
    let result = ToolResult {
        files: Vec::new(),
        call_id: id.into(),
        content: content.into(),
        status,
    };
    turn.on(TurnInput::ToolEnded { result, elapsed_ms });
}

fn limit(turn: &Turn) -> String {
    match turn.next() {
        TurnAction::Finish {
            outcome: TurnOutcome::LimitReached { reason },
            ..
        } => reason,
        other => panic!("{other:?}"),
    }
}

#[test]
fn requests_of_one_turn() {
    let mut turn = turn();
    for _ in 0..3 {
        answer(&mut turn, "", 1, StopReason::ToolUse);
        run(&mut turn, "0", "ok", ToolStatus::Ok, 0);
    }
    answer(&mut turn, "", 1, StopReason::ToolUse);
    assert_eq!(limit(&turn), "the turn reached its 4 model requests");
    let last_result = turn
        .messages()
        .iter()
        .rev()
        .find_map(|message| match message {
            Message::Tool(result) => Some(result.status),
            Message::User { .. } | Message::Assistant { .. } => None,
        });
    assert_eq!(
        last_result,
        Some(ToolStatus::Stopped),
        "the last call did not run"
    );
}

#[test]
fn time_is_counted_over_processes() {
    let mut turn = turn();
    answer(&mut turn, "", 1, StopReason::ToolUse);
    run(&mut turn, "0", "ok", ToolStatus::Ok, 60_000);
    assert_eq!(limit(&turn), "the turn took longer than 60 s");
}

#[test]
fn the_same_failure() {
    let mut turn = turn();
    for _ in 0..2 {
        answer(&mut turn, "", 1, StopReason::ToolUse);
        run(&mut turn, "0", "no", ToolStatus::Error, 0);
    }
    assert_eq!(
        limit(&turn),
        "the same call of `shell` failed 2 times in the same way"
    );
}

#[test]
fn a_failure_that_changes_is_progress() {
    let mut turn = turn();
    for answered in ["1 of 3 left", "2 of 3 left", "1 of 3 left"] {
        answer(&mut turn, "", 1, StopReason::ToolUse);
        run(&mut turn, "0", answered, ToolStatus::Error, 0);
    }
    assert_eq!(turn.next(), TurnAction::CallModel);
}

#[test]
fn output_of_tools() {
    let mut turn = turn();
    for _ in 0..2 {
        answer(&mut turn, "", 1, StopReason::ToolUse);
        run(&mut turn, "0", &"x".repeat(5000), ToolStatus::Ok, 0);
    }
    assert_eq!(limit(&turn), "the tools answered more than 8 KiB");
    for message in turn.messages() {
        if let Message::Tool(result) = message {
            assert!(result.content.len() < 4200 && result.content.ends_with("(cut)"));
        }
    }
}

#[test]
fn length_of_an_answer() {
    let mut cut_by_vendor = turn();
    answer(&mut cut_by_vendor, "half", 1, StopReason::Length);
    assert_eq!(
        limit(&cut_by_vendor),
        "the answer reached the model's output limit"
    );
    let mut cut_by_us = turn();
    cut_by_us.on(TurnInput::Aborted {
        by: Abort::AnswerBytes,
        partial: "half".into(),
    });
    assert_eq!(limit(&cut_by_us), "an answer was longer than 1 KiB");
    assert_eq!(cut_by_us.said(), "half");
}

#[test]
fn calls_of_one_answer() {
    let mut turn = turn();
    answer(&mut turn, "", 3, StopReason::ToolUse);
    run(&mut turn, "0", "ok", ToolStatus::Ok, 0);
    run(&mut turn, "1", "ok", ToolStatus::Ok, 0);
    assert_eq!(turn.next(), TurnAction::CallModel);
    match turn.messages().last() {
        Some(Message::Tool(result)) => {
            assert_eq!(
                result.content,
                "Not run: an answer may have at most 2 calls."
            );
        }
        other => panic!("{other:?}"),
    }
}
