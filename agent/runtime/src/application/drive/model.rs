//! One request to the model, and what it costs.

use std::sync::Arc;

use rivetos_core::fallback::Choice;
use rivetos_core::turn::{Abort, TurnInput};
use rivetos_types::message::TokenUsage;
use rivetos_types::model::ModelRequest;
use rivetos_types::store::{Durability, StoreError};

use super::Run;
use crate::application::answer::Answer;
use crate::application::model_step::{Answered, AskError, Asking, ask};
use crate::audit::AuditEvent;

impl Run<'_> {
    pub(super) async fn call_model(&mut self) -> Result<(), StoreError> {
        self.flush(Durability::ProcessCrash).await?;
        if let Some(by) = self.no_money().await? {
            let partial = String::new();
            return self.record(TurnInput::Aborted { by, partial });
        }
        let messages = match self.turn.conversation() {
            Ok(messages) => messages,
            Err(error) => {
                let reason = format!("the conversation is broken: {error}");
                let partial = String::new();
                return self.record(TurnInput::Failed { reason, partial });
            }
        };
        self.load_images(&messages).await;
        let request = ModelRequest {
            images: self.images.clone(),
            system: Arc::clone(&self.session.system),
            messages: Arc::new(messages),
            tools: Arc::clone(self.state.parts.tools.specs()),
            // Whoever is asked says so.
            model: None,
            thinking: self.session.settings.thinking.or(self.state.parts.thinking),
        };
        let mut answer = Answer::default();
        let choices = self.choices();
        let asking = self.asking(&choices);
        let ended = tokio::select! {
            biased;
            by = self.aborted() => Err(by),
            result = ask(asking, &request, &mut answer) => Ok(result),
        };
        answer.end(self.state, &self.live.feed);
        self.state.metrics.steps.add(1);
        // What the person said meanwhile comes before the model's word: it may not be the last.
        self.take_steers()?;
        let elapsed_ms = self.elapsed_ms();
        let input = match ended {
            Err(by) | Ok(Err(AskError::TooLong(by))) => TurnInput::Aborted {
                by,
                partial: answer.text(),
            },
            Ok(Err(AskError::Overflow(reason))) => TurnInput::Overflowed { reason },
            Ok(Err(AskError::ImagesRefused(model))) => {
                self.refuse_images(&model);
                return Ok(());
            }
            Ok(Err(AskError::Failed(reason))) => TurnInput::Failed {
                reason,
                partial: answer.text(),
            },
            Ok(Ok(Answered { stop, usage, by })) => {
                let micro_usd = self.spend(&by, usage);
                let Answer { content, calls, .. } = answer;
                let (session, turn) = (&self.message.session, &self.claim.turn);
                self.state.note_refused(session, turn, &calls);
                TurnInput::Answered {
                    content,
                    calls,
                    stop,
                    usage,
                    micro_usd,
                    elapsed_ms,
                }
            }
        };
        self.record(input)
    }

    /// Why nothing may be spent, when the budget is used up. The owner is told.
    async fn no_money(&self) -> Result<Option<Abort>, StoreError> {
        let Some(used_up) = self.state.over_budget().await? else {
            return Ok(None);
        };
        self.state.tell_owner(&used_up).await;
        let reason = used_up.reason;
        tracing::warn!(turn = %self.claim.turn, reason, "the budget is used up");
        self.note(AuditEvent::BudgetRefused, &reason);
        Ok(Some(Abort::Budget { reason }))
    }

    /// The models that are asked for the session, in this order.
    pub(super) fn choices(&self) -> Vec<Choice> {
        self.state.parts.models.of_session(&self.session.settings)
    }

    fn asking<'b>(&'b self, choices: &'b [Choice]) -> Asking<'b> {
        Asking {
            choices,
            state: self.state,
            feed: &self.live.feed,
            trace: &self.trace,
        }
    }

    /// Notes what `model` cost for the ledger. Returns it in millionths of a US dollar.
    pub(super) fn spend(&mut self, model: &Choice, usage: TokenUsage) -> u64 {
        let expense = self.state.parts.prices.expense(&model.to_string(), usage);
        let micro_usd = expense.micro_usd;
        self.state.metrics.cost_micro_usd.add(micro_usd);
        self.expenses.push(expense);
        micro_usd
    }
}
