//! Texts that look like secrets where no secret belongs.

use crate::node::Value;

use super::field::Field;
use super::reader::Reader;

/// Beginnings of keys, with the least length of what follows.
const KEYS: [(&str, usize); 6] = [
    ("sk-", 20),
    ("xai-", 20),
    ("AIza", 30),
    ("ghp_", 30),
    ("xoxb-", 20),
    ("glpat-", 20),
];
/// From so many hexadecimal digits on, nothing else is in them and it is a key.
const HEX_DIGITS_MIN: usize = 64;
/// The parts of a bot's token: the bot's number and the secret behind the colon.
const BOT_NUMBER_DIGITS: std::ops::RangeInclusive<usize> = 8..=12;
const BOT_SECRET_CHARS_MIN: usize = 30;

/// Warns of every text below `field` that looks like a secret and is not read as one.
pub(super) fn warn_of_secrets(reader: &mut Reader<'_>, field: &Field<'_>) {
    match &field.node.value {
        Value::Text(text) => {
            if looks_secret(text) && !reader.is_kept(&field.path) {
                let message = "this looks like a secret".to_owned();
                let hint = "secrets belong into variables or files, and here only their names";
                reader.warning(field.node.at, &field.path, message, hint.to_owned());
            }
        }
        Value::Map(entries) => {
            for (key, node) in entries {
                warn_of_secrets(reader, &field.child(key, node));
            }
        }
        Value::List(nodes) => {
            for node in nodes {
                warn_of_secrets(reader, &field.item(node));
            }
        }
        Value::Null | Value::Bool(_) | Value::Integer(_) | Value::Float(_) => {}
    }
}

/// Whether `text` has the shape of a key, a bot's token or an address with a password.
pub(crate) fn looks_secret(text: &str) -> bool {
    let is_key = |text: &str| {
        text.chars()
            .all(|c| c.is_ascii_alphanumeric() || "-_".contains(c))
    };
    let prefixed = KEYS.iter().any(|(prefix, least)| {
        text.strip_prefix(prefix)
            .is_some_and(|rest| rest.len() >= *least && is_key(rest))
    });
    let hex = text.len() >= HEX_DIGITS_MIN && text.chars().all(|c| c.is_ascii_hexdigit());
    let bot = text.split_once(':').is_some_and(|(number, secret)| {
        BOT_NUMBER_DIGITS.contains(&number.len())
            && number.chars().all(|c| c.is_ascii_digit())
            && secret.len() >= BOT_SECRET_CHARS_MIN
            && is_key(secret)
    });
    prefixed || hex || bot || has_password(text)
}

/// Whether `text` is an address like `postgres://user:password@host`.
fn has_password(text: &str) -> bool {
    let Some((_, rest)) = text.split_once("://") else {
        return false;
    };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    authority
        .rsplit_once('@')
        .and_then(|(user, _)| user.split_once(':'))
        .is_some_and(|(_, password)| !password.is_empty() && !password.contains("${"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_known_by_their_shape() {
        for secret in [
            "sk-abcdefghijklmnopqrst",
            "xai-ABCDEFGHIJKLMNOPQRST0",
            "AIzaabcdefghijklmnopqrstuvwxyz01234",
            &"0a".repeat(32),
            "123456789:AAabcdefghijklmnopqrstuvwxyz_-01",
            "postgres://ada:secret@db:5432/x",
        ] {
            assert!(looks_secret(secret), "{secret}");
        }
        for other in [
            "sk-short",
            "${KEY}",
            "postgres://ada:${PASSWORD}@db/x",
            "postgres://ada@db/x",
            "https://example.org/a:b@c",
            "qwen3:30b-a3b-instruct-2507-q4_K_M",
            "registry.example:5000/a@sha256:0123",
            "skeleton-key-of-a-house-in-town",
        ] {
            assert!(!looks_secret(other), "{other}");
        }
    }
}
