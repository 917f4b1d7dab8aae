//! Words out of a list.

use crate::problem::nearest;

use super::field::Field;
use super::reader::Reader;

impl Field<'_> {
    /// One of `choices`, each with the words for it; `later` are words of other versions.
    pub(super) fn choice<T: Copy>(
        &self,
        reader: &mut Reader<'_>,
        choices: &[(&str, T)],
        later: &[&str],
    ) -> Option<T> {
        let text = self.text(reader)?;
        let found = choices.iter().find(|(word, _)| *word == text);
        if found.is_none() {
            let words: Vec<&str> = choices.iter().map(|(word, _)| *word).collect();
            let possible = words.join(", ");
            let (message, hint) = if later.contains(&text.as_str()) {
                (
                    format!("`{text}` is not in this version"),
                    format!("possible: {possible}"),
                )
            } else {
                let hint = nearest(&text, words.iter().copied()).map_or_else(
                    || format!("possible: {possible}"),
                    |word| format!("did you mean `{word}`?"),
                );
                (
                    format!("{} is not one of {possible}", self.written(&text)),
                    hint,
                )
            };
            self.problem(reader, message, Some(hint));
        }
        found.map(|(_, choice)| *choice)
    }
}
