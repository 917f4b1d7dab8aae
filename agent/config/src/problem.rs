//! What is wrong with a file.

use std::fmt;

/// One thing that is wrong, or looks wrong, in a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The file as the caller named it.
    pub file: String,
    /// Line, from 1.
    pub line: u64,
    /// Column in the line, from 1, in characters.
    pub column: u64,
    /// The key that it is about, for example `agents.opus.provider`; empty: the file as a whole.
    pub path: String,
    /// What is wrong. Never contains a text that comes from a variable.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}: ", self.file, self.line, self.column)?;
        if !self.path.is_empty() {
            write!(f, "{}: ", self.path)?;
        }
        f.write_str(&self.message)?;
        if let Some(hint) = &self.hint {
            write!(f, "\n  hint: {hint}")?;
        }
        Ok(())
    }
}

/// Everything that keeps a file from being used, in the order of the file; never empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problems(pub Vec<Problem>);

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            write!(f, "{problem}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Problems {}

/// The choice that `written` was probably meant to be.
///
/// Typing errors only: at most one edit in three characters, so that an unrelated word gets no
/// advice instead of misleading advice.
pub(crate) fn nearest<'a>(
    written: &str,
    choices: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    let allowed = (written.chars().count() / 3).max(1);
    choices
        .into_iter()
        .map(|choice| (distance(&written.to_lowercase(), choice), choice))
        .filter(|(distance, _)| *distance <= allowed)
        .min()
        .map(|(_, choice)| choice)
}

/// How many characters have to be inserted, removed, replaced or swapped with their neighbour.
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut before: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for i in 1..=a.len() {
        let mut row = vec![i];
        for j in 1..=b.len() {
            let replaced = last[j - 1] + usize::from(a[i - 1] != b[j - 1]);
            let mut best = replaced.min(last[j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                best = best.min(before[j - 2] + 1);
            }
            row.push(best);
        }
        before = std::mem::replace(&mut last, row);
    }
    last[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_choice_is_a_typing_error_away() {
        let choices = ["model", "max_tokens", "base_url", "api_key"];
        for (written, expected) in [
            ("modle", Some("model")),
            ("Model", Some("model")),
            ("maxtokens", Some("max_tokens")),
            ("baseurl", Some("base_url")),
            ("apikey", Some("api_key")),
            ("colour", None),
            ("", None),
        ] {
            assert_eq!(nearest(written, choices), expected, "{written:?}");
        }
    }
}
