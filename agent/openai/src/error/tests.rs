use super::*;

fn of(status: u16, body: &str) -> ModelError {
    of_refusal(&Refusal::new(status, body))
}

fn fatal(status: u16, message: &str) -> ModelError {
    ModelError::Fatal {
        status: Some(status),
        message: message.into(),
    }
}

#[test]
fn refusals_carry_the_vendors_words() {
    for (status, body, message) in [
        (
            400,
            r#"{"error":{"message":"bad temperature"}}"#,
            "bad temperature (HTTP 400)",
        ),
        (
            404,
            r#"{"error":"model not found"}"#,
            "model not found (HTTP 404)",
        ),
        (422, r#"{"detail":"wrong"}"#, "wrong (HTTP 422)"),
        (
            400,
            r#"[{"error":{"code":400,"message":"listed"}}]"#,
            "listed (HTTP 400)",
        ),
        (403, "Forbidden\n", "Forbidden (HTTP 403)"),
        (302, "", "the endpoint answered HTTP 302"),
    ] {
        assert_eq!(of(status, body), fatal(status, message));
    }
}

#[test]
fn xai_tells_the_code_beside_the_message() {
    let body = r#"{"code":"invalid-argument","error":"Model not found: grok-9"}"#;
    let message = "Model not found: grok-9 (HTTP 400, `invalid-argument`)";
    assert_eq!(of(400, body), fatal(400, message));
}

#[test]
fn a_lost_answer_is_told_from_other_refusals() {
    for (status, body) in [
        (404, "gone"),
        (
            400,
            r#"{"error":{"code":"previous_response_not_found","message":"x"}}"#,
        ),
        (
            400,
            r#"{"error":{"param":"previous_response_id","message":"x"}}"#,
        ),
        (
            400,
            r#"{"code":"not-found","error":"Response with id=7 not found"}"#,
        ),
    ] {
        assert!(is_lost(&Refusal::new(status, body)), "{body}");
    }
    for (status, body) in [
        (401, r#"{"error":{"message":"response not found"}}"#),
        (429, "slow"),
        (400, r#"{"error":{"message":"bad temperature"}}"#),
        (400, r#"{"error":"Model not found: grok-9"}"#),
    ] {
        assert!(!is_lost(&Refusal::new(status, body)), "{body}");
    }
}

#[test]
fn keys_are_never_repeated() {
    for said in ["key sk-abcd is wrong", "key ab****yz is wrong"] {
        let body = serde_json::json!({ "error": { "message": said } }).to_string();
        assert_eq!(of(401, &body), fatal(401, "key *** is wrong (HTTP 401)"));
    }
}

#[test]
fn what_passes_is_worth_another_try() {
    for status in [408, 429, 500, 503, 529] {
        let error = of_refusal(&Refusal {
            retry_after_ms: Some(7000),
            ..Refusal::new(status, "{}")
        });
        let ModelError::Transient { retry_after_ms, .. } = error else {
            panic!("{status}: {error:?}")
        };
        assert_eq!(retry_after_ms, Some(7000));
    }
}

#[test]
fn an_empty_account_stays_empty() {
    let body = r#"{"error":{"message":"no credit","code":"insufficient_quota"}}"#;
    assert_eq!(
        of(429, body),
        fatal(429, "no credit (HTTP 429, `insufficient_quota`)")
    );
}

#[test]
fn refused_attachments_are_told_from_other_refusals() {
    for (status, said) in [
        (
            400,
            "Invalid content type. image_url is only supported by certain models.",
        ),
        (
            422,
            "messages[0]: unknown variant `image_url`, expected `text`",
        ),
        (404, "No endpoints found that support image input"),
        (400, "this is not a multimodal model"),
        (
            400,
            "'messages.0.content' : value must be a string; content must be a string",
        ),
        (
            500,
            "image input is not supported - hint: you may need to provide the mmproj",
        ),
        (400, "Could not process image"),
        (
            400,
            "messages[0]: unknown variant `file`, expected `text` at line 1 column 231",
        ),
        (
            400,
            "Invalid value: file. Supported values are: 'text', 'image_url'",
        ),
        (
            400,
            "Invalid file data: 'messages[1].content[0].file.file_data'",
        ),
        (400, "The PDF cannot be read"),
    ] {
        let body = serde_json::json!({ "error": { "message": said } }).to_string();
        let message = format!("{said} (HTTP {status})");
        assert_eq!(of(status, &body), ModelError::ImagesRefused { message });
    }
    for (status, said) in [
        (401, "no image for you"),
        (400, "Invalid schema for function 'file_read'"),
        (500, "the image of the disk broke"),
    ] {
        let body = serde_json::json!({ "error": { "message": said } }).to_string();
        assert!(!matches!(
            of(status, &body),
            ModelError::ImagesRefused { .. }
        ));
    }
}
