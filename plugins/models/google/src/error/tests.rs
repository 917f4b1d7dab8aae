use serde_json::json;

use super::*;

fn of(status: u16, error: &Value) -> ModelError {
    of_refusal(&Refusal::new(status, json!({ "error": error }).to_string()))
}

fn quota(id: &str) -> Value {
    json!({
        "code": 429,
        "message": "Quota exceeded.",
        "status": "RESOURCE_EXHAUSTED",
        "details": [
            { "@type": "type.googleapis.com/google.rpc.Help", "links": [] },
            {
                "@type": "type.googleapis.com/google.rpc.QuotaFailure",
                "violations": [{ "quotaMetric": "m", "quotaId": id }],
            },
            { "@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "34.5s" },
        ],
    })
}

#[test]
fn a_quota_of_a_minute_comes_back() {
    let expected = ModelError::Transient {
        message: "Quota exceeded. (HTTP 429, `RESOURCE_EXHAUSTED`)".into(),
        retry_after_ms: Some(34_500),
    };
    assert_eq!(
        of(429, &quota("GenerateRequestsPerMinutePerProjectPerModel")),
        expected
    );
}

#[test]
fn a_quota_of_a_day_does_not() {
    let expected = ModelError::Fatal {
        status: Some(429),
        message: "Quota exceeded. (HTTP 429, `RESOURCE_EXHAUSTED`)".into(),
    };
    assert_eq!(
        of(
            429,
            &quota("GenerateRequestsPerDayPerProjectPerModel-FreeTier")
        ),
        expected
    );
}

#[test]
fn the_reason_says_more_than_the_status() {
    let error = json!({
        "code": 400,
        "message": "API key not valid.",
        "status": "INVALID_ARGUMENT",
        "details": [{
            "@type": "type.googleapis.com/google.rpc.ErrorInfo",
            "reason": "API_KEY_INVALID",
        }],
    });
    let expected = ModelError::Fatal {
        status: Some(401),
        message: "API key not valid. (HTTP 400, `API_KEY_INVALID`)".into(),
    };
    assert_eq!(of(400, &error), expected);
    // In a list, as an endpoint without events has it.
    let listed = json!([{ "error": error }]).to_string();
    assert_eq!(of_refusal(&Refusal::new(400, listed)), expected);
}

#[test]
fn what_can_be_made_shorter_or_blind_is_told_apart() {
    let said = |message: &str| of(400, &json!({ "code": 400, "message": message }));
    for message in [
        "The input token count (1200000) exceeds the maximum number of tokens allowed (1048576).",
        "The input token count exceeds the maximum number of tokens allowed 1048576.",
    ] {
        assert!(
            matches!(said(message), ModelError::TooLong { .. }),
            "{message}"
        );
    }
    for message in [
        "Unable to process input image.",
        "Unsupported MIME type: image/gif",
        "The document has no pages.",
    ] {
        assert!(
            matches!(said(message), ModelError::ImagesRefused { .. }),
            "{message}"
        );
    }
    let message = "Invalid value at 'contents[0]'";
    assert!(
        matches!(said(message), ModelError::Fatal { .. }),
        "{message}"
    );
}

#[test]
fn overload_passes_and_a_page_of_a_proxy_is_told() {
    let busy =
        json!({ "code": 503, "message": "The model is overloaded.", "status": "UNAVAILABLE" });
    assert!(matches!(
        of(503, &busy),
        ModelError::Transient {
            retry_after_ms: None,
            ..
        }
    ));
    let expected = ModelError::Fatal {
        status: Some(403),
        message: "<h1>no</h1> (HTTP 403)".into(),
    };
    assert_eq!(of_refusal(&Refusal::new(403, "<h1>no</h1>")), expected);
}

#[test]
fn a_delay_is_a_number_of_seconds() {
    assert_eq!(milliseconds("0s"), Some(0));
    assert_eq!(milliseconds("1.2345s"), Some(1234));
    for nonsense in ["", "s", "12", "-1s", "NaNs", "1e300s"] {
        assert_eq!(milliseconds(nonsense), None, "{nonsense}");
    }
}

#[test]
fn an_error_in_a_stream_is_one() {
    let error = json!({ "code": 503, "message": "later", "status": "UNAVAILABLE" });
    let expected = ModelError::Transient {
        message: "later".into(),
        retry_after_ms: None,
    };
    assert_eq!(in_stream(&error), expected);
    let expected = ModelError::Fatal {
        status: Some(400),
        message: "{\"code\":400}".into(),
    };
    assert_eq!(in_stream(&json!({ "code": 400 })), expected);
}
