//! The files of one reply, on their way to a channel that pushes.

use std::collections::BTreeSet;
use std::sync::Arc;

use rivetos_types::channel::{Address, Channel, ChannelError, MessageKey};
use rivetos_types::media::Attachment;
use rivetos_types::message::OutboundMessage;
use tokio::task::spawn_blocking;

use super::perform::in_time;
use crate::media::Media;

/// How far they are.
#[derive(Debug, Default)]
pub(super) struct Files {
    /// So many of the reply's files are through, in its order.
    through: usize,
    /// Those that the person reads about instead, by their places.
    named: BTreeSet<usize>,
}

/// What came of sending them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sent {
    /// Each is there, or is named in the text.
    All,
    /// One more is to be named in the text first.
    NameOne,
}

impl Files {
    /// Those of `reply` that are too large for the channel are only named.
    pub(super) fn of(reply: &OutboundMessage, channel: &dyn Channel) -> Self {
        let bytes_max = channel.capabilities().file_bytes_max;
        let files = reply.files.iter().enumerate();
        let too_large = files.filter(|(_, file)| file.bytes > bytes_max);
        Self {
            through: 0,
            named: too_large.map(|(place, _)| place).collect(),
        }
    }

    /// The files that stand in the text.
    pub(super) fn named<'a>(
        &'a self,
        reply: &'a OutboundMessage,
    ) -> impl Iterator<Item = &'a Attachment> {
        let named = self.named.iter();
        named.filter_map(|place| reply.files.get(*place))
    }

    /// Sends what is left. The keys of the messages begin with `prefix`, the same after a restart.
    pub(super) async fn send(
        &mut self,
        channel: &dyn Channel,
        to: &Address,
        reply: &OutboundMessage,
        media: &Arc<Media>,
    ) -> Result<Sent, ChannelError> {
        while let Some(file) = reply.files.get(self.through) {
            let place = self.through;
            if !self.named.contains(&place) {
                let content = read(media, file).await;
                let key = MessageKey(format!("{}/file/{place}", reply.turn));
                let sent = match content {
                    Ok(content) => in_time(channel.send_file(to, &key, file, content)).await,
                    Err(error) => Err(ChannelError::Permanent { reason: error }),
                };
                match sent {
                    Ok(_) => {}
                    Err(
                        ChannelError::Permanent { reason } | ChannelError::EditRefused { reason },
                    ) => {
                        let path = &file.path;
                        tracing::warn!(turn = %reply.turn, path, reason, "a file is only named");
                        self.named.insert(place);
                        return Ok(Sent::NameOne);
                    }
                    Err(error @ ChannelError::Transient { .. }) => return Err(error),
                }
            }
            self.through += 1;
        }
        Ok(Sent::All)
    }
}

async fn read(media: &Arc<Media>, file: &Attachment) -> Result<Vec<u8>, String> {
    let (media, file) = (Arc::clone(media), file.clone());
    let read = spawn_blocking(move || media.read(&file)).await;
    match read {
        Ok(content) => content.map_err(|error| error.to_string()),
        Err(error) => Err(error.to_string()),
    }
}
