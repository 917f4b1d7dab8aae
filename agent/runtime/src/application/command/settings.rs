//! What a person sets for a session.

use std::fmt::Write;

use rivetos_core::commands::{ModelWish, Pins};
use rivetos_types::id::SessionId;
use rivetos_types::intake::IntakeError;
use rivetos_types::store::{SessionSettings, Thinking, Visibility};

use super::failed;
use crate::application::models::Models;
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
    wish: ModelWish,
) -> Result<String, IntakeError> {
    let models = &state.parts.models;
    let known = |name: &str| models.providers().any(|(provider, _)| provider == name);
    let before = read(state, session).await?;
    let (provider, model) = match wish {
        ModelWish::Tell => return Ok(who_answers(models, &before)),
        ModelWish::One(word) if word == "default" => (None, None),
        ModelWish::One(word) if known(&word) => (Some(word), None),
        // A model of the provider that answers now.
        ModelWish::One(model) => (before.provider, Some(model)),
        ModelWish::Both { provider, .. } if !known(&provider) => {
            let known: Vec<&str> = models.providers().map(|(name, _)| name).collect();
            let known = known.join(", ");
            return Ok(format!(
                "There is no provider `{provider}` here. There are: {known}."
            ));
        }
        ModelWish::Both { provider, model } => (Some(provider), Some(model)),
    };
    let settings = change(state, session, |settings| {
        settings.provider = provider;
        settings.model = model;
    });
    Ok(match models.of_session(&settings.await?).first() {
        Some(choice) => format!("{choice} answers in this session from the next turn on."),
        None => "Nobody answers.".to_owned(),
    })
}

fn who_answers(models: &Models, settings: &SessionSettings) -> String {
    let mut text = String::new();
    for (place, choice) in models.of_session(settings).iter().enumerate() {
        // Writing to a `String` cannot fail.
        let _ = match place {
            0 => write!(text, "{choice} answers."),
            1 => write!(text, " When it cannot: {choice}"),
            _ => write!(text, ", {choice}"),
        };
    }
    text.push_str("\nProviders:");
    for (provider, model) in models.providers() {
        let _ = write!(text, "\n- {provider} ({model})");
    }
    text
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
