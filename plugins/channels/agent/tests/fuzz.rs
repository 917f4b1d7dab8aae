//! No request body makes a message that the agent could not have accepted.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

#[path = "../../../../agent/protocol/tests/fuzzing/mod.rs"]
mod fuzzing;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::body::Body;
use axum::http::{Request, header};
use fuzzing::fuzz;
use rivetos_channel_agent::AgentChannel;
use rivetos_types::id::{SessionId, TurnId};
use rivetos_types::intake::{Intake, IntakeError, KeepError, Submitted, TurnEvent};
use rivetos_types::media::{Attachment, SentFile};
use rivetos_types::message::{Authority, InboundMessage, text_of};
use rivetos_types::secret::{Secret, SecretError, SecretRef, SecretResolver};
use rivetos_types::{BoxFuture, BoxStream, settings};
use tokio::runtime;
use tower::ServiceExt;

/// Answers everything at once and takes no files.
#[derive(Default)]
struct Taken(Mutex<Vec<InboundMessage>>);

impl Intake for Taken {
    fn keep(
        &self,
        _: SessionId,
        files: Vec<SentFile>,
    ) -> BoxFuture<'_, Result<Vec<Attachment>, KeepError>> {
        let name = files.into_iter().map(|file| file.name).collect();
        Box::pin(async { Err(KeepError::Kind { name }) })
    }

    fn submit(&self, message: InboundMessage) -> BoxFuture<'_, Result<Submitted, IntakeError>> {
        self.0.lock().unwrap().push(message);
        Box::pin(async { Ok(Submitted::Command("done".to_owned())) })
    }

    fn attach(&self, _: TurnId) -> BoxFuture<'_, Option<BoxStream<'static, TurnEvent>>> {
        Box::pin(async { None })
    }

    fn file(&self, _: TurnId, _: usize) -> BoxFuture<'_, Option<(Attachment, Vec<u8>)>> {
        Box::pin(async { None })
    }

    fn settle(&self, _: TurnId) -> BoxFuture<'_, ()> {
        Box::pin(async {})
    }
}

struct Token;

impl SecretResolver for Token {
    fn resolve(&self, _: &SecretRef) -> Result<Secret<String>, SecretError> {
        Ok(Secret::from("t0ken"))
    }
}

/// The longest name that somebody may give to a sender, a conversation or a message, with what we
/// put before it.
const NAME_BYTES_MAX: usize = 200 + "agent:".len();

#[test]
fn what_is_taken_is_a_message_of_a_guest() {
    let taken = Arc::new(Taken::default());
    let settings = settings::AgentChannel {
        agent: "opus".into(),
        bearer: SecretRef::Env("TOKEN".into()),
        wait: Duration::from_mins(1),
    };
    let channel = AgentChannel::new(Arc::clone(&taken) as _, Arc::new(Token), settings);
    let routes = channel.routes();
    let runtime = runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let words = [
        "\"fromAgent\":\"a\",",
        "\"message\":\"x\"",
        "\"id\":\"\",",
        "\"conversationId\":\"c\",",
        "\"waitForResponse\":false,",
        "\"timeoutMs\":1,",
        "/stop",
        "\"attachments\":[{\"name\":\"a\",\"data\":\"iVBORw==\"}],",
    ];
    fuzz("message", &words, |bytes| {
        let request = Request::post("/api/message")
            .header(header::AUTHORIZATION, "Bearer t0ken")
            .body(Body::from(bytes.to_vec()))
            .unwrap();
        let response = runtime.block_on(routes.clone().oneshot(request)).unwrap();
        let status = response.status().as_u16();
        let messages = std::mem::take(&mut *taken.0.lock().unwrap());
        match &messages[..] {
            [] => assert!(matches!(status, 400 | 415), "{status}"),
            [message] => {
                assert_eq!(status, 200);
                assert_eq!(message.authority, Authority::Guest);
                assert!(!text_of(&message.content).trim().is_empty());
                for name in [message.session.as_str(), &message.from, &message.id.0] {
                    assert!(name.len() <= NAME_BYTES_MAX && !name.contains(char::is_control));
                }
            }
            several => panic!("one body became {} messages", several.len()),
        }
    });
}
