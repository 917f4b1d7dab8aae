//! What the deliveries of all channels share.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::{Arc, Mutex, PoisonError};

use rivetos_types::id::{ChannelId, SessionId};
use rivetos_types::store::TurnStore;
use tokio::sync::watch;

use crate::media::Media;
use crate::streaming::Streams;

/// The outbox of the store, and how the channels stand.
pub(crate) struct Outbox {
    pub(super) store: Arc<dyn TurnStore>,
    /// Where the files of replies are.
    pub(super) media: Arc<Media>,
    /// The turns that people follow, and their messages.
    pub(crate) streams: Streams,
    pub(super) mail: watch::Sender<Mail>,
    /// The sessions with a reply on its way: nothing newer is shown there before it.
    owed: watch::Sender<BTreeSet<(ChannelId, SessionId)>>,
    standings: Mutex<BTreeMap<ChannelId, Standing>>,
}

/// What couriers may expect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mail {
    /// There may be more than before.
    More,
    /// What is there now is the last.
    Last,
}

/// How a channel stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Standing {
    /// Not connected since the start.
    Connecting(String),
    /// What an earlier process left is being delivered.
    Replaying,
    /// Nothing is left from before.
    Ready,
    /// It was connected, and is not any more.
    Lost(String),
}

impl Outbox {
    pub(crate) fn new(
        store: Arc<dyn TurnStore>,
        media: Arc<Media>,
        channels: impl Iterator<Item = ChannelId>,
    ) -> Self {
        let connecting = |id| (id, Standing::Connecting("starting".to_owned()));
        Self {
            store,
            media,
            streams: Streams::default(),
            mail: watch::Sender::new(Mail::More),
            owed: watch::Sender::default(),
            standings: Mutex::new(channels.map(connecting).collect()),
        }
    }

    /// Returns when no reply to this session is on its way.
    pub(crate) async fn all_shown(&self, channel: ChannelId, session: SessionId) {
        let mut owed = self.owed.subscribe();
        let key = (channel, session);
        // The sender lives in `self`.
        let _ = owed.wait_for(|owed| !owed.contains(&key)).await;
    }

    /// Of this channel's sessions only these have replies on their way.
    pub(super) fn owes_only(&self, channel: &ChannelId, sessions: &HashSet<SessionId>) {
        self.owed.send_if_modified(|owed| {
            let before = owed.len();
            owed.retain(|(of, session)| of != channel || sessions.contains(session));
            owed.len() < before
        });
    }

    /// A reply to this session was stored.
    pub(crate) fn owe(&self, channel: ChannelId, session: SessionId) {
        let key = (channel, session);
        self.owed.send_if_modified(|owed| owed.insert(key));
        self.look();
    }

    /// There may be more replies than before.
    pub(crate) fn look(&self) {
        self.mail.send_replace(Mail::More);
    }

    /// There will be no more replies: couriers deliver what can be delivered now, and end.
    pub(crate) fn close(&self) {
        self.mail.send_replace(Mail::Last);
    }

    /// The channels, in the order of their names.
    pub(crate) fn standings(&self) -> Vec<(ChannelId, Standing)> {
        let standings = self.standings.lock();
        let standings = standings.unwrap_or_else(PoisonError::into_inner);
        let of_all = standings.iter();
        of_all.map(|(id, how)| (id.clone(), how.clone())).collect()
    }

    pub(super) fn stands(&self, id: &ChannelId, how: impl FnOnce(&Standing) -> Standing) {
        let standings = self.standings.lock();
        let mut standings = standings.unwrap_or_else(PoisonError::into_inner);
        if let Some(standing) = standings.get_mut(id) {
            *standing = how(standing);
        }
    }
}
