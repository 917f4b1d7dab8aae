//! What a person sets for a session.

use std::fmt::Write;

use rivetos_core::commands::Pins;
use rivetos_types::id::SessionId;
use rivetos_types::intake::IntakeError;
use rivetos_types::store::{SessionSettings, Thinking, Visibility};

use super::failed;
use crate::application::prompt;
use crate::application::state::State;

/// The most files that one session pins.
const PINS_MAX: usize = 32;

pub(super) async fn think(
    state: &State,
    session: &SessionId,
    thinking: Thinking,
) -> Result<String, IntakeError> {
    change(state, session, |settings| {
        settings.thinking = Some(thinking);
    })
    .await?;
    Ok(format!("Thinking: {}.", word(thinking)))
}

pub(super) async fn reasoning(state: &State, session: &SessionId) -> Result<String, IntakeError> {
    let settings = change(state, session, |settings| {
        settings.reasoning = settings.reasoning.toggled();
    });
    Ok(format!(
        "Reasoning is {} from the next turn on.",
        seen(settings.await?.reasoning)
    ))
}

pub(super) async fn tools(state: &State, session: &SessionId) -> Result<String, IntakeError> {
    let settings = change(state, session, |settings| {
        settings.tools = settings.tools.toggled();
    });
    Ok(format!(
        "Tool calls are {} from the next turn on.",
        seen(settings.await?.tools)
    ))
}

pub(super) async fn model(
    state: &State,
    session: &SessionId,
    model: Option<String>,
) -> Result<String, IntakeError> {
    let own = &state.parts.identity.model;
    let Some(model) = model else {
        let settings = read(state, session).await?;
        return Ok(match settings.model {
            Some(model) => format!("{model} answers in this session; the agent's own is {own}."),
            None => format!("{own} answers."),
        });
    };
    let model = Some(model).filter(|model| model != "default");
    let answer = match &model {
        Some(model) => format!("{model} answers in this session from the next turn on."),
        None => format!("{own} answers from the next turn on."),
    };
    change(state, session, |settings| settings.model = model).await?;
    Ok(answer)
}

pub(super) async fn context(
    state: &State,
    session: &SessionId,
    pins: Pins,
) -> Result<String, IntakeError> {
    let settings = read(state, session).await?;
    match pins {
        Pins::List if settings.pins.is_empty() => Ok("No file is pinned.".to_owned()),
        Pins::List => Ok(list("Pinned:", &settings.pins)),
        Pins::Clear => {
            change(state, session, |settings| settings.pins.clear()).await?;
            Ok("No file is pinned any more.".to_owned())
        }
        Pins::Remove(file) if !settings.pins.contains(&file) => Ok(list(
            &format!("`{file}` is not pinned. Pinned:"),
            &settings.pins,
        )),
        Pins::Remove(file) => {
            change(state, session, |settings| {
                settings.pins.retain(|pinned| *pinned != file);
            })
            .await?;
            Ok(format!("`{file}` is no longer pinned."))
        }
        Pins::Add(file) => add(state, session, &settings, file).await,
    }
}

async fn add(
    state: &State,
    session: &SessionId,
    settings: &SessionSettings,
    file: String,
) -> Result<String, IntakeError> {
    if settings.pins.contains(&file) {
        return Ok(format!("`{file}` is pinned already."));
    }
    if settings.pins.len() >= PINS_MAX {
        return Ok(format!("{PINS_MAX} files are pinned, which is the most."));
    }
    if let Err(error) = prompt::check_pin(&state.parts.workspace, &settings.pins, &file) {
        return Ok(format!("`{file}` cannot be pinned: {error}."));
    }
    let answer = format!("`{file}` is pinned from the next turn on.");
    change(state, session, |settings| settings.pins.push(file)).await?;
    Ok(answer)
}

fn list(head: &str, files: &[String]) -> String {
    let mut text = head.to_owned();
    for file in files {
        // Writing to a `String` cannot fail.
        let _ = write!(text, "\n- {file}");
    }
    text
}

pub(super) async fn read(
    state: &State,
    session: &SessionId,
) -> Result<SessionSettings, IntakeError> {
    let resumed = state.parts.store.resume(session.clone(), 0).await;
    state.watch_store(&resumed);
    let resumed = resumed.map_err(|error| failed(&error))?;
    Ok(resumed.settings)
}

/// The next turn of the session reads the settings anew.
async fn change(
    state: &State,
    session: &SessionId,
    change: impl FnOnce(&mut SessionSettings) + Send,
) -> Result<SessionSettings, IntakeError> {
    let mut settings = read(state, session).await?;
    change(&mut settings);
    let stored = state
        .parts
        .store
        .configure(session.clone(), settings.clone());
    let stored = stored.await;
    state.watch_store(&stored);
    stored.map_err(|error| failed(&error))?;
    state.sessions.take(session);
    Ok(settings)
}

pub(super) fn word(thinking: Thinking) -> &'static str {
    match thinking {
        Thinking::Off => "off",
        Thinking::Low => "low",
        Thinking::Medium => "medium",
        Thinking::High => "high",
    }
}

pub(super) fn seen(visibility: Visibility) -> &'static str {
    match visibility {
        Visibility::Shown => "shown",
        Visibility::Hidden => "hidden",
    }
}
