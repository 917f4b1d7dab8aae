//! The calls that the machine planned together.

use rivetos_core::turn::{PlannedCall, TurnInput};
use rivetos_types::store::{Durability, StoreError};
use rivetos_types::tool::Effect;

use super::Run;
use crate::application::tool_step::{Place, ToolRun, run_calls};

impl Run<'_> {
    pub(super) async fn call_tools(&mut self, calls: Vec<PlannedCall>) -> Result<(), StoreError> {
        let mutating = calls
            .iter()
            .find(|planned| planned.effect == Effect::Mutating);
        if let Some(planned) = mutating {
            self.record(TurnInput::ToolStarted {
                call_id: planned.call.id.clone(),
            })?;
            self.flush(Durability::PowerLoss).await?;
        } else {
            self.flush(Durability::ProcessCrash).await?;
        }
        let mut ended = Vec::new();
        let place = Place {
            state: self.state,
            feed: &self.live.feed,
            session: &self.message.session,
            turn: &self.claim.turn,
            trace: &self.trace,
        };
        let aborted = tokio::select! {
            biased;
            by = self.aborted() => Some(by),
            () = run_calls(place, calls, &mut ended) => None,
        };
        let elapsed_ms = self.elapsed_ms();
        let partial = String::new;
        for run in ended {
            self.record(match run {
                ToolRun::Answered(result) => TurnInput::ToolEnded { result, elapsed_ms },
                ToolRun::Fatal(reason) => TurnInput::Failed {
                    reason,
                    partial: partial(),
                },
            })?;
        }
        aborted.map_or(Ok(()), |by| {
            self.record(TurnInput::Aborted {
                by,
                partial: partial(),
            })
        })
    }
}
