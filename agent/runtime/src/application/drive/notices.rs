//! What the owner is to be told where no channel reaches an owner unasked.

use rivetos_types::message::{Authority, OutboundMessage};

use super::Run;
use crate::application::budget::{Budget, NOTICES};
use crate::clock::now;

/// The most that go with one reply; the others go with the next.
const NOTICES_MAX: usize = 4;

impl Run<'_> {
    /// What goes with this reply. It costs a look at the store only for an agent that has a budget.
    pub(super) async fn notices(&self) -> Vec<OutboundMessage> {
        let parts = &self.state.parts;
        let may_wait = parts.budget != Budget::default();
        if !may_wait || self.message.authority != Authority::Owner {
            return Vec::new();
        }
        let waiting = parts.store.outbox(NOTICES.into(), now(), NOTICES_MAX).await;
        self.state.watch_store(&waiting);
        waiting.unwrap_or_default()
    }
}

/// The reply with what goes with it.
pub(super) fn with_notices(mut text: String, notices: &[OutboundMessage]) -> String {
    for notice in notices {
        if !text.is_empty() {
            text.push_str("\n\n");
        }
        text.extend(["Note: ", &notice.text]);
    }
    text
}
