//! What the model sees.

use std::collections::BTreeMap;
use std::sync::Arc;

use rivetos_core::fallback::Choice;
use rivetos_core::turn::shown_images;
use rivetos_types::intake::TurnEvent;
use rivetos_types::media::Attachment;
use rivetos_types::message::Message;
use tokio::task::spawn_blocking;

use super::Run;

impl Run<'_> {
    /// Loads the images of the next request, as far as they are not there from the last one. An
    /// image that is gone or that the model refused is left out: the model reads about it.
    pub(super) async fn load_images(&mut self, messages: &[Message]) {
        let choices = self.choices();
        let refused = &self.state.refused_images;
        let mut known = std::mem::take(&mut self.images);
        let mut missing: Vec<Attachment> = Vec::new();
        for image in shown_images(messages) {
            let digest = &image.digest;
            if choices.iter().all(|model| refused.has(model, digest)) {
                continue;
            }
            match known.remove_entry(digest) {
                Some((digest, bytes)) => {
                    self.images.insert(digest, bytes);
                }
                None => missing.push(image.clone()),
            }
        }
        if missing.is_empty() {
            return;
        }
        let media = Arc::clone(&self.state.media);
        let load = spawn_blocking(move || {
            let mut loaded = BTreeMap::new();
            for image in missing {
                match media.read(&image) {
                    Ok(bytes) => {
                        loaded.insert(image.digest, Arc::from(bytes));
                    }
                    Err(error) => {
                        tracing::warn!(path = image.path, %error, "an image cannot be shown");
                    }
                }
            }
            loaded
        });
        // It only fails when it panicked; then there is nothing to see.
        self.images.extend(load.await.unwrap_or_default());
    }

    /// `model` did not take the images of the last request. Whether one of them is broken or it
    /// sees nothing at all is not known: it reads about all of them from now on.
    pub(super) fn refuse_images(&mut self, model: &Choice) {
        let text = format!("{model} does not take the images; it reads their descriptions");
        self.live.feed.event(TurnEvent::Status { text });
        for digest in std::mem::take(&mut self.images).into_keys() {
            self.state.refused_images.note(model, digest);
        }
    }
}
