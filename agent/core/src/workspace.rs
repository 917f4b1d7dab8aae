//! The system prompt, from the prompt files of the workspace.

/// The prompt files, in the order in which they stand in the prompt.
pub const PROMPT_FILES: [&str; 4] = ["CORE.md", "USER.md", "WORKSPACE.md", "MEMORY.md"];

/// The most that one file contributes, in bytes.
pub const PROMPT_FILE_BYTES_MAX: usize = 32 * 1024;

/// Joins the texts of [`PROMPT_FILES`], given in that order; an absent or blank file is left out.
///
/// The same texts give the same bytes, so that vendors can cache the prompt.
pub fn system_prompt(texts: &[Option<String>; PROMPT_FILES.len()]) -> String {
    let mut prompt = String::new();
    for (name, text) in PROMPT_FILES.iter().zip(texts) {
        let Some(text) = text
            .as_deref()
            .map(str::trim)
            .filter(|text| !text.is_empty())
        else {
            continue;
        };
        if !prompt.is_empty() {
            prompt.push_str("\n\n");
        }
        prompt.push_str("## ");
        prompt.push_str(name);
        prompt.push_str("\n\n");
        let kept = &text[..text.floor_char_boundary(PROMPT_FILE_BYTES_MAX)];
        prompt.push_str(kept);
        if kept.len() < text.len() {
            prompt.push_str("\n\n(The rest of this file is too long for the prompt.)");
        }
    }
    prompt
}

/// Adds a file that a person pinned.
pub fn add_pinned(prompt: &mut String, name: &str, text: &str) {
    if !prompt.is_empty() {
        prompt.push_str("\n\n");
    }
    prompt.extend(["## Pinned: ", name, "\n\n", text.trim()]);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_become_sections_in_order() {
        let texts = [
            Some("Be kind.\n".into()),
            None,
            Some("  \n".into()),
            Some("Knows.".into()),
        ];
        assert_eq!(
            system_prompt(&texts),
            "## CORE.md\n\nBe kind.\n\n## MEMORY.md\n\nKnows."
        );
        assert_eq!(system_prompt(&[None, None, None, None]), "");
    }

    #[test]
    fn a_long_file_is_cut_between_characters_and_says_so() {
        let prompt = system_prompt(&[Some("ä".repeat(PROMPT_FILE_BYTES_MAX)), None, None, None]);
        assert!(prompt.len() < PROMPT_FILE_BYTES_MAX + 100);
        assert!(prompt.ends_with("too long for the prompt.)"));
    }
}
