//! What a person can order the agent itself to do. Commands bypass the session's queue.

mod decide;
mod report;
mod settings;
mod turns;

use rivetos_core::commands::{Command, ModelWish, Pins, help, without_files};
use rivetos_types::intake::IntakeError;
use rivetos_types::message::{InboundMessage, text_of};
use rivetos_types::store::StoreError;

use super::intake::with_attachments;
use super::state::State;
use crate::audit::{AuditEvent, Entry};

/// Does what was ordered; the answer is for the person.
pub(super) async fn command_answer(
    state: &State,
    command: Command,
    message: InboundMessage,
) -> Result<String, IntakeError> {
    let entry = changes_something(&command).then(|| Entry {
        by: Some(message.from.clone()),
        ..state.entry(AuditEvent::Command, &message.session, None)
    });
    let text = text_of(&message.content);
    let unused = match command {
        // They go with its words.
        Command::Steer(_) => Vec::new(),
        Command::Help
        | Command::Start
        | Command::Stop
        | Command::Interrupt(_)
        | Command::New
        | Command::Status
        | Command::Reasoning
        | Command::Tools
        | Command::Think(_)
        | Command::Model(_)
        | Command::Context(_)
        | Command::Decide(..)
        | Command::Cost => message.content.clone(),
    };
    let result = obey(state, command, message).await;
    let result = result.map(|answer| without_files(answer, &unused));
    if let Some(entry) = entry {
        let entry = Entry {
            is_error: Some(result.is_err()),
            ..entry
        };
        let redactor = &state.parts.redactor;
        state.parts.audit.note(entry.because(redactor, &text));
    }
    result
}

/// The others only tell.
fn changes_something(command: &Command) -> bool {
    match command {
        Command::Help
        | Command::Start
        | Command::Status
        | Command::Cost
        | Command::Model(ModelWish::Tell)
        | Command::Context(Pins::List) => false,
        Command::Stop
        | Command::New
        | Command::Interrupt(_)
        | Command::Steer(_)
        | Command::Reasoning
        | Command::Tools
        | Command::Think(_)
        | Command::Model(ModelWish::One(_) | ModelWish::Both { .. })
        | Command::Context(Pins::Add(_) | Pins::Remove(_) | Pins::Clear)
        | Command::Decide(..) => true,
    }
}

async fn obey(
    state: &State,
    command: Command,
    message: InboundMessage,
) -> Result<String, IntakeError> {
    let InboundMessage {
        session,
        from,
        authority,
        content,
        ..
    } = message;
    match command {
        Command::Help => Ok(help(authority)),
        Command::Start => Ok(hello(state)),
        Command::Stop => turns::stop_all(state, &session, &from).await,
        Command::New => turns::start_afresh(state, session, &from).await,
        Command::Interrupt(_) => turns::interrupt(state, &session, &from).await,
        Command::Steer(text) => {
            let content = with_attachments(text, &content);
            Ok(turns::steer(state, &session, content).to_owned())
        }
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
