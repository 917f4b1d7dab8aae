use proptest::prelude::*;

use super::*;

#[test]
fn a_text_is_cut_where_a_person_would() {
    let parts = |text: &str| split(text, LengthMax::Chars(10));
    assert_eq!(parts("short"), ["short"]);
    assert_eq!(parts("one\n\ntwo\nthree"), ["one\n\n", "two\nthree"]);
    assert_eq!(parts("one\ntwo three"), ["one\n", "two three"]);
    assert_eq!(parts("word another"), ["word ", "another"]);
    // A paragraph that ends too early is no reason to send almost nothing.
    assert_eq!(parts("a\n\nbcdefghijkl"), ["a\n\nbcdefgh", "ijkl"]);
    assert_eq!(parts("          \n"), [""; 0]);
}

#[test]
fn a_character_stays_whole_in_every_unit() {
    let text = "😀😀";
    for max in [
        LengthMax::Utf16Units(3),
        LengthMax::Chars(1),
        LengthMax::Bytes(7),
    ] {
        assert_eq!(split(text, max), ["😀", "😀"], "{max:?}");
    }
}

#[test]
fn a_block_of_code_goes_on_as_one() {
    let text = format!("```rust\n{}```\nbehind", "let x = 1;\n".repeat(15));
    let parts = split(&text, LengthMax::Chars(120));
    assert_eq!(parts.len(), 2);
    for part in &parts {
        assert_eq!(part.matches("```").count(), 2, "{part}");
        assert!(part.starts_with("```rust\n"), "{part}");
    }
    assert!(parts[1].ends_with("\n```\nbehind"));
}

#[test]
fn a_block_that_holds_blocks_goes_on_as_one() {
    let inner = "```sh\nls\n```\n".repeat(12);
    let text = format!("````md\n{inner}````\nbehind");
    let parts = split(&text, LengthMax::Chars(120));
    assert_eq!(parts.len(), 2);
    for part in &parts {
        assert!(part.starts_with("````md\n"), "{part}");
        assert_eq!(part.matches("````").count(), 2, "{part}");
    }
    assert!(parts[1].ends_with("\n````\nbehind"));
    let shown = |part: &String| part.replace("````md\n", "").replace("````", "");
    let all: String = parts.iter().map(shown).collect();
    assert_eq!(all, format!("{inner}\nbehind"));
}

fn max() -> impl Strategy<Value = LengthMax> {
    prop_oneof![
        (4..60_usize).prop_map(LengthMax::Utf16Units),
        (4..60_usize).prop_map(LengthMax::Chars),
        (4..60_usize).prop_map(LengthMax::Bytes),
        (100..160_usize).prop_map(LengthMax::Utf16Units),
    ]
}

proptest! {
    #[test]
    fn parts_fit_and_are_the_whole_text(text in "[a-e ü😀\n]{0,300}", max in max()) {
        let parts = split(&text, max);
        for part in &parts {
            prop_assert!(measure(part, max) <= units_of(max), "{part:?}");
        }
        let words = |text: &str| text.split_whitespace().collect::<String>();
        prop_assert_eq!(words(&parts.concat()), words(&text));
    }

    #[test]
    fn with_blocks_of_code_parts_fit_and_lose_nothing(
        lines in prop::collection::vec("(`{3,17}(rust)?|[a-e ü😀]{0,90})", 0..20), units in 100..160_usize,
    ) {
        let text = lines.join("\n");
        let max = LengthMax::Utf16Units(units);
        let parts = split(&text, max);
        for part in &parts {
            prop_assert!(measure(part, max) <= units, "{part:?}");
        }
        let words = |text: &str| {
            let lines = text.lines().filter(|line| !line.starts_with("```"));
            lines.flat_map(str::split_whitespace).collect::<String>()
        };
        prop_assert_eq!(words(&parts.join("\n")), words(&text));
    }

    #[test]
    fn a_text_that_grows_keeps_its_parts(
        text in "[a-e ü😀\n]{0,200}", more in "[a-e \n]{0,200}", max in max(),
    ) {
        let before = split(&text, max);
        let after = split(&format!("{text}{more}"), max);
        let kept = before.len().saturating_sub(1);
        prop_assert_eq!(before.get(..kept), after.get(..kept));
    }
}
