//! One conversation, answered by several vendors in turn: whoever is asked next takes it.
//!
//! The answers are what real endpoints said, and our own recordings, read by the real parsers; the
//! turn machine makes a conversation of them. Before every request each codec makes its own of it,
//! for each of its models, and the vendor's published rules are held against it.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

#[path = "../../http/tests/recordings/mod.rs"]
mod recordings;
#[path = "crossing/streams.rs"]
mod streams;
#[path = "crossing/talk.rs"]
mod talk;
#[path = "crossing/vendors.rs"]
mod vendors;

use std::sync::LazyLock;

use proptest::collection::vec;
use proptest::prelude::*;
use rivetos_types::message::ToolStatus;
use rivetos_types::store::Thinking;
use streams::Stream;
use talk::{Event, Said, Talk};
use vendors::{ASKED, Vendor};

static STREAMS: LazyLock<Vec<Stream>> = LazyLock::new(streams::all);

/// Conversations of a run, and of one that takes its time.
const CASES: u32 = 48;
const SOAK_CASES: u32 = 3000;

fn config() -> ProptestConfig {
    let soak = std::env::var_os("RIVETOS_TEST_SOAK").is_some();
    ProptestConfig {
        cases: if soak { SOAK_CASES } else { CASES },
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

fn event() -> impl Strategy<Value = Event> {
    let statuses = vec![
        ToolStatus::Ok,
        ToolStatus::Error,
        ToolStatus::Unknown,
        ToolStatus::Denied,
    ];
    let answers = (0..ASKED.len(), 0_usize..10_000, 1_usize..400)
        .prop_map(|(who, stream, chunk)| Event::Answers { who, stream, chunk });
    let results = proptest::sample::select(statuses).prop_map(Event::Results);
    prop_oneof![
        12 => answers,
        3 => results,
        1 => Just(Event::Steers),
        1 => Just(Event::Overflows),
        1 => Just(Event::Stops),
    ]
}

fn said() -> impl Strategy<Value = Said> {
    let thinking = vec![None, Some(Thinking::Off), Some(Thinking::High)];
    let thinking = proptest::sample::select(thinking);
    (any::<bool>(), thinking, vec(event(), 1..7)).prop_map(|(with_files, thinking, events)| Said {
        with_files,
        thinking,
        events,
    })
}

proptest! {
    #![proptest_config(config())]
    #[test]
    fn a_conversation_is_valid_wherever_it_goes_on(turns in vec(said(), 1..5)) {
        let mut talk = Talk::new(&STREAMS);
        for said in turns {
            talk.turn(said);
        }
        talk.ends();
    }
}

/// Each stream alone, between two words of the person, for each vendor.
#[test]
fn every_answer_can_be_gone_on_from() {
    for (at, stream) in STREAMS.iter().enumerate() {
        for (who, asked) in ASKED.iter().enumerate() {
            if asked.vendor.reads() != stream.api {
                continue;
            }
            let mut talk = Talk::new(&STREAMS[at..=at]);
            for thinking in [Some(Thinking::Low), None] {
                let answers = Event::Answers {
                    who,
                    stream: 0,
                    chunk: 64,
                };
                talk.turn(Said {
                    with_files: thinking.is_none(),
                    thinking,
                    events: vec![answers, Event::Stops],
                });
            }
            talk.ends();
        }
    }
}

#[test]
fn each_vendor_has_answers_with_calls() {
    for vendor in ASKED.iter().map(|asked| asked.vendor) {
        let of_vendor = STREAMS.iter().filter(|one| one.api == vendor.reads());
        assert!(of_vendor.count() > 0, "{vendor:?}");
    }
    assert!(ASKED.iter().any(|asked| asked.vendor == Vendor::Responses));
}
