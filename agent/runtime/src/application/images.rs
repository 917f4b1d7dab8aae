//! Images and documents that a model did not take: it gets to read about them instead.

use std::collections::BTreeSet;
use std::sync::Mutex;

use rivetos_core::fallback::Choice;
use rivetos_types::media::FileDigest;

use super::state::lock;

/// The most that are remembered; one that is forgotten costs a refused request.
const REFUSED_MAX: usize = 1024;

/// Which attachments which models did not take, since the start of the agent.
#[derive(Debug, Default)]
pub(crate) struct RefusedImages(Mutex<BTreeSet<(Choice, FileDigest)>>);

impl RefusedImages {
    /// `model` refused a request with this attachment.
    pub(crate) fn note(&self, model: &Choice, attachment: FileDigest) {
        let mut refused = lock(&self.0);
        if refused.len() >= REFUSED_MAX {
            refused.clear();
        }
        refused.insert((model.clone(), attachment));
    }

    /// Whether `model` refused it.
    pub(crate) fn has(&self, model: &Choice, attachment: &FileDigest) -> bool {
        lock(&self.0).contains(&(model.clone(), attachment.clone()))
    }
}
