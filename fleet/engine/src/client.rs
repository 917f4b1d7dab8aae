//! HTTP to an agent over a byte stream that somebody else opened.

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::body::Incoming;
use hyper::client::conn::http1::{self, SendRequest};
use hyper::header::{ACCEPT, CONTENT_TYPE, HOST};
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use serde::de::DeserializeOwned;
use thiserror::Error;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::task::JoinHandle;

use rivetos_protocol::sse::Decoder;
use rivetos_protocol::{
    ATTACHMENT_BYTES_MAX, ErrorReply, HealthReport, MessageRequest, StreamFrame, attachment_path,
};

/// The longest answer that is not a stream, in bytes.
const ANSWER_BYTES_MAX: usize = 256 * 1024;

/// The frames that this build understands. Others come from newer agents and are passed over.
const FRAMES_UNDERSTOOD: [&str; 9] = [
    "accepted",
    "snapshot",
    "text",
    "reasoning",
    "tool_start",
    "tool_end",
    "asked",
    "status",
    "done",
];

/// An HTTP connection to one agent. Requests go one after the other.
pub struct AgentClient {
    sender: SendRequest<Full<Bytes>>,
    connection: Arc<Connection>,
}

/// The task that drives the connection; it ends with its last user.
struct Connection(JoinHandle<()>);

impl Drop for Connection {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl AgentClient {
    /// Speaks HTTP on `stream`, which already counts as the operator's.
    pub async fn new<S>(stream: S) -> Result<Self, ClientError>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let (sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        let task = tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "the connection to the agent ended");
            }
        });
        Ok(Self {
            sender,
            connection: Arc::new(Connection(task)),
        })
    }

    /// Asks how the agent is; an agent that is not ready answers too.
    pub async fn health(&mut self) -> Result<HealthReport, ClientError> {
        let response = self.request(Method::GET, "/health", Bytes::new()).await?;
        match response.status() {
            StatusCode::OK | StatusCode::SERVICE_UNAVAILABLE => read_json(response).await,
            _ => Err(refusal(response).await),
        }
    }

    /// Sends a message and returns the reply as it comes. Sending a message with the same `id`
    /// again attaches to the turn that it began.
    pub async fn send(&mut self, message: &MessageRequest) -> Result<Frames, ClientError> {
        let body = serde_json::to_vec(message).map_err(|error| malformed(&error))?;
        let response = self
            .request(Method::POST, "/api/message", body.into())
            .await?;
        if response.status() != StatusCode::OK {
            return Err(refusal(response).await);
        }
        Ok(Frames {
            body: response.into_body(),
            decoder: Decoder::new(),
            queue: VecDeque::new(),
            state: FramesState::Open,
            _connection: Arc::clone(&self.connection),
        })
    }

    /// The file `index`, counted from 0, of the reply to the message `id`.
    pub async fn attachment(&mut self, id: &str, index: usize) -> Result<Bytes, ClientError> {
        let path = attachment_path(id, index);
        let response = self.request(Method::GET, &path, Bytes::new()).await?;
        match response.status() {
            StatusCode::OK => read_body(response, ATTACHMENT_BYTES_MAX).await,
            _ => Err(refusal(response).await),
        }
    }

    async fn request(
        &mut self,
        method: Method,
        path: &str,
        body: Bytes,
    ) -> Result<Response<Incoming>, ClientError> {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(HOST, "agent")
            .header(ACCEPT, "text/event-stream, application/json;q=0.5")
            .header(CONTENT_TYPE, "application/json")
            .body(Full::new(body))
            .map_err(|error| ClientError::Malformed {
                message: error.to_string(),
            })?;
        self.sender.ready().await?;
        Ok(self.sender.send_request(request).await?)
    }
}

/// The frames of one reply.
pub struct Frames {
    body: Incoming,
    decoder: Decoder,
    /// What was read and not yet given out; an error is the last.
    queue: VecDeque<Result<StreamFrame, ClientError>>,
    state: FramesState,
    _connection: Arc<Connection>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum FramesState {
    Open,
    Ended,
}

impl Frames {
    /// The next frame; `None` after [`StreamFrame::Done`] or an error. A stream that ends before
    /// `Done` ends with [`ClientError::Interrupted`]: the turn goes on, attach to it again.
    pub async fn next(&mut self) -> Option<Result<StreamFrame, ClientError>> {
        if self.state == FramesState::Ended {
            return None;
        }
        let frame = self.read().await;
        if matches!(frame, Ok(StreamFrame::Done { .. }) | Err(_)) {
            self.state = FramesState::Ended;
        }
        Some(frame)
    }

    async fn read(&mut self) -> Result<StreamFrame, ClientError> {
        loop {
            if let Some(frame) = self.queue.pop_front() {
                return frame;
            }
            match self.body.frame().await {
                Some(Ok(chunk)) => {
                    if let Ok(bytes) = chunk.into_data() {
                        self.decode(&bytes);
                    }
                }
                Some(Err(error)) => {
                    return Err(ClientError::Interrupted { cause: Some(error) });
                }
                None => return Err(ClientError::Interrupted { cause: None }),
            }
        }
    }

    /// An error comes behind the frames before it, however the bytes were split.
    fn decode(&mut self, bytes: &[u8]) {
        let mut events = Vec::new();
        let fits = self.decoder.push(bytes, &mut events);
        for event in events {
            if FRAMES_UNDERSTOOD.contains(&event.event.as_str()) {
                let frame = serde_json::from_str(&event.data);
                self.queue
                    .push_back(frame.map_err(|error| malformed(&error)));
            }
        }
        if let Err(error) = fits {
            self.queue.push_back(Err(ClientError::Malformed {
                message: error.to_string(),
            }));
        }
    }
}

/// Why an agent did not answer as it should.
#[derive(Debug, Error)]
pub enum ClientError {
    /// The connection failed.
    #[error("the connection to the agent broke")]
    Connection(#[from] hyper::Error),
    /// The reply broke off before its end. The turn goes on.
    #[error("the agent's reply broke off")]
    Interrupted {
        /// What the connection said, if anything.
        #[source]
        cause: Option<hyper::Error>,
    },
    /// The agent said no.
    #[error("the agent refused ({status}): {}", reply.error)]
    Refused {
        /// HTTP status.
        status: u16,
        /// Why.
        reply: ErrorReply,
    },
    /// What came is not what an agent of this version says.
    #[error("the agent's answer is not understood: {message}")]
    Malformed {
        /// What is wrong with it.
        message: String,
    },
}

fn malformed(error: &serde_json::Error) -> ClientError {
    ClientError::Malformed {
        message: error.to_string(),
    }
}

async fn read_json<T: DeserializeOwned>(response: Response<Incoming>) -> Result<T, ClientError> {
    let bytes = read_body(response, ANSWER_BYTES_MAX).await?;
    serde_json::from_slice(&bytes).map_err(|error| malformed(&error))
}

async fn read_body(response: Response<Incoming>, bytes_max: usize) -> Result<Bytes, ClientError> {
    match Limited::new(response.into_body(), bytes_max)
        .collect()
        .await
    {
        Ok(body) => Ok(body.to_bytes()),
        Err(error) => Err(match error.downcast::<hyper::Error>() {
            Ok(error) => ClientError::Connection(*error),
            Err(error) => {
                debug_assert!(error.is::<LengthLimitError>(), "{error}");
                ClientError::Malformed {
                    message: format!("it is longer than {bytes_max} bytes"),
                }
            }
        }),
    }
}

async fn refusal(response: Response<Incoming>) -> ClientError {
    let status = response.status().as_u16();
    match read_json(response).await {
        Ok(reply) => ClientError::Refused { status, reply },
        Err(ClientError::Malformed { .. }) => ClientError::Malformed {
            message: format!("HTTP status {status} without a reason"),
        },
        Err(error) => error,
    }
}
