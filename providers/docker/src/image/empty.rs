//! The image of containers that never start and only say something.

use bollard::Docker;
use bollard::errors::Error;
use bollard::query_parameters::CreateImageOptionsBuilder;
use futures_util::TryStreamExt;

use crate::error::found;

/// An image without a single file.
pub(crate) const EMPTY_IMAGE: &str = "rivetos-empty:1";
const REPOSITORY: &str = "rivetos-empty";
const TAG: &str = "1";

/// Two blocks of zeros: the end of an archive, and nothing before it.
const EMPTY_ARCHIVE: [u8; 1024] = [0; 1024];

/// Makes the image on the engine unless it is there.
pub(crate) async fn ensure_empty_image(docker: &Docker) -> Result<(), Error> {
    if found(docker.inspect_image(EMPTY_IMAGE).await)?.is_some() {
        return Ok(());
    }
    let options = CreateImageOptionsBuilder::new()
        .from_src("-")
        .repo(REPOSITORY)
        .tag(TAG)
        .build();
    let nothing = bollard::body_full(EMPTY_ARCHIVE.to_vec().into());
    docker
        .create_image(Some(options), Some(nothing), None)
        .try_for_each(|_| async { Ok(()) })
        .await
}
