//! The datahub's server, as its own superuser over its unix socket.

use std::time::Duration;

use bollard::Docker;
use bollard::models::ContainerInspectResponse;
use serde::{Deserialize, Serialize};

use crate::error::said;
use crate::exec;

/// The user of the container who owns the server.
const SYSTEM_USER: &str = "postgres";

/// How long a server may take until it accepts connections; the first start makes its files.
const READY_TIMEOUT: Duration = Duration::from_mins(2);
const READY_INTERVAL: Duration = Duration::from_millis(200);

/// Asks whether the server takes connections.
const PROBE: [&str; 3] = ["pg_isready", "--quiet", "--host=127.0.0.1"];

/// `psql` could not connect.
const PSQL_NO_CONNECTION: i64 = 2;

/// A datahub that runs.
pub(crate) struct Postgres<'a> {
    docker: &'a Docker,
    container: String,
    superuser: String,
    database: String,
}

/// A login as the server tells it.
#[derive(Debug, Deserialize)]
pub(super) struct LiveRole {
    pub(super) role: String,
    pub(super) can_login: bool,
    pub(super) has_schema: bool,
    comment: Option<String>,
}

/// What we write as the comment of a login.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Mark {
    pub(super) fleet: String,
    pub(super) addr: String,
    pub(super) uid: String,
    pub(super) spec_hash: String,
    /// The incarnation of the secret that the password came from.
    pub(super) secret: String,
}

/// Why the server gave no answer.
#[derive(Debug)]
pub(super) enum QueryError {
    /// It takes no connections (yet).
    NotReady(String),
    /// It said no.
    Failed(String),
}

impl LiveRole {
    /// What stands on it, if it is a login of ours at all.
    pub(super) fn mark(&self) -> Option<Mark> {
        serde_json::from_str(self.comment.as_ref()?).ok()
    }
}

impl<'a> Postgres<'a> {
    pub(crate) fn of(docker: &'a Docker, live: &ContainerInspectResponse) -> Self {
        let env = live.config.as_ref().and_then(|config| config.env.as_ref());
        let value = |name: &str| {
            let mut values = env
                .into_iter()
                .flatten()
                .filter_map(|entry| entry.strip_prefix(name));
            values.find(|value| !value.is_empty()).map(str::to_owned)
        };
        let superuser = value("POSTGRES_USER=").unwrap_or_else(|| "postgres".to_owned());
        Self {
            docker,
            container: live.id.clone().unwrap_or_default(),
            database: value("POSTGRES_DB=").unwrap_or_else(|| superuser.clone()),
            superuser,
        }
    }

    pub(crate) fn superuser(&self) -> &str {
        &self.superuser
    }

    /// The database that the server was made with.
    pub(crate) fn database(&self) -> &str {
        &self.database
    }

    /// Asks once whether the server takes connections; says why not.
    pub(crate) async fn answers(&self) -> Result<(), String> {
        match exec::run(self.docker, &self.container, SYSTEM_USER, &PROBE, "").await {
            Ok(output) if output.exit_code == Some(0) => Ok(()),
            Ok(output) => Err(format!("pg_isready says {:?}", output.exit_code)),
            Err(error) => Err(said(&error)),
        }
    }

    /// Waits until the server takes connections for good: on its first start it serves its own
    /// set-up over the socket before, but never over TCP.
    pub(super) async fn wait_until_ready(&self) -> Result<(), QueryError> {
        let mut last = String::new();
        let ready = async {
            loop {
                match self.answers().await {
                    Ok(()) => break,
                    Err(cause) => last = cause,
                }
                tokio::time::sleep(READY_INTERVAL).await;
            }
        };
        match tokio::time::timeout(READY_TIMEOUT, ready).await {
            Ok(()) => Ok(()),
            Err(_) => Err(QueryError::NotReady(format!(
                "it takes no connections after {} s ({last})",
                READY_TIMEOUT.as_secs()
            ))),
        }
    }

    /// Every login that is not the server's own, by name.
    pub(super) async fn roles(&self, database: &str) -> Result<Vec<LiveRole>, QueryError> {
        let text = self.query(database, super::sql::ROLES).await?;
        serde_json::from_str(text.trim())
            .map_err(|error| QueryError::Failed(format!("its answer cannot be read: {error}")))
    }

    /// Runs `sql` and gives back what it prints. What is in `sql` is in no process list.
    pub(super) async fn query(&self, database: &str, sql: &str) -> Result<String, QueryError> {
        let command = [
            "psql",
            "--no-psqlrc",
            "--quiet",
            "--no-align",
            "--tuples-only",
            "--set=ON_ERROR_STOP=1",
            "--username",
            &self.superuser,
            "--dbname",
            database,
            "--file=-",
        ];
        let output = exec::run(self.docker, &self.container, SYSTEM_USER, &command, sql)
            .await
            .map_err(|error| QueryError::Failed(said(&error)))?;
        match output.exit_code {
            Some(0) => Ok(output.stdout),
            Some(PSQL_NO_CONNECTION) => Err(QueryError::NotReady(output.stderr)),
            code => Err(QueryError::Failed(format!(
                "psql ended with {code:?}: {}",
                output.stderr
            ))),
        }
    }
}
