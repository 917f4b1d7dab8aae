use serde_json::json;

use super::*;

fn of(status: u16, said: &str) -> ModelError {
    of_refusal(&Refusal::new(status, json!({ "error": said }).to_string()))
}

#[test]
fn what_stays_as_it_is_is_fatal() {
    for (status, said) in [
        (404, "model 'qwen9' not found, try pulling it first"),
        (
            400,
            "registry.ollama.ai/library/gemma:2b does not support tools",
        ),
        (400, "invalid options: num_ctx"),
        (
            500,
            "model requires more system memory (64.0 GiB) than is available (8.0 GiB)",
        ),
        (401, "unauthorized"),
    ] {
        let expected = ModelError::Fatal {
            status: Some(status),
            message: format!("{said} (HTTP {status})"),
        };
        assert_eq!(of(status, said), expected);
    }
}

#[test]
fn what_passes_is_worth_another_try() {
    for (status, said) in [
        (
            503,
            "server busy, please try again. maximum pending requests exceeded",
        ),
        (500, "llama runner process has terminated: exit status 2"),
        (502, "upstream"),
    ] {
        let error = of(status, said);
        assert!(matches!(error, ModelError::Transient { .. }), "{error:?}");
    }
}

#[test]
fn what_can_be_made_shorter_or_blind_is_told_apart() {
    let long = of(400, "the input length exceeds the context length");
    assert!(matches!(long, ModelError::TooLong { .. }), "{long:?}");
    for said in [
        "this model is missing data required for image input",
        "does not support vision",
    ] {
        let error = of(500, said);
        assert!(
            matches!(error, ModelError::ImagesRefused { .. }),
            "{error:?}"
        );
    }
}

#[test]
fn other_words_than_the_servers_own_are_told_too() {
    let expected = ModelError::Fatal {
        status: Some(403),
        message: "no (HTTP 403)".into(),
    };
    assert_eq!(of_refusal(&Refusal::new(403, "no")), expected);
    let gateway = json!({ "error": { "message": "no" } }).to_string();
    assert_eq!(of_refusal(&Refusal::new(403, gateway)), expected);
}
