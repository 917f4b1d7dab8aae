//! Who is asked when providers fail.

use std::collections::BTreeSet;

use proptest::prelude::*;
use rivetos_core::fallback::{Choice, CircuitBreaker, FallbackChain};
use rivetos_types::time::Timestamp;

const START: Timestamp = Timestamp(1_000_000);

fn choices(providers: &[&str]) -> Vec<Choice> {
    let choice = |provider: &&str| Choice {
        provider: (*provider).to_owned(),
        model: "m".to_owned(),
    };
    providers.iter().map(choice).collect()
}

#[test]
fn who_failed_is_left_alone_and_then_asked_once() {
    let mut chain = FallbackChain::default();
    let choices = choices(&["a", "b"]);
    assert_eq!(chain.next(&choices, 0, START), Some(0));
    chain.failed("a", START, None);
    assert_eq!(chain.next(&choices, 1, START), Some(1));
    let soon = START.plus_ms(29_999);
    assert_eq!(chain.next(&choices, 0, soon), Some(1));
    let later = START.plus_ms(30_000);
    assert_eq!(chain.next(&choices, 0, later), Some(0), "one tries it");
    assert_eq!(chain.next(&choices, 0, later), Some(1), "and only one");
    chain.succeeded("a");
    assert_eq!(chain.next(&choices, 0, later), Some(0));
}

#[test]
fn another_model_of_who_fails_is_nobody_else() {
    let chain = FallbackChain::default();
    let choices = choices(&["a", "a", "b"]);
    assert!(!chain.has_other(&choices[..2], 0, START));
    assert!(chain.has_other(&choices, 0, START));
    assert!(!chain.has_other(&choices, 2, START));
}

#[test]
fn nobody_is_refused_unasked() {
    let mut chain = FallbackChain::default();
    let choices = choices(&["a", "b"]);
    chain.failed("a", START, None);
    chain.failed("b", START, None);
    assert_eq!(chain.next(&choices, 0, START), Some(0));
    assert_eq!(
        chain.next(&choices, 1, START),
        None,
        "both have been seen to fail"
    );
    assert_eq!(chain.next(&[], 0, START), None);
}

#[test]
fn a_rest_grows_and_has_an_end() {
    let mut breaker = CircuitBreaker::default();
    let mut now = START;
    for seconds in [30, 60, 120, 240, 300, 300] {
        breaker.failed(now, None);
        assert!(
            !breaker.admits(now.plus_ms(seconds * 1000 - 1)),
            "{seconds}"
        );
        now = now.plus_ms(seconds * 1000);
        assert!(breaker.admits(now), "{seconds}");
    }
    let mut breaker = CircuitBreaker::default();
    breaker.failed(START, Some(90_000));
    assert!(!breaker.admits(START.plus_ms(89_999)));
    assert!(breaker.admits(START.plus_ms(90_000)));
    breaker.failed(START, Some(u64::MAX));
    assert!(breaker.admits(START.plus_ms(300_000)));
}

/// What happens to a provider.
#[derive(Debug, Clone)]
enum Happens {
    Asked,
    Answered(usize),
    Failed(usize, Option<u64>),
    Time(i64),
}

fn happens() -> impl Strategy<Value = Happens> {
    prop_oneof![
        Just(Happens::Asked),
        (0..3_usize).prop_map(Happens::Answered),
        (0..3_usize, proptest::option::of(any::<u64>()))
            .prop_map(|(at, ms)| Happens::Failed(at, ms)),
        // Clocks are set back, too.
        (-1_000_000..1_000_000_i64).prop_map(Happens::Time),
    ]
}

proptest! {
    /// Whatever happened, somebody is asked, in the order of the list, nobody twice for one request;
    /// and who is left alone is so for five minutes at most.
    #[test]
    fn somebody_is_asked(story in proptest::collection::vec(happens(), 0..40)) {
        let providers = ["a", "b", "c"];
        let choices = choices(&providers);
        let mut chain = FallbackChain::default();
        let mut now = START;
        for event in story {
            match event {
                Happens::Answered(at) => chain.succeeded(providers[at]),
                Happens::Failed(at, retry_after_ms) => chain.failed(providers[at], now, retry_after_ms),
                Happens::Time(ms) => now = now.plus_ms(ms),
                Happens::Asked => {
                    let mut asked = Vec::new();
                    let mut from = 0;
                    while let Some(place) = chain.next(&choices, from, now) {
                        // All choices are of different providers here.
                        let other = chain.has_other(&choices, place, now);
                        let next = chain.clone().next(&choices, place + 1, now);
                        prop_assert_eq!(other, next.is_some());
                        asked.push(place);
                        from = place + 1;
                    }
                    prop_assert!(!asked.is_empty());
                    prop_assert!(asked.is_sorted());
                    prop_assert_eq!(asked.iter().collect::<BTreeSet<_>>().len(), asked.len());
                }
            }
        }
        let first = chain.next(&choices, 0, now) == Some(0);
        prop_assert!(first || chain.next(&choices, 0, now.plus_ms(300_001)) == Some(0));
    }
}
