//! `/status` and `/cost`.

use std::fmt::Write;

use rivetos_types::id::SessionId;
use rivetos_types::intake::IntakeError;
use rivetos_types::store::{Expense, Letters, Spent};
use rivetos_types::time::Timestamp;

use super::settings::{read, seen, word};
use super::{decide, failed};
use crate::application::budget::{dollars, month_of, today_of};
use crate::application::state::State;
use crate::clock::now;

pub(super) async fn status(state: &State, session: &SessionId) -> Result<String, IntakeError> {
    let settings = read(state, session).await?;
    let asked = decide::waiting(state, session).await?;
    let letters = state.parts.store.letters(now()).await;
    state.watch_store(&letters);
    let Letters { waiting, dead } = letters.map_err(|error| failed(&error))?;
    let health = state.health().await;
    let mut text = format!(
        "{} {}, up {}, {}",
        health.agent,
        health.version,
        duration(health.uptime_ms),
        health.status.word(),
    );
    if !health.reason.is_empty() {
        text.extend([": ", &health.reason]);
    }
    let model = state.parts.models.of_session(&settings).into_iter().next();
    let model = model.map_or_else(String::new, |choice| choice.to_string());
    let thinking = settings.thinking.map_or("as configured", word);
    let (reasoning, tools) = (seen(settings.reasoning), seen(settings.tools));
    let of_session = state.open.of_session(session).len();
    // Writing to a `String` cannot fail.
    let _ = write!(
        text,
        "\nModel: {model}; thinking {thinking}; reasoning {reasoning}, tool calls {tools}\n\
         Turns: {of_session} in this session, {} in all; {} wait for a decision\n\
         Replies: {waiting} on their way, {dead} could not be delivered",
        health.open_turns,
        asked.len(),
    );
    Ok(text)
}

pub(super) async fn cost(state: &State, session: &SessionId) -> Result<String, IntakeError> {
    let at = now();
    let mut text = String::new();
    for (name, whose, since) in [
        ("This session", Some(session.clone()), Timestamp(0)),
        ("Today (UTC)", None, today_of(at)),
        ("This month (UTC)", None, month_of(at)),
    ] {
        let spent = state.parts.store.spent(whose, since).await;
        state.watch_store(&spent);
        let spent = spent.map_err(|error| failed(&error))?;
        write_spent(&mut text, name, &spent);
    }
    Ok(text.trim_end().to_owned())
}

fn write_spent(text: &mut String, name: &str, spent: &Spent) {
    // Writing to a `String` cannot fail.
    let _ = writeln!(text, "{name}: {}", dollars(spent.micro_usd()));
    for Expense {
        model,
        usage,
        micro_usd,
    } in &spent.by_model
    {
        let _ = writeln!(
            text,
            "- {model}: {}, {} tokens in ({} from cache, {} to cache), {} out",
            dollars(*micro_usd),
            usage.input,
            usage.cache_read,
            usage.cache_write,
            usage.output,
        );
    }
}

fn duration(ms: u64) -> String {
    let minutes = ms / 60_000;
    match (minutes / 1440, minutes / 60 % 24, minutes % 60) {
        (0, 0, minutes) => format!("{minutes} min"),
        (0, hours, minutes) => format!("{hours} h {minutes} min"),
        (days, hours, _) => format!("{days} d {hours} h"),
    }
}
