//! One message and its reply, over connections that may break.

use std::path::{Path, PathBuf};
use std::process;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rivetos_engine::{AgentClient, ClientError};
use rivetos_fleet::model::ResourceId;
use rivetos_fleet::port::{AccessError, NodeAccess};
use rivetos_protocol::{MessageReply, MessageRequest, SentAttachment, StreamFrame};
use thiserror::Error;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::signal;
use tokio::time::sleep;

use super::View;
use super::save::{SaveError, save};
use crate::exit::Exit;
use crate::output::Edge;

/// How often a reply that broke off is attached to again.
const ATTEMPTS_MAX: u32 = 8;
const PAUSE_FIRST: Duration = Duration::from_millis(250);
const PAUSE_MAX: Duration = Duration::from_secs(4);

/// One person's conversation with one agent.
pub(crate) struct Conversation<'a, A> {
    /// The way there.
    pub(crate) access: &'a A,
    /// The agent.
    pub(crate) node: ResourceId,
    /// Who speaks.
    pub(crate) speaker: String,
    /// Which conversation of theirs.
    pub(crate) session: String,
}

/// How a turn ended for the person.
#[derive(Debug)]
pub(crate) enum TurnEnd {
    /// With a reply.
    Reply(Box<MessageReply>),
    /// The person did not wait for it; the agent was told to stop.
    Left,
}

/// Why there is no reply.
#[derive(Debug, Error)]
pub(crate) enum ChatError {
    /// The agent cannot be reached.
    #[error("there is no way to {node}")]
    Access {
        /// The agent.
        node: ResourceId,
        /// Why.
        source: AccessError,
    },
    /// The agent did not take the message.
    #[error("{node} did not reply")]
    Client {
        /// The agent.
        node: ResourceId,
        /// Why.
        source: ClientError,
    },
    /// The reply broke off too often.
    #[error("the reply of {node} broke off, and {ATTEMPTS_MAX} attempts to attach to it failed")]
    BrokenOff {
        /// The agent.
        node: ResourceId,
        /// How the last one failed.
        source: Box<ChatError>,
    },
}

impl Edge for ChatError {
    fn exit(&self) -> Exit {
        Exit::Failed
    }

    fn hints(&self) -> Vec<String> {
        match self {
            Self::Access {
                source: AccessError::Absent(_) | AccessError::NotRunning(_),
                ..
            } => {
                vec!["`rivetos infra up` starts it".into()]
            }
            Self::Access { node, .. } | Self::BrokenOff { node, .. } => {
                vec![format!("`rivetos logs {}` may say why", node.name)]
            }
            Self::Client { .. } => Vec::new(),
        }
    }
}

impl<A> Conversation<'_, A>
where
    A: NodeAccess,
    A::Stream: AsyncRead + AsyncWrite + Unpin,
{
    /// Says `text`, with `files`, and shows the reply. The first Ctrl-C stops the turn, the second
    /// one leaves.
    pub(crate) async fn say(
        &self,
        text: &str,
        files: Vec<SentAttachment>,
        view: &mut View,
    ) -> Result<TurnEnd, ChatError> {
        let message = MessageRequest {
            attachments: files,
            ..self.message(text)
        };
        let reply = self.reply(&message, view);
        tokio::pin!(reply);
        tokio::select! {
            reply = &mut reply => return Ok(TurnEnd::Reply(Box::new(reply?))),
            _ = signal::ctrl_c() => {}
        }
        // Both at once: the reply ends because of the command, and must be read meanwhile.
        let stop = async {
            if let Err(error) = self.stop().await {
                tracing::debug!(%error, "the turn could not be stopped");
            }
            std::future::pending::<()>().await;
        };
        tokio::select! {
            reply = &mut reply => Ok(TurnEnd::Reply(Box::new(reply?))),
            () = stop => Ok(TurnEnd::Left),
            _ = signal::ctrl_c() => Ok(TurnEnd::Left),
        }
    }

    /// Writes the files of a reply to `folder`. Returns where they are.
    pub(crate) async fn save(
        &self,
        reply: &MessageReply,
        folder: &Path,
    ) -> Result<Vec<PathBuf>, SaveError> {
        let mut saved = Vec::new();
        for (index, file) in reply.attachments.iter().enumerate() {
            let name = || file.name.clone();
            let fetched = async {
                let mut client = self.connect().await?;
                let content = client.attachment(&reply.id, index).await;
                content.map_err(|error| self.client(error))
            };
            let content = fetched.await.map_err(|source| SaveError::Fetch {
                name: name(),
                source,
            })?;
            let path = save(folder, &file.name, &content);
            saved.push(path.map_err(|source| SaveError::Write {
                name: name(),
                folder: folder.to_owned(),
                source,
            })?);
        }
        Ok(saved)
    }

    async fn stop(&self) -> Result<(), ChatError> {
        let mut client = self.connect().await?;
        let mut frames = client
            .send(&self.message("/stop"))
            .await
            .map_err(|error| self.client(error))?;
        while let Some(frame) = frames.next().await {
            frame.map_err(|error| self.client(error))?;
        }
        Ok(())
    }

    fn message(&self, text: &str) -> MessageRequest {
        let nanos = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default()
            .as_nanos();
        MessageRequest {
            id: Some(format!("cli-{:x}-{nanos:x}", process::id())),
            from_agent: self.speaker.clone(),
            message: text.to_owned(),
            attachments: Vec::new(),
            conversation_id: Some(self.session.clone()),
            wait_for_response: true,
            timeout_ms: None,
        }
    }

    /// Sends `message`, and again whenever the connection breaks: the same id attaches to the
    /// same turn, so it is never carried out twice.
    async fn reply(
        &self,
        message: &MessageRequest,
        view: &mut View,
    ) -> Result<MessageReply, ChatError> {
        let mut sent = Sent::No;
        let mut attempt = 0;
        let mut pause = PAUSE_FIRST;
        loop {
            let error = match self.attempt(message, view, &mut sent).await {
                Ok(reply) => return Ok(reply),
                Err(error) => error,
            };
            if sent == Sent::No || !may_pass(&error) {
                return Err(error);
            }
            attempt += 1;
            if attempt > ATTEMPTS_MAX {
                let (node, source) = (self.node.clone(), Box::new(error));
                return Err(ChatError::BrokenOff { node, source });
            }
            view.aside(&format!(
                "the connection broke; attaching to the turn again ({attempt} of {ATTEMPTS_MAX})"
            ));
            sleep(pause).await;
            pause = (pause * 2).min(PAUSE_MAX);
        }
    }

    async fn attempt(
        &self,
        message: &MessageRequest,
        view: &mut View,
        sent: &mut Sent,
    ) -> Result<MessageReply, ChatError> {
        let mut client = self.connect().await?;
        *sent = Sent::Perhaps;
        let mut frames = client
            .send(message)
            .await
            .map_err(|error| self.client(error))?;
        while let Some(frame) = frames.next().await {
            match frame.map_err(|error| self.client(error))? {
                StreamFrame::Done { reply } => {
                    view.done(&reply);
                    return Ok(reply);
                }
                frame => view.frame(&frame),
            }
        }
        Err(self.client(ClientError::Interrupted { cause: None }))
    }

    async fn connect(&self) -> Result<AgentClient, ChatError> {
        let stream = self
            .access
            .connect(&self.node)
            .await
            .map_err(|source| ChatError::Access {
                node: self.node.clone(),
                source,
            })?;
        AgentClient::new(stream)
            .await
            .map_err(|error| self.client(error))
    }

    fn client(&self, source: ClientError) -> ChatError {
        ChatError::Client {
            node: self.node.clone(),
            source,
        }
    }
}

/// Whether the agent may have the message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sent {
    No,
    Perhaps,
}

/// Whether the same may work in a moment, when the agent was restarted.
fn may_pass(error: &ChatError) -> bool {
    match error {
        ChatError::Access { source, .. } => match source {
            AccessError::NotRunning(_) | AccessError::Unreachable { .. } => true,
            AccessError::Absent(_) => false,
        },
        ChatError::Client { source, .. } => match source {
            ClientError::Connection(_) | ClientError::Interrupted { .. } => true,
            // An agent that is starting or draining says so.
            ClientError::Refused { status, .. } => *status == 503,
            ClientError::Malformed { .. } => false,
        },
        ChatError::BrokenOff { .. } => false,
    }
}
