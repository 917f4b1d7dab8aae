//! One channel's deliveries: in order within a session, side by side for different ones.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use rivetos_types::channel::{Channel, ChannelError, Connection};
use rivetos_types::id::{ChannelId, SessionId};
use rivetos_types::media::Attachment;
use rivetos_types::message::{OutboundMessage, TurnOutcome};
use rivetos_types::store::StoreError;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

use super::board::Board;
use super::files::{Files, Sent};
use super::outbox::{Mail, Outbox, Standing};
use super::perform::perform;
use super::split::split;
use crate::clock::now;
use crate::media::Media;
use crate::streaming::Streamed;

/// The replies that are looked at first.
const BATCH_REPLIES: usize = 128;

/// The most, when the oldest ones belong to sessions that wait.
const BATCH_REPLIES_MAX: usize = 4096;

/// The most deliveries at once.
const RUNNING_REPLIES_MAX: usize = 8;

/// The pause after the first failure; it doubles with each further one.
const PAUSE: Duration = Duration::from_secs(1);

/// The longest pause that we choose ourselves.
const PAUSE_MAX: Duration = Duration::from_mins(1);

/// The shortest pause, whatever the service says.
const PAUSE_MIN: Duration = Duration::from_millis(10);

/// The longest pause that a service may ask for: as long as replies are kept.
const RETRY_AFTER_MAX: Duration = Duration::from_hours(1);

/// How long the store gets after a failure, and the longest time without a look at it.
const LOOK_EVERY: Duration = Duration::from_secs(30);

/// Delivers what the store has for the channel, whenever the channel is connected; ends when the
/// outbox was closed and nothing can be delivered now.
pub(crate) async fn deliver_all(outbox: Arc<Outbox>, channel: Arc<dyn Channel>) {
    let mut mail = outbox.mail.subscribe();
    let mut courier = Courier {
        id: channel.id(),
        outbox,
        channel,
        running: JoinSet::new(),
        busy: HashSet::new(),
        delayed: HashMap::new(),
    };
    while courier.turn_round(&mut mail).await == Round::GoOn {}
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Round {
    GoOn,
    Over,
}

struct Courier {
    id: ChannelId,
    outbox: Arc<Outbox>,
    channel: Arc<dyn Channel>,
    running: JoinSet<(Job, Ended)>,
    /// The sessions of `running`.
    busy: HashSet<SessionId>,
    /// The sessions whose first reply waits for another attempt.
    delayed: HashMap<SessionId, (Job, Instant)>,
}

/// The delivery of one reply.
struct Job {
    reply: OutboundMessage,
    /// The messages that were streamed, until they are taken over.
    streamed: Option<Streamed>,
    board: Board,
    /// Known from the first attempt on.
    files: Option<Files>,
    failures: u32,
}

/// What came of an attempt.
#[derive(Debug, Clone, Copy)]
enum Ended {
    Settled,
    Later(Duration),
}

impl Courier {
    async fn turn_round(&mut self, mail: &mut watch::Receiver<Mail>) -> Round {
        let last = *mail.borrow_and_update() == Mail::Last;
        let connection = self.channel.connection();
        match &connection {
            Connection::Up => self.start_due().await,
            Connection::Down { reason } => self.outbox.stands(&self.id, |before| match before {
                Standing::Connecting(_) => Standing::Connecting(reason.clone()),
                Standing::Replaying | Standing::Ready | Standing::Lost(_) => {
                    Standing::Lost(reason.clone())
                }
            }),
        }
        if last && self.running.is_empty() {
            return Round::Over;
        }
        let due = self.next_due(&connection);
        tokio::select! {
            _ = mail.changed() => {}
            () = self.channel.connection_changed(connection) => {}
            Some(ended) = self.running.join_next() => match ended {
                Ok((job, ended)) => self.ended(job, ended),
                Err(error) => {
                    tracing::error!(%error, "a delivery ended early");
                    self.busy.clear();
                }
            },
            () = sleep_until(due) => {}
        }
        Round::GoOn
    }

    /// Begins with the first reply of every session that has none on its way.
    async fn start_due(&mut self) {
        let looked = self.look().await;
        let replies = match looked {
            Ok(replies) => replies,
            Err(error) => return tracing::error!(%error, "the outbox could not be read"),
        };
        let waiting: HashSet<_> = replies.iter().map(|reply| reply.turn.clone()).collect();
        self.delayed
            .retain(|_, (job, _)| waiting.contains(&job.reply.turn));
        let at = Instant::now();
        let mut seen = self.busy.clone();
        let mut left = 0_usize;
        for reply in replies {
            if !seen.insert(reply.session.clone()) {
                continue;
            }
            let job = match self.delayed.remove(&reply.session) {
                Some((job, due)) if due > at => {
                    self.delayed.insert(reply.session, (job, due));
                    continue;
                }
                Some((job, _)) if job.reply.turn == reply.turn => job,
                Some(_) | None => Job::new(reply, &self.outbox),
            };
            if self.running.len() < RUNNING_REPLIES_MAX {
                self.start(job);
            } else {
                left += 1;
            }
        }
        self.outbox.owes_only(&self.id, &seen);
        let replayed = left == 0 && self.running.is_empty();
        self.outbox.stands(&self.id, |before| match before {
            Standing::Ready => Standing::Ready,
            Standing::Connecting(_) | Standing::Replaying | Standing::Lost(_) if replayed => {
                Standing::Ready
            }
            Standing::Connecting(_) | Standing::Replaying | Standing::Lost(_) => {
                Standing::Replaying
            }
        });
    }

    /// The oldest replies, as many as it takes to find some of sessions that do not wait.
    async fn look(&self) -> Result<Vec<OutboundMessage>, StoreError> {
        let store = &self.outbox.store;
        let at = Instant::now();
        let can_start = |reply: &OutboundMessage| {
            let delayed = self.delayed.get(&reply.session);
            !self.busy.contains(&reply.session) && delayed.is_none_or(|(_, due)| *due <= at)
        };
        let mut replies_max = BATCH_REPLIES;
        loop {
            let replies = store.outbox(self.id.clone(), now(), replies_max).await?;
            let whole = replies.len() < replies_max || replies_max >= BATCH_REPLIES_MAX;
            if whole || replies.iter().any(can_start) {
                return Ok(replies);
            }
            replies_max *= 2;
        }
    }

    fn start(&mut self, mut job: Job) {
        self.busy.insert(job.reply.session.clone());
        let (outbox, channel) = (Arc::clone(&self.outbox), Arc::clone(&self.channel));
        self.running.spawn(async move {
            let ended = job.attempt(&outbox, channel.as_ref()).await;
            (job, ended)
        });
    }

    fn ended(&mut self, job: Job, ended: Ended) {
        let session = job.reply.session.clone();
        self.busy.remove(&session);
        match ended {
            Ended::Settled => {}
            Ended::Later(pause) => {
                self.delayed.insert(session, (job, Instant::now() + pause));
            }
        }
    }

    /// When to look again if nothing happens. Without a connection nothing is due.
    fn next_due(&self, connection: &Connection) -> Instant {
        let look = Instant::now() + LOOK_EVERY;
        let due = self.delayed.values().map(|(_, due)| *due);
        match connection {
            Connection::Up => due.min().map_or(look, |due| due.min(look)),
            Connection::Down { .. } => look,
        }
    }
}

impl Job {
    fn new(reply: OutboundMessage, outbox: &Outbox) -> Self {
        Self {
            streamed: outbox.streams.take(&reply.turn),
            reply,
            board: Board::default(),
            files: None,
            failures: 0,
        }
    }

    /// Shows all of the reply and settles it, or gives it up, or says when to go on.
    async fn attempt(&mut self, outbox: &Outbox, channel: &dyn Channel) -> Ended {
        let stored = match self.show(channel, &outbox.media).await {
            Ok(()) => outbox.store.settle(self.reply.turn.clone()).await,
            Err(ChannelError::Permanent { reason }) => {
                tracing::error!(turn = %self.reply.turn, reason, "a reply cannot be delivered");
                let turn = self.reply.turn.clone();
                outbox.store.give_up(turn, reason).await
            }
            Err(
                ref error @ (ChannelError::Transient { .. } | ChannelError::EditRefused { .. }),
            ) => {
                let pause = self.pause_after(error);
                let (turn, failures) = (&self.reply.turn, self.failures);
                tracing::warn!(%turn, %error, failures, ?pause, "a reply waits");
                return Ended::Later(pause);
            }
        };
        match stored {
            Ok(()) => Ended::Settled,
            Err(error) => {
                tracing::error!(turn = %self.reply.turn, %error, "a reply could not be settled");
                Ended::Later(PAUSE_MAX)
            }
        }
    }

    /// Shows the text, then the files. A file that cannot be sent makes the text longer.
    async fn show(
        &mut self,
        channel: &dyn Channel,
        media: &Arc<Media>,
    ) -> Result<(), ChannelError> {
        let Some(to) = self.reply.address.as_deref() else {
            let reason = "nobody knows where it goes".to_owned();
            return Err(ChannelError::Permanent { reason });
        };
        if let Some(streamed) = self.streamed.take() {
            self.board = streamed.end().await;
        }
        let prefix = self.reply.turn.as_str();
        let files = self
            .files
            .get_or_insert_with(|| Files::of(&self.reply, channel));
        loop {
            let text = words(&self.reply, files);
            self.board
                .want(split(&text, channel.capabilities().length_max));
            while let Some(next) = self.board.next() {
                perform(channel, to, prefix, &mut self.board, next).await?;
                self.failures = 0;
            }
            match files.send(channel, to, &self.reply, media).await? {
                Sent::NameOne => {}
                Sent::All => return Ok(()),
            }
        }
    }

    fn pause_after(&mut self, error: &ChannelError) -> Duration {
        self.failures = self.failures.saturating_add(1);
        let own = PAUSE.saturating_mul(1 << (self.failures - 1).min(8));
        match error {
            ChannelError::Transient {
                retry_after: Some(asked),
                ..
            } => (*asked).clamp(PAUSE_MIN, RETRY_AFTER_MAX),
            ChannelError::Transient {
                retry_after: None, ..
            }
            | ChannelError::EditRefused { .. }
            | ChannelError::Permanent { .. } => own.min(PAUSE_MAX),
        }
    }
}

/// What the person reads. Of files that are not sent it is the line that says what and where they
/// are.
fn words(reply: &OutboundMessage, files: &Files) -> String {
    let note = match &reply.outcome {
        TurnOutcome::Completed => None,
        TurnOutcome::Interrupted => Some("(stopped)".to_owned()),
        TurnOutcome::LimitReached { reason } | TurnOutcome::Failed { reason } => {
            Some(format!("⚠️ {reason}"))
        }
    };
    let mut text = reply.text.clone();
    for line in note
        .into_iter()
        .chain(files.named(reply).map(Attachment::line))
    {
        text.truncate(text.trim_end().len());
        if !text.is_empty() {
            text.push_str("\n\n");
        }
        text.push_str(&line);
    }
    text
}
