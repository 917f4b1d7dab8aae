use serde_json::json;

use super::*;

fn of(status: u16, kind: &str, said: &str) -> ModelError {
    let body = json!({ "type": "error", "error": { "type": kind, "message": said } });
    of_refusal(&Refusal::new(status, body.to_string()))
}

#[test]
fn refusals_carry_the_vendors_words() {
    let said = of(404, "not_found_error", "model: claude-nobody");
    let message = "model: claude-nobody (HTTP 404, `not_found_error`)".to_owned();
    let expected = ModelError::Fatal {
        status: Some(404),
        message,
    };
    assert_eq!(said, expected);
    let page = of_refusal(&Refusal::new(403, "<html>no</html>"));
    assert_eq!(page.to_string(), "<html>no</html> (HTTP 403)");
}

#[test]
fn the_request_is_named_once() {
    let body = json!({ "error": { "type": "api_error", "message": "oh" }, "request_id": "req_2" });
    let mut refusal = Refusal::new(500, body.to_string());
    let message = |refusal: &Refusal| of_refusal(refusal).to_string();
    assert_eq!(
        message(&refusal),
        "oh (HTTP 500, `api_error`, request req_2)"
    );
    refusal.request_id = Some("req_1".into());
    assert_eq!(
        message(&refusal),
        "oh (HTTP 500, `api_error`, request req_1)"
    );
}

#[test]
fn what_passes_is_worth_another_try() {
    for (status, kind) in [
        (429, "rate_limit_error"),
        (500, "api_error"),
        (504, "timeout_error"),
        (529, "overloaded_error"),
        (200, "overloaded_error"),
    ] {
        let error = of(status, kind, "later");
        assert!(matches!(error, ModelError::Transient { .. }), "{error:?}");
    }
    for (status, kind) in [
        (400, "invalid_request_error"),
        (401, "authentication_error"),
        (402, "billing_error"),
        (403, "permission_error"),
    ] {
        let error = of(status, kind, "Your credit balance is too low");
        assert!(matches!(error, ModelError::Fatal { .. }), "{error:?}");
    }
}

#[test]
fn too_long_is_told_from_other_refusals() {
    for (status, said) in [
        (400, "prompt is too long: 214000 tokens > 200000 maximum"),
        (
            400,
            "input length and `max_tokens` exceed context limit: 190000 + 32000 > 200000",
        ),
        (413, "Request exceeds the maximum size"),
    ] {
        let error = of(status, "invalid_request_error", said);
        assert!(matches!(error, ModelError::TooLong { .. }), "{error:?}");
    }
}

#[test]
fn files_are_told_from_other_refusals() {
    for said in [
        "messages.0.content.1.image.source.base64: image exceeds 5 MB maximum",
        "Could not process image",
        "A maximum of 100 PDF pages may be provided.",
    ] {
        let error = of(400, "invalid_request_error", said);
        assert!(
            matches!(error, ModelError::ImagesRefused { .. }),
            "{error:?}"
        );
    }
    let error = of(500, "api_error", "image");
    assert!(matches!(error, ModelError::Transient { .. }), "{error:?}");
}

#[test]
fn refused_thinking_is_known() {
    for said in [
        "messages.1.content.0: Invalid `signature` in `thinking` block",
        "messages.1.content.0.type: Expected `thinking` or `redacted_thinking`, but found `text`.",
        "`thinking` or `redacted_thinking` blocks in the latest assistant message cannot be modified",
    ] {
        assert!(
            is_about_thinking(&of(400, "invalid_request_error", said)),
            "{said}"
        );
    }
    for (status, said) in [
        (
            400,
            "`max_tokens` must be greater than `thinking.budget_tokens`",
        ),
        (401, "Invalid `signature` in `thinking` block"),
    ] {
        assert!(
            !is_about_thinking(&of(status, "invalid_request_error", said)),
            "{said}"
        );
    }
}
