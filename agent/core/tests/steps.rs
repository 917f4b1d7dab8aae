//! What a turn does with decisions, interjections, a full window and repeated answers.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use std::collections::BTreeMap;
use std::sync::Arc;

use rivetos_core::turn::{Limits, Opening, Policy, Room, Rule, Turn, TurnAction, TurnInput};
use rivetos_types::id::TurnId;
use rivetos_types::message::{
    ContentPart, Message, TokenUsage, ToolCall, ToolResult, ToolStatus, TurnOutcome, VendorBlock,
    text_of,
};
use rivetos_types::model::StopReason;
use rivetos_types::store::{CallHash, CheckpointKind, Decision};
use rivetos_types::tool::Effect;

fn opening(history: Vec<Message>) -> Opening {
    let rule = |effect, policy| Rule { effect, policy };
    Opening {
        turn: TurnId::from("http/1"),
        summary: None,
        history: Arc::new(history),
        content: vec![ContentPart::text("go")],
        rules: Arc::new(BTreeMap::from([
            ("look".to_owned(), rule(Effect::ReadOnly, Policy::Allow)),
            ("send".to_owned(), rule(Effect::Mutating, Policy::Ask)),
            ("wipe".to_owned(), rule(Effect::Mutating, Policy::Deny)),
        ])),
        room: Room {
            window_tokens: 1000,
            answer_tokens: 0,
            prompt_bytes: 0,
        },
        limits: Limits {
            steps_max: 20,
            turn_ms_max: 60_000,
            step_calls_max: 8,
            call_output_bytes_max: 4096,
            turn_output_bytes_max: 65_536,
            answer_bytes_max: 65_536,
            same_failures_max: 3,
            same_results_max: 4,
            turn_micro_usd_max: Some(50_000),
            history_bytes_max: 65_536,
        },
    }
}

fn said(text: &str) -> Vec<ContentPart> {
    let text = (!text.is_empty()).then(|| ContentPart::text(text));
    text.into_iter().collect()
}

fn answered(turn: &mut Turn, text: &str, tools: &[&str]) {
    let call = |(index, name): (usize, &&str)| ToolCall {
        id: index.to_string(),
        name: (*name).into(),
        arguments: "{}".into(),
    };
    turn.on(TurnInput::Answered {
        content: said(text),
        calls: tools.iter().enumerate().map(call).collect(),
        stop: StopReason::End,
        usage: TokenUsage::default(),
        micro_usd: 10_000,
        elapsed_ms: 0,
    });
}

fn result(turn: &mut Turn, id: &str, content: &str) {
    let result = ToolResult {
        files: Vec::new(),
        call_id: id.into(),
        content: content.into(),
        status: ToolStatus::Ok,
    };
    turn.on(TurnInput::ToolEnded {
        result,
        elapsed_ms: 0,
    });
}

fn asked(turn: &Turn) -> CallHash {
    match turn.next() {
        TurnAction::Ask { hash, .. } => hash,
        other => panic!("{other:?}"),
    }
}

fn last_text(turn: &Turn) -> String {
    match turn.conversation().unwrap().pop() {
        Some(Message::User { content }) => text_of(&content),
        Some(Message::Tool(result)) => result.content,
        other => panic!("{other:?}"),
    }
}

fn reason(turn: &Turn) -> String {
    match turn.next() {
        TurnAction::Finish {
            outcome: TurnOutcome::LimitReached { reason },
            ..
        } => reason,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_call_waits_for_the_persons_word_and_for_no_other() {
    let mut turn = Turn::new(opening(vec![]));
    answered(&mut turn, "", &["look", "send"]);
    assert!(
        matches!(turn.next(), TurnAction::CallTools { .. }),
        "what needs no word goes first"
    );
    result(&mut turn, "0", "seen");
    assert_eq!(turn.stands(), CheckpointKind::Parked);
    let hash = asked(&turn);
    let decided = |call: &CallHash, decision| TurnInput::Decided {
        call: call.clone(),
        decision,
    };
    turn.on(decided(&CallHash("0".repeat(64)), Decision::Approved));
    assert_eq!(asked(&turn), hash, "that was another call");
    turn.on(decided(&hash, Decision::Approved));
    assert!(matches!(turn.next(), TurnAction::CallTools { .. }));

    answered(&mut turn, "", &[]);
    assert!(
        matches!(turn.next(), TurnAction::CallTools { .. }),
        "no answer was due"
    );
    turn.on(TurnInput::ToolStarted {
        call_id: "1".into(),
    });
    result(&mut turn, "1", "sent");
    answered(&mut turn, "", &["send"]);
    let second = asked(&turn);
    assert_ne!(second, hash, "the same words later are another call");
    turn.on(decided(&second, Decision::Denied));
    assert_eq!(
        last_text(&turn),
        "Not run: the person did not allow this call."
    );
}

#[test]
fn what_policy_denies_never_runs() {
    let mut turn = Turn::new(opening(vec![]));
    answered(&mut turn, "", &["wipe"]);
    assert_eq!(turn.next(), TurnAction::CallModel);
    assert_eq!(last_text(&turn), "Not run: this agent may not use `wipe`.");
}

#[test]
fn a_person_can_stop_a_turn_that_waits() {
    let mut turn = Turn::new(opening(vec![]));
    answered(&mut turn, "I will send it.", &["send"]);
    let call = asked(&turn);
    turn.on(TurnInput::Decided {
        call,
        decision: Decision::Stopped,
    });
    assert!(matches!(
        turn.next(),
        TurnAction::Finish {
            outcome: TurnOutcome::Interrupted,
            ..
        }
    ));
}

#[test]
fn what_a_person_says_meanwhile_is_read_with_the_next_request() {
    let steer = |text: &str| TurnInput::Steered {
        content: vec![ContentPart::text(text)],
    };
    let mut turn = Turn::new(opening(vec![]));
    answered(&mut turn, "", &["look"]);
    turn.on(steer("only the first"));
    result(&mut turn, "0", "seen");
    assert_eq!(last_text(&turn), "only the first");
    turn.on(steer("and be quick"));
    answered(&mut turn, "Done.", &[]);
    assert_eq!(
        turn.next(),
        TurnAction::CallModel,
        "the last word was not the last"
    );
    assert_eq!(last_text(&turn), "and be quick");
    answered(&mut turn, "Quickly done.", &[]);
    let TurnAction::Finish { text, .. } = turn.next() else {
        panic!("{:?}", turn.next());
    };
    assert_eq!(text, "Done.\n\nQuickly done.");
}

#[test]
fn a_full_window_is_compacted_from_its_oldest_turns_on() {
    let old = |name: &str, bytes| [Message::user(name), Message::assistant("x".repeat(bytes))];
    let history = [old("first", 1500), old("second", 300), old("third", 90)].concat();
    let mut turn = Turn::new(opening(history));
    assert_eq!(
        turn.next(),
        TurnAction::Compact,
        "{} %",
        turn.context_percent()
    );
    let compactable = turn.compactable();
    assert_eq!(
        (compactable.messages.len(), compactable.kept_messages),
        (4, 2)
    );
    turn.on(TurnInput::Compacted {
        summary: Some("They said much.".into()),
        kept_messages: 2,
    });
    assert_eq!(turn.next(), TurnAction::CallModel);
    let conversation = turn.conversation().unwrap();
    assert_eq!(conversation.len(), 3);
    let Some(Message::User { content }) = conversation.first() else {
        panic!("{conversation:?}");
    };
    assert!(text_of(content).starts_with("(What was said before, in short:\n\nThey said much."));
    assert!(text_of(content).ends_with("third"));
}

#[test]
fn a_window_smaller_than_told_is_compacted_on_overflow_and_then_it_ends() {
    let history = vec![Message::user("before"), Message::assistant("yes")];
    let mut turn = Turn::new(opening(history));
    let overflow = || TurnInput::Overflowed {
        reason: "the model is too small".into(),
    };
    turn.on(overflow());
    assert_eq!(turn.next(), TurnAction::Compact);
    assert_eq!(turn.compactable().kept_messages, 0, "nothing stays");
    turn.on(TurnInput::Compacted {
        summary: None,
        kept_messages: 0,
    });
    assert_eq!(turn.next(), TurnAction::CallModel);
    turn.on(overflow());
    assert_eq!(reason(&turn), "the model is too small");
}

#[test]
fn the_model_is_told_once_how_full_its_window_is() {
    let mut turn = Turn::new(opening(vec![
        Message::user("before"),
        Message::assistant("x".repeat(1200)),
    ]));
    assert!(
        last_text(&turn).contains("(Your context is 5"),
        "{}",
        last_text(&turn)
    );
    answered(&mut turn, "", &["look"]);
    result(&mut turn, "0", "seen");
    assert_eq!(last_text(&turn), "seen");
    let said = turn.messages().first().unwrap();
    assert_eq!(
        said,
        &Message::user("go"),
        "the transcript does not have it"
    );
}

#[test]
fn the_same_answer_over_and_over() {
    let mut turn = Turn::new(opening(vec![]));
    for _ in 0..3 {
        answered(&mut turn, "", &["look"]);
        result(&mut turn, "0", "nothing new");
    }
    assert!(
        last_text(&turn).contains("this very answer 3 times"),
        "{}",
        last_text(&turn)
    );
    answered(&mut turn, "", &["look"]);
    result(&mut turn, "0", "nothing new");
    assert_eq!(
        reason(&turn),
        "the same call of `look` gave the same answer 4 times"
    );
}

#[test]
fn what_a_turn_may_cost() {
    let mut turn = Turn::new(opening(vec![]));
    for n in 0..5 {
        assert_eq!(turn.next(), TurnAction::CallModel);
        answered(&mut turn, "", &["look"]);
        result(&mut turn, "0", &n.to_string());
    }
    assert_eq!(reason(&turn), "the turn cost its 0.05 US dollars");
}

#[test]
fn a_paused_answer_goes_on_with_what_only_its_vendor_can_read() {
    let mut turn = Turn::new(opening(vec![]));
    let block = ContentPart::Vendor(VendorBlock {
        vendor: "v".into(),
        model: "m".into(),
        block: "signed".into(),
    });
    let first = vec![block.clone(), ContentPart::text("First.")];
    let answer = |content: &[ContentPart], stop| TurnInput::Answered {
        content: content.to_vec(),
        calls: vec![],
        stop,
        usage: TokenUsage::default(),
        micro_usd: 0,
        elapsed_ms: 0,
    };
    turn.on(answer(&first, StopReason::Pause));
    assert_eq!(turn.next(), TurnAction::CallModel);
    let Some(Message::Assistant { content, .. }) = turn.conversation().unwrap().pop() else {
        panic!("the paused answer is not last");
    };
    assert_eq!(content, first);
    let last = [ContentPart::text("Then."), block];
    turn.on(answer(&last, StopReason::End));
    let TurnAction::Finish { text, outcome } = turn.next() else {
        panic!("it goes on");
    };
    assert_eq!(
        (text.as_str(), outcome),
        ("First.\n\nThen.", TurnOutcome::Completed)
    );
    assert!(matches!(
        turn.into_transcript().last(),
        Some(Message::Assistant { content, .. }) if *content == last
    ));
}

#[test]
fn a_refusal_ends_the_turn_with_what_was_said() {
    let filter = "the model's content filter ended the answer: SAFETY";
    for (stop, reason) in [
        (StopReason::Refusal(None), "the model refused to answer"),
        (StopReason::ContentFilter(Some("SAFETY".into())), filter),
    ] {
        let mut turn = Turn::new(opening(vec![]));
        turn.on(TurnInput::Answered {
            content: said("I cannot."),
            calls: vec![],
            stop,
            usage: TokenUsage::default(),
            micro_usd: 0,
            elapsed_ms: 0,
        });
        let TurnAction::Finish { text, outcome } = turn.next() else {
            panic!("it goes on");
        };
        assert_eq!(text, "I cannot.");
        let reason = reason.to_owned();
        assert_eq!(outcome, TurnOutcome::Failed { reason });
    }
}
