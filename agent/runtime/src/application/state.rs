//! What all parts of the application share.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use rivetos_core::redact::Redactor;
use rivetos_core::tools::Toolset;
use rivetos_core::turn::{Limits, Policy, Room, Rule};
use rivetos_protocol::{AgentStatus, ChannelStatus, HealthReport, PROTOCOL_VERSION};
use rivetos_types::channel::Channel;
use rivetos_types::id::ChannelId;
use rivetos_types::store::{StoreError, Thinking, TurnStore};
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::sync::watch;

use super::budget::Budget;
use super::depths::{Depths, Seen, count};
use super::dispatch::Tally;
use super::feed::Watchers;
use super::images::RefusedImages;
use super::models::Models;
use super::open_turns::OpenTurns;
use super::places::{Arrived, Places};
use super::sessions::{Session, Sessions};
use crate::audit::AuditLog;
use crate::delivery::{Outbox, Standing};
use crate::media::Media;
use crate::metrics::Metrics;
use crate::prices::Prices;
use crate::telemetry::{Collector, Exporter, Source};

/// Who this agent is, as it tells everybody who asks.
#[derive(Debug, Clone)]
pub struct Identity {
    /// Its name.
    pub agent: String,
    /// The uid that the fleet gave it.
    pub uid: Option<String>,
    /// Version of the program.
    pub version: String,
    /// Source commit of the program.
    pub commit: String,
}

/// What an application is made of.
pub struct Parts {
    /// Who it is.
    pub identity: Identity,
    /// Where everything durable is; migrated.
    pub store: Arc<dyn TurnStore>,
    /// What answers.
    pub models: Models,
    /// What the model may do.
    pub tools: Toolset,
    /// Absolute path of the workspace, with the prompt files.
    pub workspace: PathBuf,
    /// What may be done with each tool; one that is not there may be used.
    pub policies: BTreeMap<String, Policy>,
    /// How much the model thinks, unless a session says otherwise.
    pub thinking: Option<Thinking>,
    /// What requests cost.
    pub prices: Prices,
    /// What the agent may spend.
    pub budget: Budget,
    /// How far a turn may go.
    pub limits: Limits,
    /// Where replies are sent to, beside those that somebody fetches; no two with one name.
    pub channels: Vec<Arc<dyn Channel>>,
    /// Where it is written what was done and what was not allowed.
    pub audit: AuditLog,
    /// What takes traces of turns, if anything does.
    pub collector: Option<Arc<dyn Collector>>,
    /// What must not be seen.
    pub redactor: Arc<Redactor>,
}

/// One part in so many of the window is kept for the answer,
const ANSWER_PART: u64 = 4;
/// but not more tokens than this.
const ANSWER_TOKENS_MAX: u64 = 32_000;

/// Where the application is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    /// What an earlier process left is being claimed.
    Recovering,
    /// Work is taken.
    Working,
    /// No turn is claimed any more; running ones end by the given instant.
    Draining(Instant),
}

pub(crate) struct State {
    pub(crate) parts: Parts,
    pub(crate) rules: Arc<BTreeMap<String, Rule>>,
    /// What the tools take of every request, in bytes.
    tools_bytes: usize,
    /// Unique per start, for leases.
    pub(crate) owner: String,
    pub(crate) open: OpenTurns,
    pub(crate) media: Arc<Media>,
    /// What models did not take.
    pub(crate) refused_images: RefusedImages,
    pub(crate) sessions: Sessions,
    pub(crate) watchers: Arc<Watchers>,
    pub(crate) metrics: Metrics,
    pub(super) depths: Seen,
    pub(crate) exporter: Option<Exporter>,
    pub(crate) outbox: Arc<Outbox>,
    pub(crate) phase: watch::Sender<Phase>,
    /// What came of the drain, when it is over.
    pub(crate) drained: watch::Sender<Option<Tally>>,
    pub(super) places: Places,
    pub(crate) listening: AtomicBool,
    trouble: Mutex<Option<String>>,
    /// Why turns wait for the store. What else the store can do tells nothing about them.
    pub(crate) stranded: Mutex<Option<String>>,
    started: Instant,
}

impl State {
    pub(super) fn new(parts: Parts) -> (Self, UnboundedReceiver<Arrived>) {
        let (places, arrived) = Places::new();
        let rules = Arc::new(rules(&parts));
        let tools_bytes =
            serde_json::to_string(&**parts.tools.specs()).map_or(0, |text| text.len());
        let owner = format!("{}-{}", std::process::id(), crate::clock::now().0);
        let channels = parts.channels.iter().map(|channel| channel.id());
        let exporter = parts.collector.as_ref().map(|collector| {
            let source = Source {
                agent: parts.identity.agent.clone(),
                version: parts.identity.version.clone(),
            };
            let redactor = Arc::clone(&parts.redactor);
            Exporter::start(Arc::clone(collector), source, redactor)
        });
        let media = Arc::new(Media::new(parts.workspace.clone()));
        let store = Arc::clone(&parts.store);
        let outbox = Arc::new(Outbox::new(store, Arc::clone(&media), channels));
        let state = Self {
            media,
            refused_images: RefusedImages::default(),
            outbox,
            parts,
            rules,
            tools_bytes,
            owner,
            open: OpenTurns::default(),
            sessions: Sessions::default(),
            watchers: Arc::default(),
            metrics: Metrics::default(),
            depths: Seen::default(),
            exporter,
            phase: watch::Sender::new(Phase::Recovering),
            drained: watch::Sender::new(None),
            places,
            listening: AtomicBool::new(false),
            trouble: Mutex::new(None),
            stranded: Mutex::new(None),
            started: Instant::now(),
        };
        (state, arrived)
    }

    /// What the session's model can read, beside the system prompt.
    pub(crate) fn room(&self, session: &Session) -> Room {
        let choices = self.parts.models.of_session(&session.settings);
        let window_tokens = choices
            .first()
            .map_or(0, |choice| self.parts.models.window_tokens(choice));
        Room {
            window_tokens,
            answer_tokens: (window_tokens / ANSWER_PART).min(ANSWER_TOKENS_MAX),
            prompt_bytes: session.system.len() + self.tools_bytes,
        }
    }

    pub(crate) fn draining(&self) -> bool {
        matches!(*self.phase.borrow(), Phase::Draining(_))
    }

    /// Notes whether the store works, for the health report, and counts and logs failures.
    pub(crate) fn watch_store<T>(&self, result: &Result<T, StoreError>) {
        let trouble = match result {
            Ok(_) | Err(StoreError::Fenced(_)) => None,
            Err(error) => {
                self.metrics.store_errors.add(1);
                tracing::error!(%error, "the store failed");
                Some(format!("the store failed: {error}"))
            }
        };
        *lock(&self.trouble) = trouble;
    }

    /// The channel of this name, if it is one that pushes.
    pub(crate) fn channel(&self, id: &ChannelId) -> Option<&Arc<dyn Channel>> {
        let mut channels = self.parts.channels.iter();
        channels.find(|channel| channel.id() == *id)
    }

    /// The first channel that is not as it should be says what the agent is.
    fn channels_stand(&self) -> (AgentStatus, String) {
        for (id, standing) in self.outbox.standings() {
            match standing {
                Standing::Ready => {}
                Standing::Connecting(reason) => {
                    let reason = format!("channel {id} is not connected yet: {reason}");
                    return (AgentStatus::Starting, reason);
                }
                Standing::Replaying => {
                    let reason = format!("delivering older replies to channel {id}");
                    return (AgentStatus::Starting, reason);
                }
                Standing::Lost(reason) => {
                    let reason = format!("channel {id} is not connected: {reason}");
                    return (AgentStatus::Degraded, reason);
                }
            }
        }
        (AgentStatus::Ready, String::new())
    }

    fn reason_of_trouble(&self) -> Option<String> {
        let stranded = lock(&self.stranded).clone();
        stranded
            .or_else(|| lock(&self.trouble).clone())
            .or_else(|| self.parts.audit.trouble())
    }

    /// Whether work is taken, and if not, why.
    fn stands(&self) -> (AgentStatus, String) {
        let phase = *self.phase.borrow();
        match phase {
            Phase::Draining(_) if self.drained.borrow().is_some() => (
                AgentStatus::Draining,
                "nothing runs any more; it may be stopped".to_owned(),
            ),
            Phase::Draining(_) => (
                AgentStatus::Draining,
                "finishing what is running".to_owned(),
            ),
            Phase::Recovering => (
                AgentStatus::Starting,
                "taking up what was left open".to_owned(),
            ),
            Phase::Working if !self.listening.load(Ordering::Acquire) => {
                (AgentStatus::Starting, "the listener is not up".to_owned())
            }
            Phase::Working => match self.reason_of_trouble() {
                Some(reason) => (AgentStatus::Degraded, reason),
                None => self.channels_stand(),
            },
        }
    }

    pub(crate) async fn health(&self) -> HealthReport {
        let Depths { parked, letters } = self.depths().await;
        let (status, reason) = self.stands();
        let channels = self.outbox.standings().into_iter();
        let identity = &self.parts.identity;
        HealthReport {
            protocol: PROTOCOL_VERSION,
            status,
            reason,
            agent: identity.agent.clone(),
            uid: identity.uid.clone(),
            version: identity.version.clone(),
            commit: identity.commit.clone(),
            uptime_ms: u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX),
            model: self
                .parts
                .models
                .own()
                .map_or_else(String::new, ToString::to_string),
            open_turns: count(self.open.len()),
            parked_turns: parked,
            waiting_replies: letters.map(|letters| letters.waiting),
            dead_letters: letters.map(|letters| letters.dead),
            channels: channels
                .map(|(id, standing)| (id.to_string(), word_of(&standing)))
                .collect(),
        }
    }
}

fn word_of(standing: &Standing) -> ChannelStatus {
    match standing {
        Standing::Connecting(_) => ChannelStatus::Connecting,
        Standing::Replaying => ChannelStatus::Replaying,
        Standing::Ready => ChannelStatus::Ready,
        Standing::Lost(_) => ChannelStatus::Lost,
    }
}

fn rules(parts: &Parts) -> BTreeMap<String, Rule> {
    let rule = |(name, effect): (&String, &_)| {
        let policy = parts.policies.get(name).copied().unwrap_or_default();
        let effect = *effect;
        (name.clone(), Rule { effect, policy })
    };
    parts.tools.effects().iter().map(rule).collect()
}

/// Locks for a few instructions; nothing that is locked here is left half done by a panic.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
