//! What the model sees.

use std::collections::BTreeMap;
use std::sync::Arc;

use rivetos_core::fallback::Choice;
use rivetos_types::intake::TurnEvent;
use rivetos_types::media::{Attachment, MediaType};
use rivetos_types::message::Message;
use tokio::task::spawn_blocking;

use super::Run;

impl Run<'_> {
    /// Loads the images and documents of the next request, as far as they are not there from the
    /// last one. One that is gone or that the model refused is left out: the model reads about it.
    pub(super) async fn load_images(&mut self, messages: &[Message]) {
        let choices = self.choices();
        let refused = &self.state.refused_images;
        let mut known = std::mem::take(&mut self.images);
        let mut missing: Vec<Attachment> = Vec::new();
        for attachment in self.turn.shown(messages) {
            let digest = &attachment.digest;
            if choices.iter().all(|model| refused.has(model, digest)) {
                continue;
            }
            match known.remove_entry(digest) {
                Some((digest, bytes)) => {
                    self.images.insert(digest, bytes);
                }
                None => missing.push(attachment.clone()),
            }
        }
        if missing.is_empty() {
            return;
        }
        let media = Arc::clone(&self.state.media);
        let load = spawn_blocking(move || {
            let mut loaded = BTreeMap::new();
            for attachment in missing {
                match media.read(&attachment) {
                    Ok(bytes) => {
                        loaded.insert(attachment.digest, Arc::from(bytes));
                    }
                    Err(error) => {
                        let path = attachment.path;
                        tracing::warn!(path, %error, "an attachment cannot be shown");
                    }
                }
            }
            loaded
        });
        // It only fails when it panicked; then there is nothing to see.
        self.images.extend(load.await.unwrap_or_default());
    }

    /// `model` did not take the attachments of the last request. Whether one of them is broken or it
    /// sees nothing at all is not known: it reads about them from now on. Many that see images take
    /// no documents, so these go first.
    pub(super) fn refuse_images(&mut self, model: &Choice) {
        let is_document = |bytes: &[u8]| MediaType::of(bytes) == Some(MediaType::Pdf);
        let refused = &self.state.refused_images;
        let shown = self.images.iter();
        let shown = shown.filter(|(digest, _)| !refused.has(model, digest));
        let (documents, images): (Vec<_>, Vec<_>) =
            shown.partition(|(_, bytes)| is_document(bytes));
        let (refusals, kind) = if documents.is_empty() {
            (images, "images")
        } else {
            (documents, "documents")
        };
        let text = format!("{model} does not take the {kind}; it reads their descriptions");
        self.live.feed.event(TurnEvent::Status { text });
        for (digest, _) in refusals {
            refused.note(model, digest.clone());
        }
    }
}
