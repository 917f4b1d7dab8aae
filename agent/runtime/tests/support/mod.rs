//! An application over the real store, with a model that says what the test tells it.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::StreamExt;
use rivetos_core::fallback::Choice;
use rivetos_core::tools::Toolset;
use rivetos_core::turn::{Limits, Policy, check_conversation};
use rivetos_memory_sqlite::SqliteStore;
use rivetos_runtime::{
    Application, AuditBounds, AuditLog, Budget, Identity, Models, Parts, Prices, Source,
};
use rivetos_types::BoxStream;
use rivetos_types::channel::Channel;
use rivetos_types::id::{ChannelId, ExternalId, SessionId, TurnId};
use rivetos_types::intake::{Intake, Submitted, TurnEvent};
use rivetos_types::media::SentFile;
use rivetos_types::message::{
    Authority, ContentPart, InboundMessage, OutboundMessage, TokenUsage, ToolCall,
};
use rivetos_types::model::{ModelError, ModelProvider, ModelRequest, StopReason, StreamEvent};
use rivetos_types::time::Timestamp;
use rivetos_types::tool::{Effect, Tool, ToolContext, ToolError, ToolOutput};
use schemars::JsonSchema;
use serde::Deserialize;
use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender};

pub(crate) type Piece = Result<StreamEvent, ModelError>;

/// A model whose answers are written piece by piece by the test. Every request is checked.
pub(crate) struct Scripted {
    name: &'static str,
    asked: UnboundedSender<Request>,
}

/// Who is asked, what, and where the answer goes.
type Request = (&'static str, ModelRequest, UnboundedSender<Piece>);

impl ModelProvider for Scripted {
    fn name(&self) -> &'static str {
        self.name
    }

    fn stream(&self, request: ModelRequest) -> BoxStream<'_, Piece> {
        assert_eq!(check_conversation(&request.messages), Ok(()));
        let (pieces, answer) = mpsc::unbounded_channel();
        // A test that ended no longer listens.
        let _ = self.asked.send((self.name, request, pieces));
        Box::pin(futures_util::stream::unfold(
            answer,
            |mut answer| async move { answer.recv().await.map(|piece| (piece, answer)) },
        ))
    }
}

/// The model's side of one request.
pub(crate) struct Asked {
    /// The provider.
    pub(crate) who: &'static str,
    pub(crate) request: ModelRequest,
    pieces: UnboundedSender<Piece>,
}

impl Asked {
    pub(crate) fn say(&self, text: &str) -> &Self {
        self.send(Ok(StreamEvent::Text(text.into())))
    }

    pub(crate) fn call(&self, id: &str, name: &str, arguments: &str) -> &Self {
        let call = ToolCall {
            id: id.into(),
            name: name.into(),
            arguments: arguments.into(),
        };
        self.send(Ok(StreamEvent::ToolCall(call)))
    }

    pub(crate) fn done(&self) {
        let usage = TokenUsage {
            input: 5,
            output: 3,
            ..TokenUsage::default()
        };
        self.send(Ok(StreamEvent::Done {
            stop: StopReason::End,
            usage,
        }));
    }

    pub(crate) fn send(&self, piece: Piece) -> &Self {
        // Nobody listens any more when the turn was stopped.
        let _ = self.pieces.send(piece);
        self
    }

    /// Returns when the application dropped the request.
    pub(crate) async fn dropped(&self) {
        self.pieces.closed().await;
    }
}

/// Writes a line to a file of the workspace, then waits while a file `hold` is there to be read.
pub(crate) struct Note;

#[derive(Deserialize, JsonSchema)]
pub(crate) struct NoteArgs {
    text: String,
}

impl Tool for Note {
    type Args = NoteArgs;

    fn name(&self) -> &'static str {
        "note"
    }

    fn description(&self) -> &'static str {
        "Notes a line."
    }

    fn effect(&self) -> Effect {
        Effect::Mutating
    }

    async fn call(&self, args: NoteArgs, context: &ToolContext) -> Result<ToolOutput, ToolError> {
        use std::io::Write;
        let path = context.workspace.join("notes");
        let mut file = std::fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(path)
            .unwrap();
        writeln!(file, "{}", args.text).unwrap();
        if args.text == "for ever" {
            std::future::pending::<()>().await;
        }
        Ok("noted".to_owned().into())
    }
}

/// Notes a line, and may do so only when a person allows it.
pub(crate) struct Send;

impl Tool for Send {
    type Args = NoteArgs;

    fn name(&self) -> &'static str {
        "send"
    }

    fn description(&self) -> &'static str {
        "Sends a line."
    }

    fn effect(&self) -> Effect {
        Effect::Mutating
    }

    async fn call(&self, args: NoteArgs, context: &ToolContext) -> Result<ToolOutput, ToolError> {
        Note.call(args, context).await
    }
}

/// Looks, which changes nothing, at what is there or for what never comes.
pub(crate) struct Look;

impl Tool for Look {
    type Args = NoteArgs;

    fn name(&self) -> &'static str {
        "look"
    }

    fn description(&self) -> &'static str {
        "Looks."
    }

    fn effect(&self) -> Effect {
        Effect::ReadOnly
    }

    async fn call(&self, args: NoteArgs, _: &ToolContext) -> Result<ToolOutput, ToolError> {
        if args.text == "for ever" {
            std::future::pending::<()>().await;
        }
        Ok("seen".to_owned().into())
    }
}

/// Hands a text over as a file.
pub(crate) struct Hand;

impl Tool for Hand {
    type Args = NoteArgs;

    fn name(&self) -> &'static str {
        "hand"
    }

    fn description(&self) -> &'static str {
        "Hands a text over."
    }

    fn effect(&self) -> Effect {
        Effect::ReadOnly
    }

    async fn call(&self, args: NoteArgs, _: &ToolContext) -> Result<ToolOutput, ToolError> {
        Ok(ToolOutput {
            text: "handed".to_owned(),
            files: vec![SentFile {
                name: format!("{}.txt", args.text),
                content: args.text.into_bytes(),
            }],
        })
    }
}

pub(crate) struct Bench {
    pub(crate) app: Application,
    asked: Mutex<UnboundedReceiver<Request>>,
}

pub(crate) fn limits() -> Limits {
    Limits {
        steps_max: 5,
        turn_ms_max: 60_000,
        step_calls_max: 8,
        call_output_bytes_max: 1000,
        turn_output_bytes_max: 4000,
        answer_bytes_max: 4000,
        same_failures_max: 3,
        same_results_max: 6,
        turn_micro_usd_max: None,
        history_bytes_max: 4000,
    }
}

impl Bench {
    pub(crate) fn start(folder: &Path) -> Self {
        Self::with(folder, Vec::new())
    }

    pub(crate) fn with(folder: &Path, channels: Vec<Arc<dyn Channel>>) -> Self {
        Self::start_with(folder, |parts| parts.channels = channels)
    }

    /// With parts that the test changes.
    pub(crate) fn start_with(folder: &Path, change: impl FnOnce(&mut Parts)) -> Self {
        Self::start_asking(folder, |parts, _| change(parts))
    }

    /// With a second provider, `spare`, that is asked for `big` when the first one cannot answer.
    pub(crate) fn with_spare(folder: &Path) -> Self {
        Self::start_asking(folder, |parts, asked| {
            let fallback = Choice {
                provider: "spare".into(),
                model: "big".into(),
            };
            let own = source("scripted", "one", asked);
            parts.models = Models::new(own, vec![source("spare", "small", asked)], vec![fallback]);
        })
    }

    fn start_asking(
        folder: &Path,
        change: impl FnOnce(&mut Parts, &UnboundedSender<Request>),
    ) -> Self {
        let (asked, receiver) = mpsc::unbounded_channel();
        let store = SqliteStore::open(&folder.join("store.db")).unwrap();
        let mut parts = Parts {
            identity: Identity {
                agent: "opus".into(),
                uid: Some("u1".into()),
                version: "0.0.0".into(),
                commit: "unknown".into(),
            },
            store: Arc::new(store),
            models: Models::new(source("scripted", "one", &asked), Vec::new(), Vec::new()),
            tools: Toolset::new().with(Note).with(Send).with(Look).with(Hand),
            workspace: folder.to_path_buf(),
            policies: BTreeMap::from([("send".to_owned(), Policy::Ask)]),
            thinking: None,
            prices: Prices::default(),
            budget: Budget::default(),
            limits: limits(),
            channels: Vec::new(),
            audit: AuditLog::open(&folder.join("audit"), AuditBounds::default()).unwrap(),
            collector: None,
            redactor: Arc::default(),
        };
        change(&mut parts, &asked);
        let app = Application::start(parts);
        Self {
            app,
            asked: Mutex::new(receiver),
        }
    }

    /// The model's next request.
    pub(crate) async fn asked(&self) -> Asked {
        let next = std::future::poll_fn(|context| self.asked.lock().unwrap().poll_recv(context));
        let (who, request, pieces) = within(next).await.unwrap();
        Asked {
            who,
            request,
            pieces,
        }
    }

    pub(crate) async fn send(&self, id: &str, text: &str) -> Submitted {
        within(self.app.submit(message(id, text))).await.unwrap()
    }

    pub(crate) async fn watch(&self, id: &str) -> BoxStream<'static, TurnEvent> {
        within(self.app.attach(turn(id))).await.unwrap()
    }

    /// The events of a turn up to its reply.
    pub(crate) async fn events(&self, id: &str) -> Vec<TurnEvent> {
        within(self.watch(id).await.collect()).await
    }

    pub(crate) async fn reply(&self, id: &str) -> OutboundMessage {
        match self.events(id).await.pop() {
            Some(TurnEvent::Finished { reply }) => reply,
            other => panic!("no reply but {other:?}"),
        }
    }

    /// Ends as a process does that is killed: nothing is finished.
    pub(crate) async fn crash(self) {
        self.app.drain(Duration::ZERO).await;
    }
}

fn source(name: &'static str, model: &str, asked: &UnboundedSender<Request>) -> Source {
    let asked = asked.clone();
    Source {
        provider: Arc::new(Scripted { name, asked }),
        model: model.to_owned(),
        window_tokens: Box::new(|_| 100_000),
    }
}

pub(crate) fn message(id: &str, text: &str) -> InboundMessage {
    InboundMessage {
        channel: ChannelId::from("http"),
        id: ExternalId::from(id),
        session: SessionId::from("s"),
        from: "operator".into(),
        authority: Authority::Owner,
        address: None,
        content: vec![ContentPart::text(text)],
        received_at: Timestamp(1),
    }
}

pub(crate) fn turn(id: &str) -> TurnId {
    message(id, "").turn()
}

/// Fails instead of hanging.
pub(crate) async fn within<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(20), future)
        .await
        .unwrap()
}
