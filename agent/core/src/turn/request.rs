//! What the model gets to read.

use rivetos_types::message::{ContentPart, Message};

use super::conversation::{ConversationError, check_conversation};
use super::machine::Turn;

impl Turn {
    /// Summary, history and turn, for the next request; volatile parts come last, so that what
    /// vendors have cached stays valid.
    ///
    /// # Errors
    /// What no vendor would take.
    pub fn conversation(&self) -> Result<Vec<Message>, ConversationError> {
        let mut messages = Vec::with_capacity(self.history().len() + self.messages.len() + 1);
        messages.extend(self.history().iter().chain(&self.messages).cloned());
        if let (Some(summary), Some(Message::User { content })) =
            (&self.summary, messages.first_mut())
        {
            let text = format!("(What was said before, in short:\n\n{summary}\n)\n\n");
            content.insert(0, ContentPart::text(text));
        }
        match check_conversation(&messages) {
            // The model is to go on where it paused.
            Err(ConversationError::NothingToAnswer) if self.paused() => return Ok(messages),
            checked => checked?,
        }
        if let Some(nudge) = self.nudge() {
            let part = ContentPart::text(format!("\n\n{nudge}"));
            match messages.last_mut() {
                Some(Message::User { content }) => content.push(part),
                Some(Message::Assistant { .. } | Message::Tool(_)) | None => {
                    messages.push(Message::User {
                        content: vec![part],
                    });
                }
            }
        }
        Ok(messages)
    }

    fn paused(&self) -> bool {
        self.outcome.is_none() && matches!(self.messages.last(), Some(Message::Assistant { .. }))
    }

    /// The person said something while the turn was running. It is read with the next request.
    pub(super) fn on_steered(&mut self, content: Vec<ContentPart>) {
        self.steers.push(content);
        // Between an answer and the next request nothing is in the way of it.
        if self.calls.is_empty() && matches!(self.messages.last(), Some(Message::Tool(_))) {
            self.take_steers();
        }
    }

    pub(super) fn take_steers(&mut self) {
        let steers = self.steers.drain(..);
        self.messages
            .extend(steers.map(|content| Message::User { content }));
    }
}
