use super::*;

#[test]
fn the_file_is_read() {
    assert!(MODELS.len() > 10);
    for entry in MODELS.iter() {
        assert!(entry.input >= entry.output, "{}", entry.name);
        if let Control::Levels(levels) = &entry.thinking {
            assert!(levels.is_sorted(), "{}", entry.name);
        }
    }
}

#[test]
fn a_version_is_known_by_the_longest_name() {
    for (model, output) in [
        ("gemini-2.5-flash", 65536),
        ("gemini-2.5-flash-preview-09-2025", 65536),
        ("gemini-2.5-flash-image", 32768),
        ("models/gemini-2.0-flash-001", 8192),
        ("gemini-3-pro-image-preview", 32768),
        ("gemini-4-argon", 65536),
    ] {
        let limits = limits(model).unwrap();
        assert_eq!(limits.output_tokens, output, "{model}");
    }
    assert_eq!(limits("gemini-30"), None);
    assert_eq!(limits("gemma-4"), None);
}

#[test]
fn each_family_is_told_in_its_own_words() {
    use Thinking::{High, Low, Medium, Off};
    let shown = |name: &str, value: Value| json!({ name: value, "includeThoughts": true });
    for (model, thinking, config) in [
        (
            "gemini-2.5-flash",
            Some(Off),
            json!({ "thinkingBudget": 0 }),
        ),
        (
            "gemini-2.5-flash",
            Some(Low),
            shown("thinkingBudget", json!(1024)),
        ),
        (
            "gemini-2.5-flash",
            Some(High),
            shown("thinkingBudget", json!(24576)),
        ),
        ("gemini-2.5-flash", None, json!({ "includeThoughts": true })),
        (
            "gemini-2.5-pro",
            Some(Off),
            json!({ "thinkingBudget": 128 }),
        ),
        (
            "gemini-2.5-pro",
            Some(High),
            shown("thinkingBudget", json!(32768)),
        ),
        (
            "gemini-3-flash-preview",
            Some(Off),
            json!({ "thinkingLevel": "minimal" }),
        ),
        (
            "gemini-3-flash-preview",
            Some(Medium),
            shown("thinkingLevel", json!("medium")),
        ),
        (
            "gemini-3-pro-preview",
            Some(Off),
            json!({ "thinkingLevel": "low" }),
        ),
        (
            "gemini-3-pro-preview",
            Some(Medium),
            shown("thinkingLevel", json!("high")),
        ),
        ("gemini-4-argon", None, json!({ "includeThoughts": true })),
    ] {
        let found = thinking_config(model, thinking);
        assert_eq!(found, Some(config), "{model} {thinking:?}");
    }
    for model in ["gemini-2.0-flash", "gemini-2.5-flash-lite", "gemma-4"] {
        assert_eq!(thinking_config(model, None), None, "{model}");
    }
}

#[test]
fn families_with_levels_check_signatures() {
    assert!(wants_signatures("gemini-3-flash-preview"));
    assert!(!wants_signatures("gemini-2.5-flash"));
}
