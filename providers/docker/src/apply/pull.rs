//! Images from a registry.

use std::collections::BTreeMap;

use bollard::models::CreateImageInfo;
use bollard::query_parameters::CreateImageOptionsBuilder;
use futures_util::TryStreamExt;
use rivetos_fleet::model::ImageSpec;
use rivetos_fleet::port::{Applied, ApplyError, Progress};

use crate::DockerProvider;
use crate::error::failed;

/// Pulls the image.
pub(super) async fn pull(
    provider: &DockerProvider,
    image: &ImageSpec,
    progress: Progress<'_>,
) -> Result<Applied, ApplyError> {
    let options = CreateImageOptionsBuilder::new()
        .from_image(&one_image(&image.reference))
        .build();
    let mut layers = Layers::default();
    let docker = &provider.engine.docker;
    let what = format!("pulling `{}`", image.reference);
    docker
        .create_image(Some(options), None, None)
        .try_for_each(|message| {
            if let Some(words) = layers.hear(&message) {
                progress.say(&words);
            }
            async { Ok(()) }
        })
        .await
        .map_err(|error| failed(&what, &error))?;
    docker
        .inspect_image(&image.reference)
        .await
        .map_err(|error| failed(&what, &error))?;
    Ok(Applied::Changed)
}

/// How far the layers of an image are.
#[derive(Debug, Default)]
struct Layers {
    /// By id: whether it is there.
    there: BTreeMap<String, bool>,
}

impl Layers {
    /// Takes note of what the engine says; in words when that changes the count.
    fn hear(&mut self, message: &CreateImageInfo) -> Option<String> {
        let id = message.id.as_ref()?;
        let there = match message.status.as_deref()? {
            "Pulling fs layer" => false,
            "Already exists" | "Pull complete" => true,
            // How many bytes of one layer are there, and the like.
            _ => return None,
        };
        if self.there.insert(id.clone(), there) == Some(there) {
            return None;
        }
        let done = self.there.values().filter(|there| **there).count();
        Some(format!("pulling, {done} of {} layers", self.there.len()))
    }
}

/// An engine that is asked for a name without tag pulls every tag of it.
fn one_image(reference: &str) -> String {
    let name = reference.rsplit('/').next().unwrap_or_default();
    if name.contains([':', '@']) {
        reference.to_owned()
    } else {
        format!("{reference}:latest")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_without_tag_is_the_latest() {
        let check = |reference: &str, pulled: &str| assert_eq!(one_image(reference), pulled);
        check("postgres", "postgres:latest");
        check("registry:5000/a/b", "registry:5000/a/b:latest");
        check("registry:5000/a/b:1", "registry:5000/a/b:1");
        check("a/b@sha256:0123", "a/b@sha256:0123");
    }

    #[test]
    fn layers_are_counted_and_bytes_are_not_told() {
        let mut layers = Layers::default();
        let mut hear = |id: &str, status: &str| {
            layers.hear(&CreateImageInfo {
                id: Some(id.to_owned()),
                status: Some(status.to_owned()),
                ..CreateImageInfo::default()
            })
        };
        assert_eq!(hear("16", "Pulling from library/postgres"), None);
        hear("a", "Already exists");
        let words = hear("b", "Pulling fs layer");
        assert_eq!(words.as_deref(), Some("pulling, 1 of 2 layers"));
        assert_eq!(hear("b", "Downloading"), None);
        let words = hear("b", "Pull complete");
        assert_eq!(words.as_deref(), Some("pulling, 2 of 2 layers"));
        assert_eq!(hear("b", "Pull complete"), None);
    }
}
