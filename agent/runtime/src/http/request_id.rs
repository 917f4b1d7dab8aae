//! A name for every request, to find it in logs.

use std::sync::atomic::{AtomicU64, Ordering};

use axum::extract::Request;
use axum::http::{HeaderName, HeaderValue};
use axum::middleware::Next;
use axum::response::Response;

const HEADER: HeaderName = HeaderName::from_static("x-request-id");

/// The longest identifier that is taken over from the caller, in bytes.
const ID_BYTES_MAX: usize = 64;

/// Keeps the caller's `x-request-id`, or gives one, and sends it back.
pub(super) async fn with_request_id(mut request: Request, next: Next) -> Response {
    let given = request.headers().get(HEADER).filter(|id| {
        id.len() <= ID_BYTES_MAX && !id.is_empty() && id.as_bytes().iter().all(u8::is_ascii_graphic)
    });
    let id = given.cloned().unwrap_or_else(fresh);
    request.headers_mut().insert(HEADER, id.clone());
    tracing::debug!(
        id = id.to_str().unwrap_or_default(),
        method = %request.method(),
        path = request.uri().path(),
        "request"
    );
    let mut response = next.run(request).await;
    response.headers_mut().insert(HEADER, id);
    response
}

/// Unique in this process, and unlikely to be met again after a restart.
fn fresh() -> HeaderValue {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let id = format!("{:x}-{count:x}", crate::clock::now().0);
    HeaderValue::from_str(&id).unwrap_or(HeaderValue::from_static("0"))
}
