//! A body that is read while it comes.

use std::time::Duration;

use reqwest::Response;

use crate::answer::refusal;
use crate::client::{Http, HttpError, Request, next_bytes};
use crate::refusal::Refusal;

/// What comes of a request.
#[derive(Debug)]
pub enum Opened {
    /// The server does it.
    Body(Body),
    /// It does not.
    Refused(Refusal),
}

/// The rest of a body. Dropping it closes the connection.
#[derive(Debug)]
pub struct Body {
    response: Response,
    idle_timeout: Duration,
}

impl Body {
    /// More of it; `None` at its clean end.
    ///
    /// # Errors
    /// It broke off, or nothing came in time.
    pub async fn next(&mut self) -> Result<Option<Vec<u8>>, HttpError> {
        let bytes = next_bytes(&mut self.response, self.idle_timeout).await?;
        Ok(bytes.map(|bytes| bytes.to_vec()))
    }
}

impl Http {
    /// Sends a request, and leaves the body of its answer to the caller. A refusal is read whole
    /// and is without the secrets of the request.
    ///
    /// # Errors
    /// There is no answer.
    pub async fn open(&self, request: Request) -> Result<Opened, HttpError> {
        let idle_timeout = request.idle_timeout;
        let secrets = request.secrets();
        let response = self.send(request).await?;
        if !response.status().is_success() {
            let refusal = refusal(response, idle_timeout, &secrets).await;
            return Ok(Opened::Refused(refusal));
        }
        Ok(Opened::Body(Body {
            response,
            idle_timeout,
        }))
    }
}
