//! `rivetos local supervise`: what the target `local` runs in the background.

use std::path::Path;

use rivetos_provider_local::{SuperviseError, supervise};

use crate::exit::Exit;
use crate::output::{Edge, Failure};

impl Edge for SuperviseError {
    fn exit(&self) -> Exit {
        Exit::Failed
    }
}

/// Keeps the agent in `folder` running until it is told to stop.
pub(crate) async fn run(folder: &Path) -> Result<Exit, Failure> {
    supervise(folder).await?;
    Ok(Exit::Ok)
}
