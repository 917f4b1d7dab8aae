//! Images from a registry.

use bollard::query_parameters::CreateImageOptionsBuilder;
use futures_util::TryStreamExt;
use rivetos_fleet::model::ImageSpec;
use rivetos_fleet::port::{Applied, ApplyError};

use crate::DockerProvider;
use crate::error::failed;

/// Pulls the image.
pub(super) async fn pull(
    provider: &DockerProvider,
    image: &ImageSpec,
) -> Result<Applied, ApplyError> {
    let options = CreateImageOptionsBuilder::new()
        .from_image(&one_image(&image.reference))
        .build();
    let docker = &provider.engine.docker;
    let what = format!("pulling `{}`", image.reference);
    docker
        .create_image(Some(options), None, None)
        .try_for_each(|_| async { Ok(()) })
        .await
        .map_err(|error| failed(&what, &error))?;
    docker
        .inspect_image(&image.reference)
        .await
        .map_err(|error| failed(&what, &error))?;
    Ok(Applied::Changed)
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
    use super::one_image;

    #[test]
    fn a_name_without_tag_is_the_latest() {
        let check = |reference: &str, pulled: &str| assert_eq!(one_image(reference), pulled);
        check("postgres", "postgres:latest");
        check("registry:5000/a/b", "registry:5000/a/b:latest");
        check("registry:5000/a/b:1", "registry:5000/a/b:1");
        check("a/b@sha256:0123", "a/b@sha256:0123");
    }
}
