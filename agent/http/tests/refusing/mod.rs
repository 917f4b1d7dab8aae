//! What every reading of a refusal must stand.

use rivetos_http::Refusal;
use rivetos_types::model::ModelError;

use super::fuzzing::fuzz;

/// The vendor's words and ours around them, in characters.
const MESSAGE_CHARS_MAX: usize = 1200;

/// Whatever a vendor says with one of these statuses, the message is short, names the status and
/// repeats no key. `words` are those of the format.
pub(crate) fn check(words: &[&str], statuses: [u16; 4], read: impl Fn(&Refusal) -> ModelError) {
    let words: Vec<&str> = words.iter().copied().chain([" sk-canary "]).collect();
    fuzz("refusal", &words, |bytes| {
        for status in statuses {
            let message = read(&Refusal::new(status, bytes)).to_string();
            assert!(!message.contains(" sk-"), "{message}");
            assert!(message.chars().count() <= MESSAGE_CHARS_MAX, "{message}");
            assert!(message.contains(&format!("HTTP {status}")), "{message}");
        }
    });
}
