//! What is a secret never passes, and ordinary text stays as it is.

use proptest::prelude::*;
use rivetos_core::redact::{Pieces, Redactor};
use rivetos_types::secret::Secret;

/// Keys as services give them out, with the note that stands for each.
fn keys() -> impl Strategy<Value = (String, &'static str)> {
    prop_oneof![
        "sk-ant-[A-Za-z0-9_-]{20,90}".prop_map(|key| (key, "api key")),
        "sk-proj-[A-Za-z0-9_-]{20,90}".prop_map(|key| (key, "api key")),
        "sk-[A-Za-z0-9]{48,60}".prop_map(|key| (key, "api key")),
        "xai-[A-Za-z0-9]{20,80}".prop_map(|key| (key, "api key")),
        "AIza[A-Za-z0-9_-]{35}".prop_map(|key| (key, "api key")),
        "AKIA[A-Z0-9]{16}".prop_map(|key| (key, "api key")),
        "gh[pousr]_[A-Za-z0-9]{36}".prop_map(|key| (key, "access token")),
        "github_pat_[A-Za-z0-9_]{60}".prop_map(|key| (key, "access token")),
        "[1-9][0-9]{8}:[A-Za-z0-9_-]{35}".prop_map(|key| (key, "bot token")),
        "op://[a-z]{3,9}/[a-z]{3,9}/[a-z]{3,9}".prop_map(|key| (key, "secret reference")),
    ]
}

/// Text in which nothing has the shape of a key.
const ORDINARY: &str = "[a-zäöü ,.!?\n]{0,40}";

proptest! {
    #[test]
    fn a_key_never_passes((key, note) in keys(), before in ORDINARY, after in ORDINARY) {
        let text = format!("{before} \"{key}\" {after}");
        let expected = format!("{before} \"[redacted: {note}]\" {after}");
        prop_assert_eq!(Redactor::default().redact(&text), expected);
    }

    #[test]
    fn a_known_secret_never_passes(
        secrets in proptest::collection::vec("[!-Z^-~]{8,40}", 1..4),
        pieces in proptest::collection::vec((0..4_usize, "[ -~é]{0,12}"), 0..8),
    ) {
        let redactor = Redactor::default();
        for secret in &secrets {
            redactor.learn(&Secret::from(secret.as_str()));
        }
        let mut text = String::new();
        for (index, piece) in &pieces {
            text.push_str(secrets.get(*index).map_or("", String::as_str));
            text.push_str(piece);
        }
        let clean = redactor.redact(&text);
        // The notes are ours; what a secret shares with them is no leak.
        for piece in clean.split(['[', ']']).filter(|piece| !piece.starts_with("redacted: ")) {
            for secret in &secrets {
                prop_assert!(!piece.contains(secret.as_str()), "{secret} in {clean}");
            }
        }
    }

    #[test]
    fn ordinary_text_is_unchanged(text in "[a-zA-Z0-9äß .,:;!?/()\n]{0,200}") {
        prop_assume!(!text.to_lowercase().contains("bearer") && !text.contains("://"));
        prop_assume!(!text.contains("AKIA") && !text.contains("AIza"));
        prop_assert_eq!(Redactor::default().redact(&text), text.as_str());
    }
}

#[test]
fn what_only_looks_random_stays() {
    let redactor = Redactor::default();
    for text in [
        "commit 68cb426ed8af5c4768cb426ed8af5c4768cb426e",
        "d41d8cd9-8f00-3204-a980-0998ecf8427e and task-sk-1",
        "https://example.org:8080/a?b=c#d and postgres://host/db",
        "the bearer of bad news, Bearer tokens, sk-learn, ghp_short",
        "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----",
        "12:30:45 and 192.168.0.1:3100",
    ] {
        assert_eq!(redactor.redact(text), text);
    }
}

#[test]
fn only_the_secret_part_goes() {
    let redactor = Redactor::default();
    redactor.learn(&Secret::from("short"));
    for (text, clean) in [
        (
            "postgres://rivet:hunter2@db:5432/x",
            "postgres://rivet:[redacted: password]@db:5432/x",
        ),
        (
            "authorization: Bearer abcdefghijklmnop.qrst",
            "authorization: Bearer [redacted: bearer token]",
        ),
        (
            "a\n-----BEGIN RSA PRIVATE KEY-----\nMII\n-----END RSA PRIVATE KEY-----\nb",
            "a\n[redacted: private key]\nb",
        ),
        ("a short word", "a short word"),
    ] {
        assert_eq!(redactor.redact(text), clean);
    }
}

#[test]
fn what_grows_is_shown_as_far_as_it_is_known() {
    let redactor = Redactor::default();
    redactor.learn(&Secret::from("open sesame"));
    let mut pieces = Pieces::default();
    for (piece, shown) in [
        ("Once upon a time", "Once upon a time"),
        (", the key is sk-", ", the key is "),
        ("ant-abcdefghijklmnop", ""),
        ("qrstuvwx.", "[redacted: api key]."),
        (" Say open", " Say "),
        (" the door. Say open", "open the door. Say "),
        (" sesame!", "[redacted: secret of this agent]!"),
        (" In 2026", " In "),
        (" it was", "2026 it was"),
    ] {
        assert_eq!(pieces.push(&redactor, piece), shown, "after {piece:?}");
    }
    assert_eq!(pieces.push(&redactor, " AKIAABCDEFGHIJKLMNOP"), " ");
    assert_eq!(pieces.end(&redactor), "[redacted: api key]");
}
