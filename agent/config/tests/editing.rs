//! A value is replaced in the text, and nothing else.

#![cfg(test)]

use proptest::prelude::*;
use rivetos_config::{EditError, with_model};

/// `text` with `new` as the model of `p`.
fn edited(text: &str, new: &str) -> String {
    match with_model(text, "f", "p", new) {
        Ok(text) => text,
        Err(error) => panic!("{error}: {text}"),
    }
}

#[test]
fn every_way_to_write_a_text() {
    for (old, new) in [
        (
            "providers:\n  p:\n    model: old  # best\n    kind: x\n",
            "old",
        ),
        (
            "providers:\n  p:\n    model:   \"o\\\"l # d\"   # best\n",
            "\"o\\\"l # d\"",
        ),
        ("providers: {p: {model: 'o''l, d', kind: x}}", "'o''l, d'"),
        ("providers: {p: {kind: x, model: old}}  # old", "old"),
        ("providers: {p: {model: old, kind: x}}", "old"),
        ("providers:\r\n  p:\r\n    model: old\r\n", "old"),
        ("providers:\n  ö: {}\n  p: {ö: ö, model: 'öld'}\n", "'öld'"),
        (
            "a: {model: old}\nproviders:\n  q: {model: old}\n  p:\n    model: ol,d\n",
            "ol,d",
        ),
    ] {
        let at = old.find("p:").unwrap() + old[old.find("p:").unwrap()..].find(new).unwrap();
        let expected = |word: &str| format!("{}{word}{}", &old[..at], &old[at + new.len()..]);
        assert_eq!(edited(old, "qwen2.5:32b"), expected("qwen2.5:32b"), "{old}");
        // What would be something else without quotes gets them.
        assert_eq!(edited(old, "4.5"), expected("\"4.5\""), "{old}");
        assert_eq!(edited(old, "${A}"), expected("\"$${A}\""), "{old}");
    }
}

#[test]
fn an_alias_goes_and_what_it_stands_for_stays() {
    let text = "a: &m old\nproviders: {p: {model: *m}}\n";
    assert_eq!(
        edited(text, "new"),
        "a: &m old\nproviders: {p: {model: new}}\n"
    );
}

#[test]
fn what_hangs_together_is_left_alone() {
    let error = |text: &str| with_model(text, "f", "p", "new").unwrap_err().to_string();
    assert_eq!(
        error("providers: {q: {model: m}}"),
        "`providers.p.model` is not in the file"
    );
    assert_eq!(
        error("providers: {p: {}}"),
        "`providers.p.model` is not in the file"
    );
    assert_eq!(
        error("providers:\n  p:\n    model: |\n      old\n"),
        "line 4: the value of `providers.p.model` cannot be replaced by itself"
    );
    // Another one is the same by an alias.
    assert_eq!(
        error("x: &all\n  model: old\nproviders:\n  p: *all\n"),
        "line 4: the value of `providers.p.model` cannot be replaced by itself"
    );
    assert!(matches!(
        with_model("a: b: c", "f", "p", "m"),
        Err(EditError::Broken(_))
    ));
}

proptest! {
    /// Whatever the text and the name: other lines stay, and the edit can be edited back.
    #[test]
    fn it_can_be_edited_back(
        model in "[ -~ö]{1,20}",
        before in "(# [a-z]{0,9}\n){0,3}",
        after in "(    # [a-z]{0,9}\n){0,3}",
    ) {
        let text = format!("{before}providers:\n  p:\n    model: m-1 # keep\n{after}    kind: x\n");
        let new = with_model(&text, "f", "p", &model).unwrap();
        prop_assert_eq!(new.lines().count(), text.lines().count());
        prop_assert_eq!(with_model(&new, "f", "p", "m-1").unwrap(), text);
    }
}
