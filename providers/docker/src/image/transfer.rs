//! Brings an image from one engine to another.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use bollard::errors::Error;
use bollard::query_parameters::ImportImageOptions;
use bytes::Bytes;
use futures_util::{Stream, StreamExt, TryStreamExt};
use rivetos_fleet::port::{Applied, ApplyError, Progress};

use crate::DockerProvider;
use crate::error::{broken, failed, found, refused};

/// How often the person learns how much was sent, in bytes.
const SAY_EACH: u64 = 16 * 1024 * 1024;

/// An image that is to be brought over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ImageMove<'a> {
    /// `repository:tag`, there and here.
    pub reference: &'a str,
    /// What it is there, and must be here.
    pub id: &'a str,
}

impl DockerProvider {
    /// Brings an image over from the engine of `from`, as a stream: neither side of it is ever
    /// whole in memory or on the disk of this host.
    pub async fn load(
        &self,
        from: &Self,
        image: ImageMove<'_>,
        progress: Progress<'_>,
    ) -> Result<Applied, ApplyError> {
        let ImageMove { reference, id } = image;
        if self.image_id(reference).await?.as_deref() == Some(id) {
            return Ok(Applied::AlreadySo);
        }
        let there = from.image_id(reference).await?;
        if there.as_deref() != Some(id) {
            return Err(refused(
                format!(
                    "`{reference}` on {} is no longer what was planned",
                    from.engine.host
                ),
                "run this again: a new plan takes it as it is now",
            ));
        }
        let sent = Sent::default();
        let parts = sent.counting(from.engine.docker.export_image(reference));
        let docker = &self.engine.docker;
        let answers = docker.import_image_stream(ImportImageOptions::default(), parts, None);
        let mut answers = std::pin::pin!(answers);
        let mut said = 0;
        while let Some(answer) = answers.next().await {
            if let Err(error) = answer {
                // The cause is where the stream came from, when it broke there.
                let error = sent.broken_by().unwrap_or(error);
                return Err(failed(&format!("bringing `{reference}` over"), &error));
            }
            let now = sent.bytes();
            if now >= said + SAY_EACH {
                said = now;
                progress.say(&format!("{} MB sent", now / 1_000_000));
            }
        }
        match self.image_id(reference).await? {
            Some(here) if here == id => Ok(Applied::Changed),
            Some(here) => Err(broken(
                format!("`{reference}` was brought over and is {here} here instead of {id}"),
                Some(
                    "the two engines keep images in different ways: give both the same image \
                     store, or build the image on each",
                ),
            )),
            None => Err(broken(
                format!("`{reference}` was brought over and is not there"),
                None,
            )),
        }
    }

    async fn image_id(&self, reference: &str) -> Result<Option<String>, ApplyError> {
        let answer = found(self.engine.docker.inspect_image(reference).await);
        let image = answer.map_err(|error| {
            let what = format!("looking for `{reference}` on {}", self.engine.host);
            failed(&what, &error)
        })?;
        Ok(image.and_then(|image| image.id))
    }
}

/// What went through a stream, and how it ended.
#[derive(Clone, Default)]
struct Sent {
    bytes: Arc<AtomicU64>,
    error: Arc<Mutex<Option<Error>>>,
}

impl Sent {
    fn counting<S>(&self, parts: S) -> impl Stream<Item = Result<Bytes, &'static str>> + use<S>
    where
        S: Stream<Item = Result<Bytes, Error>>,
    {
        let (bytes, kept) = (Arc::clone(&self.bytes), Arc::clone(&self.error));
        parts
            .inspect_ok(move |part| {
                bytes.fetch_add(part.len() as u64, Ordering::Relaxed);
            })
            .map_err(move |error| {
                *kept.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
                "the image's stream broke"
            })
    }

    fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    fn broken_by(&self) -> Option<Error> {
        let mut kept = self.error.lock().unwrap_or_else(PoisonError::into_inner);
        kept.take()
    }
}
