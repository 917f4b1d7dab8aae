//! What a person can order the agent itself to do. Commands bypass the session's queue.

mod decide;
mod report;
mod settings;
mod turns;

use rivetos_core::commands::{Command, help};
use rivetos_types::intake::IntakeError;
use rivetos_types::message::InboundMessage;
use rivetos_types::store::StoreError;

use super::state::State;

/// Does what was ordered; the answer is for the person.
pub(super) async fn command_answer(
    state: &State,
    command: Command,
    message: InboundMessage,
) -> Result<String, IntakeError> {
    let InboundMessage {
        session,
        from,
        authority,
        ..
    } = message;
    match command {
        Command::Help => Ok(help(authority)),
        Command::Start => Ok(hello(state)),
        Command::Stop => turns::stop_all(state, &session, &from).await,
        Command::New => turns::start_afresh(state, session, &from).await,
        Command::Interrupt(_) => turns::interrupt(state, &session, &from).await,
        Command::Steer(text) => Ok(turns::steer(state, &session, &text).to_owned()),
        Command::Status => report::status(state, &session).await,
        Command::Cost => report::cost(state, &session).await,
        Command::Reasoning => settings::reasoning(state, &session).await,
        Command::Tools => settings::tools(state, &session).await,
        Command::Think(thinking) => settings::think(state, &session, thinking).await,
        Command::Model(model) => settings::model(state, &session, model).await,
        Command::Context(pins) => settings::context(state, &session, pins).await,
        Command::Decide(decision, name) => {
            decide::decide(state, &session, &from, (decision, &name)).await
        }
    }
}

fn hello(state: &State) -> String {
    let identity = &state.parts.identity;
    format!(
        "Hello, I am {}, version {}. Say what you want; /help lists the commands.",
        identity.agent, identity.version
    )
}

fn failed(error: &StoreError) -> IntakeError {
    IntakeError::Store(error.to_string())
}
