//! The turn that tests begin with.

use std::collections::BTreeMap;
use std::sync::Arc;

use rivetos_core::turn::{Limits, Opening, Policy, Room, Rule};
use rivetos_types::id::TurnId;
use rivetos_types::message::{ContentPart, Message};
use rivetos_types::tool::Effect;

/// With a tool of each kind, and narrow limits.
pub(crate) fn opening() -> Opening {
    let rule = |effect, policy| Rule { effect, policy };
    Opening {
        turn: TurnId::from("http/1"),
        summary: None,
        history: Arc::new(vec![Message::user("earlier"), Message::assistant("yes")]),
        content: vec![ContentPart::text("now")],
        rules: Arc::new(BTreeMap::from([
            ("look".to_owned(), rule(Effect::ReadOnly, Policy::Allow)),
            ("write".to_owned(), rule(Effect::Mutating, Policy::Allow)),
            ("send".to_owned(), rule(Effect::Mutating, Policy::Ask)),
            ("wipe".to_owned(), rule(Effect::Mutating, Policy::Deny)),
        ])),
        room: Room {
            window_tokens: 10_000,
            answer_tokens: 100,
            prompt_bytes: 90,
        },
        limits: Limits {
            steps_max: 6,
            turn_ms_max: 1000,
            step_calls_max: 3,
            call_output_bytes_max: 400,
            turn_output_bytes_max: 2000,
            answer_bytes_max: 1000,
            same_failures_max: 3,
            same_results_max: 4,
            turn_micro_usd_max: Some(4000),
            history_bytes_max: 1000,
        },
    }
}
