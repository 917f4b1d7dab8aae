//! What a container must show before the one that it replaced goes.

use std::time::Duration;

use bollard::models::{ContainerInspectResponse, ContainerStateStatusEnum, HealthStatusEnum};
use rivetos_fleet::model::{Kind, Life};
use rivetos_fleet::port::ApplyError;
use tokio::time::{Instant, sleep};

use super::container::{inspect, name_of};
use super::swap::Stage;
use crate::container::life;
use crate::error::broken;
use crate::exec;

/// How long a container must be well without a break.
const WINDOW: Duration = Duration::from_secs(3);
/// How long it may take until it is.
const TIME_MAX: Duration = Duration::from_mins(1);
/// Between two looks.
const PAUSE: Duration = Duration::from_millis(500);

/// What an agent says of itself: exit code 0 when it is ready.
const HEALTH: [&str; 2] = ["/usr/local/bin/rivetos-agent", "health"];

/// What one look at a container showed.
enum Look {
    Well,
    /// Why not, so far.
    NotYet(String),
    /// Why it will not be.
    Lost(String),
}

/// Waits until the container has been well for a while.
pub(super) async fn prove(stage: Stage<'_>, id: &str) -> Result<(), ApplyError> {
    stage.progress.say("waiting until it is well");
    let begin = Instant::now();
    let mut well_since: Option<Instant> = None;
    let mut restarts = None;
    loop {
        let why = match look(stage, id, &mut restarts).await? {
            Look::Well => {
                let since = *well_since.get_or_insert_with(Instant::now);
                if since.elapsed() >= WINDOW {
                    return Ok(());
                }
                "it was well for a moment only".to_owned()
            }
            Look::NotYet(why) => {
                well_since = None;
                why
            }
            Look::Lost(why) => return Err(lost(stage, &why)),
        };
        if begin.elapsed() >= TIME_MAX {
            let why = format!("not within {} s: {why}", TIME_MAX.as_secs());
            return Err(lost(stage, &why));
        }
        sleep(PAUSE).await;
    }
}

fn lost(stage: Stage<'_>, why: &str) -> ApplyError {
    broken(
        format!(
            "the new container of {} did not become well: {why}",
            stage.resource
        ),
        Some("see that its configuration and image are right, then run this again"),
    )
}

async fn look(stage: Stage<'_>, id: &str, restarts: &mut Option<i64>) -> Result<Look, ApplyError> {
    let provider = stage.provider;
    let Some(live) = inspect(provider, id).await? else {
        return Ok(Look::Lost("somebody removed it".to_owned()));
    };
    if let Some(why) = ended(&live, restarts) {
        return Ok(Look::Lost(why));
    }
    let health = live.state.as_ref().and_then(|state| state.health.as_ref());
    let status = health.and_then(|health| health.status);
    if status == Some(HealthStatusEnum::UNHEALTHY) {
        return Ok(Look::Lost("its health check says so".to_owned()));
    }
    match stage.resource.kind {
        // An agent is asked at once what the image's own check asks every few seconds.
        Kind::Agent => {
            let docker = &provider.engine.docker;
            let said = exec::run(docker, id, "", &HEALTH, "").await;
            Ok(match said {
                Ok(said) if said.exit_code == Some(0) => Look::Well,
                Ok(said) => Look::NotYet(said.stderr),
                // It ended between the look and the question, or the engine is slow.
                Err(error) => Look::NotYet(crate::error::said(&error)),
            })
        }
        Kind::Network
        | Kind::Volume
        | Kind::Image
        | Kind::Config
        | Kind::Secret
        | Kind::Datahub
        | Kind::Role => Ok(match status {
            Some(HealthStatusEnum::STARTING) => {
                Look::NotYet("its health check has not passed".to_owned())
            }
            Some(
                HealthStatusEnum::EMPTY
                | HealthStatusEnum::NONE
                | HealthStatusEnum::HEALTHY
                | HealthStatusEnum::UNHEALTHY,
            )
            | None => Look::Well,
        }),
    }
}

/// How the container ended, if it did: one that the engine starts again has ended too.
fn ended(live: &ContainerInspectResponse, restarts: &mut Option<i64>) -> Option<String> {
    let state = live.state.as_ref();
    let code = state.and_then(|state| state.exit_code).unwrap_or_default();
    let again = live.restart_count.unwrap_or_default();
    let restarting =
        state.and_then(|state| state.status) == Some(ContainerStateStatusEnum::RESTARTING);
    if restarting {
        return Some(format!(
            "`{}` keeps ending, last with exit code {code}",
            name_of(live)
        ));
    }
    if again > *restarts.get_or_insert(again) {
        return Some(format!("`{}` keeps ending", name_of(live)));
    }
    match life(state) {
        Life::Running | Life::Present => None,
        Life::Stopped(detail) | Life::Incomplete(detail) | Life::Dormant(detail) => Some(detail),
    }
}
