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
        .from_image(&image.reference)
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
