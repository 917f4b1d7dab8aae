//! The machine under every sequence of inputs, and under crashes at every point.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use proptest::prelude::*;
use rivetos_core::turn::{
    Abort, Limits, Opening, Room, Turn, TurnAction, TurnInput, check_conversation, decode, encode,
};
use rivetos_types::message::{
    ContentPart, Message, TokenUsage, ToolCall, ToolResult, ToolStatus, TurnOutcome, VendorBlock,
};
use rivetos_types::model::StopReason;
use rivetos_types::store::{CallHash, Checkpoint, CheckpointKind, Decision};
use rivetos_types::tool::Effect;

/// With little room, so that much of it is used up.
fn opening() -> Opening {
    let opening = support::opening();
    Opening {
        room: Room {
            window_tokens: 600,
            ..opening.room
        },
        limits: Limits {
            call_output_bytes_max: 40,
            turn_output_bytes_max: 200,
            turn_micro_usd_max: Some(40),
            ..opening.limits
        },
        ..opening
    }
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof![Just(String::new()), "[a-zä ]{1,60}"]
}

fn call() -> impl Strategy<Value = ToolCall> {
    let id = prop_oneof![Just(""), Just("a"), Just("b"), Just("call_1_1")];
    let name = prop_oneof![
        Just("look"),
        Just("write"),
        Just("send"),
        Just("wipe"),
        Just("unknown")
    ];
    (id, name, prop_oneof![Just("{}"), Just("{\"x\":1}")]).prop_map(|(id, name, arguments)| {
        ToolCall {
            id: id.into(),
            name: name.into(),
            arguments: arguments.into(),
        }
    })
}

fn stop() -> impl Strategy<Value = StopReason> {
    prop_oneof![
        4 => Just(StopReason::End),
        4 => Just(StopReason::ToolUse),
        1 => Just(StopReason::Length),
        1 => Just(StopReason::ContentFilter(Some("SAFETY".into()))),
        1 => Just(StopReason::Refusal(None)),
        1 => Just(StopReason::Pause),
    ]
}

/// With a block that only the vendor reads, as far as there is anything.
fn said(text: String) -> Vec<ContentPart> {
    if text.is_empty() {
        return Vec::new();
    }
    let block = VendorBlock {
        vendor: "v".into(),
        model: "m".into(),
        block: text.clone().into(),
    };
    vec![ContentPart::Vendor(block), ContentPart::text(text)]
}

fn answer() -> impl Strategy<Value = TurnInput> {
    (
        text(),
        prop::collection::vec(call(), 0..5),
        stop(),
        0..400_u64,
        0..20_u64,
    )
        .prop_map(
            |(text, calls, stop, elapsed_ms, micro_usd)| TurnInput::Answered {
                content: said(text),
                calls,
                stop,
                usage: TokenUsage {
                    input: 3,
                    output: 2,
                    ..TokenUsage::default()
                },
                micro_usd,
                elapsed_ms,
            },
        )
}

fn status() -> impl Strategy<Value = ToolStatus> {
    prop_oneof![Just(ToolStatus::Ok), Just(ToolStatus::Error)]
}

fn decision() -> impl Strategy<Value = Decision> {
    prop_oneof![
        4 => Just(Decision::Approved),
        2 => Just(Decision::Denied),
        1 => Just(Decision::Expired),
        1 => Just(Decision::Stopped),
    ]
}

fn input() -> impl Strategy<Value = TurnInput> {
    let id = prop_oneof![Just("a"), Just("b"), Just("call_1_0"), Just("call_1_1")];
    let abort = prop_oneof![
        Just(Abort::Person),
        Just(Abort::Time),
        Just(Abort::AnswerBytes)
    ];
    prop_oneof![
        4 => answer(),
        3 => id.clone().prop_map(|id| TurnInput::ToolStarted { call_id: id.into() }),
        3 => (id, text(), status(), 0..1200_u64).prop_map(|(id, content, status, elapsed_ms)| {
            let result = ToolResult { call_id: id.into(), content, status, files: Vec::new() };
            TurnInput::ToolEnded { result, elapsed_ms }
        }),
        1 => Just(TurnInput::Restored),
        1 => text().prop_map(|text| TurnInput::Steered { content: vec![ContentPart::text(text)] }),
        1 => (prop::option::of(text()), 0..3_usize)
            .prop_map(|(summary, kept_messages)| TurnInput::Compacted { summary, kept_messages }),
        1 => Just(TurnInput::Overflowed { reason: "too long".into() }),
        1 => decision().prop_map(|decision| {
            TurnInput::Decided { call: CallHash("of another call".into()), decision }
        }),
        1 => (abort, text()).prop_map(|(by, partial)| TurnInput::Aborted { by, partial }),
        1 => text().prop_map(|partial| TurnInput::Failed { reason: "broken".into(), partial }),
    ]
}

/// What must hold at every point, whatever happened before.
fn check(turn: &Turn) {
    match turn.next() {
        TurnAction::CallModel => {
            let mut sent = turn.conversation().unwrap();
            // A paused answer goes on by itself.
            if matches!(sent.last(), Some(Message::Assistant { .. })) {
                sent.push(Message::user("go on"));
            }
            assert_eq!(check_conversation(&sent), Ok(()));
            assert!(turn.context_percent() <= 100, "never over the window");
            assert_eq!(turn.stands(), CheckpointKind::BeforeModel);
        }
        TurnAction::Compact => {
            let compactable = turn.compactable();
            assert!(
                !compactable.messages.is_empty(),
                "there is something to gain"
            );
        }
        TurnAction::Ask { planned, .. } => {
            assert_eq!(planned.call.name, "send");
            assert_eq!(turn.stands(), CheckpointKind::Parked);
        }
        TurnAction::CallTools { calls } => {
            assert!(!calls.is_empty());
            assert!(calls.len() == 1 || calls.iter().all(|call| call.effect == Effect::ReadOnly));
            assert!(calls.iter().all(|call| call.call.name != "wipe"), "denied");
        }
        TurnAction::Finish { outcome, text } => {
            assert!(outcome != TurnOutcome::Completed || !text.is_empty());
            whole(turn.clone());
        }
    }
    let mut stopped = turn.clone();
    stopped.on(TurnInput::Aborted {
        by: Abort::Person,
        partial: "so f".into(),
    });
    whole(stopped);
}

/// The transcript of a turn that is over is a whole turn.
fn whole(turn: Turn) {
    assert!(matches!(turn.next(), TurnAction::Finish { .. }));
    let mut transcript = turn.into_transcript();
    assert!(
        matches!(transcript.last(), Some(Message::Assistant { tool_calls, .. })
        if tool_calls.is_empty())
    );
    transcript.push(Message::user("next"));
    assert_eq!(check_conversation(&transcript), Ok(()));
}

/// What the world answers to the machine's wishes, drawn from `answers` and `results`.
struct World<'a> {
    answers: std::slice::Iter<'a, TurnInput>,
    results: std::iter::Cycle<std::slice::Iter<'a, (String, ToolStatus)>>,
    decisions: std::iter::Cycle<std::slice::Iter<'a, Decision>>,
    /// Step and place of each call that was allowed.
    approved: Vec<(u32, usize)>,
    /// Step and place of each mutating call that ran.
    effects: Vec<(u32, usize)>,
}

impl World<'_> {
    fn react(&mut self, action: TurnAction) -> Option<Vec<TurnInput>> {
        match action {
            TurnAction::Compact => Some(vec![TurnInput::Compacted {
                summary: Some("short".into()),
                kept_messages: 0,
            }]),
            TurnAction::Ask { planned, hash } => {
                let decision = *self.decisions.next()?;
                if decision == Decision::Approved {
                    self.approved.push((planned.step, planned.index));
                }
                Some(vec![TurnInput::Decided {
                    call: hash,
                    decision,
                }])
            }
            TurnAction::CallModel => self.answers.next().cloned().map(|input| vec![input]),
            TurnAction::CallTools { calls } => {
                let mut inputs = Vec::new();
                for planned in calls {
                    let call_id = planned.call.id;
                    if planned.effect == Effect::Mutating {
                        inputs.push(TurnInput::ToolStarted {
                            call_id: call_id.clone(),
                        });
                        let place = (planned.step, planned.index);
                        let asked = planned.call.name == "send";
                        assert!(
                            !asked || self.approved.contains(&place),
                            "nobody allowed it"
                        );
                        self.effects.push(place);
                    }
                    let (content, status) = self.results.next().cloned()?;
                    let result = ToolResult {
                        files: Vec::new(),
                        call_id,
                        content,
                        status,
                    };
                    inputs.push(TurnInput::ToolEnded {
                        result,
                        elapsed_ms: 0,
                    });
                }
                Some(inputs)
            }
            TurnAction::Finish { .. } => None,
        }
    }
}

fn restored(journal: &[TurnInput]) -> Turn {
    let mut turn = Turn::new(opening());
    for input in journal {
        let (kind, body) = (CheckpointKind::BeforeModel, encode(input).unwrap());
        turn.on(decode(&Checkpoint { kind, body }).unwrap());
    }
    turn
}

proptest! {
    #[test]
    fn no_sequence_of_inputs_breaks_the_machine(inputs in prop::collection::vec(input(), 0..24)) {
        let mut turn = Turn::new(opening());
        check(&turn);
        for input in inputs {
            turn.on(input);
            check(&turn);
        }
    }

    #[test]
    fn a_restored_turn_is_the_live_one_and_no_effect_happens_twice(
        answers in prop::collection::vec(answer(), 8),
        results in prop::collection::vec(("[a-z]{0,50}", status()), 1..6),
        decisions in prop::collection::vec(decision(), 1..4),
        crash_after in 0..40_usize,
    ) {
        let mut world = World {
            answers: answers.iter(),
            results: results.iter().cycle(),
            decisions: decisions.iter().cycle(),
            approved: vec![],
            effects: vec![],
        };
        let mut turn = Turn::new(opening());
        let mut journal: Vec<TurnInput> = Vec::new();
        let mut crashed = false;
        while let Some(inputs) = world.react(turn.next()) {
            for input in inputs {
                turn.on(input.clone());
                journal.push(input);
                check(&turn);
                let again = restored(&journal);
                prop_assert_eq!(again.next(), turn.next());
                prop_assert_eq!(again.conversation(), turn.conversation());
                if journal.len() == crash_after && !crashed {
                    crashed = true;
                    turn = again;
                    turn.on(TurnInput::Restored);
                    journal.push(TurnInput::Restored);
                    check(&turn);
                    break;
                }
            }
        }
        prop_assert!(matches!(turn.next(), TurnAction::Finish { .. }), "it ends by itself");
        prop_assert!(turn.steps() <= opening().limits.steps_max);
        let ran = world.effects.len();
        world.effects.sort_unstable();
        world.effects.dedup();
        prop_assert_eq!(world.effects.len(), ran, "no call ran twice");
    }
}
